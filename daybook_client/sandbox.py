"""What only a sandbox has: tokens for the asking, and a clock that can be moved."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from daybook_client.calls import Call, given, nothing, reading, whole
from daybook_client.credentials import Token

TOKENS, CLOCK, RESET, RATES = "/sandbox/tokens", "/sandbox/clock", "/sandbox/reset", "/sandbox/rates"


class Clock(Struct):
    now: datetime


class Rate(Struct):
    from_currency: str
    to_currency: str
    rate: Decimal


def token(
    *,
    subject: str | None = None,
    client_id: str | None = None,
    scope: str | None = None,
    roles: list[str] | None = None,
    tenant: str | None = None,
    expires_in: int | None = None,
) -> Call[Token]:
    """For anybody; all scopes and roles where none are named."""
    body = {"subject": subject, "client_id": client_id, "scope": scope, "roles": roles}
    return _post(TOKENS, whole(Token), {**body, "tenant": tenant, "expires_in": expires_in})


def clock() -> Call[Clock]:
    return reading(CLOCK, whole(Clock))


def advance_clock(seconds: int) -> Call[Clock]:
    """Answered when everything that falls due on the way has happened."""
    return _post(CLOCK, whole(Clock), {"advance_seconds": seconds})


def set_clock(instant: datetime) -> Call[Clock]:
    """Forward only."""
    return _post(CLOCK, whole(Clock), {"set": instant})


def set_rate(from_currency: str, to_currency: str, rate: Decimal | str) -> Call[Rate]:
    body = {"from_currency": from_currency, "to_currency": to_currency, "rate": str(rate)}
    return _post(RATES, whole(Rate), body)


def reset() -> Call[None]:
    """Back to the fixtures."""
    return _post(RESET, nothing, None)


def _post(route: str, read: Any, body: dict[str, Any] | None) -> Call[Any]:
    # None of them has a key: what moved the clock once would move it again.
    content = None if body is None else msgspec.json.encode(given(body))
    return Call("POST", route, route, read, content=content, is_repeatable=False)
