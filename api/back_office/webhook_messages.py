"""What the back office tells webhooks: the event, its data, and last the signature of the rest."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from api.amounts import amount_of
from api.back_office.errors import error_content, translate
from api.transfers.errors import number
from application.webhooks import Message, Notice, PastFact
from domain import accounts, transactions, transfers, users
from domain.accounts import (
    AccountFroze,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    NicknameChanged,
    OverdraftLimitChanged,
)
from domain.errors import restore
from domain.events import Event
from domain.transactions import TransactionFailed, TransactionPosted
from domain.transfers import TransferCreated
from domain.users import UserErased, UserRegistered, UserUpdated
from projections.transfers import STATUS_AFTER

Data = Callable[[Sequence[PastFact]], Any]


def _transfer(history: Sequence[PastFact], status: str) -> dict[str, Any]:
    created = history[0].event
    assert isinstance(created, TransferCreated), "a transfer's first event creates it"
    return {
        "transfer_id": created.transfer_id,
        "user_id": created.user_id,
        "amount": number(created.amount.minor),
        "status": status,
    }


def _transfer_now(history: Sequence[PastFact]) -> dict[str, Any]:
    event = history[-1].event
    if isinstance(event, TransferCreated):
        # The one fact that announces two events, and the second only where nothing else is waited for.
        return _transfer(history, transfers.PENDING)
    return _transfer(history, STATUS_AFTER[type(event)])


def _transfer_created(history: Sequence[PastFact]) -> dict[str, Any]:
    return _transfer(history, transfers.INITIATED)


_ACCOUNT_STATUS_AFTER: Mapping[type[Event], str] = {
    AccountFroze: accounts.FROZEN,
    AccountUnfroze: accounts.ACTIVE,
    AccountWasClosed: accounts.CLOSED,
}


def _account(history: Sequence[PastFact]) -> dict[str, Any]:
    opened, event = history[0].event, history[-1].event
    assert isinstance(opened, AccountOpened), "an account's first event opens it"
    status = _ACCOUNT_STATUS_AFTER.get(type(event), accounts.ACTIVE)
    if isinstance(event, NicknameChanged | OverdraftLimitChanged) and event.status is not None:
        status = event.status
    return {
        "account_id": opened.account_id,
        "account_type": opened.account_type,
        "customer_id": opened.owner_id,
        "status": status,
    }


def _transaction(history: Sequence[PastFact]) -> dict[str, Any]:
    """`reason` is why it failed, as a code of the surface, null where it did not."""
    event = history[-1].event
    assert isinstance(event, TransactionPosted | TransactionFailed), "only these are announced"
    terms, status, reason = event.terms, transactions.COMPLETED, None
    if isinstance(event, TransactionFailed):
        status = transactions.FAILED
        reason = error_content(translate(restore(event.code, event.facts))).code
    return {
        "transaction_id": event.transaction_id,
        "type": terms.type,
        "account_id": terms.account_id,
        "to_account_id": terms.to_account_id,
        "amount": amount_of(terms.amount),
        "currency": terms.amount.currency,
        "status": status,
        "reason": reason,
    }


def _user(history: Sequence[PastFact]) -> dict[str, Any]:
    """Nothing of who the person is."""
    registered, event = history[0].event, history[-1].event
    assert isinstance(registered, UserRegistered), "a user's first event registers them"
    role, status = registered.role, users.ACTIVE
    if isinstance(event, UserUpdated):
        role, status = event.role, event.status
    elif isinstance(event, UserErased):
        role, status = event.role, users.ERASED
    return {"user_id": registered.user_id, "role": role, "status": status}


# The members of a message in the order that its document gives them. Without an entry: as the back office's.
DATA: Mapping[str, Data] = {
    "account.created": _account,
    "account.updated": _account,
    "account.closed": _account,
    "transaction.created": _transaction,
    "transaction.failed": _transaction,
    "user.created": _user,
    "user.updated": _user,
    "transfer.created": _transfer_created,
    "transfer.pending": _transfer_now,
    "transfer.processing": _transfer_now,
    "transfer.settled": _transfer_now,
    "transfer.failed": _transfer_now,
    "transfer.cancelled": _transfer_now,
    "transfer.reversed": _transfer_now,
}


def data(event_type: str, history: Sequence[PastFact]) -> Any:
    return DATA[event_type](history)


def compose(notice: Notice) -> Message:
    """`signature` is the HMAC-SHA256 of the exact bytes sent, with the member itself cut out."""
    timestamp = _instant(notice.history[-1].effective_at)
    told = data(notice.event_type, notice.history)
    content: dict[str, Any] = {"event": notice.event_type, "data": told, "timestamp": timestamp}
    if notice.event_type.startswith("transfer."):
        content = {"event": notice.event_type, "timestamp": timestamp, "data": told}
    unsigned = msgspec.json.encode(content)
    signature = hmac.new(notice.secret.encode(), unsigned, hashlib.sha256).hexdigest()
    body = b'%b,"signature":"sha256=%b"}' % (unsigned[:-1], signature.encode())
    headers = {"Content-Type": "application/json", "X-Webhook-Id": notice.event_id}
    return Message(notice.url, body, headers)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()[:19] + "Z"
