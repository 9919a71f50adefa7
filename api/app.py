"""The service as one ASGI application: all surfaces behind one gate."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from api import health, oauth, sandbox
from api.context import HttpRequest, exchange_of
from api.exchange import ApiError, encode
from api.gate import Gate
from api.surfaces import FRAMEWORK_CODES
from api.transfers import routes as transfers
from domain.errors import DomainError
from infrastructure.metrics import Metrics
from infrastructure.runtime import Services

ROUTES: Sequence[ControllerRouterHandler] = (
    *transfers.ROUTES,
    *oauth.ROUTES,
    *health.ROUTES,
)


def create_app(make_services: Callable[[], Services], metrics: Metrics, *, is_sandbox: bool) -> Gate:
    """`make_services` runs inside the event loop of the process that serves."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        services = make_services()
        await services.start()
        app.state.services = services
        app.state.metrics = metrics
        metrics.watch("daybook_queue_depth", "Commands accepted and not answered.", lambda: _depth(services))
        metrics.watch("daybook_cached_streams", "Stream states in memory.", lambda: _cached(services))
        try:
            yield
        finally:
            await services.close()

    app = Litestar(
        route_handlers=[*ROUTES, *(sandbox.ROUTES if is_sandbox else ())],
        lifespan=[lifespan],
        exception_handlers={
            ApiError: _answer_api_error,
            DomainError: _answer_domain_error,
            HTTPException: _answer_framework_error,
        },
        state=State({}),
        openapi_config=None,
        # The gate bounds bodies, per surface.
        request_max_body_size=None,
        logging_config=None,
    )
    return Gate(app, metrics)


def _answer_api_error(request: HttpRequest, error: ApiError) -> Response[bytes]:
    exchange = exchange_of(request)
    body = encode(exchange.surface.error_body(error, exchange))
    return Response(body, status_code=error.status, media_type="application/json", headers=error.headers)


def _answer_domain_error(request: HttpRequest, error: DomainError) -> Response[bytes]:
    return _answer_api_error(request, exchange_of(request).surface.translate(error))


def _answer_framework_error(request: HttpRequest, error: HTTPException) -> Response[bytes]:
    code, message = FRAMEWORK_CODES.get(error.status_code, FRAMEWORK_CODES[400])
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _answer_api_error(request, ApiError(error.status_code, code, message, headers=headers))


def _depth(services: Services) -> int:
    return sum(ledger.writer.depth for ledger in services.open_ledgers())


def _cached(services: Services) -> int:
    return sum(ledger.writer.cached for ledger in services.open_ledgers())


Application = Any
