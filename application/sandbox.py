"""The sandbox's fixtures, made by ordinary commands, so that its books balance from the first event."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from application.accounts import ChangeStatus, OpenAccount, Post, change_status, open_account, post
from application.cards import ChangeCardStatus, IssueCard, change_card_status, issue_card
from application.decision import Command, Handler
from application.idempotency import RequestKey
from application.users import RegisterUser, register_user
from domain.accounts import AccountOpened
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits, ChannelLimits
from domain.chart_of_accounts import CASH
from domain.money import Money
from domain.requests import identity
from domain.users import UserRegistered

CURRENCY = "USD"
CARD_ACCOUNT_SPACE_ID = 654987321
FAILING_ROUTING_NUMBERS = frozenset({"999999999"})

# Published in the documentation, like all that is here: it opens nothing but a sandbox.
PASSWORD = "sandbox-password"
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$ZihZ7rObNVgCltl/Bl8chw$vGbIb/XEMPeh7r1kclFXO1wbmjd2BB+aNcRqRMayVOA"
)


class FixtureUser(NamedTuple):
    registered: UserRegistered
    name: str
    email: str
    phone: str


def _user(user_id: str, role: str, name: str, email: str, phone: str) -> FixtureUser:
    return FixtureUser(UserRegistered(user_id, role, "USA"), name, email, phone)


# Whoever registers them seals what tells who they are.
ADMINISTERED_USERS = (
    _user("user_demo", "customer", "Demo Customer", "demo@example.com", "+15551234567"),
    _user("user_other", "customer", "Other Customer", "other@example.com", "+15551234568"),
    _user("user_teller", "teller", "Tara Teller", "teller@example.com", "+15551234569"),
)
_USERS = (
    UserRegistered("CUST123456", "customer", "USA"),
    UserRegistered("cardholder_789123456", "customer", "USA"),
    UserRegistered("cardholder_789123457", "customer", "USA"),
)


class _Fixture(NamedTuple):
    """An account with its opening balance in minor units and its final status."""

    opened: AccountOpened
    balance: int
    status: Literal["active", "frozen", "closed"] = "active"


def _account(account_id: str, number: str, owner: str, account_type: str = "checking") -> AccountOpened:
    return AccountOpened(account_id, number, owner, account_type, CURRENCY)


def _card_account(card_account_id: int, owner: str) -> AccountOpened:
    number = f"{card_account_id:010}"
    return AccountOpened(
        f"acct_{number}",
        number,
        owner,
        "checking",
        CURRENCY,
        card_account_id=card_account_id,
        card_account_space_id=CARD_ACCOUNT_SPACE_ID,
    )


_ACCOUNTS = (
    _Fixture(_account("test_checking_123", "1000000123", "user_demo"), 10_000_00),
    _Fixture(_account("test_savings_456", "1000000456", "user_demo", "savings"), 5_000_00),
    _Fixture(_account("test_checking_other", "1000000789", "user_other"), 500_00),
    _Fixture(_account("acct_1234567890", "1234567890", "CUST123456"), 150_000_00),
    _Fixture(_account("acct_1234567891", "1234567891", "CUST123456"), 1_000_00, "frozen"),
    _Fixture(_account("acct_1234567892", "1234567892", "CUST123456"), 0, "closed"),
    _Fixture(_account("acct_9876543210", "9876543210", "stablecoin_buy_orders", "escrow"), 0),
    _Fixture(_card_account(321654987, "cardholder_789123456"), 10_000_00),
    _Fixture(_card_account(321654988, "cardholder_789123457"), 50_00),
)


_CARD_LIMITS = CardLimits(
    transaction=2_000_00,
    daily=5_000_00,
    monthly=20_000_00,
    channels={
        "ATM": ChannelLimits(500_00, 1_000_00),
        "E_COMMERCE": ChannelLimits(1_000_00, 3_000_00),
        "POS": ChannelLimits(2_000_00, 5_000_00),
    },
)


def _card(
    card_id: int, card_account_id: int, pan_hash: str, masked_pan: str, expiry: str = "12/35"
) -> IssueCard:
    return IssueCard(
        card_id,
        str(card_account_id),
        card_account_id,
        of_pan_hash(pan_hash),
        masked_pan,
        expiry,
        _CARD_LIMITS,
        key=RequestKey(identity("fixture", str(card_id)), identity(pan_hash)),
    )


_CARDS = (
    _card(789123456, 321654987, "a1b2c3d4e5f6g7h8i9j0", "411111******1111", "12/25"),
    _card(789123457, 321654988, "sandbox-low-funds", "411111******1112"),
    _card(789123458, 321654987, "sandbox-blocked", "411111******1113"),
    _card(789123459, 321654987, "sandbox-long", "411111******1114"),
)
_BLOCKED_CARD_ID = 789123458


def fixtures() -> Iterator[tuple[Handler[Any, Any], Command]]:
    """Handlers and commands, in the order in which they must run, after the users that are administered.
    AccountExists means that it ran before."""
    for user in _USERS:
        yield register_user, RegisterUser(user)
    for opened, balance, status in _ACCOUNTS:
        yield open_account, OpenAccount(opened)
        if balance:
            yield post, _opening_deposit(opened.account_id, balance)
        if status != "active":
            yield change_status, ChangeStatus(opened.account_id, status, "fixture")
    for card in _CARDS:
        yield issue_card, card
    yield change_card_status, ChangeCardStatus(_BLOCKED_CARD_ID, "BLOCKED", "fixture")


def _opening_deposit(account_id: str, balance: int) -> Post:
    return Post(
        account_id=account_id,
        direction="credit",
        amount=Money(balance, CURRENCY),
        contra=CASH,
        kind="deposit",
        posting_id=f"fixture-{account_id}",
        description="Opening deposit",
        key=RequestKey(identity("fixture", account_id), identity(str(balance))),
    )
