"""What can go wrong, by what a program can do about it.

DaybookError
├── TransportFailed          no answer: whether the request took effect is not known
├── UnexpectedAnswer         an answer that this client cannot read
├── InvalidWebhook           a message that is not the bank's, or not of now
└── Refused                  an answer of 400 or more, with its code and words
    ├── BadRequest           400, 405, 413, 415: the request has to be another one
    ├── Unauthorized         401: the credentials are not valid (any more)
    ├── Forbidden            403: they are, but not for this
    ├── NotFound             404
    ├── Conflict             409: the state, or an idempotency key with other content, is in the way
    ├── Unprocessable        422: a good request that the state refuses
    ├── TooManyRequests      429: a limit is used up
    └── ServiceFailed        500 and above
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec


class DaybookError(Exception):
    """Anything that this client raises on purpose."""


class TransportFailed(DaybookError):
    """No answer came, after all attempts. Sent again with the same idempotency key, nothing happens twice."""


class UnexpectedAnswer(DaybookError):
    """The answer is none of the service's."""


class InvalidWebhook(DaybookError):
    """The message was not signed with the secret, or too long ago."""


class Refused(DaybookError):
    """`code` is the surface's own, `""` where it has none; `details` all else that the answer says.
    `retry_after_seconds` is how long to wait, where the service says so."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}" if code else f"{status}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.details = dict(details or {})
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds


class BadRequest(Refused):
    """The request has to be another one."""


class Unauthorized(Refused):
    """The credentials are not valid, or not any more."""


class Forbidden(Refused):
    """The credentials do not allow this."""


class NotFound(Refused):
    """There is no such thing, or not for this caller."""


class Conflict(Refused):
    """The state is in the way, or an idempotency key that was used with other content."""


class Unprocessable(Refused):
    """A good request that the state refuses."""


class TooManyRequests(Refused):
    """A limit is used up: of requests, or of money."""


class ServiceFailed(Refused):
    """Nothing that the caller did wrong."""


_BY_STATUS: Mapping[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: TooManyRequests,
}

# Numbers are money: read as they are written.
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def refused(status: int, body: bytes, *, request_id: str, retry_after_seconds: int | None) -> Refused:
    """The error that an answer stands for, whichever surface it is from."""
    kind = _BY_STATUS.get(status, ServiceFailed if status >= 500 else BadRequest)
    code, message, field, details = _read(body)
    return kind(
        status,
        code,
        message,
        field=field,
        details=details,
        request_id=request_id,
        retry_after_seconds=retry_after_seconds,
    )


def _read(body: bytes) -> tuple[str, str, str | None, dict[str, Any]]:
    try:
        content = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        content = None
    if not isinstance(content, dict):
        return "", "no error of the service's", None, {}
    error = content.pop("error", "")
    if isinstance(error, dict):
        # The back office and the ledger: all of it in one member.
        code, message = str(error.pop("code", "")), str(error.pop("message", ""))
        return code, message, _text(error.pop("field", None)), error
    if "error_description" in content:
        # OAuth: the error is the code.
        return str(error), str(content.pop("error_description")), None, content
    if "message" in content:
        # Cards: the error is the status in words, and the field is in the details.
        details = content.get("details")
        field = details.get("field") if isinstance(details, dict) else None
        return "", str(content.pop("message")), _text(field), content
    return str(content.pop("code", "")), str(error), None, content


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
