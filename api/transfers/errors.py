"""What the domain refuses, in the transfers surface's words."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from api.exchange import ApiError
from domain import errors
from domain.money import Money
from domain.transfers import CURRENCY

SAVINGS_ADVICE = (
    "Federal regulation limits savings account transfers to {limit} per month. You have reached this limit. "
    "Consider using your checking account or contact support."
)


def number(minor: int) -> msgspec.Raw:
    """An amount of USD as a JSON number with two digits."""
    return msgspec.Raw(Money(minor, CURRENCY).decimal().encode())


def _dollars(minor: int) -> str:
    return f"${Money(minor, CURRENCY).decimal()}"


def _whole_dollars(minor: int) -> str:
    return f"${minor // 100}" if minor % 100 == 0 else _dollars(minor)


def _invalid_account(message: str) -> ApiError:
    return ApiError(400, "invalid_account", message)


def _insufficient(error: errors.InsufficientFunds) -> ApiError:
    fee = f" (including {_dollars(error.fee)} fee)" if error.fee else ""
    return ApiError(
        400,
        "insufficient_balance",
        "Insufficient available balance",
        extra={
            "details": f"Available: {_dollars(error.available)}, Required: {_dollars(error.required)}{fee}",
            "available_balance": number(error.available),
            "required_amount": number(error.required),
        },
    )


def _daily_count(error: errors.DailyCountExceeded) -> ApiError:
    return ApiError(
        429,
        "rate_limit",
        "Daily transaction limit exceeded",
        extra={
            "details": f"Daily limit is {error.limit} transactions. You have made {error.count} today.",
            "count": error.count,
            "limit": error.limit,
        },
    )


def _daily_amount(error: errors.DailyAmountExceeded) -> ApiError:
    details = f"Daily limit is {_whole_dollars(error.limit)}. You have used {_dollars(error.used)} today."
    return ApiError(429, "rate_limit", "Daily amount limit exceeded", extra={"details": details})


def _savings(error: errors.SavingsLimitExceeded) -> ApiError:
    return ApiError(
        429,
        "rate_limit",
        "Savings account transfer limit exceeded",
        extra={
            "details": SAVINGS_ADVICE.format(limit=error.limit),
            "count": error.count,
            "limit": error.limit,
        },
    )


_ANSWERS: Mapping[type[errors.DomainError], Callable[[Any], ApiError]] = {
    errors.AccountNotFound: lambda _: ApiError(404, "not_found", "Account not found"),
    errors.TransferNotFound: lambda _: ApiError(404, "not_found", "Transfer not found"),
    errors.InvalidFromAccount: lambda _: _invalid_account(
        "Invalid from_account_id or account does not belong to user"
    ),
    errors.InvalidToAccount: lambda _: _invalid_account("Invalid to_account_id"),
    errors.AccountFrozen: lambda _: _invalid_account("Account is frozen"),
    errors.AccountClosed: lambda _: _invalid_account("Account is closed"),
    errors.SameAccount: lambda _: ApiError(400, "same_account", "Cannot transfer to same account"),
    errors.InsufficientFunds: _insufficient,
    errors.TransactionLimitExceeded: lambda error: ApiError(
        400, "limit_exceeded", f"Maximum transfer amount is {_whole_dollars(error.limit)}"
    ),
    errors.DailyCountExceeded: _daily_count,
    errors.DailyAmountExceeded: _daily_amount,
    errors.SavingsLimitExceeded: _savings,
    errors.TransferNotCancellable: lambda _: ApiError(
        400, "cannot_cancel", "Transfer cannot be cancelled at this stage"
    ),
    errors.NotAwaitingMfa: lambda _: ApiError(
        400, "validation_error", "Transfer is not awaiting MFA verification"
    ),
    errors.InvalidMfaCode: lambda _: ApiError(400, "validation_error", "Invalid MFA code"),
    errors.IdempotencyConflict: lambda _: ApiError(
        409, "idempotency_conflict", "The idempotency key was used before with different content"
    ),
}


def translate(error: errors.DomainError) -> ApiError:
    return _ANSWERS[type(error)](error)
