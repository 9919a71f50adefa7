"""The cards surface's error body, and what the domain refuses in its words."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.cards.card_numbers import CardNumberRefused, has_card_number
from api.exchange import ApiError, Exchange, invalid
from api.instants import whole_seconds
from domain import errors
from domain.money import Money

# The surface is served below this prefix once more.
ALTERNATIVE_PREFIX = "/card-authorization"

VALUE_LENGTH_MAX = 255
# Never shown again, whatever is wrong with them.
_SECRETS = frozenset({"panHash", "maskedPan", "secret", "authenticationValue", "cavv"})
# As RFC 9110 has it: the standard library's words for it change with its version.
_PHRASES = {413: "Content Too Large"}

_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text_decoder = msgspec.json.Decoder(str)


class ErrorDetails(Struct):
    """What is at fault: `value` is what was sent, as text, null where it is or could be a card number or a
    secret; `field` is null where the name itself is refused."""

    field: str | None
    value: str | None
    constraint: str


class CardError(Struct):
    """`error` is the status in words. `details` are there whenever a field is at fault."""

    status: int
    error: str
    message: str
    path: str
    timestamp: str
    details: ErrorDetails | UnsetType = UNSET


def error_body(error: ApiError, exchange: Exchange) -> CardError:
    return CardError(
        error.status,
        _PHRASES.get(error.status) or HTTPStatus(error.status).phrase,
        error.message,
        exchange.path,
        whole_seconds(error.at or exchange.now),
        _details(error, exchange),
    )


def _details(error: ApiError, exchange: Exchange) -> ErrorDetails | UnsetType:
    if isinstance(error, CardNumberRefused):
        return ErrorDetails(error.field, None, error.constraint or error.message)
    if error.field is None:
        return UNSET
    return ErrorDetails(error.field, sent_value(exchange, error.field), error.constraint or error.message)


def sent_value(exchange: Exchange, field: str) -> str | None:
    """What the request has as `field`, to be shown in its error: of its body, where that was read (`amount`,
    `channelLimits.ATM.dailyLimit`), of its query string or of its headers."""
    if field.rpartition(".")[2] in _SECRETS:
        return None
    value = _of_body(exchange.sent_body, field)
    if value is None:
        value = _of_query(exchange.query_string, field)
    if value is None:
        value = exchange.header(field.lower().encode())
    if value is None or has_card_number(value):
        return None
    return value[:VALUE_LENGTH_MAX]


def _of_body(body: bytes | None, field: str) -> str | None:
    raw: msgspec.Raw | bytes = body or b""
    try:
        for name in field.split("."):
            raw = _members_decoder.decode(raw)[name]
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError):
        return None
    token = bytes(raw)
    if token == b"null":
        return None
    try:
        text = _text_decoder.decode(token) if token.startswith(b'"') else token.decode()
    except (msgspec.DecodeError, UnicodeError):
        return None
    # Lone surrogates can be read and not be written.
    return text.encode(errors="replace").decode()


def _of_query(query: bytes, field: str) -> str | None:
    try:
        return parse_qs(query.decode("ascii"), keep_blank_values=True)[field][0]
    except (ValueError, KeyError):
        return None


def _conflict(message: str) -> ApiError:
    return ApiError(409, "conflict", message)


def _card_exists(_: errors.CardExists) -> ApiError:
    message, constraint = "A card with this panHash exists already", "must not be another card's"
    return ApiError(409, "conflict", message, field="panHash", constraint=constraint)


def _not_reversible(error: errors.AuthorizationNotReversible) -> ApiError:
    return _conflict(f"Authorization cannot be reversed: it is {error.status}")


def _exceeds_hold(error: errors.CaptureExceedsHold) -> ApiError:
    left = Money(error.left, error.currency).decimal()
    return invalid("amount", f"must not be greater than {left}", "Invalid capture amount")


# What is not named here is answered by its kind, in the words of its code.
_ANSWERS: Mapping[type[errors.DomainError], Callable[[Any], ApiError]] = {
    errors.CardExists: _card_exists,
    errors.InvalidCardLimits: lambda error: invalid(error.limit, error.constraint, "Invalid limits"),
    errors.OverrideExpiresTooEarly: lambda _: invalid(
        "expiresAt", "must be in the future", "Invalid override"
    ),
    errors.CaptureCurrencyMismatch: lambda error: invalid(
        "currency", f"must be {error.currency}", "Invalid capture currency"
    ),
    errors.CaptureExceedsHold: _exceeds_hold,
    errors.AuthorizationNotReversible: _not_reversible,
    errors.NotAwaitingChallenge: lambda error: _conflict(
        f"Challenge cannot be completed: the authorization is {error.decision}"
    ),
    errors.HoldNotActive: lambda error: _conflict(f"Hold is not active: it is {error.status}"),
    errors.IdempotencyConflict: lambda _: _conflict(
        "The idempotency key was used before with different content"
    ),
}


def translate(error: errors.DomainError) -> ApiError:
    known = _ANSWERS.get(type(error))
    if known is not None:
        return known(error)
    status = 404 if isinstance(error, errors.NotFound) else 409
    return ApiError(status, error.code, error.code.replace("_", " ").capitalize())


def not_found(what: str) -> ApiError:
    """404 in the words of the domain's own refusal: `not_found("Card")`."""
    return ApiError(404, "not_found", f"{what} not found")
