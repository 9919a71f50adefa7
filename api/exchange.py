"""One request on its way through the service: who calls, on which surface, and what its answer must carry."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from api.surfaces import Surface
    from application.access import CallRules, Claims
    from application.clock import Clock
    from infrastructure.rate_limits import Verdict

RETRY_AFTER_SECONDS = "1"

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Exchange:
    """Lives in the ASGI scope under `daybook`; the gate turns it into headers and metrics.

    `caller` is known before a handler runs where the surface admits only those who have a token, and so are
    the `rules` that its client has to keep to, None where there are none.
    """

    __slots__ = (
        "_caller",
        "_clock",
        "_receive",
        "_scope",
        "accountable",
        "body_bytes_max",
        "headers",
        "position",
        "rate",
        "request_id",
        "rules",
        "sent_body",
        "surface",
    )

    def __init__(
        self,
        surface: Surface,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        clock: Clock,
    ) -> None:
        self.surface = surface
        # Of a header that is sent twice the first counts.
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.request_id = _request_id(self.headers.get(b"x-request-id"))
        self._scope = scope
        self._receive = receive
        self._clock = clock
        self._caller: Claims | None = None
        # The tenant, the client and the subject that the audit log names; empty while nobody is known.
        self.accountable = ("", "", "")
        self.rules: CallRules | None = None
        self.body_bytes_max = surface.body_bytes_max
        if surface.body_limits:
            self.body_bytes_max = surface.body_limits.get(scope["path"].rstrip("/"), self.body_bytes_max)
        # What was read of the body, None while nobody asked for it.
        self.sent_body: bytes | None = None
        self.rate: Verdict | None = None
        self.position: int | None = None

    @property
    def caller(self) -> Claims:
        """Whose token came with the request; only on surfaces that admit nobody without one."""
        assert self._caller is not None, "the surface admits callers without a token"
        return self._caller

    @caller.setter
    def caller(self, claims: Claims) -> None:
        self._caller = claims
        self.accountable = (claims.tenant, claims.client_id, claims.subject)

    @property
    def now(self) -> datetime:
        """The ledger's present."""
        return self._clock.now()

    @property
    def method(self) -> str:
        method: str = self._scope["method"]
        return method

    @property
    def path(self) -> str:
        """The path as it was requested, its escapes and all, without the query string."""
        raw: bytes = self._scope["raw_path"]
        return raw.decode("latin-1")

    @property
    def routed_path(self) -> str:
        """The path with its escapes resolved, by which the request is routed."""
        path: str = self._scope["path"]
        return path

    @property
    def query_string(self) -> bytes:
        query: bytes = self._scope["query_string"]
        return query

    def header(self, name: bytes) -> str | None:
        """The header of that lower-case name as text (Latin-1), None where it was not sent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def peer(self) -> str | None:
        """The address that the connection comes from, which may be a proxy's."""
        client: tuple[str, int] | None = self._scope["client"]
        return None if client is None else client[0]

    def every_header(self, name: bytes) -> list[str]:
        """All headers of that lower-case name, in their order."""
        return [value.decode("latin-1") for sent, value in self._scope["headers"] if sent == name]

    @property
    def scheme(self) -> str:
        scheme: str = self._scope["scheme"]
        return scheme

    async def body(self) -> bytes:
        """The whole body. Raises BodyTooLarge, also where the size was not announced."""
        if self.sent_body is None:
            message = await self._receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body"):
                body = await self._rest_of_body(body)
            if len(body) > self.body_bytes_max:
                raise BodyTooLarge
            self.sent_body = body
        return self.sent_body

    async def _rest_of_body(self, begun: bytes) -> bytes:
        # A bytearray: a body that comes byte by byte must not be copied as often.
        body = bytearray(begun)
        is_complete = False
        while not is_complete and len(body) <= self.body_bytes_max:
            message = await self._receive()
            if message["type"] != "http.request":
                # What was sent so far may look complete, but it is not all that was meant to be sent.
                raise ApiError(400, "validation_error", "The body is incomplete")
            body += message.get("body", b"")
            is_complete = not message.get("more_body")
        return bytes(body)


class BodyTooLarge(Exception):
    """The body is larger than the surface takes."""


class ApiError(Exception):
    """An answer that is an error, before the surface gives it its shape.

    `extra` are further members of the body. `field` names what was wrong, and `constraint` says what it would
    have to be, where the surface shows them.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        constraint: str | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        # When it was refused, where that was recorded before.
        self.at: datetime | None = None
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.constraint = constraint
        self.extra = extra or {}
        self.headers = headers or {}


def invalid(field: str, constraint: str, message: str | None = None) -> ApiError:
    """400: what was sent as `field` (a member of the body, a parameter, a header) "must be" something else.

    Without a message of its own the field and the constraint are the message. Neither repeats what was sent.
    """
    message = message or f"{field} {constraint}"
    return ApiError(400, "validation_error", message, field=field, constraint=constraint)


def unavailable() -> ApiError:
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return ApiError(503, "unavailable", "Service temporarily unavailable, try again", headers=headers)


_process = secrets.token_hex(6)
_numbers = itertools.count(1)


def _request_id(sent: bytes | None) -> str:
    """The caller's `X-Request-ID` where it is 1 to 128 visible ASCII characters, else a new one."""
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent.decode("ascii")
    return f"req_{_process}{next(_numbers):x}"


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(body: Any) -> bytes:
    """JSON. Decimals are numbers with all their digits; `msgspec.Raw` passes as it is."""
    return _encoder.encode(body)


def decode_exactly(body: bytes) -> Any:
    """JSON with its numbers as they were written: what `encode` makes of it has the same digits."""
    return msgspec.json.Decoder(float_hook=Decimal).decode(body)
