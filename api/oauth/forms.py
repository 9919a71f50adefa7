"""The form that a client or a browser sends: each parameter once, and no more than fits."""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from api.oauth.errors import OAuthError

BODY_BYTES_MAX = 64 * 1024
_FIELDS_MAX = 50
_FORM = "application/x-www-form-urlencoded"

OAuthRequest = Request[Any, Any, State]


async def read_form(request: OAuthRequest) -> dict[str, str]:
    """The parameters of the body. Those without a value count as left out (RFC 6749 3.2)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise OAuthError("invalid_request", f"Content-Type must be {_FORM}")
    try:
        # It must be ASCII: what is not comes percent-encoded (HTML 4.01, 17.13.4.1).
        pairs = read_pairs((await _body(request)).decode("ascii"))
    except ValueError:
        raise OAuthError("invalid_request", "The body is not a form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once")
    return {name: value for name, value in form.items() if value}


def read_pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of a form or a query string. Raises ValueError."""
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)


async def _body(request: OAuthRequest) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise OAuthError("invalid_request", "The body is too large", 413)
    except HTTPException as error:
        raise OAuthError("invalid_request", "The body is too large", error.status_code) from None
    return bytes(body)
