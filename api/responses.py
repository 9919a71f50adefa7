"""Answers in JSON, and errors in the shape of their surface."""

from typing import Any

from litestar.types import Receive, Scope, Send

from api.exchange import ApiError, Exchange, encode
from api.surfaces import FRAMEWORK_CODES
from domain.errors import DomainError


class JsonResponse:
    """An answer in JSON, as the ASGI application that sends it.

    The framework's own response class costs more than all the rest of a small request.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        self.body = body
        self.status = status
        self.headers = headers

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
        if self.headers:
            headers += [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def respond(body: Any, status: int = 200) -> JsonResponse:
    return JsonResponse(encode(body), status)


def error_response(error: ApiError | DomainError, exchange: Exchange) -> JsonResponse:
    if isinstance(error, DomainError):
        refused_at = error.refused_at
        error = exchange.surface.translate(error)
        error.at = refused_at
    return JsonResponse(encode(exchange.surface.error_body(error, exchange)), error.status, error.headers)


def framework_error(status: int, exchange: Exchange, headers: dict[str, str] | None = None) -> JsonResponse:
    """What the framework refuses by itself, or a defect: only the status is known."""
    code, message = FRAMEWORK_CODES.get(status, FRAMEWORK_CODES[400])
    return error_response(ApiError(status, code, message, headers=headers), exchange)
