"""The surfaces: which paths are whose, and the shape of each one's errors.

A surface speaks one way for everything below its prefixes, also for what the framework refuses: unknown
paths, wrong methods, bodies too large or of the wrong type, and defects of our own.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from api.back_office import errors as back_office
from api.back_office import limits as back_office_limits
from api.cards import errors as cards
from api.exchange import ApiError, Exchange
from api.oauth import errors as oauth
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


Limits = Mapping[str, tuple[Limit, ...]]
EVERY_REQUEST = "every request"


class Admission(NamedTuple):
    """Who gets in is whoever has a token; how often is counted per user or per client of a bank.

    Every request counts, refused ones and those for unknown paths too. `limits` gives the documented ones by
    the kind of request, which the service scales as it is set; none where nothing is counted. `kind_of` tells
    it by method and path; without it every request is of the one kind.

    `takes_keys`: API keys open it as well, clients that have to sign their requests do so here, and the
    `X-API-Version` header is looked at.
    """

    counted_by: Literal["user", "client"]
    limits: Callable[[Settings], Limits]
    kind_of: Callable[[str, str], str] | None = None
    takes_keys: bool = False


class Surface(NamedTuple):
    """`error_body` gives an error its shape, `translate` a domain's refusal its status and words.

    Prefixes are matched longest first. One that ends with a slash is for what is below it, one without for
    itself too. Without `admission` everybody gets as far as the routes. `body_limits` are for paths that take
    more than `body_bytes_max`. `retry_after` are the headers that say how long to wait.
    """

    name: str
    prefixes: tuple[str, ...]
    error_body: Callable[[ApiError, Exchange], Any]
    translate: Callable[[DomainError], ApiError]
    body_bytes_max: int = 1024 * 1024
    admission: Admission | None = None
    body_limits: Mapping[str, int] = {}
    retry_after: tuple[bytes, ...] = (b"retry-after",)


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


def _transfers_limits(_: Settings) -> Limits:
    return {EVERY_REQUEST: (Limit("minute", 100, 60), Limit("hour", 1000, 3600))}


def _cards_limits(settings: Settings) -> Limits:
    return {EVERY_REQUEST: (Limit("minute", settings.card_rate_limit, 60),)}


def _no_limits(_: Settings) -> Limits:
    return {EVERY_REQUEST: ()}


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
BACK_OFFICE = Surface(
    "back_office",
    ("/backoffice",),
    back_office.error_body,
    back_office.translate,
    admission=Admission("client", back_office_limits.limits, back_office_limits.kind_of, takes_keys=True),
    body_limits={"/backoffice/v1/transactions/batch": 4 * 1024 * 1024},
    retry_after=(b"retry-after", b"x-ratelimit-retry-after"),
)
LEDGER = Surface("ledger", ("/ledger/",), _nested, _plainly, admission=Admission("client", _no_limits))
OAUTH = Surface("oauth", ("/oauth", "/backoffice/v1/oauth"), oauth.error_body, _plainly)
SANDBOX = Surface("sandbox", ("/sandbox/",), _nested, _plainly)
SERVICE = Surface("service", ("/",), _nested, _plainly)

ALL = (TRANSFERS, CARDS, BACK_OFFICE, OAUTH, LEDGER, SANDBOX, SERVICE)

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
