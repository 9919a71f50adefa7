"""Accounts: what may happen to them, what is refused, and which refusal comes first."""

from typing import Any

import pytest

from domain import accounts, errors
from domain.accounts import (
    Account,
    AccountCredited,
    AccountDebited,
    AccountFroze,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    OverdraftLimitChanged,
)
from domain.money import Money
from tests.domain.story import fold, subject

given = subject(accounts.evolve)

OPENED = AccountOpened("a", "0000000001", "ann", "checking", "USD")
OVERDRAFT = AccountOpened("a", "0000000001", "ann", "checking", "USD", overdraft_limit=50)
FROZEN, CLOSED = AccountFroze("court order"), AccountWasClosed("asked for")
TERMS = {"contra": "1000-CASH", "kind": "cash", "reference": "ref"}
HOLD = {"hold_id": "h", "reference": "tx"}


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def credited(posted: int, held: int = 0, minor: int = 100) -> AccountCredited:
    return AccountCredited(usd(minor), "1000-CASH", "cash", "ref", posted, held)


def debited(posted: int, held: int = 0, minor: int = 100) -> AccountDebited:
    return AccountDebited(usd(minor), "1000-CASH", "cash", "ref", posted, held)


def held(total: int, posted: int = 100, minor: int = 60) -> HoldPlaced:
    return HoldPlaced("h", usd(minor), "tx", posted, total)


def short(available: int, required: int, fee: int = 0) -> errors.InsufficientFunds:
    return errors.InsufficientFunds(available, required, fee, "USD")


def test_an_account_is_opened_once() -> None:
    given().when(accounts.open_account, OPENED).then(OPENED)
    given(OPENED).when(accounts.open_account, OPENED).refused(errors.AccountExists("a"))
    given(OPENED, CLOSED).when(accounts.open_account, OPENED).refused(errors.AccountExists("a"))


def test_a_credit_says_the_totals_after_it() -> None:
    given(OPENED).when(accounts.credit, usd(100), **TERMS).then(credited(100))
    given(OPENED, credited(100), held(60)).when(accounts.credit, usd(100), **TERMS).then(credited(200, 60))


def test_a_frozen_account_takes_credits_and_a_closed_one_takes_nothing() -> None:
    given(OPENED, FROZEN).when(accounts.credit, usd(100), **TERMS).then(credited(100))
    given(OPENED, CLOSED).when(accounts.credit, usd(1), **TERMS).refused(errors.AccountClosed("a"))


def test_a_debit_takes_what_is_available_and_no_more() -> None:
    given(OPENED, credited(100)).when(accounts.debit, usd(100), **TERMS).then(debited(0))
    given(OPENED, credited(100)).when(accounts.debit, usd(101), **TERMS).refused(short(100, 101))
    given(OPENED).when(accounts.debit, usd(1), **TERMS).refused(short(0, 1))


def test_what_is_held_is_not_available() -> None:
    history = (OPENED, credited(100), held(60))
    given(*history).when(accounts.debit, usd(40), **TERMS).then(debited(60, 60, 40))
    given(*history).when(accounts.debit, usd(41), **TERMS).refused(short(40, 41))
    given(*history).when(accounts.place_hold, usd(41), **HOLD).refused(short(40, 41))


def test_an_overdraft_limit_is_available_too() -> None:
    given(OVERDRAFT).when(accounts.debit, usd(50), **TERMS).then(debited(-50, 0, 50))
    given(OVERDRAFT).when(accounts.debit, usd(51), **TERMS).refused(short(50, 51))
    given(OVERDRAFT).when(accounts.place_hold, usd(50), **HOLD).then(held(50, 0, 50))


def test_an_overdraft_limit_that_was_lowered_counts_from_then_on() -> None:
    lowered = OverdraftLimitChanged(10, "active")
    given(OVERDRAFT).when(accounts.change_overdraft_limit, 10).then(lowered)
    given(OVERDRAFT, lowered).when(accounts.debit, usd(11), **TERMS).refused(short(10, 11))
    overdrawn = (OVERDRAFT, debited(-50, 0, 50), lowered)
    given(*overdrawn).when(accounts.debit, usd(1), **TERMS).refused(short(-40, 1))


def test_a_hold_sets_money_aside_and_its_refusal_explains_the_fee() -> None:
    given(OPENED, credited(100)).when(accounts.place_hold, usd(60), **HOLD).then(held(60))
    given(OPENED, credited(100)).when(accounts.place_hold, usd(101), fee=2, **HOLD).refused(
        short(100, 101, 2)
    )


@pytest.mark.parametrize(
    ("last", "refusal"),
    [(FROZEN, errors.AccountFrozen("a")), (CLOSED, errors.AccountClosed("a"))],
)
def test_the_status_is_refused_before_the_balance(last: Any, refusal: errors.DomainError) -> None:
    given(OPENED, last).when(accounts.debit, usd(1), **TERMS).refused(refusal)
    given(OPENED, last).when(accounts.place_hold, usd(1), **HOLD).refused(refusal)


def test_a_hold_is_released_or_captured_up_to_what_is_held() -> None:
    history = (OPENED, credited(100), held(60))
    given(*history).when(accounts.release_hold, usd(60), **HOLD).then(
        HoldReleased("h", usd(60), "tx", 100, 0)
    )
    given(*history).when(accounts.capture_hold, usd(60), **HOLD).then(
        HoldCaptured("h", usd(60), "tx", 100, 0)
    )
    for decision in (accounts.release_hold, accounts.capture_hold):
        given(*history).when(decision, usd(61), **HOLD).refused(errors.HoldExceeded(60, 61))


def test_what_a_hold_promised_is_taken_also_from_a_frozen_account() -> None:
    history = (OPENED, credited(100), held(100, minor=100), FROZEN)
    captured = HoldCaptured("h", usd(100), "tx", 100, 0)
    given(*history).when(accounts.capture_hold, usd(100), **HOLD).then(captured)
    given(*history, captured).when(accounts.debit_captured, usd(100), **TERMS).then(debited(0))
    given(*history).when(accounts.release_hold, usd(100), **HOLD).then(
        HoldReleased("h", usd(100), "tx", 100, 0)
    )


def test_freezing_and_unfreezing() -> None:
    given(OPENED).when(accounts.freeze, "court order").then(FROZEN)
    given(OPENED, FROZEN).when(accounts.unfreeze, "over").then(AccountUnfroze("over"))
    given(OPENED, credited(100), FROZEN, AccountUnfroze()).when(accounts.debit, usd(100), **TERMS).then(
        debited(0)
    )


def test_closing_wants_an_empty_account_and_says_first_what_is_in_it() -> None:
    given(OPENED).when(accounts.close, "asked for").then(CLOSED)
    given(OPENED, FROZEN).when(accounts.close, "asked for").then(CLOSED)
    given(OPENED, credited(100)).when(accounts.close, "").refused(errors.AccountHasBalance("a"))
    given(OPENED, credited(100), held(60)).when(accounts.close, "").refused(errors.AccountHasBalance("a"))
    given(OVERDRAFT, debited(-50, 0, 50)).when(accounts.close, "").refused(errors.AccountHasBalance("a"))
    given(OVERDRAFT, held(50, 0, 50)).when(accounts.close, "").refused(errors.AccountHasHolds("a"))


def test_nothing_happens_to_a_closed_account() -> None:
    refusal = errors.AccountClosed("a")
    for decision, argument in (
        (accounts.freeze, ""),
        (accounts.unfreeze, ""),
        (accounts.close, ""),
        (accounts.change_overdraft_limit, 1),
    ):
        given(OPENED, CLOSED).when(decision, argument).refused(refusal)


def test_the_state_is_what_the_last_totals_say() -> None:
    state: Account = fold(accounts.evolve, OVERDRAFT, credited(100), held(60), FROZEN)
    assert state == Account("a", "0000000001", "ann", "checking", "USD", 100, 60, 50, "frozen")
    assert state.available == 90


def test_decisions_change_nothing_they_were_given() -> None:
    state: Account = fold(accounts.evolve, OPENED, credited(100))
    accounts.debit(state, usd(10), contra="1000-CASH", kind="cash", reference="ref")
    assert state.posted == 100
