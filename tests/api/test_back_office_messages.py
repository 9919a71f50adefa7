"""Messages about accounts, transactions and users: the documented members in order, and no personal data."""

import json
from datetime import date
from typing import Any

import pytest

from api.back_office.webhook_messages import DATA
from domain.accounts import (
    AccountCredited,
    AccountFroze,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    NicknameChanged,
    OverdraftLimitChanged,
)
from domain.errors import InsufficientFunds
from domain.events import Event
from domain.money import Money
from domain.transactions import Terms, TransactionFailed, TransactionPosted
from domain.users import UserErased, UserRegistered, UserUpdated
from domain.webhooks import BACK_OFFICE, EVENT_TYPES
from tests.api.test_webhook_messages import MESSAGES, compose, history
from tests.contracts.event_examples import LATER

OPENED = AccountOpened("acct_1", "1000000999", "user_1", "checking", "USD", nickname="Rainy days")
REGISTERED = UserRegistered("user_1", "teller", "USA", "sealed", "sealed", "sealed", LATER)
CREDITED = AccountCredited(Money(100, "USD"), "1000-CASH", "deposit", "txn_1", 100, 0)


@pytest.mark.parametrize(
    ("event_type", "event", "status"),
    [
        ("account.created", OPENED, "active"),
        ("account.updated", AccountFroze("why"), "frozen"),
        ("account.updated", AccountUnfroze(), "active"),
        ("account.updated", OverdraftLimitChanged(5_000, "frozen"), "frozen"),
        ("account.updated", OverdraftLimitChanged(5_000, "active"), "active"),
        ("account.updated", OverdraftLimitChanged(5_000), "active"),
        ("account.updated", NicknameChanged("Rainy days", "frozen"), "frozen"),
        ("account.closed", AccountWasClosed("why"), "closed"),
    ],
)
def test_an_accounts_message_is_as_documented(event_type: str, event: Event, status: str) -> None:
    """The event, its data, its time, and last the signature; of the account neither number nor nickname."""
    facts = [event] if event is OPENED else [OPENED, CREDITED, event]
    message = compose(event_type, history(*facts))
    signature = json.loads(message.body)["signature"]
    assert message.body.decode() == (
        f'{{"event":"{event_type}",'
        f'"data":{{"account_id":"acct_1","account_type":"checking","customer_id":"user_1","status":"{status}"}},'
        f'"timestamp":"2025-10-21T14:30:00Z","signature":"{signature}"}}'
    )


def test_what_is_told_takes_the_first_fact_and_the_last() -> None:
    """However many there were between: a long history need not be read."""
    long = history(OPENED, *[CREDITED] * 5, AccountFroze())
    assert compose("account.updated", long).body == compose("account.updated", [long[0], long[-1]]).body


TERMS = Terms("transfer", "debit", "acct_1", Money(12_550, "USD"), date(2025, 10, 21), "acct_2", "Rent")
WITHDRAWAL = Terms("withdrawal", "debit", "acct_1", Money(500, "JPY"), date(2025, 10, 21))
REFUSED = InsufficientFunds(100, 500, 0, "JPY")


@pytest.mark.parametrize(
    ("event_type", "event", "data"),
    [
        (
            "transaction.created",
            TransactionPosted("txn_1", TERMS, LATER),
            '"type":"transfer","account_id":"acct_1","to_account_id":"acct_2","amount":125.50,"currency":"USD",'
            '"status":"completed","reason":null',
        ),
        (
            "transaction.failed",
            TransactionFailed("txn_1", WITHDRAWAL, LATER, REFUSED.code, REFUSED.facts(), 100, 0, 0),
            '"type":"withdrawal","account_id":"acct_1","to_account_id":null,"amount":500,"currency":"JPY",'
            '"status":"failed","reason":"INSUFFICIENT_FUNDS"',
        ),
    ],
)
def test_a_transactions_message_is_as_documented(event_type: str, event: Event, data: str) -> None:
    """Amounts with their currency's digits; why one failed as the code of its answer."""
    body = compose(event_type, history(event)).body.decode()
    assert f'"data":{{"transaction_id":"txn_1",{data}}},' in body


def test_every_event_that_can_be_subscribed_to_has_its_message() -> None:
    assert set(EVENT_TYPES[BACK_OFFICE]) == set(DATA)


@pytest.mark.parametrize(
    ("event_type", "event", "role", "status"),
    [
        ("user.created", REGISTERED, "teller", "active"),
        (
            "user.updated",
            UserUpdated("finance", "inactive", LATER, "sealed", "sealed"),
            "finance",
            "inactive",
        ),
        ("user.updated", UserErased("finance", LATER), "finance", "erased"),
    ],
)
def test_a_users_message_is_as_documented(event_type: str, event: Event, role: str, status: str) -> None:
    """Of the person nothing, not even sealed."""
    facts = history(event) if event is REGISTERED else history(REGISTERED, event)
    message = compose(event_type, facts)
    data: dict[str, Any] = json.loads(message.body)["data"]
    assert list(data.items()) == [("user_id", "user_1"), ("role", role), ("status", status)]
    assert b"sealed" not in message.body
    assert MESSAGES.data("back_office", event_type, facts) == data
