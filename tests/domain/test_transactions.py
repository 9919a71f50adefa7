"""Transactions: what each type does to its accounts, and what undoes it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain import errors, transactions
from domain.money import Money
from domain.transactions import (
    Leg,
    Terms,
    Transaction,
    TransactionFailed,
    TransactionPosted,
    TransactionReversed,
)
from tests.domain.story import fold

AT, DAY, LATER = datetime(2025, 10, 20, tzinfo=UTC), date(2025, 10, 20), date(2025, 10, 21)
AMOUNT = Money(100, "USD")


def terms(kind: Any = "deposit", direction: Any = None, to: str | None = None, **changes: Any) -> Terms:
    return Terms(kind, transactions.direction_of(kind, direction), "a", AMOUNT, DAY, to, **changes)


def transaction(asked: Terms) -> Transaction:
    posted: Transaction = fold(transactions.evolve, TransactionPosted("txn_1", asked, AT))
    return posted


@pytest.mark.parametrize(
    ("kind", "direction", "leg"),
    [
        ("deposit", None, Leg("a", "credit", "1000-CASH")),
        ("withdrawal", None, Leg("a", "debit", "1000-CASH")),
        ("fee", None, Leg("a", "debit", "4500-FEE-REVENUE")),
        ("interest", None, Leg("a", "credit", "5000-INTEREST-EXPENSE")),
        ("adjustment", None, Leg("a", "credit", "5900-ADJUSTMENTS")),
        ("adjustment", "debit", Leg("a", "debit", "5900-ADJUSTMENTS")),
    ],
)
def test_each_type_has_its_contra_account(kind: str, direction: str | None, leg: Leg) -> None:
    assert transactions.legs(terms(kind, direction)) == (leg,)


def test_a_transfer_takes_before_it_gives() -> None:
    assert transactions.legs(terms("transfer", to="b")) == (
        Leg("a", "debit", "2310-TRANSFER-CLEARING"),
        Leg("b", "credit", "2310-TRANSFER-CLEARING"),
    )


@pytest.mark.parametrize("kind", transactions.TYPES)
@pytest.mark.parametrize("direction", transactions.DIRECTIONS)
def test_a_reversal_undoes_every_leg(kind: Any, direction: Any) -> None:
    """On the same account, against the same account of the chart, the other way."""
    original = terms(kind, direction, "b" if kind == "transfer" else None)
    back = transactions.reverse(transaction(original), LATER, "twice")
    opposite = {"credit": "debit", "debit": "credit"}
    done = {(leg.account_id, opposite[leg.direction], leg.contra) for leg in transactions.legs(original)}
    assert {tuple(leg) for leg in transactions.legs(back)} == done
    assert (back.amount, back.effective_date) == (AMOUNT, LATER)
    assert (back.reversal_of, back.description) == ("txn_1", "twice")


def test_a_reversal_is_called_what_it_does() -> None:
    assert transactions.reverse(transaction(terms("deposit")), LATER, "").type == "withdrawal"
    assert transactions.reverse(transaction(terms("withdrawal")), LATER, "").type == "deposit"
    for kind in ("fee", "interest", "adjustment"):
        assert transactions.reverse(transaction(terms(kind)), LATER, "").type == kind


def test_what_was_reversed_or_reverses_cannot_be_reversed() -> None:
    posted = TransactionPosted("txn_1", terms(), AT)
    reversed_once: Transaction = fold(transactions.evolve, posted, TransactionReversed("txn_2"))
    assert reversed_once.reversed_by == "txn_2"
    reversal = transaction(terms(reversal_of="txn_0"))
    for refused in (reversed_once, reversal):
        with pytest.raises(errors.AlreadyReversed):
            transactions.reverse(refused, LATER, "")


def test_what_failed_cannot_be_reversed() -> None:
    failed = TransactionFailed("txn_1", terms(), AT, "account_closed", {"account_id": "a"}, 0, 0, 0)
    state: Transaction = fold(transactions.evolve, failed)
    assert state.status == "failed"
    with pytest.raises(errors.TransactionNotReversible):
        transactions.reverse(state, LATER, "")


@pytest.mark.parametrize(("currency", "digits"), [("USD", 17), ("JPY", 15), ("USDC", 21)])
def test_a_balance_has_no_more_integer_digits_than_an_amount_can_have(currency: str, digits: int) -> None:
    for posted in (10**digits - 1, 1 - 10**digits, 0):
        transactions.refuse_too_large("a", posted, currency)
    for posted in (10**digits, -(10**digits)):
        with pytest.raises(errors.BalanceTooLarge):
            transactions.refuse_too_large("a", posted, currency)


def test_a_transaction_needs_two_different_accounts() -> None:
    transactions.refuse_same_account("a", None)
    transactions.refuse_same_account("a", "b")
    with pytest.raises(errors.SameAccount):
        transactions.refuse_same_account("a", "a")
