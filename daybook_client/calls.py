"""What is asked of the service: calls as values, made by the functions of each surface and sent by a client.

One function for each operation serves both clients. A call knows its method, path and content, whether it may
be sent twice, and how its answer is read.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")

Amount = Decimal | int | str
"""Money on the way in. A binary fraction is refused: 0.1 is none of the amounts that it could mean."""

CLEAR = msgspec.Raw(b"null")
"""In a change: takes a value away, where None leaves it as it is."""

Read = Callable[[bytes], T]
Values = Mapping[str, Any]


def money(amount: Amount) -> str:
    """The amount as it is sent, all its digits and no exponent. Raises TypeError and ValueError."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise TypeError(f"an amount is a Decimal, an int or a str, not a {type(amount).__name__}")
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise ValueError(f"{amount} is no amount")
    return format(amount, "f") if isinstance(amount, Decimal) else str(amount)


@dataclass(frozen=True)
class Call(Generic[T]):
    """`route` is the path as it is documented, `path` as it is sent. `answers` are statuses of 400 and more
    that are no errors here. `is_repeatable`: sent twice, it takes effect once."""

    method: str
    route: str
    # Secrets and personal data may be in it and in the content, and calls end up in tracebacks.
    path: str = field(repr=False)
    read: Read[T] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    answers: frozenset[int] = frozenset()
    is_repeatable: bool = True

    def after(self, position: int) -> "Call[T]":
        """The same, answered when it shows that position of the ledger."""
        return replace(self, headers={**self.headers, "X-Min-Position": str(position)})


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list, and what to ask for the rest; None where that was all."""

    rows: Sequence[T]
    following: Mapping[str, str] | None


@dataclass(frozen=True)
class Listing(Call[Page[T]]):
    """The first page of a list. A client's `each` goes through all of them."""

    def next_after(self, page: Page[T]) -> "Listing[T] | None":
        if page.following is None:
            return None
        return replace(self, query={**self.query, **page.following})


def reading(route: str, read: Read[T], query: Values | None = None, **ids: Any) -> Call[T]:
    return Call("GET", route, path_of(route, ids), read, query=given_as_text(query or {}))


def listing(route: str, read: Read[Page[T]], query: Values | None = None, **ids: Any) -> Listing[T]:
    return Listing("GET", route, path_of(route, ids), read, query=given_as_text(query or {}))


def writing(
    method: str,
    route: str,
    read: Read[T],
    body: Values | None = None,
    *,
    key: str | None = None,
    answers: frozenset[int] = frozenset(),
    **ids: Any,
) -> Call[T]:
    """With an `Idempotency-Key`: the caller's, or a new one, which stays with the call however often it is
    sent. `body` is sent without the members that are None."""
    content = None if body is None else msgspec.json.encode(given(body))
    headers = {"Idempotency-Key": key or new_key()}
    path = path_of(route, ids)
    return Call(method, route, path, read, headers=headers, content=content, answers=answers)


def new_key() -> str:
    return str(uuid.uuid4())


def path_of(route: str, ids: Values) -> str:
    return route.format_map({name: quote(str(value), safe="") for name, value in ids.items()})


def given(values: Values) -> dict[str, Any]:
    """Without what was left out."""
    return {name: value for name, value in values.items() if value is not None}


def given_as_text(values: Values) -> dict[str, str]:
    return {name: as_text(value) for name, value in values.items() if value is not None}


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def whole(kind: type[T]) -> Read[T]:
    """The whole answer is of that type."""
    return msgspec.json.Decoder(kind).decode


def nothing(_: bytes) -> None:
    """The answer has no content."""
