"""How a route is described for the OpenAPI document: beside the route, as data."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from msgspec import UNSET, Struct, UnsetType

JSON = "application/json"


class Answer(NamedTuple):
    """One status of an operation. `body` is the type of its content (None: it has none)."""

    description: str
    body: Any = None
    example: Any = None
    media_type: str = JSON
    headers: tuple[str, ...] = ()
    # As what else it comes where that was asked for, as text.
    also: tuple[str, ...] = ()


class Parameter(NamedTuple):
    """`schema` is a type, as msgspec understands it."""

    name: str
    place: Literal["path", "query", "header"]
    description: str
    schema: Any = str
    is_required: bool = False
    example: Any = None


class Operation(NamedTuple):
    """`bodies` are the types that the request's body may have, any of them. Without `scopes` and `roles` a
    caller needs no token, but where `needs_token` says so."""

    tag: str
    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    bodies: tuple[Any, ...] = ()
    examples: Mapping[str, Any] = {}
    media_type: str = JSON
    is_body_required: bool = True
    scopes: tuple[str, ...] = ()

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        # The framework copies a router with all that its routes carry; this never changes.
        return self

    @property
    def needs_token(self) -> bool:
        return bool(self.scopes)


ERROR_DESCRIPTIONS: Mapping[int, str] = {
    400: "The request is not valid, or was refused.",
    401: "The access token is missing or not valid.",
    403: "The access token does not allow this.",
    404: "There is no such thing here.",
    409: "The idempotency key was used before with different content, or the state does not allow this.",
    413: "The request's body is too large.",
    415: "The request's body is of another media type.",
    422: "The request was understood and refused.",
    429: "A limit is used up.",
    500: "A defect of the service. Nothing was done, or nothing is known to have been done.",
    503: "Not possible now; nothing was done that trying again with the same key would do twice.",
}

# What may be answered whatever is asked for with a token.
WITH_TOKEN = (401, 403, 429, 500, 503)

_HEADERS_BY_STATUS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def refusals(body: Any, *statuses: int) -> dict[int, Answer]:
    """The error answers of these statuses, all with the surface's one error body."""
    return {
        status: Answer(ERROR_DESCRIPTIONS[status], body, headers=_HEADERS_BY_STATUS.get(status, ()))
        for status in sorted(statuses)
    }


class ErrorContent(Struct, kw_only=True):
    """What went wrong, as a code and in words; `field` names what was wrong with the request."""

    code: str
    message: str
    request_id: str
    field: str | UnsetType = UNSET


class ErrorBody(Struct):
    """The error body of the service's own paths."""

    error: ErrorContent
