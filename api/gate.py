"""The gate that every request passes: admission, size, headers, metrics, and the last word on defects.

It is plain ASGI around the framework, because it runs for every request and must cost next to nothing.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from litestar import Litestar, Request

from api import audit_trail
from api.admission import Admitting
from api.context import HttpRequest
from api.exchange import ApiError, BodyTooLarge, Exchange, unavailable
from api.responses import JsonResponse, error_response, framework_error
from api.security_headers import security_headers
from api.surfaces import surface_of
from domain.errors import DomainError
from infrastructure.metrics import Metrics
from infrastructure.runtime import Services

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Express = Callable[[HttpRequest], Awaitable[JsonResponse]]

log = structlog.get_logger()

_SLASHES = re.compile("/{2,}")


class Gate:
    """`express` are handlers of exact paths that skip the framework's routing and argument parsing, which
    costs as much as all that is ours in a small request. They are registered with the framework, too.
    """

    def __init__(self, app: Litestar, metrics: Metrics, express: Mapping[tuple[str, str], Express]) -> None:
        self._app = app
        self._metrics = metrics
        self._express = express
        self._services: Services
        self._admitting: Admitting

    def open(self, services: Services) -> None:
        """To be called when the services have started, before the first request."""
        self._services = services
        self._admitting = Admitting(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        if "//" in scope["path"]:
            # The framework routes by it as if each slash were there once: what is ours must not see another.
            scope["path"] = _SLASHES.sub("/", scope["path"])
        surface = surface_of(scope["path"])
        exchange = Exchange(surface, scope, receive, self._services.clock)
        scope["daybook"] = exchange
        audit_log = self._services.audit_log
        is_audited = audit_trail.is_audited(exchange, scope["path"])
        status = 500
        has_started = False

        async def answer(message: Any) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started = True
                status = message["status"]
                sent = message["headers"]
                proxies = self._services.caller_addresses
                message["headers"] = [*sent, *_headers(exchange), *security_headers(sent, exchange, proxies)]
            await send(message)

        try:
            if is_audited and not audit_log.has_room():
                # Nothing is done that could not be accounted for.
                is_audited = False
                await error_response(unavailable(), exchange)(scope, receive, answer)
            else:
                await self._handle(exchange, scope, receive, answer)
        except Exception as error:
            if not isinstance(error, BodyTooLarge):
                path = audit_trail.shown_path(scope["path"], is_known=True)
                log.exception("request failed", request_id=exchange.request_id, path=path)
            if not has_started:
                status_of_error = 413 if isinstance(error, BodyTooLarge) else 500
                await framework_error(status_of_error, exchange)(scope, receive, answer)
        finally:
            if is_audited:
                audit_trail.note(audit_log, exchange, scope, status)
            self._metrics.request(surface.name, scope["method"], status, time.perf_counter() - started)

    async def _handle(self, exchange: Exchange, scope: Scope, receive: Receive, answer: Send) -> None:
        express = self._express.get((scope["method"], scope["path"]))
        response = None
        try:
            self._admitting.require_network(exchange)
            # Before all else, so that whatever else is wrong counts and tells a known caller its limits.
            if exchange.surface.admission is not None:
                await self._admitting.admit(exchange)
            announced = exchange.headers.get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > exchange.body_bytes_max:
                raise BodyTooLarge
            if exchange.surface.admission is not None and exchange.surface.admission.takes_keys:
                await self._admitting.check(exchange)
            if express is not None:
                scope["app"] = scope["litestar_app"] = self._app
                response = await express(Request(scope))
        except (ApiError, DomainError) as error:
            response = error_response(error, exchange)
        await (response or self._app)(scope, receive, answer)


def _headers(exchange: Exchange) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", exchange.request_id.encode("ascii"))]
    if exchange.position is not None:
        headers.append((b"x-ledger-position", b"%d" % exchange.position))
    rate = exchange.rate
    if rate is not None:
        headers.append((b"x-ratelimit-limit", b"%d" % rate.limit))
        headers.append((b"x-ratelimit-remaining", b"%d" % rate.remaining))
        headers.append((b"x-ratelimit-reset", b"%d" % rate.reset))
        if not rate.allowed:
            headers += [(name, b"%d" % rate.retry_after) for name in exchange.surface.retry_after]
    return headers
