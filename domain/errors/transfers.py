"""What transfers are refused for, their limits included."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import LimitRefusal, TransferRefusal


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
