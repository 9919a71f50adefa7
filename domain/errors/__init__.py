"""Everything that the domain may refuse, each with a stable code and its facts as fields.

    DomainError
    ├── NotFound
    │   ├── AccountNotFound            account_not_found
    │   ├── TransferNotFound           transfer_not_found
    │   ├── CardNotFound               card_not_found
    │   ├── AuthorizationNotFound      authorization_not_found
    │   ├── HoldNotFound               hold_not_found
    │   ├── LimitOverrideNotFound      limit_override_not_found
    │   ├── WebhookNotFound            webhook_not_found
    │   ├── DeliveryNotFound           delivery_not_found
    │   ├── ClientNotFound             client_not_found
    │   ├── UserNotFound               user_not_found
    │   ├── PasswordResetNotFound      password_reset_not_found
    │   ├── TransactionNotFound        transaction_not_found
    │   └── UnknownAccountCode         unknown_account_code
    ├── AccountRefusal
    │   ├── AccountExists              account_exists
    │   ├── AccountFrozen              account_frozen
    │   ├── AccountClosed              account_closed
    │   ├── AccountHasBalance          account_has_balance
    │   ├── AccountHasHolds            account_has_holds
    │   ├── InsufficientFunds          insufficient_funds
    │   └── HoldExceeded               hold_exceeded
    ├── TransactionRefusal
    │   ├── CurrencyDiffers            currency_differs
    │   ├── BalanceTooLarge            balance_too_large
    │   ├── PeriodIsClosed             period_is_closed
    │   ├── AlreadyReversed            already_reversed
    │   └── TransactionNotReversible   transaction_not_reversible
    ├── PeriodNotOver                  period_not_over
    ├── InvalidValue                   invalid_value
    ├── TransferRefusal
    │   ├── InvalidFromAccount         invalid_from_account
    │   ├── InvalidToAccount           invalid_to_account
    │   ├── SameAccount                same_account
    │   ├── TransferNotCancellable     transfer_not_cancellable
    │   ├── NotAwaitingMfa             not_awaiting_mfa
    │   ├── InvalidMfaCode             invalid_mfa_code
    │   └── TransferNotSettled         transfer_not_settled
    ├── CardRefusal
    │   ├── CardExists                 card_exists
    │   ├── InvalidCardLimits          invalid_card_limits
    │   ├── OverrideExpiresTooEarly    override_expires_too_early
    │   ├── AuthorizationNotReversible authorization_not_reversible
    │   ├── NotAwaitingChallenge       not_awaiting_challenge
    │   ├── HoldNotActive              hold_not_active
    │   ├── CaptureCurrencyMismatch    capture_currency_mismatch
    │   └── CaptureExceedsHold         capture_exceeds_hold
    ├── LimitRefusal
    │   ├── TransactionLimitExceeded   transaction_limit_exceeded
    │   ├── DailyCountExceeded         daily_count_exceeded
    │   ├── DailyAmountExceeded        daily_amount_exceeded
    │   └── SavingsLimitExceeded       savings_limit_exceeded
    ├── UserRefusal
    │   ├── EmailExists                email_exists
    │   ├── UserErased                 user_erased
    │   ├── MfaAlreadyEnabled          mfa_already_enabled
    │   └── MfaNotEnrolled             mfa_not_enrolled
    ├── DeliveryNotDeadLettered        delivery_not_dead_lettered
    ├── ClientExists                   client_exists
    ├── InvalidClientSettings          invalid_client_settings
    ├── IdempotencyConflict            idempotency_conflict
    └── AccountCodeTaken               account_code_taken

A refusal that was recorded as a fact is brought back with `restore(code, facts)`: what was answered once
is answered again.
"""

from collections.abc import Mapping

from domain.errors.accounts import (
    AccountClosed,
    AccountCodeTaken,
    AccountExists,
    AccountFrozen,
    AccountHasBalance,
    AccountHasHolds,
    HoldExceeded,
    InsufficientFunds,
)
from domain.errors.cards import (
    AuthorizationNotReversible,
    CaptureCurrencyMismatch,
    CaptureExceedsHold,
    CardExists,
    HoldNotActive,
    InvalidCardLimits,
    NotAwaitingChallenge,
    OverrideExpiresTooEarly,
)
from domain.errors.kinds import (
    AccountRefusal,
    CardRefusal,
    DomainError,
    Fact,
    LimitRefusal,
    NotFound,
    TransactionRefusal,
    TransferRefusal,
    UserRefusal,
)
from domain.errors.not_found import (
    AccountNotFound,
    AuthorizationNotFound,
    CardNotFound,
    ClientNotFound,
    DeliveryNotFound,
    HoldNotFound,
    LimitOverrideNotFound,
    PasswordResetNotFound,
    TransactionNotFound,
    TransferNotFound,
    UnknownAccountCode,
    UserNotFound,
    WebhookNotFound,
)
from domain.errors.requests import DeliveryNotDeadLettered, IdempotencyConflict, InvalidValue
from domain.errors.transactions import (
    AlreadyReversed,
    BalanceTooLarge,
    CurrencyDiffers,
    PeriodIsClosed,
    PeriodNotOver,
    TransactionNotReversible,
)
from domain.errors.transfers import (
    DailyAmountExceeded,
    DailyCountExceeded,
    InvalidFromAccount,
    InvalidMfaCode,
    InvalidToAccount,
    NotAwaitingMfa,
    SameAccount,
    SavingsLimitExceeded,
    TransactionLimitExceeded,
    TransferNotCancellable,
    TransferNotSettled,
)
from domain.errors.users import (
    ClientExists,
    EmailExists,
    InvalidClientSettings,
    MfaAlreadyEnabled,
    MfaNotEnrolled,
    UserErased,
)

__all__ = [
    "BY_CODE",
    "AccountClosed",
    "AccountCodeTaken",
    "AccountExists",
    "AccountFrozen",
    "AccountHasBalance",
    "AccountHasHolds",
    "AccountNotFound",
    "AccountRefusal",
    "AlreadyReversed",
    "AuthorizationNotFound",
    "AuthorizationNotReversible",
    "BalanceTooLarge",
    "CaptureCurrencyMismatch",
    "CaptureExceedsHold",
    "CardExists",
    "CardNotFound",
    "CardRefusal",
    "ClientExists",
    "ClientNotFound",
    "CurrencyDiffers",
    "DailyAmountExceeded",
    "DailyCountExceeded",
    "DeliveryNotDeadLettered",
    "DeliveryNotFound",
    "DomainError",
    "EmailExists",
    "Fact",
    "HoldExceeded",
    "HoldNotActive",
    "HoldNotFound",
    "IdempotencyConflict",
    "InsufficientFunds",
    "InvalidCardLimits",
    "InvalidClientSettings",
    "InvalidFromAccount",
    "InvalidMfaCode",
    "InvalidToAccount",
    "InvalidValue",
    "LimitOverrideNotFound",
    "LimitRefusal",
    "MfaAlreadyEnabled",
    "MfaNotEnrolled",
    "NotAwaitingChallenge",
    "NotAwaitingMfa",
    "NotFound",
    "OverrideExpiresTooEarly",
    "PasswordResetNotFound",
    "PeriodIsClosed",
    "PeriodNotOver",
    "SameAccount",
    "SavingsLimitExceeded",
    "TransactionLimitExceeded",
    "TransactionNotFound",
    "TransactionNotReversible",
    "TransactionRefusal",
    "TransferNotCancellable",
    "TransferNotFound",
    "TransferNotSettled",
    "TransferRefusal",
    "UnknownAccountCode",
    "UserErased",
    "UserNotFound",
    "UserRefusal",
    "WebhookNotFound",
    "restore",
]


def _leaves(error: type[DomainError]) -> list[type[DomainError]]:
    return [leaf for child in error.__subclasses__() for leaf in _leaves(child)] or [error]


BY_CODE: Mapping[str, type[DomainError]] = {error.code: error for error in _leaves(DomainError)}


def restore(code: str, facts: Mapping[str, Fact]) -> DomainError:
    """The refusal that was recorded as `code` and `facts`."""
    return BY_CODE[code](**facts)
