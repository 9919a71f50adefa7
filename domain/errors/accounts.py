"""What an account's own state, or the chart of accounts, forbids."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import AccountRefusal, DomainError


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
class AccountCodeTaken(DomainError):
    code: ClassVar[str] = "account_code_taken"
    account_code: str
