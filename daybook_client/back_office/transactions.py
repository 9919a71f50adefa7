"""Transactions: posted alone or many at once, listed from all surfaces, reversed."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from daybook_client.back_office.envelope import PREFIX, data_of, sorted_listing
from daybook_client.calls import Amount, Call, Listing, given, money, reading, writing

TRANSACTIONS, TRANSACTION = f"{PREFIX}/transactions", f"{PREFIX}/transactions/{{transactionId}}"
BATCH, REVERSE = f"{TRANSACTIONS}/batch", f"{TRANSACTION}/reverse"


class Transaction(Struct):
    id: str
    type: str
    status: str
    account_id: str
    to_account_id: str | None
    amount: Decimal
    currency: str
    description: str | None
    effective_date: date
    reversal_of: str | None
    reversed_by: str | None
    source: str
    created_at: datetime


class BatchError(Struct, kw_only=True):
    code: str
    message: str
    field: str | None = None
    details: Any = None


class BatchResult(Struct):
    index: int
    status: str
    transaction: Transaction | None
    error: BatchError | None


class Batch(Struct):
    atomic: bool
    posted: int
    failed: int
    results: list[BatchResult]


def terms(
    type: str,
    account_id: str,
    amount: Amount,
    *,
    to_account_id: str | None = None,
    currency: str | None = None,
    direction: str | None = None,
    description: str | None = None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """One transaction of a batch; `to_account_id` is for transfers, `direction` for adjustments."""
    return given(
        {
            "type": type,
            "account_id": account_id,
            "amount": money(amount),
            "to_account_id": to_account_id,
            "currency": currency,
            "direction": direction,
            "description": description,
            "effective_date": effective_date,
        }
    )


def post(
    type: str,
    account_id: str,
    amount: Amount,
    *,
    to_account_id: str | None = None,
    currency: str | None = None,
    direction: str | None = None,
    description: str | None = None,
    effective_date: date | None = None,
    idempotency_key: str | None = None,
) -> Call[Transaction]:
    """A deposit, withdrawal, transfer, fee, interest or adjustment."""
    body = terms(
        type,
        account_id,
        amount,
        to_account_id=to_account_id,
        currency=currency,
        direction=direction,
        description=description,
        effective_date=effective_date,
    )
    return writing("POST", TRANSACTIONS, data_of(Transaction), body, key=idempotency_key)


def post_batch(
    transactions: Sequence[dict[str, Any]], *, atomic: bool = False, idempotency_key: str | None = None
) -> Call[Batch]:
    """A thousand at most, each made by `terms`. Atomic: all, or Unprocessable and none."""
    body = {"atomic": atomic, "transactions": list(transactions)}
    return writing("POST", BATCH, data_of(Batch), body, key=idempotency_key)


def list_transactions(
    *,
    account_id: str | None = None,
    type: str | None = None,
    status: str | None = None,
    currency: str | None = None,
    source: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    sort: str | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> Listing[Transaction]:
    query = {
        "account_id": account_id,
        "type": type,
        "status": status,
        "currency": currency,
        "source": source,
        "date_from": date_from,
        "date_to": date_to,
    }
    return sorted_listing(TRANSACTIONS, Transaction, query, sort=sort, order=order, limit=limit)


def show(transaction_id: str) -> Call[Transaction]:
    return reading(TRANSACTION, data_of(Transaction), transactionId=transaction_id)


def reverse(
    transaction_id: str, *, reason: str | None = None, idempotency_key: str | None = None
) -> Call[Transaction]:
    """Its opposite; also of a settled transfer."""
    read, body = data_of(Transaction), {"reason": reason}
    return writing("POST", REVERSE, read, body, key=idempotency_key, transactionId=transaction_id)
