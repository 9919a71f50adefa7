"""Transactions: every posting there is, of all surfaces, one row for each transaction that it belongs to.

A transaction of the back office is a row, posted or failed. So is a transfer that was settled, with both its
accounts; its fee; each capture and refund of a card; and anything else that was posted to an account.

Lists can be long, and callers want numbered pages and how many there are in all. So that neither has to count
rows, there is a table of how many there are of each kind and day: totals are its sums, and a page deep in the
list begins to count at its own day. (For one account's rows an index of its own is quick enough.)
"""

from collections.abc import Sequence
from typing import Any

from domain.accounts import AccountCredited, AccountDebited
from domain.chart_of_accounts import FEE_REVENUE
from domain.money import minor_digits
from domain.transactions import (
    COMPLETED,
    CREDIT,
    DEBIT,
    DEPOSIT,
    FAILED,
    FEE,
    REVERSAL_KIND,
    TRANSFER,
    TYPES,
    WITHDRAWAL,
    Terms,
    TransactionFailed,
    TransactionPosted,
    TransactionReversed,
)
from domain.transfers import TransferReversed
from projections.read_model import ReadModel, Recorded, Write

# `direction` is what happened to `account_id`; `value` is the amount in whole units, by which amounts of
# different currencies are sorted.
_TABLES = """
create table {schema}.transactions (
    position bigint not null,
    created_at timestamptz not null,
    effective_date date not null,
    transaction_id text collate "C" primary key,
    account_id text collate "C" not null,
    to_account_id text collate "C",
    type text collate "C" not null,
    direction text collate "C" not null,
    status text collate "C" not null,
    source text collate "C" not null,
    currency text collate "C" not null,
    amount numeric not null,
    value numeric not null,
    description text not null,
    reversal_of text collate "C",
    reversed_by text collate "C"
) with (fillfactor = 95, autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2);
create index transactions_created_at_idx on {schema}.transactions (created_at, position);
create index transactions_effective_date_idx on {schema}.transactions (effective_date, position);
create index transactions_value_idx on {schema}.transactions (value, position);
create index transactions_account_idx on {schema}.transactions (account_id, created_at, position);
create index transactions_to_account_idx on {schema}.transactions (to_account_id, created_at, position)
    where to_account_id is not null;
create table {schema}.transaction_counts (
    created_day date not null,
    type text collate "C" not null,
    status text collate "C" not null,
    source text collate "C" not null,
    currency text collate "C" not null,
    transactions bigint not null,
    primary key (created_day, type, status, source, currency)
) with (fillfactor = 50);
"""

# Numeric products are exact; a quotient would be rounded.
_INSERT = """
insert into {schema}.transactions (
    position, created_at, effective_date, transaction_id, account_id, to_account_id, type, direction, status,
    source, currency, amount, value, description, reversal_of, reversed_by)
select position, created_at, effective_date, transaction_id, account_id, to_account_id, type, direction,
       status, source, currency, amount, amount * unit::numeric, description, reversal_of, reversed_by
from unnest(
    %b::bigint[], %b::timestamptz[], %b::date[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::text[], %b::numeric[], %b::text[], %b::text[], %b::text[], %b::text[])
    as t (position, created_at, effective_date, transaction_id, account_id, to_account_id, type, direction,
          status, source, currency, amount, unit, description, reversal_of, reversed_by)
"""

_LINK = """
update {schema}.transactions t
set to_account_id = coalesce(c.to_account_id, t.to_account_id),
    reversed_by = coalesce(c.reversed_by, t.reversed_by)
from unnest(%b::text[], %b::text[], %b::text[]) as c (transaction_id, to_account_id, reversed_by)
where t.transaction_id = c.transaction_id
"""

_COUNT = """
insert into {schema}.transaction_counts as n (created_day, type, status, source, currency, transactions)
select * from unnest(%b::date[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[])
on conflict (created_day, type, status, source, currency) do update
set transactions = n.transactions + excluded.transactions
"""

BACK_OFFICE, TRANSFERS, CARDS, IMPORT, OTHER = "back_office", "transfers", "cards", "import", "other"
CORE_BANKING, STABLECOIN = "core_banking", "stablecoin"
SOURCES = (BACK_OFFICE, TRANSFERS, CARDS, CORE_BANKING, STABLECOIN, IMPORT, OTHER)

CARD_PAYMENT, CARD_REFUND = "card_payment", "card_refund"
ALL_TYPES = (*TYPES, CARD_PAYMENT, CARD_REFUND)
STATUSES = (COMPLETED, FAILED)

# The actor of what is taken over from a bank's own record: its references are that record's.
_IMPORT_ACTOR = "import-transactions"

_SOURCE_OF_REFERENCE = (
    ("authorization-", CARDS),
    ("ATLAS-", CORE_BANKING),
    ("ord_", STABLECOIN),
    ("preq_", STABLECOIN),
)
_TYPE_OF_KIND: dict[str, str] = {
    **dict(zip(TYPES, TYPES, strict=True)),
    "card": CARD_PAYMENT,
    "refund": CARD_REFUND,
}

_ACCOUNT, _TRANSFER, _TRANSACTION = len("account-"), len("transfer-"), len("transaction-")
# Where the members that may come later are in a row.
_TO_ACCOUNT_ID, _REVERSED_BY = 5, 15
_CREATED_AT, _TYPE, _STATUS, _SOURCE, _CURRENCY = 1, 6, 8, 9, 10


class _Batch:
    """The rows that a batch adds, and what it adds to rows that were there before."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Any]] = {}
        self.links: dict[str, list[str | None]] = {}

    def add(self, fact: Recorded, identifier: str, terms: Terms, **members: Any) -> None:
        amount = terms.amount
        self.rows[identifier] = [
            fact.position,
            members.get("created_at", fact.recorded_at),
            terms.effective_date,
            identifier,
            terms.account_id,
            terms.to_account_id,
            members.get("type", terms.type),
            terms.direction,
            members.get("status", COMPLETED),
            members.get("source", BACK_OFFICE),
            amount.currency,
            amount.minor,
            _unit(amount.currency),
            terms.description,
            terms.reversal_of,
            None,
        ]

    def link(
        self, identifier: str, *, to_account_id: str | None = None, reversed_by: str | None = None
    ) -> None:
        row = self.rows.get(identifier)
        if row is not None:
            row[_TO_ACCOUNT_ID] = to_account_id or row[_TO_ACCOUNT_ID]
            row[_REVERSED_BY] = reversed_by or row[_REVERSED_BY]
            return
        link = self.links.setdefault(identifier, [None, None])
        link[0] = to_account_id or link[0]
        link[1] = reversed_by or link[1]

    def write(self, write: Write) -> None:
        if self.rows:
            write(_INSERT, list(zip(*self.rows.values(), strict=True)))
            write(_COUNT, self._counts())
        if self.links:
            to_account_ids, reversed_by = zip(*self.links.values(), strict=True)
            write(_LINK, (list(self.links), to_account_ids, reversed_by))

    def _counts(self) -> list[tuple[Any, ...]]:
        counts: dict[tuple[Any, ...], int] = {}
        for row in self.rows.values():
            kind = (row[_CREATED_AT].date(), row[_TYPE], row[_STATUS], row[_SOURCE], row[_CURRENCY])
            counts[kind] = counts.get(kind, 0) + 1
        return list(zip(*((*kind, count) for kind, count in sorted(counts.items())), strict=True))


def _unit(currency: str) -> str:
    return f"1e-{minor_digits(currency)}"


def apply(batch: Sequence[Recorded], write: Write) -> None:
    collected = _Batch()
    for fact in batch:
        read = _READ.get(type(fact.event))
        if read is not None:
            read(collected, fact, fact.event)
    collected.write(write)


def _posted(batch: _Batch, fact: Recorded, event: Any) -> None:
    batch.add(fact, event.transaction_id, event.terms, created_at=event.created_at)


def _failed(batch: _Batch, fact: Recorded, event: Any) -> None:
    batch.add(fact, event.transaction_id, event.terms, created_at=event.created_at, status=FAILED)


def _reversed(batch: _Batch, fact: Recorded, event: Any) -> None:
    batch.link(fact.stream[_TRANSACTION:], reversed_by=event.reversed_by)


def _transfer_reversed(batch: _Batch, fact: Recorded, event: Any) -> None:
    batch.link(fact.stream[_TRANSFER:], reversed_by=event.reversed_by)


def _posting(batch: _Batch, fact: Recorded, event: Any) -> None:
    reference = event.reference
    terms = _terms(fact, event)
    if fact.actor == _IMPORT_ACTOR:
        batch.add(fact, _entry_id(fact), terms, type=_type(event), source=IMPORT)
    elif reference.startswith("txn_"):
        # Of a transaction of the back office, which says all about it.
        return
    elif reference.startswith("tx_"):
        _posting_of_transfer(batch, fact, event, terms)
    else:
        source = next((name for prefix, name in _SOURCE_OF_REFERENCE if reference.startswith(prefix)), OTHER)
        batch.add(fact, _entry_id(fact), terms, type=_type(event), source=source)


def _posting_of_transfer(batch: _Batch, fact: Recorded, event: Any, terms: Terms) -> None:
    reference = event.reference
    if event.kind == TRANSFER and isinstance(event, AccountDebited):
        batch.add(fact, reference, terms, type=TRANSFER, source=TRANSFERS)
    elif event.kind == TRANSFER:
        batch.link(reference, to_account_id=terms.account_id)
    elif event.kind == FEE:
        batch.add(fact, f"{reference}_fee", terms, type=FEE, source=TRANSFERS)
    elif event.kind == REVERSAL_KIND and event.contra == FEE_REVENUE:
        fee, returned = f"{reference}_fee", f"{reference}_fee_reversal"
        batch.add(fact, returned, _reversing(terms, fee), type=FEE)
        batch.link(fee, reversed_by=returned)
    # What else is reversed of it is a transaction of the back office.


def _terms(fact: Recorded, event: AccountCredited | AccountDebited) -> Terms:
    # The type is said beside it: those of the back office are not all there are.
    return Terms(
        DEPOSIT,
        CREDIT if isinstance(event, AccountCredited) else DEBIT,
        fact.stream[_ACCOUNT:],
        event.amount,
        fact.effective_at.date(),
        description=event.description,
    )


def _reversing(terms: Terms, reversal_of: str) -> Terms:
    return Terms(
        terms.type,
        terms.direction,
        terms.account_id,
        terms.amount,
        terms.effective_date,
        None,
        terms.description,
        reversal_of,
    )


def _entry_id(fact: Recorded) -> str:
    return f"entry_{fact.position}"


def _type(event: AccountCredited | AccountDebited) -> str:
    known = _TYPE_OF_KIND.get(event.kind)
    if known is not None:
        return known
    return DEPOSIT if isinstance(event, AccountCredited) else WITHDRAWAL


_READ = {
    AccountCredited: _posting,
    AccountDebited: _posting,
    TransactionPosted: _posted,
    TransactionFailed: _failed,
    TransactionReversed: _reversed,
    TransferReversed: _transfer_reversed,
}

MODEL = ReadModel("transactions", 1, _TABLES, ("transactions", "transaction_counts"), apply)
