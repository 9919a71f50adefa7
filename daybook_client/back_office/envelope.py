"""The back office's envelope: what an answer is about is its `data`, and lists say which page they are."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from daybook_client.calls import Listing, Page, listing

T = TypeVar("T")

PREFIX = "/backoffice/v1"


class _Enveloped(Struct, Generic[T]):
    data: T


class _Pagination(Struct):
    current_page: int
    has_next: bool


class _Listed(Struct, Generic[T]):
    data: list[T]
    pagination: _Pagination


_exact_decoder = msgspec.json.Decoder(_Enveloped[dict[str, Any]], float_hook=Decimal)


def exact_data_of(content: bytes) -> dict[str, Any]:
    """`data` that has no type of its own, with its numbers as they are written."""
    return _exact_decoder.decode(content).data


def data_of(kind: type[T]) -> Callable[[bytes], T]:
    decoder: msgspec.json.Decoder[_Enveloped[T]] = msgspec.json.Decoder(_Enveloped[kind])  # type: ignore[valid-type]
    return lambda content: decoder.decode(content).data


def rows_of(kind: type[T]) -> Callable[[bytes], Page[T]]:
    decoder: msgspec.json.Decoder[_Listed[T]] = msgspec.json.Decoder(_Listed[kind], float_hook=Decimal)  # type: ignore[valid-type]

    def read(content: bytes) -> Page[T]:
        found = decoder.decode(content)
        more = found.pagination.has_next
        return Page(found.data, {"page": str(found.pagination.current_page + 1)} if more else None)

    return read


def sorted_listing(
    route: str,
    kind: type[T],
    query: Mapping[str, Any],
    *,
    sort: str | None,
    order: str | None,
    limit: int | None,
    **ids: Any,
) -> Listing[T]:
    """`limit` is how many are on a page."""
    return listing(route, rows_of(kind), {**query, "sort": sort, "order": order, "limit": limit}, **ids)
