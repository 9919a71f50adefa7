"""The envelope of every answer of the back office: what it is about, and `meta` about the answer itself.

Made by `api.back_office.answers`. On a replay `data` and the status are those of the first answer; `meta` is
always this request's own.
"""

from collections.abc import Sequence
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from api.exchange import Exchange
from api.instants import whole_seconds

VERSION: Literal["v1"] = "v1"

T = TypeVar("T")

Instant = Annotated[
    str, msgspec.Meta(description="UTC, whole seconds.", extra_json_schema={"format": "date-time"})
]


class Meta(Struct):
    """When this answer was given, by the ledger's clock, and to which request."""

    timestamp: Instant
    request_id: str
    version: Literal["v1"]


class Success(Struct, Generic[T]):
    status: Literal["success"]
    data: T
    meta: Meta


class Pagination(Struct):
    """Pages are counted from 1; one past the end is empty."""

    current_page: int
    per_page: int
    total_pages: int
    total_count: int
    has_next: bool
    has_previous: bool


class Listed(Struct, Generic[T]):
    status: Literal["success"]
    data: Sequence[T]
    pagination: Pagination
    meta: Meta


def meta_of(exchange: Exchange) -> Meta:
    return Meta(whole_seconds(exchange.now), exchange.request_id, VERSION)
