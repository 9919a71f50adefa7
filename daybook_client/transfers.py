"""Customers' transfers: a token of the user who owns the accounts is needed, with the scope `transfers`."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from daybook_client.calls import (
    Amount,
    Call,
    Listing,
    Page,
    given,
    listing,
    money,
    new_key,
    path_of,
    reading,
    whole,
    writing,
)

TRANSFERS, TRANSFER = "/api/transfers-v2", "/api/transfers-v2/{transfer_id}"
BALANCE = "/api/accounts/{account_id}/balance"


class Transfer(Struct, kw_only=True):
    """Which members there are depends on the kind of transfer, and on where it is shown."""

    id: str
    status: str
    from_account_id: str
    amount: Decimal
    fee: Decimal
    transfer_type: str
    reference: str
    scheduled_settlement_at: datetime
    created_at: datetime
    idempotency_key: str | None = None
    user_id: str | None = None
    to_account_id: str | None = None
    external_bank_name: str | None = None
    external_routing_number: str | None = None
    external_account_number: str | None = None
    external_account_holder_name: str | None = None
    currency: str | None = None
    memo: str | None = None
    requires_mfa: bool = False
    mfa_verified: bool = False
    updated_at: datetime | None = None
    failure_reason: str | None = None


class TransferCreated(Struct):
    transfer: Transfer
    message: str
    requires_mfa: bool
    settlement_estimate: str
    fee: Decimal


class TransferState(Struct, kw_only=True):
    id: str
    status: str
    updated_at: datetime
    mfa_verified: bool = False


class TransferChanged(Struct):
    message: str
    transfer: TransferState


class AccountSummary(Struct):
    account_number: str
    account_type: str


class Hold(Struct, kw_only=True):
    id: str
    amount: Decimal
    hold_type: str
    status: str
    created_at: datetime
    account_id: str | None = None
    transfer_id: str | None = None


class LedgerEntry(Struct):
    id: str
    entry_type: str
    amount: Decimal
    balance_after: Decimal
    category: str
    description: str
    created_at: datetime


class StatusChange(Struct):
    id: str
    from_status: str
    to_status: str
    event_type: str
    details: str
    created_at: datetime


class TransferDetail(Struct):
    transfer: Transfer
    from_account: AccountSummary
    to_account: AccountSummary | None
    holds: list[Hold]
    ledger_entries: list[LedgerEntry]
    events: list[StatusChange]
    progress: int


class RecentTransaction(Struct):
    id: str
    amount: Decimal
    type: str
    description: str
    created_at: datetime


class AccountBalance(Struct):
    account_id: str
    account_number: str
    account_type: str
    currency: str
    balance: Decimal
    available_balance: Decimal
    pending_balance: Decimal
    outgoing_holds: Decimal
    incoming_holds: Decimal
    active_holds: list[Hold]
    recent_transactions: list[RecentTransaction]
    last_updated: datetime


class _TransferList(Struct):
    transfers: list[Transfer]
    next_cursor: str | None


def _page(content: bytes) -> Page[Transfer]:
    found = msgspec.json.decode(content, type=_TransferList)
    following = None if found.next_cursor is None else {"cursor": found.next_cursor}
    return Page(found.transfers, following)


def create_internal(
    from_account_id: str,
    to_account_id: str,
    amount: Amount,
    *,
    memo: str | None = None,
    idempotency_key: str | None = None,
) -> Call[TransferCreated]:
    """To another account of the bank. Above 5,000.00 it waits for a second factor."""
    return _create(
        idempotency_key,
        from_account_id=from_account_id,
        to_account_id=to_account_id,
        amount=money(amount),
        memo=memo,
        transfer_type="internal",
    )


def create_interbank(
    from_account_id: str,
    amount: Amount,
    *,
    external_bank_name: str,
    external_routing_number: str,
    external_account_number: str,
    external_account_holder_name: str,
    memo: str | None = None,
    idempotency_key: str | None = None,
) -> Call[TransferCreated]:
    """To an account of another bank, for a fee."""
    return _create(
        idempotency_key,
        from_account_id=from_account_id,
        external_bank_name=external_bank_name,
        external_routing_number=external_routing_number,
        external_account_number=external_account_number,
        external_account_holder_name=external_account_holder_name,
        amount=money(amount),
        memo=memo,
        transfer_type="interbank",
    )


def _create(idempotency_key: str | None, **terms: str | None) -> Call[TransferCreated]:
    # Here the key is a member of the body, and the header is not looked at.
    body = {"idempotency_key": idempotency_key or new_key(), **given(terms)}
    content = msgspec.json.encode(body)
    return Call("POST", TRANSFERS, path_of(TRANSFERS, {}), whole(TransferCreated), content=content)


def list_transfers(
    *, status: str | None = None, type: str | None = None, limit: int | None = None
) -> Listing[Transfer]:
    """Newest first."""
    return listing(TRANSFERS, _page, {"status": status, "type": type, "limit": limit})


def show(transfer_id: str) -> Call[TransferDetail]:
    return reading(TRANSFER, whole(TransferDetail), transfer_id=transfer_id)


def cancel(transfer_id: str, *, idempotency_key: str | None = None) -> Call[TransferChanged]:
    return _change(transfer_id, {"action": "cancel"}, idempotency_key)


def verify_mfa(
    transfer_id: str, mfa_code: str, *, idempotency_key: str | None = None
) -> Call[TransferChanged]:
    """The fifth wrong code cancels the transfer."""
    return _change(transfer_id, {"action": "verify_mfa", "mfa_code": mfa_code}, idempotency_key)


def _change(transfer_id: str, body: dict[str, str], key: str | None) -> Call[TransferChanged]:
    return writing("PATCH", TRANSFER, whole(TransferChanged), body, key=key, transfer_id=transfer_id)


def balance(account_id: str) -> Call[AccountBalance]:
    """The account goes by its id, number or card account id."""
    return reading(BALANCE, whole(AccountBalance), account_id=account_id)
