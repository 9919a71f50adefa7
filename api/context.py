"""How a handler gets at its caller, the caller's ledger and the request's body."""

from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State

from api.exchange import ApiError, Exchange, invalid, unavailable
from api.responses import JsonResponse, respond
from application.access import Claims
from application.decision import Command, Handler
from application.store import StoreUnavailable
from application.writer import Origin, QueueFull, WriterClosed
from domain.errors import DomainError
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.runtime import Services
from infrastructure.tenants import UnknownTenant

HttpRequest = Request[Any, Any, State]
C = TypeVar("C", bound=Command)
A = TypeVar("A")

__all__ = ["JsonResponse", "respond"]


def exchange_of(request: HttpRequest) -> Exchange:
    exchange: Exchange = request.scope["daybook"]  # type: ignore[typeddict-item]  # put there by the gate
    return exchange


def services_of(request: HttpRequest) -> Services:
    services: Services = request.app.state.services
    return services


def require_scope(claims: Claims, *scopes: str) -> None:
    """403 unless the token has one of the scopes."""
    if claims.scopes.isdisjoint(scopes):
        raise ApiError(403, "forbidden", "The token's scope does not allow this")


async def ledger_of(request: HttpRequest, claims: Claims) -> Ledger:
    try:
        return await services_of(request).ledger(claims.tenant)
    except UnknownTenant:
        raise ApiError(404, "not_found", "Not found") from None
    except StoreUnavailable:
        raise unavailable() from None


def new_number(request: HttpRequest) -> int:
    """The first of a fresh block of numbers (see `infrastructure.identifiers`)."""
    try:
        return services_of(request).identifiers.next_block()
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
    try:
        origin = Origin(exchange.caller.subject, exchange.request_id)
        outcome = await ledger.execute(handler, command, origin)
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
        raise invalid("X-Min-Position", "must be a position")
    try:
        return await ledger.caught_up(int(wanted))
    except (NotCaughtUp, StoreUnavailable):
        raise unavailable() from None


B = TypeVar("B")


async def json_body(request: HttpRequest, decoder: msgspec.json.Decoder[B]) -> B:
    """The decoded body. 415 where it is not said to be JSON, 400 where it is not."""
    return decoded(await json_bytes(request), decoder)


async def json_bytes(request: HttpRequest) -> bytes:
    """The body as it was sent. 415 where it is not said to be JSON."""
    exchange = exchange_of(request)
    content_type = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type != b"application/json":
        raise ApiError(415, "unsupported_media_type", "Content-Type must be application/json")
    return await exchange.body()


def decoded(body: bytes, decoder: msgspec.json.Decoder[B]) -> B:
    """400 where the body is no JSON, or not what the decoder takes."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise ApiError(400, "validation_error", _readable(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ApiError(400, "validation_error", "The body is not valid JSON") from None


def _readable(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`").replace(" - at `$`", "")
