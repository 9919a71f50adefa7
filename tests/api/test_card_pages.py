"""Pages of the cards surface have every member of the documented ones, in their order."""

import json
from typing import Any

import msgspec
import pytest

from api.cards.pages import Page, PageWish, page_of, read_page
from api.exchange import ApiError, encode

SORT = {"sorted": True, "unsorted": False, "empty": False}


class Row(msgspec.Struct, rename="camel"):
    hold_id: int


def page(content: list[Row], wish: PageWish, total: int) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(encode(page_of(content, wish, total)))
    return shown


def test_the_documented_page_comes_out_exactly() -> None:
    shown = page([Row(456789123), Row(456789124)], PageWish(0, 20), total=2)
    documented = {
        "content": [{"holdId": 456789123}, {"holdId": 456789124}],
        "pageable": {
            "pageNumber": 0,
            "pageSize": 20,
            "sort": SORT,
            "offset": 0,
            "paged": True,
            "unpaged": False,
        },
        "totalElements": 2,
        "totalPages": 1,
        "last": True,
        "size": 20,
        "number": 0,
        "sort": SORT,
        "numberOfElements": 2,
        "first": True,
        "empty": False,
    }
    assert json.dumps(shown) == json.dumps(documented)


@pytest.mark.parametrize(
    ("number", "size", "total", "here", "pages", "first", "last"),
    [
        (0, 20, 0, 0, 0, True, True),
        (0, 1, 1, 1, 1, True, True),
        (0, 2, 3, 2, 2, True, False),
        (1, 2, 3, 1, 2, False, True),
        (1, 2, 4, 2, 2, False, True),
        (7, 2, 3, 0, 2, False, True),
    ],
)
def test_a_page_knows_its_place(
    number: int, size: int, total: int, here: int, pages: int, first: bool, last: bool
) -> None:
    shown = page([Row(1)] * here, PageWish(number, size), total)
    assert (shown["totalPages"], shown["first"], shown["last"]) == (pages, first, last)
    assert (shown["numberOfElements"], shown["empty"]) == (here, here == 0)
    assert shown["pageable"]["offset"] == number * size


def test_a_page_is_read_with_its_defaults() -> None:
    assert read_page({}) == PageWish(0, 20)
    assert read_page({"page": "1000000", "size": "200"}) == PageWish(1_000_000, 200)
    assert PageWish(3, 50).offset == 150


@pytest.mark.parametrize(
    "query",
    [
        {"page": "-1"},
        {"page": "1000001"},
        {"page": ""},
        {"page": "٣"},
        {"size": "0"},
        {"size": "201"},
        {"size": "1.0"},
        {"size": "9" * 5_000},
    ],
)
def test_a_page_out_of_bounds_is_refused_by_name(query: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        read_page(query)
    assert (caught.value.status, caught.value.field) == (400, *query)
    assert caught.value.constraint is not None


def test_the_schema_names_what_a_page_is_of() -> None:
    (schema,), components = msgspec.json.schema_components([Page[Row]])
    described = components[schema["$ref"].rpartition("/")[2]]
    assert described["properties"]["content"]["items"]["$ref"].endswith("Row")
    assert set(described["required"]) == set(page([], PageWish(0, 20), 0))
