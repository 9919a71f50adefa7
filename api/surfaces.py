"""The surfaces: which paths are whose, and the shape of each one's errors.

A surface speaks one way for everything below its prefixes, also for what the framework refuses: unknown
paths, wrong methods, bodies too large or of the wrong type, and defects of our own.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from api.exchange import ApiError, Exchange
from api.transfers import errors as transfers
from domain.errors import DomainError, NotFound

# What the framework's own refusals are called, by status.
FRAMEWORK_CODES: Mapping[int, tuple[str, str]] = {
    400: ("validation_error", "Invalid request"),
    401: ("unauthorized", "Missing or invalid authentication token"),
    403: ("forbidden", "Not allowed"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "Method not allowed"),
    413: ("payload_too_large", "Request body too large"),
    415: ("unsupported_media_type", "Content-Type must be application/json"),
    429: ("rate_limit", "Too many requests"),
    500: ("internal_error", "Internal server error"),
    503: ("unavailable", "Service temporarily unavailable, try again"),
}


class Surface(NamedTuple):
    """`error_body` gives an error its shape, `translate` a domain's refusal its status and words.

    Prefixes are matched longest first.
    """

    name: str
    prefixes: tuple[str, ...]
    error_body: Callable[[ApiError, Exchange], dict[str, Any]]
    translate: Callable[[DomainError], ApiError]
    body_bytes_max: int = 1024 * 1024


def _flat(error: ApiError, _: Exchange) -> dict[str, Any]:
    return {"error": error.message, "code": error.code, **error.extra}


def _nested(error: ApiError, exchange: Exchange) -> dict[str, Any]:
    content = {"code": error.code, "message": error.message, "request_id": exchange.request_id}
    if error.field is not None:
        content["field"] = error.field
    return {"error": {**content, **error.extra}}


def _plainly(error: DomainError) -> ApiError:
    status = 404 if isinstance(error, NotFound) else 409
    return ApiError(status, error.code, error.code.replace("_", " ").capitalize())


# Its base address is /api; what belongs to others below that has longer prefixes.
TRANSFERS = Surface("transfers", ("/api/",), _flat, transfers.translate)
LEDGER = Surface("ledger", ("/ledger/",), _nested, _plainly)
SANDBOX = Surface("sandbox", ("/sandbox/",), _nested, _plainly)
SERVICE = Surface("service", ("/",), _nested, _plainly)

ALL = (TRANSFERS, LEDGER, SANDBOX, SERVICE)

_BY_PREFIX = sorted(
    ((prefix, surface) for surface in ALL for prefix in surface.prefixes),
    key=lambda entry: len(entry[0]),
    reverse=True,
)


def surface_of(path: str) -> Surface:
    for prefix, surface in _BY_PREFIX:
        if path.startswith(prefix):
            return surface
    return SERVICE
