"""The back office's error body, its codes, and what the domain refuses in its words.

    400 INVALID_REQUEST, UNSUPPORTED_API_VERSION      429 RATE_LIMITED
    401 UNAUTHORIZED, INVALID_SIGNATURE               500 INTERNAL_ERROR
    403 FORBIDDEN, IP_NOT_ALLOWED                     503 SERVICE_UNAVAILABLE
    404 NOT_FOUND
    405 METHOD_NOT_ALLOWED, 413 PAYLOAD_TOO_LARGE, 415 UNSUPPORTED_MEDIA_TYPE
    409 EMAIL_EXISTS, BALANCE_NOT_ZERO, ACTIVE_HOLDS, ACCOUNT_CLOSED, ACCOUNT_FROZEN, ALREADY_REVERSED,
        IDEMPOTENCY_CONFLICT, CONFLICT
    422 INSUFFICIENT_FUNDS, CURRENCY_MISMATCH, SAME_ACCOUNT, BALANCE_TOO_LARGE, PERIOD_CLOSED,
        BATCH_FAILED

400 is for what is wrong in the request itself, 422 for a good request that the state refuses.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from api.back_office.envelope import Meta, meta_of
from api.exchange import ApiError, Exchange, invalid
from domain import errors

INVALID_REQUEST = "INVALID_REQUEST"
INVALID_MESSAGE = "The request is invalid"

# The service's own codes as this surface calls them; all others are written as they are given.
_CODES: Mapping[str, str] = {
    "validation_error": INVALID_REQUEST,
    "unauthorized": "UNAUTHORIZED",
    "invalid_signature": "INVALID_SIGNATURE",
    "forbidden": "FORBIDDEN",
    "ip_not_allowed": "IP_NOT_ALLOWED",
    "not_found": "NOT_FOUND",
    "method_not_allowed": "METHOD_NOT_ALLOWED",
    "payload_too_large": "PAYLOAD_TOO_LARGE",
    "unsupported_media_type": "UNSUPPORTED_MEDIA_TYPE",
    "rate_limit": "RATE_LIMITED",
    "internal_error": "INTERNAL_ERROR",
    "unavailable": "SERVICE_UNAVAILABLE",
}

Code = Literal[
    "INVALID_REQUEST",
    "UNSUPPORTED_API_VERSION",
    "UNAUTHORIZED",
    "INVALID_SIGNATURE",
    "FORBIDDEN",
    "IP_NOT_ALLOWED",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "EMAIL_EXISTS",
    "BALANCE_NOT_ZERO",
    "ACTIVE_HOLDS",
    "ACCOUNT_CLOSED",
    "ACCOUNT_FROZEN",
    "ALREADY_REVERSED",
    "IDEMPOTENCY_CONFLICT",
    "CONFLICT",
    "INSUFFICIENT_FUNDS",
    "CURRENCY_MISMATCH",
    "SAME_ACCOUNT",
    "BALANCE_TOO_LARGE",
    "PERIOD_CLOSED",
    "BATCH_FAILED",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
]


class ErrorContent(Struct):
    """`details` says more: in words what is wrong with the request, or as an object what was found. `field`
    names the member of the body, the parameter or the header that is at fault."""

    code: Code
    message: str
    details: str | dict[str, Any] | UnsetType = UNSET
    field: str | UnsetType = UNSET


class ErrorAnswer(Struct):
    status: Literal["error"]
    error: ErrorContent
    meta: Meta


def error_body(error: ApiError, exchange: Exchange) -> ErrorAnswer:
    return ErrorAnswer("error", error_content(error), meta_of(exchange))


def error_content(error: ApiError) -> ErrorContent:
    """An error without its envelope, as each result of a batch has it."""
    code = _CODES.get(error.code, error.code)
    message, details = error.message, error.extra.get("details", UNSET)
    if code == INVALID_REQUEST and details is UNSET:
        message, details = INVALID_MESSAGE, error.message
    field = UNSET if error.field is None else error.field
    return ErrorContent(code, message, details, field)  # type: ignore[arg-type]  # a test goes through them


def refused(status: int, code: Code, message: str, **details: Any) -> ApiError:
    """An error of this surface: `refused(409, "EMAIL_EXISTS", "…")`. More names are its `details`."""
    return ApiError(status, code, message, extra={"details": details} if details else None)


def not_found(what: str) -> ApiError:
    """404 in the words of the domain's own refusal: `not_found("Account")`."""
    return ApiError(404, "not_found", f"{what} not found")


def _transfer_not_settled(error: errors.TransferNotSettled) -> ApiError:
    if error.status == "reversed":
        return refused(409, "ALREADY_REVERSED", "The transfer was reversed before")
    return refused(409, "CONFLICT", f"Only a settled transfer can be reversed: this one is {error.status}")


Translate = Callable[[Any], ApiError]


def _plainly(status: int, code: Code, message: str) -> Translate:
    return lambda _: refused(status, code, message)


# What is not named here is answered by its kind, in the words of its code.
_ANSWERS: Mapping[type[errors.DomainError], Translate] = {
    errors.AccountHasBalance: _plainly(409, "BALANCE_NOT_ZERO", "The account's balance is not zero"),
    errors.AccountHasHolds: _plainly(409, "ACTIVE_HOLDS", "The account has active holds"),
    errors.AccountClosed: _plainly(409, "ACCOUNT_CLOSED", "The account is closed"),
    errors.AccountFrozen: _plainly(409, "ACCOUNT_FROZEN", "The account is frozen"),
    errors.InsufficientFunds: _plainly(422, "INSUFFICIENT_FUNDS", "The available balance is too small"),
    errors.TransactionNotReversible: _plainly(
        409, "CONFLICT", "Only a completed transaction can be reversed"
    ),
    errors.SameAccount: _plainly(422, "SAME_ACCOUNT", "Both accounts are the same"),
    errors.TransferNotSettled: _transfer_not_settled,
    errors.CurrencyDiffers: _plainly(422, "CURRENCY_MISMATCH", "The account has another currency"),
    errors.BalanceTooLarge: _plainly(422, "BALANCE_TOO_LARGE", "The balance would be too large"),
    errors.PeriodIsClosed: lambda error: refused(
        422, "PERIOD_CLOSED", f"Everything up to the end of {error.closed_through} is closed"
    ),
    errors.AlreadyReversed: _plainly(
        409, "ALREADY_REVERSED", "The transaction was reversed before, or is a reversal"
    ),
    errors.EmailExists: _plainly(409, "EMAIL_EXISTS", "Another user has this e-mail address"),
    errors.InvalidValue: lambda error: invalid(error.field, error.constraint),
    errors.DeliveryNotDeadLettered: lambda error: refused(
        409, "CONFLICT", f"Only a dead letter can be delivered again: this one is {error.status}"
    ),
    errors.InvalidClientSettings: lambda error: invalid(
        error.field, "does not go with the client's other settings"
    ),
    errors.EmailExists: lambda _: ApiError(
        409, "EMAIL_EXISTS", "Another user has this e-mail address", field="email"
    ),
    errors.UserErased: _plainly(409, "CONFLICT", "The user was erased"),
    errors.MfaAlreadyEnabled: _plainly(409, "CONFLICT", "The user has a second factor: remove it first"),
    errors.MfaNotEnrolled: _plainly(409, "CONFLICT", "No second factor waits to be confirmed"),
    errors.IdempotencyConflict: _plainly(
        409, "IDEMPOTENCY_CONFLICT", "The idempotency key was used before with different content"
    ),
}


def translate(error: errors.DomainError) -> ApiError:
    known = _ANSWERS.get(type(error))
    if known is not None:
        return known(error)
    words = error.code.replace("_", " ").capitalize()
    if isinstance(error, errors.NotFound):
        return ApiError(404, "not_found", words)
    return refused(409, "CONFLICT", words)
