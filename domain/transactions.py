"""A transaction of the back office: money moved at once, on one account or between two, and its reversal.

    posted ──> reversed (by another transaction, which cannot be reversed itself)
    failed

Each leg of it is a posting on an account; what kind of transaction it is says against which account of the
chart.
"""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple, assert_never

import msgspec

from domain import errors
from domain.chart_of_accounts import (
    ADJUSTMENTS,
    CASH,
    FEE_REVENUE,
    INTEREST_EXPENSE,
    TRANSFER_CLEARING,
)
from domain.events import Event
from domain.money import Money, minor_digits

TransactionType = Literal["deposit", "withdrawal", "transfer", "fee", "interest", "adjustment"]
Direction = Literal["credit", "debit"]

DEPOSIT: Final = "deposit"
WITHDRAWAL: Final = "withdrawal"
TRANSFER: Final = "transfer"
FEE: Final = "fee"
INTEREST: Final = "interest"
ADJUSTMENT: Final = "adjustment"
TYPES: Final[tuple[TransactionType, ...]] = (DEPOSIT, WITHDRAWAL, TRANSFER, FEE, INTEREST, ADJUSTMENT)

CREDIT: Final = "credit"
DEBIT: Final = "debit"
DIRECTIONS: Final[tuple[Direction, ...]] = (CREDIT, DEBIT)

COMPLETED, FAILED = "completed", "failed"
REVERSAL_KIND = "reversal"

_BALANCE_INTEGER_DIGITS_MAX = 15


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be posted. Accounts by their opaque ids; `direction` is what happens to `account_id`."""

    type: TransactionType
    direction: Direction
    account_id: str
    amount: Money
    effective_date: date
    to_account_id: str | None = None
    description: str = ""
    reversal_of: str | None = None


class TransactionPosted(Event, frozen=True):
    """Its postings are in the same group, on the accounts."""

    TOPIC = "transaction.posted"
    transaction_id: str
    terms: Terms
    created_at: datetime


class TransactionFailed(Event, frozen=True):
    """A request that was decided and refused, with what the decision saw of `account_id` (minor units)."""

    TOPIC = "transaction.failed"
    transaction_id: str
    terms: Terms
    created_at: datetime
    code: str
    facts: dict[str, int | str]
    posted: int
    held: int
    overdraft_limit: int


class TransactionReversed(Event, frozen=True):
    TOPIC = "transaction.reversed"
    reversed_by: str
    reason: str = ""


TransactionEvent = TransactionPosted | TransactionFailed | TransactionReversed


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    transaction_id: str
    terms: Terms
    created_at: datetime
    status: str = COMPLETED
    reversed_by: str | None = None


class Leg(NamedTuple):
    """One posting: what happens to a customer's account, against an account of the chart."""

    account_id: str
    direction: Direction
    contra: str


def stream(transaction_id: str) -> str:
    return f"transaction-{transaction_id}"


_CONTRA: dict[TransactionType, str] = {
    DEPOSIT: CASH,
    WITHDRAWAL: CASH,
    TRANSFER: TRANSFER_CLEARING,
    FEE: FEE_REVENUE,
    INTEREST: INTEREST_EXPENSE,
    ADJUSTMENT: ADJUSTMENTS,
}

_DIRECTION: dict[TransactionType, Direction] = {
    DEPOSIT: CREDIT,
    WITHDRAWAL: DEBIT,
    TRANSFER: DEBIT,
    FEE: DEBIT,
    INTEREST: CREDIT,
}


def direction_of(kind: TransactionType, wanted: Direction | None) -> Direction:
    """What it does to its account; only an adjustment can do either."""
    return _DIRECTION.get(kind, wanted or CREDIT)


def legs(terms: Terms) -> tuple[Leg, ...]:
    """The debit first: it is what may be refused."""
    own = Leg(terms.account_id, terms.direction, _CONTRA[terms.type])
    if terms.to_account_id is None:
        return (own,)
    return own, Leg(terms.to_account_id, CREDIT, TRANSFER_CLEARING)


def refuse_same_account(account_id: str, to_account_id: str | None) -> None:
    if account_id == to_account_id:
        raise errors.SameAccount


def refuse_too_large(account_id: str, posted: int, currency: str) -> None:
    """No balance may have more digits than an amount can be written with."""
    if abs(posted) >= 10 ** (_BALANCE_INTEGER_DIGITS_MAX + minor_digits(currency)):
        raise errors.BalanceTooLarge(account_id)


_OPPOSITE_TYPE: dict[TransactionType, TransactionType] = {DEPOSIT: WITHDRAWAL, WITHDRAWAL: DEPOSIT}


def reverse(transaction: Transaction, on: date, reason: str) -> Terms:
    """The terms of the transaction that undoes it, counting from the day `on`.

    A transfer goes back the other way; the opposite of a deposit is a withdrawal; a fee, interest or an
    adjustment stays what it is, in the other direction.
    """
    terms = transaction.terms
    if transaction.status != COMPLETED:
        raise errors.TransactionNotReversible(transaction.transaction_id)
    if transaction.reversed_by is not None or terms.reversal_of is not None:
        raise errors.AlreadyReversed(transaction.transaction_id)
    account_id, to_account_id, direction = terms.account_id, terms.to_account_id, terms.direction
    if to_account_id is not None:
        account_id, to_account_id = to_account_id, account_id
    else:
        direction = DEBIT if direction == CREDIT else CREDIT
    return Terms(
        _OPPOSITE_TYPE.get(terms.type, terms.type),
        direction,
        account_id,
        terms.amount,
        on,
        to_account_id,
        reason,
        transaction.transaction_id,
    )


def evolve(transaction: Transaction | None, event: TransactionEvent) -> Transaction:
    match event:
        case TransactionPosted():
            return Transaction(event.transaction_id, event.terms, event.created_at)
        case TransactionFailed():
            return Transaction(event.transaction_id, event.terms, event.created_at, FAILED)
    assert transaction is not None, "a transaction's first event posts it or says why not"
    match event:
        case TransactionReversed():
            return msgspec.structs.replace(transaction, reversed_by=event.reversed_by)
        case _:
            assert_never(event)
