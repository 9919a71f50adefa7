"""What the back office's postings are refused for."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import DomainError, TransactionRefusal


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
