"""Messages about accounts and users: the documented members in their order, and no personal data."""

import json
from typing import Any

import pytest

from domain.accounts import (
    AccountCredited,
    AccountFroze,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    NicknameChanged,
    OverdraftLimitChanged,
)
from domain.events import Event
from domain.money import Money
from domain.users import UserErased, UserRegistered, UserUpdated
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
