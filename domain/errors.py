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
    ├── DeliveryNotDeadLettered        delivery_not_dead_lettered
    ├── ClientExists                   client_exists
    ├── InvalidClientSettings          invalid_client_settings
    ├── IdempotencyConflict            idempotency_conflict
    └── AccountCodeTaken               account_code_taken

A refusal that was recorded as a fact is brought back with `restore(code, facts)`: what was answered once
is answered again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import ClassVar

Fact = int | str


@dataclass
class DomainError(Exception):
    """A decision that was refused. Amounts among the facts are minor units."""

    code: ClassVar[str] = ""
    # When it was refused first, where that was recorded: a replay is answered as it was then.
    refused_at: datetime | None = field(default=None, init=False, compare=False, repr=False)

    def facts(self) -> dict[str, Fact]:
        """The error's fields, ready to be recorded."""
        return {fact.name: getattr(self, fact.name) for fact in fields(self) if fact.init}

    def __str__(self) -> str:
        return ", ".join([self.code, *(f"{name}={value}" for name, value in self.facts().items())])


@dataclass
class NotFound(DomainError):
    """What was named does not exist here."""


@dataclass
class AccountNotFound(NotFound):
    code: ClassVar[str] = "account_not_found"
    account_id: str


@dataclass
class TransferNotFound(NotFound):
    code: ClassVar[str] = "transfer_not_found"
    transfer_id: str


@dataclass
class CardNotFound(NotFound):
    code: ClassVar[str] = "card_not_found"
    card_id: int


@dataclass
class AuthorizationNotFound(NotFound):
    code: ClassVar[str] = "authorization_not_found"
    request_id: int


@dataclass
class HoldNotFound(NotFound):
    code: ClassVar[str] = "hold_not_found"
    hold_id: int


@dataclass
class LimitOverrideNotFound(NotFound):
    code: ClassVar[str] = "limit_override_not_found"
    override_id: int


@dataclass
class WebhookNotFound(NotFound):
    code: ClassVar[str] = "webhook_not_found"
    webhook_id: str


@dataclass
class DeliveryNotFound(NotFound):
    code: ClassVar[str] = "delivery_not_found"
    delivery_id: str


@dataclass
class ClientNotFound(NotFound):
    code: ClassVar[str] = "client_not_found"
    client_id: str


@dataclass
class UserNotFound(NotFound):
    code: ClassVar[str] = "user_not_found"
    user_id: str


@dataclass
class PasswordResetNotFound(NotFound):
    """No such token, or it was used or has expired."""

    code: ClassVar[str] = "password_reset_not_found"


@dataclass
class TransactionNotFound(NotFound):
    code: ClassVar[str] = "transaction_not_found"
    transaction_id: str


@dataclass
class UnknownAccountCode(NotFound):
    code: ClassVar[str] = "unknown_account_code"
    account_code: str


@dataclass
class AccountRefusal(DomainError):
    """An account's own state forbids it."""


@dataclass
class AccountExists(AccountRefusal):
    code: ClassVar[str] = "account_exists"
    account_id: str


@dataclass
class AccountFrozen(AccountRefusal):
    code: ClassVar[str] = "account_frozen"
    account_id: str


@dataclass
class AccountClosed(AccountRefusal):
    code: ClassVar[str] = "account_closed"
    account_id: str


@dataclass
class AccountHasBalance(AccountRefusal):
    code: ClassVar[str] = "account_has_balance"
    account_id: str


@dataclass
class AccountHasHolds(AccountRefusal):
    code: ClassVar[str] = "account_has_holds"
    account_id: str


@dataclass
class InsufficientFunds(AccountRefusal):
    code: ClassVar[str] = "insufficient_funds"
    available: int
    required: int
    fee: int
    currency: str


@dataclass
class HoldExceeded(AccountRefusal):
    code: ClassVar[str] = "hold_exceeded"
    held: int
    requested: int


@dataclass
class TransactionRefusal(DomainError):
    """A transaction's terms, or what became of it, forbid it."""


@dataclass
class CurrencyDiffers(TransactionRefusal):
    """`currency` is that of the account which the transaction cannot be posted to."""

    code: ClassVar[str] = "currency_differs"
    account_id: str
    currency: str


@dataclass
class BalanceTooLarge(TransactionRefusal):
    code: ClassVar[str] = "balance_too_large"
    account_id: str


@dataclass
class PeriodIsClosed(TransactionRefusal):
    """Everything up to the end of the month `closed_through` is closed."""

    code: ClassVar[str] = "period_is_closed"
    closed_through: str


@dataclass
class AlreadyReversed(TransactionRefusal):
    code: ClassVar[str] = "already_reversed"
    transaction_id: str


@dataclass
class TransactionNotReversible(TransactionRefusal):
    code: ClassVar[str] = "transaction_not_reversible"
    transaction_id: str


@dataclass
class PeriodNotOver(DomainError):
    code: ClassVar[str] = "period_not_over"
    period: str


@dataclass
class InvalidValue(DomainError):
    """What a request gives as `field` cannot be: only the ledger could tell. `constraint` says what it
    breaks."""

    code: ClassVar[str] = "invalid_value"
    field: str
    constraint: str


@dataclass
class TransferRefusal(DomainError):
    """A transfer's parties or status forbid it."""


@dataclass
class InvalidFromAccount(TransferRefusal):
    code: ClassVar[str] = "invalid_from_account"


@dataclass
class InvalidToAccount(TransferRefusal):
    code: ClassVar[str] = "invalid_to_account"


@dataclass
class SameAccount(TransferRefusal):
    code: ClassVar[str] = "same_account"


@dataclass
class TransferNotCancellable(TransferRefusal):
    code: ClassVar[str] = "transfer_not_cancellable"
    status: str


@dataclass
class NotAwaitingMfa(TransferRefusal):
    code: ClassVar[str] = "not_awaiting_mfa"
    status: str


@dataclass
class InvalidMfaCode(TransferRefusal):
    code: ClassVar[str] = "invalid_mfa_code"
    attempts: int


@dataclass
class TransferNotSettled(TransferRefusal):
    code: ClassVar[str] = "transfer_not_settled"
    status: str


@dataclass
class CardRefusal(DomainError):
    """A card's, an authorization's or a card hold's state forbids it."""


@dataclass
class CardExists(CardRefusal):
    """A card with that number (its hash) was issued before."""

    code: ClassVar[str] = "card_exists"


@dataclass
class InvalidCardLimits(CardRefusal):
    """`limit` names the one that is out of order (`dailyLimit`, `channelLimits.ATM.dailyLimit`),
    `constraint` says in words what it breaks."""

    code: ClassVar[str] = "invalid_card_limits"
    limit: str
    constraint: str


@dataclass
class OverrideExpiresTooEarly(CardRefusal):
    code: ClassVar[str] = "override_expires_too_early"


@dataclass
class AuthorizationNotReversible(CardRefusal):
    """`status` is the decision that stands, or the state of its hold."""

    code: ClassVar[str] = "authorization_not_reversible"
    status: str


@dataclass
class NotAwaitingChallenge(CardRefusal):
    code: ClassVar[str] = "not_awaiting_challenge"
    decision: str


@dataclass
class HoldNotActive(CardRefusal):
    code: ClassVar[str] = "hold_not_active"
    status: str


@dataclass
class CaptureCurrencyMismatch(CardRefusal):
    code: ClassVar[str] = "capture_currency_mismatch"
    currency: str


@dataclass
class CaptureExceedsHold(CardRefusal):
    """`left` in minor units of `currency` is what of the hold can still be captured."""

    code: ClassVar[str] = "capture_exceeds_hold"
    left: int
    currency: str


@dataclass
class LimitRefusal(DomainError):
    """An allowance has no room for it."""


@dataclass
class TransactionLimitExceeded(LimitRefusal):
    code: ClassVar[str] = "transaction_limit_exceeded"
    limit: int


@dataclass
class DailyCountExceeded(LimitRefusal):
    code: ClassVar[str] = "daily_count_exceeded"
    limit: int
    count: int


@dataclass
class DailyAmountExceeded(LimitRefusal):
    code: ClassVar[str] = "daily_amount_exceeded"
    limit: int
    used: int


@dataclass
class SavingsLimitExceeded(LimitRefusal):
    code: ClassVar[str] = "savings_limit_exceeded"
    limit: int
    count: int


@dataclass
class UserRefusal(DomainError):
    """What a user is or has forbids it."""


@dataclass
class EmailExists(UserRefusal):
    """Another user has the e-mail address, whatever its case."""

    code: ClassVar[str] = "email_exists"


@dataclass
class UserErased(UserRefusal):
    code: ClassVar[str] = "user_erased"
    user_id: str


@dataclass
class MfaAlreadyEnabled(UserRefusal):
    code: ClassVar[str] = "mfa_already_enabled"
    user_id: str


@dataclass
class MfaNotEnrolled(UserRefusal):
    """There is no second factor to confirm, or none that is not confirmed already."""

    code: ClassVar[str] = "mfa_not_enrolled"
    user_id: str


@dataclass
class DeliveryNotDeadLettered(DomainError):
    """Only what was given up can be sent again."""

    code: ClassVar[str] = "delivery_not_dead_lettered"
    status: str


@dataclass
class ClientExists(DomainError):
    code: ClassVar[str] = "client_exists"
    client_id: str


@dataclass
class InvalidClientSettings(DomainError):
    """What is asked for does not go with the client's other settings."""

    code: ClassVar[str] = "invalid_client_settings"
    field: str


@dataclass
class IdempotencyConflict(DomainError):
    """The key was used before for something else."""

    code: ClassVar[str] = "idempotency_conflict"


@dataclass
class AccountCodeTaken(DomainError):
    code: ClassVar[str] = "account_code_taken"
    account_code: str


def _leaves(error: type[DomainError]) -> list[type[DomainError]]:
    return [leaf for child in error.__subclasses__() for leaf in _leaves(child)] or [error]


BY_CODE: Mapping[str, type[DomainError]] = {error.code: error for error in _leaves(DomainError)}


def restore(code: str, facts: Mapping[str, Fact]) -> DomainError:
    """The refusal that was recorded as `code` and `facts`."""
    return BY_CODE[code](**facts)
