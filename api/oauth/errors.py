"""Errors as OAuth has them (RFC 6749 5.2), and what this surface makes of the service's own."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.exchange import ApiError, Exchange

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Whoever gets this may come again at once.
_RETRY = {"Retry-After": "1"}


class OAuthError(Exception):
    """An error response of RFC 6749 5.2. The description never repeats what was sent."""

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def unavailable() -> OAuthError:
    return OAuthError("temporarily_unavailable", "Try again", 503, _RETRY)


def answer_error(error: OAuthError) -> Response[bytes]:
    body = {"error": error.error, "error_description": error.description}
    return answer(body, error.status, NO_STORE | error.headers)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/json", headers=dict(headers)
    )


def error_body(error: ApiError, _: Exchange) -> dict[str, str]:
    """The shape of what the service refuses by itself below this surface's paths."""
    if error.status == 503:
        code = "temporarily_unavailable"
    else:
        code = "server_error" if error.status >= 500 else "invalid_request"
    return {"error": code, "error_description": error.message}
