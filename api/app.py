"""The service as one ASGI application: all surfaces behind one gate."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from litestar import Litestar, Response, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from api import docs, health, sandbox
from api.audit_trail import shown_path
from api.back_office import routes as back_office
from api.cards import routes as cards
from api.cards.administration import routes as card_administration
from api.cards.errors import ALTERNATIVE_PREFIX
from api.context import HttpRequest, exchange_of
from api.exchange import ApiError, BodyTooLarge
from api.gate import Gate
from api.ledger import routes as ledger
from api.oauth import routes as oauth
from api.responses import JsonResponse, error_response, framework_error
from api.transfers import routes as transfers
from domain.errors import DomainError
from infrastructure.metrics import Metrics
from infrastructure.runtime import Services

log = structlog.get_logger()

BODY_BYTES_MAX = 4 * 1024 * 1024

CARDS_ROUTES: Sequence[ControllerRouterHandler] = (*cards.ROUTES, *card_administration.ROUTES)
ROUTES: Sequence[ControllerRouterHandler] = (
    *transfers.ROUTES,
    *CARDS_ROUTES,
    # The same again, which the OpenAPI document does not repeat.
    Router(ALTERNATIVE_PREFIX, route_handlers=CARDS_ROUTES, include_in_schema=False),
    *back_office.ROUTES,
    *ledger.ROUTES,
    *oauth.ROUTES,
    *health.ROUTES,
    *docs.ROUTES,
)


EXPRESS = {
    ("POST", "/api/transfers-v2"): transfers.create.fn,
    ("POST", cards.AUTHORIZATIONS): cards.ask.fn,
    ("POST", ALTERNATIVE_PREFIX + cards.AUTHORIZATIONS): cards.ask.fn,
}


def create_app(make_services: Callable[[], Services], metrics: Metrics, *, is_sandbox: bool) -> Gate:
    """`make_services` runs inside the event loop of the process that serves."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        services = make_services()
        await services.start()
        app.state.services = services
        app.state.metrics = metrics
        gate.open(services)
        metrics.watch("daybook_queue_depth", "Commands accepted and not answered.", lambda: _depth(services))
        metrics.watch("daybook_cached_streams", "Stream states in memory.", lambda: _cached(services))
        metrics.watch(
            "daybook_audit_waiting", "Calls not in the audit log yet.", lambda: services.audit_log.waiting
        )
        metrics.watch(
            "daybook_audit_turned_away",
            "Calls refused by this process because the audit log could not be written.",
            lambda: services.audit_log.turned_away,
        )
        try:
            yield
        finally:
            await services.close()

    app = Litestar(
        route_handlers=[*ROUTES, *(sandbox.ROUTES if is_sandbox else ())],
        lifespan=[lifespan],
        exception_handlers={
            ApiError: _answer_error,
            DomainError: _answer_error,
            HTTPException: _answer_framework_error,
            BodyTooLarge: _answer_too_large,
            Exception: _answer_defect,
        },
        state=State({}),
        openapi_config=None,
        # Handlers that read their bodies through the exchange have their surface's own, tighter bound.
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
    )
    gate = Gate(app, metrics, EXPRESS)
    return gate


def _answer_error(request: HttpRequest, error: ApiError | DomainError) -> Response[bytes]:
    return _as_framework_response(error_response(error, exchange_of(request)))


def _answer_framework_error(request: HttpRequest, error: HTTPException) -> Response[bytes]:
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _as_framework_response(framework_error(error.status_code, exchange_of(request), headers))


def _answer_too_large(request: HttpRequest, _: BodyTooLarge) -> Response[bytes]:
    return _as_framework_response(framework_error(413, exchange_of(request)))


def _answer_defect(request: HttpRequest, error: Exception) -> Response[bytes]:
    # The framework would answer in words of its own, and tell nobody.
    exchange = exchange_of(request)
    path = shown_path(request.scope["path"], is_known=True)
    log.error("request failed", request_id=exchange.request_id, path=path, exc_info=error)
    return _as_framework_response(framework_error(500, exchange))


def _as_framework_response(response: JsonResponse) -> Response[bytes]:
    return Response(
        response.body,
        status_code=response.status,
        media_type="application/json",
        headers=response.headers,
    )


def _depth(services: Services) -> int:
    return sum(ledger.writer.depth for ledger in services.open_ledgers())


def _cached(services: Services) -> int:
    return sum(ledger.writer.cached for ledger in services.open_ledgers())
