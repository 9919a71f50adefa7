"""Announcements: which public events a fact stands for, in which order, under which id."""

from typing import Any

import pytest

from domain import accounts, transactions, transfers, users, webhooks
from domain.announcements import ANNOUNCES, Announcement, announced_by, event_id
from domain.events import Event
from tests.contracts.event_examples import bare, full
from tests.projections.outbox_model import created

STREAM = "transfer-tx_1"


def told(event: Event) -> list[str]:
    return [each.event_type for each in announced_by(STREAM, event)]


def test_a_created_transfer_is_created_and_then_pending() -> None:
    assert told(created(1)) == ["transfer.created", "transfer.pending"]


def test_one_that_needs_a_second_factor_is_pending_when_it_was_given() -> None:
    assert told(created(1, awaits_mfa=True)) == ["transfer.created"]
    assert told(transfers.MfaVerified()) == ["transfer.pending"]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (transfers.ProcessingStarted(), "transfer.processing"),
        (transfers.TransferSettled(), "transfer.settled"),
        (transfers.TransferFailed("why"), "transfer.failed"),
        (transfers.TransferCancelled("requested"), "transfer.cancelled"),
        (transfers.TransferReversed(), "transfer.reversed"),
    ],
)
def test_each_step_is_told(event: Event, expected: str) -> None:
    assert announced_by(STREAM, event) == (Announcement(webhooks.BACK_OFFICE, expected, STREAM),)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (accounts.AccountOpened, "account.created"),
        (accounts.OverdraftLimitChanged, "account.updated"),
        (accounts.AccountFroze, "account.updated"),
        (accounts.AccountUnfroze, "account.updated"),
        (accounts.AccountWasClosed, "account.closed"),
        (accounts.NicknameChanged, "account.updated"),
        (transactions.TransactionPosted, "transaction.created"),
        (transactions.TransactionFailed, "transaction.failed"),
        (users.UserRegistered, "user.created"),
        (users.UserUpdated, "user.updated"),
        (users.UserErased, "user.updated"),
    ],
)
def test_what_happens_to_accounts_transactions_and_users_is_told(kind: type[Event], expected: str) -> None:
    """In order per account, transaction or user."""
    assert announced_by("account-1", full(kind).data) == (
        Announcement(webhooks.BACK_OFFICE, expected, "account-1"),
    )


@pytest.mark.parametrize(
    "kind",
    [
        accounts.AccountNumberedForCards,
        accounts.AccountCredited,
        accounts.AccountDebited,
        accounts.HoldPlaced,
        accounts.HoldReleased,
        accounts.HoldCaptured,
        transactions.TransactionReversed,
        users.PasswordResetRequested,
        users.PasswordSet,
        users.MfaEnrolled,
        users.MfaConfirmed,
        users.MfaRemoved,
    ],
)
def test_what_money_does_and_what_is_secret_is_no_news_of_an_account_or_a_user(kind: type[Event]) -> None:
    assert announced_by("account-1", full(kind).data) == ()


def test_who_cannot_be_looked_at_is_not_announced() -> None:
    """Somebody's customer without an e-mail address is no user of the back office."""
    assert announced_by("user-1", full(users.UserRegistered).data)
    assert announced_by("user-1", users.UserRegistered("user_1", "customer", "USA")) == ()


@pytest.mark.parametrize("event", [transfers.MfaFailed(), transfers.MfaDeclined("code", {})])
def test_other_facts_announce_nothing(event: Event) -> None:
    assert announced_by(STREAM, event) == ()


@pytest.mark.parametrize("kind", ANNOUNCES, ids=lambda kind: kind.TOPIC)
def test_whatever_is_announced_can_be_subscribed_to_and_no_type_comes_twice(kind: type[Event]) -> None:
    for example in (full(kind), bare(kind)):
        event: Any = example.data
        announced = announced_by(f"{kind.TOPIC.partition('.')[0]}-1", event)
        assert all(each.event_type in webhooks.EVENT_TYPES[each.surface] for each in announced)
        assert len({(each.surface, each.event_type) for each in announced}) == len(announced)


def test_an_events_id_is_its_own_and_stays() -> None:
    assert event_id(STREAM, 1, "transfer.created") == "evt_91f332f34efcfb9b157c"
    assert len({event_id(STREAM, version, kind) for version in (1, 2) for kind in ("a", "b")}) == 4
