"""Pages of lists, in the shape that Spring Data gives them."""

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from api.query_string import whole_number

NUMBER_MAX = 1_000_000
SIZE_DEFAULT, SIZE_MAX = 20, 200

T = TypeVar("T")


class Sort(Struct):
    sorted: bool
    unsorted: bool
    empty: bool


class Pageable(Struct, rename="camel"):
    """What was asked for."""

    page_number: int
    page_size: int
    sort: Sort
    offset: int
    paged: bool
    unpaged: bool


class Page(Struct, Generic[T], rename="camel"):
    """One page, counted from 0. A page past the end is empty, and the last."""

    content: Sequence[T]
    pageable: Pageable
    total_elements: int
    total_pages: int
    last: bool
    size: int
    number: int
    sort: Sort
    number_of_elements: int
    first: bool
    empty: bool


class PageWish(NamedTuple):
    """Which page was asked for; `offset` is how many elements come before it."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return self.number * self.size


def read_page(query: Mapping[str, str]) -> PageWish:
    """The parameters `page` and `size`. 400 where one is out of its bounds."""
    return PageWish(
        whole_number(query, "page", least=0, most=NUMBER_MAX, default=0),
        whole_number(query, "size", least=1, most=SIZE_MAX, default=SIZE_DEFAULT),
    )


def page_of(content: Sequence[T], wish: PageWish, total: int) -> Page[T]:
    """The page with its `content`, of `total` elements that all pages have together."""
    # All lists of this surface have an order.
    sort = Sort(sorted=True, unsorted=False, empty=False)
    pages = -(-total // wish.size)
    return Page(
        content=content,
        pageable=Pageable(
            page_number=wish.number,
            page_size=wish.size,
            sort=sort,
            offset=wish.offset,
            paged=True,
            unpaged=False,
        ),
        total_elements=total,
        total_pages=pages,
        last=wish.number + 1 >= pages,
        size=wish.size,
        number=wish.number,
        sort=sort,
        number_of_elements=len(content),
        first=wish.number == 0,
        empty=not content,
    )
