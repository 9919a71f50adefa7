"""One request on its way through the service: who calls, on which surface, and what its answer must carry."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from api.surfaces import Surface
    from infrastructure.rate_limits import Verdict
    from infrastructure.tokens import Claims

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Exchange:
    """Lives in the ASGI scope under `daybook`; the gate turns it into headers and metrics."""

    __slots__ = ("caller", "position", "rate", "request_id", "route", "surface")

    def __init__(self, surface: Surface, request_id: str) -> None:
        self.surface = surface
        self.request_id = request_id
        self.caller: Claims | None = None
        self.rate: Verdict | None = None
        self.position: int | None = None
        self.route = ""


class ApiError(Exception):
    """An answer that is an error, before the surface gives it its shape.

    `extra` are further members of the body; `field` names what was wrong where the surface shows it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.extra = extra or {}
        self.headers = headers or {}


def request_id_from(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's `X-Request-ID` where it is 1 to 128 visible ASCII characters, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return "req_" + secrets.token_hex(8)


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(body: Any) -> bytes:
    """JSON. Decimals are numbers with all their digits; `msgspec.Raw` passes as it is."""
    return _encoder.encode(body)
