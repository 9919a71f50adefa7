"""Accounts: opened, changed, frozen and closed."""

from datetime import datetime
from decimal import Decimal

from msgspec import Raw, Struct, field

from daybook_client.back_office.envelope import PREFIX, data_of, sorted_listing
from daybook_client.calls import Amount, Call, Listing, money, reading, writing

ACCOUNTS, ACCOUNT = f"{PREFIX}/accounts", f"{PREFIX}/accounts/{{accountId}}"
CLOSE = f"{ACCOUNT}/close"


class Account(Struct, kw_only=True):
    """`card_account_id` and `card_account_space_id` are what the card surface calls it."""

    id: str
    account_number: str
    customer_id: str
    account_type: str
    currency: str
    balance: Decimal
    available_balance: Decimal
    overdraft_limit: Decimal
    nickname: str | None
    status: str
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    card_account_id: int | None = field(name="accountId")
    card_account_space_id: int | None = field(name="accountSpaceId")


def list_accounts(
    *,
    customer_id: str | None = None,
    account_type: str | None = None,
    currency: str | None = None,
    status: str | None = None,
    sort: str | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> Listing[Account]:
    query = {
        "customer_id": customer_id,
        "account_type": account_type,
        "currency": currency,
        "status": status,
    }
    return sorted_listing(ACCOUNTS, Account, query, sort=sort, order=order, limit=limit)


def create(
    customer_id: str,
    account_type: str,
    *,
    currency: str | None = None,
    overdraft_limit: Amount | None = None,
    nickname: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Account]:
    body = {
        "customer_id": customer_id,
        "account_type": account_type,
        "currency": currency,
        "overdraft_limit": None if overdraft_limit is None else money(overdraft_limit),
        "nickname": nickname,
    }
    return writing("POST", ACCOUNTS, data_of(Account), body, key=idempotency_key)


def show(account_id: str | int) -> Call[Account]:
    """By its id, number or accountId."""
    return reading(ACCOUNT, data_of(Account), accountId=account_id)


def change(
    account_id: str | int,
    *,
    nickname: str | Raw | None = None,
    overdraft_limit: Amount | None = None,
    status: str | None = None,
    reason: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Account]:
    """What is left out stays; a nickname of CLEAR is taken away. `status` is active or frozen."""
    body = {
        "nickname": nickname,
        "overdraft_limit": None if overdraft_limit is None else money(overdraft_limit),
        "status": status,
        "reason": reason,
    }
    return writing("PUT", ACCOUNT, data_of(Account), body, key=idempotency_key, accountId=account_id)


def close(
    account_id: str | int, *, reason: str | None = None, idempotency_key: str | None = None
) -> Call[Account]:
    """With a balance of zero, and nothing held."""
    body = {"reason": reason}
    return writing("POST", CLOSE, data_of(Account), body, key=idempotency_key, accountId=account_id)
