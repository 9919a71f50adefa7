"""The surfaces: which paths are whose, and the shape of each one's errors.

A surface speaks one way for everything below its prefixes, also for what the framework refuses: unknown
paths, wrong methods, bodies too large or of the wrong type, and defects of our own.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from api.cards import errors as cards
from api.exchange import ApiError, Exchange
from api.transfers import errors as transfers
from domain.errors import DomainError, NotFound
from infrastructure.rate_limits import Limit
from infrastructure.settings import Settings

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


class Admission(NamedTuple):
    """Who gets in is whoever has a token; how often is counted per user or per client of a bank.

    Every request counts, refused ones and those for unknown paths too. `limits` gives the documented ones,
    which the service scales as it is set; none where nothing is counted.
    """

    counted_by: Literal["user", "client"]
    limits: Callable[[Settings], tuple[Limit, ...]]


class Surface(NamedTuple):
    """`error_body` gives an error its shape, `translate` a domain's refusal its status and words.

    Prefixes are matched longest first. One that ends with a slash is for what is below it, one without for
    itself too. Without `admission` everybody gets as far as the routes.
    """

    name: str
    prefixes: tuple[str, ...]
    error_body: Callable[[ApiError, Exchange], Any]
    translate: Callable[[DomainError], ApiError]
    body_bytes_max: int = 1024 * 1024
    admission: Admission | None = None


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


def _transfers_limits(_: Settings) -> tuple[Limit, ...]:
    return (Limit("minute", 100, 60), Limit("hour", 1000, 3600))


def _cards_limits(settings: Settings) -> tuple[Limit, ...]:
    return (Limit("minute", settings.card_rate_limit, 60),)


def _no_limits(_: Settings) -> tuple[Limit, ...]:
    return ()


# Its base address is /api; what belongs to others below that has longer prefixes.
TRANSFERS = Surface(
    "transfers",
    ("/api/",),
    _flat,
    transfers.translate,
    admission=Admission("user", _transfers_limits),
)
CARDS = Surface(
    "cards",
    ("/api/v1/authorizations", "/api/v1/holds", "/api/v1/admin", cards.ALTERNATIVE_PREFIX),
    cards.error_body,
    cards.translate,
    body_bytes_max=64 * 1024,
    admission=Admission("client", _cards_limits),
)
LEDGER = Surface("ledger", ("/ledger/",), _nested, _plainly, admission=Admission("client", _no_limits))
SANDBOX = Surface("sandbox", ("/sandbox/",), _nested, _plainly)
SERVICE = Surface("service", ("/",), _nested, _plainly)

ALL = (TRANSFERS, CARDS, LEDGER, SANDBOX, SERVICE)

_BY_PATH = {prefix: surface for surface in ALL for prefix in surface.prefixes if not prefix.endswith("/")}
_BY_PREFIX = sorted(
    ((prefix.rstrip("/") + "/", surface) for surface in ALL for prefix in surface.prefixes),
    key=lambda entry: len(entry[0]),
    reverse=True,
)


def surface_of(path: str) -> Surface:
    exact = _BY_PATH.get(path)
    if exact is not None:
        return exact
    for prefix, surface in _BY_PREFIX:
        if path.startswith(prefix):
            return surface
    return SERVICE
