"""The gate that every request passes: identity, size, headers, metrics, and the last word on defects.

It is plain ASGI around the framework, because it runs for every request and must cost next to nothing.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from api.exchange import ApiError, Exchange, encode
from api.surfaces import FRAMEWORK_CODES, surface_of
from infrastructure.metrics import Metrics

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()


class _BodyTooLarge(Exception):
    pass


class Gate:
    def __init__(self, app: AsgiApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        surface = surface_of(scope["path"])
        receive = _bounded(receive, surface.body_bytes_max)
        exchange = Exchange(surface, scope["headers"], receive)
        scope["daybook"] = exchange
        status = 500
        has_started = False

        async def answer(message: Any) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started = True
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(exchange)]
            await send(message)

        try:
            announced = exchange.headers.get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > surface.body_bytes_max:
                raise _BodyTooLarge
            await self._app(scope, receive, answer)
        except _BodyTooLarge:
            await self._refuse(413, exchange, answer)
        except Exception:
            log.exception("request failed", request_id=exchange.request_id, path=scope["path"])
            if not has_started:
                await self._refuse(500, exchange, answer)
        finally:
            self._metrics.request(surface.name, scope["method"], status, time.perf_counter() - started)

    async def _refuse(self, status: int, exchange: Exchange, answer: Send) -> None:
        code, message = FRAMEWORK_CODES[status]
        body = encode(exchange.surface.error_body(ApiError(status, code, message), exchange))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await answer({"type": "http.response.start", "status": status, "headers": headers})
        await answer({"type": "http.response.body", "body": body})


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
            headers.append((b"retry-after", b"%d" % rate.retry_after))
    return headers


def _bounded(receive: Receive, bytes_max: int) -> Receive:
    """`receive` that gives up on a body that grows beyond its bound, also one that came unannounced."""
    received = 0

    async def bounded() -> Any:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > bytes_max:
                raise _BodyTooLarge
        return message

    return bounded
