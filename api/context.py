"""How a handler gets at its caller, the caller's ledger and the request's body."""

from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State

from api.exchange import ApiError, Exchange
from api.responses import JsonResponse, respond
from application.access import Claims, InvalidToken, UnknownKey
from application.decision import Command, Handler
from application.store import StoreUnavailable
from application.writer import Origin, QueueFull, WriterClosed
from domain.errors import DomainError
from infrastructure.ledgers import Ledger
from infrastructure.rate_limits import Limit
from infrastructure.reads import NotCaughtUp
from infrastructure.runtime import Services
from infrastructure.tenants import UnknownTenant

HttpRequest = Request[Any, Any, State]
C = TypeVar("C", bound=Command)
A = TypeVar("A")

RETRY_AFTER_SECONDS = "1"

__all__ = ["JsonResponse", "respond"]


def exchange_of(request: HttpRequest) -> Exchange:
    exchange: Exchange = request.scope["daybook"]  # type: ignore[typeddict-item]  # put there by the gate
    return exchange


def services_of(request: HttpRequest) -> Services:
    services: Services = request.app.state.services
    return services


def unauthorized() -> ApiError:
    return ApiError(
        401,
        "unauthorized",
        "Missing or invalid authentication token",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def authenticate(request: HttpRequest) -> Claims:
    """The caller by its bearer token; 401 where there is none that is valid."""
    exchange = exchange_of(request)
    scheme, _, token = (exchange.header(b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized()
    services = services_of(request)
    try:
        claims = services.tokens.verify(token, services.clock.now())
    except UnknownKey:
        claims = await _verify_slowly(services, token)
    except InvalidToken:
        raise unauthorized() from None
    exchange.caller = claims
    return claims


async def _verify_slowly(services: Services, token: str) -> Claims:
    try:
        return await services.tokens.verify_slowly(token, services.clock.now())
    except InvalidToken:
        raise unauthorized() from None
    except StoreUnavailable:
        raise unavailable() from None


def require_scope(claims: Claims, *scopes: str) -> None:
    """403 unless the token has one of the scopes."""
    if claims.scopes.isdisjoint(scopes):
        raise ApiError(403, "forbidden", "The token's scope does not allow this")


async def count_request(request: HttpRequest, key: str, limits: tuple[Limit, ...]) -> None:
    """Counts the request against its limits; 429 where one is used up."""
    services = services_of(request)
    factor = {"documented": 1, "sandbox": 10, "off": 0}[services.settings.effective_rate_limits]
    if factor == 0:
        return
    scaled = [limit._replace(requests=limit.requests * factor) for limit in limits]
    verdict = await services.rate_limiter.hit(key, scaled, services.clock.now())
    exchange_of(request).rate = verdict
    if not verdict.allowed:
        raise ApiError(429, "rate_limit", "Too many requests")


async def ledger_of(request: HttpRequest, claims: Claims) -> Ledger:
    try:
        return await services_of(request).ledger(claims.tenant)
    except UnknownTenant:
        raise ApiError(404, "not_found", "Not found") from None
    except StoreUnavailable:
        raise unavailable() from None


async def execute(
    request: HttpRequest,
    ledger: Ledger,
    handler: Handler[C, A],
    command: C,
) -> Any:
    """Runs the command and gives its answer; raises its refusal as a DomainError, recorded or not."""
    exchange = exchange_of(request)
    actor = exchange.caller.subject if exchange.caller else ""
    try:
        outcome = await ledger.execute(handler, command, Origin(actor, exchange.request_id))
    except (QueueFull, WriterClosed, StoreUnavailable):
        raise unavailable() from None
    exchange.position = outcome.position
    if isinstance(outcome.answer, DomainError):
        raise outcome.answer
    return outcome.answer


async def wait_for_reads(request: HttpRequest, ledger: Ledger) -> int:
    """Waits until reads show every write so far, and `X-Min-Position` where the caller sent one."""
    wanted = exchange_of(request).header(b"x-min-position")
    wanted = "0" if wanted is None else wanted
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= 18):
        raise ApiError(400, "validation_error", "X-Min-Position must be a position", field="X-Min-Position")
    try:
        return await ledger.caught_up(int(wanted))
    except (NotCaughtUp, StoreUnavailable):
        raise unavailable() from None


def unavailable() -> ApiError:
    return ApiError(
        503,
        "unavailable",
        "Service temporarily unavailable, try again",
        headers={"Retry-After": RETRY_AFTER_SECONDS},
    )


B = TypeVar("B")


async def json_body(request: HttpRequest, decoder: msgspec.json.Decoder[B]) -> B:
    """The decoded body. 415 where it is not said to be JSON, 400 where it is not."""
    exchange = exchange_of(request)
    content_type = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type != b"application/json":
        raise ApiError(415, "unsupported_media_type", "Content-Type must be application/json")
    body = await exchange.body()
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise ApiError(400, "validation_error", _readable(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ApiError(400, "validation_error", "The body is not valid JSON") from None


def _readable(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`").replace(" - at `$`", "")
