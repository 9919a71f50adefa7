"""The sandbox's own endpoints: tokens for the asking, a clock that can be moved, rates, starting over."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
from litestar import get, post

from api import sandbox_operations as operations
from api.context import HttpRequest, JsonResponse, exchange_of, json_body, respond, services_of
from api.exchange import ApiError, unavailable
from api.sandbox_operations import ClockBody, RateBody, TokenBody
from application.access import ALL_ROLES, ALL_SCOPES
from application.rates import SetRate
from application.store import StoreUnavailable
from application.writer import QueueFull, WriterClosed
from domain import rates
from domain.money import UnknownCurrency, minor_digits
from infrastructure.reads import NotCaughtUp

# Far enough for any test; beyond it dates run out before settlement dates are found.
CLOCK_END = datetime(2200, 1, 1, tzinfo=UTC)

T = TypeVar("T")

_token_decoder = msgspec.json.Decoder(TokenBody)
_clock_decoder = msgspec.json.Decoder(ClockBody)
_rate_decoder = msgspec.json.Decoder(RateBody)
_text_decoder = msgspec.json.Decoder(str)


@post("/sandbox/tokens", status_code=200, operation=operations.TOKENS)
async def issue_token(request: HttpRequest) -> JsonResponse:
    body = await json_body(request, _token_decoder) if await exchange_of(request).body() else TokenBody()
    for field in ("subject", "client_id", "tenant", "scope"):
        _refuse_unprintable(getattr(body, field) or "", field)
    for role in body.roles or ():
        _refuse_unprintable(role, "roles")
    services = services_of(request)
    await _or_unavailable(services.sandbox.ensure_tenant(body.tenant))
    token = services.tokens.issue(
        subject=body.subject,
        client_id=body.client_id,
        scopes=ALL_SCOPES if body.scope is None else frozenset(body.scope.split()),
        roles=ALL_ROLES if body.roles is None else frozenset(body.roles),
        tenant=body.tenant,
        lifetime_seconds=body.expires_in,
        now=services.clock.now(),
    )
    return respond({"access_token": token, "token_type": "Bearer", "expires_in": body.expires_in})


@get("/sandbox/clock", operation=operations.READ_CLOCK)
async def read_clock(request: HttpRequest) -> JsonResponse:
    return respond({"now": services_of(request).clock.now()})


@post("/sandbox/clock", status_code=200, operation=operations.MOVE_CLOCK)
async def move_clock(request: HttpRequest) -> JsonResponse:
    body = await json_body(request, _clock_decoder)
    services = services_of(request)
    now = services.clock.now()
    match body.advance_seconds, body.set:
        case int(seconds), None:
            target = now + timedelta(seconds=seconds)
        case None, datetime() as instant if instant.tzinfo is not None:
            target = instant
        case _:
            raise _invalid("Give advance_seconds, or set with a time zone")
    if target < now:
        raise _invalid("The clock only moves forward")
    if target >= CLOCK_END:
        raise _invalid(f"The clock ends at {CLOCK_END.year}")
    await _or_unavailable(services.sandbox.move_clock(target.astimezone(UTC)))
    return respond({"now": services.clock.now()})


@post("/sandbox/rates", status_code=200, operation=operations.SET_RATE)
async def set_rate(request: HttpRequest) -> JsonResponse:
    body = await json_body(request, _rate_decoder)
    for field, currency in (("from_currency", body.from_currency), ("to_currency", body.to_currency)):
        try:
            minor_digits(currency)
        except UnknownCurrency as error:
            raise _invalid(f"{field}: {error}", field) from None
    if body.from_currency == body.to_currency:
        raise _invalid("to_currency must differ from from_currency", "to_currency")
    rate = _rate_text(body.rate)
    if not rates.is_rate(rate):
        raise _invalid("rate must be a plain decimal number above zero, such as 280.75", "rate")
    command = SetRate(body.from_currency, body.to_currency, rate)
    now = await _or_unavailable(services_of(request).sandbox.set_rate(command))
    return respond({"from_currency": body.from_currency, "to_currency": body.to_currency, "rate": now.rate})


@post("/sandbox/reset", status_code=204, operation=operations.RESET)
async def reset(request: HttpRequest) -> None:
    await _or_unavailable(services_of(request).sandbox.reset())


ROUTES = (issue_token, read_clock, move_clock, set_rate, reset)


def _invalid(message: str, field: str | None = None) -> ApiError:
    return ApiError(400, "validation_error", message, field=field)


def _refuse_unprintable(text: str, field: str) -> None:
    # Names end up in streams' names and in the database, which takes neither NUL nor lone surrogates.
    if not text.isprintable():
        raise _invalid(f"{field} must be printable text", field)


def _rate_text(raw: msgspec.Raw) -> str:
    """The rate as it was written, as a number or a string."""
    token = bytes(raw)[: rates.RATE_LENGTH_MAX + 3]
    if not token.startswith(b'"'):
        return token.decode("latin-1")
    try:
        return _text_decoder.decode(token)
    except (msgspec.DecodeError, UnicodeError):
        return ""


async def _or_unavailable(work: Awaitable[T]) -> T:
    try:
        return await work
    except (StoreUnavailable, NotCaughtUp, QueueFull, WriterClosed):
        raise unavailable() from None
