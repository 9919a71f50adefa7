"""The journal: every event that moved money, as a balanced entry of two lines.

Line 1 is the debit, line 2 the credit. The side of customer deposits names the account; the contra side is
the bank's own and has none.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.accounts import AccountCredited, AccountDebited
from domain.chart_of_accounts import CUSTOMER_DEPOSITS
from projections.read_model import Fetch, ReadModel, Recorded, Write

# An entry has customer deposits on one side, so an index of the contra side's code is enough: half of the
# entries are in each of the two.
_TABLES = """
create table {schema}.journal (
    position bigint primary key,
    recorded_at timestamptz not null,
    effective_at timestamptz not null,
    account_id text collate "C" not null,
    debit_code text collate "C" not null,
    credit_code text collate "C" not null,
    amount numeric not null,
    currency text collate "C" not null,
    kind text collate "C" not null,
    reference text collate "C" not null,
    description text not null
) with (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5);
create index journal_account_idx on {schema}.journal (account_id, effective_at, position);
create index journal_effective_at_idx on {schema}.journal (effective_at);
create index journal_debit_code_idx on {schema}.journal (debit_code, position)
    where debit_code <> '2000-CUSTOMER-DEPOSITS';
create index journal_credit_code_idx on {schema}.journal (credit_code, position)
    where credit_code <> '2000-CUSTOMER-DEPOSITS';
"""

_INSERT = """
insert into {schema}.journal (position, recorded_at, effective_at, account_id, debit_code, credit_code,
                              amount, currency, kind, reference, description)
select * from unnest(%b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                     %b::numeric[], %b::text[], %b::text[], %b::text[], %b::text[])
"""

_ACCOUNT = len("account-")


def codes(event: AccountCredited | AccountDebited) -> tuple[str, str]:
    """The account codes to debit and to credit."""
    if type(event) is AccountCredited:
        return event.contra, CUSTOMER_DEPOSITS
    return CUSTOMER_DEPOSITS, event.contra


def apply(batch: Sequence[Recorded], write: Write) -> None:
    entries: list[tuple[Any, ...]] = []
    for fact in batch:
        event = fact.event
        if type(event) is not AccountCredited and type(event) is not AccountDebited:
            continue
        debit_code, credit_code = codes(event)
        entries.append(
            (
                fact.position,
                fact.recorded_at,
                fact.effective_at,
                fact.stream[_ACCOUNT:],
                debit_code,
                credit_code,
                event.amount.minor,
                event.amount.currency,
                event.kind,
                event.reference,
                event.description,
            )
        )
    if entries:
        write(_INSERT, list(zip(*entries, strict=True)))


class Entry(NamedTuple):
    position: int
    recorded_at: datetime
    effective_at: datetime
    account_id: str
    debit_code: str
    credit_code: str
    amount: int
    currency: str
    kind: str
    reference: str
    description: str


class Line(NamedTuple):
    """One side of an entry; the amount is minor units on exactly one of `debit` and `credit`."""

    position: int
    line: int
    effective_at: datetime
    recorded_at: datetime
    account_code: str
    account_id: str | None
    debit: int | None
    credit: int | None
    currency: str
    reference: str
    description: str


_ENTRIES = """
select position, recorded_at, effective_at, account_id, debit_code, credit_code, amount, currency, kind,
       reference, description
from {schema}.journal
where position > %(after)s and effective_at >= %(effective_from)s and effective_at < %(effective_before)s
order by position limit %(limit)s
"""

_ENTRIES_OF_CODE = """
select * from (
    (select position, recorded_at, effective_at, account_id, debit_code, credit_code, amount, currency, kind,
            reference, description
     from {schema}.journal
     where debit_code = %(account_code)s and debit_code <> '2000-CUSTOMER-DEPOSITS' and position > %(after)s
       and effective_at >= %(effective_from)s and effective_at < %(effective_before)s
     order by position limit %(limit)s)
    union all
    (select position, recorded_at, effective_at, account_id, debit_code, credit_code, amount, currency, kind,
            reference, description
     from {schema}.journal
     where credit_code = %(account_code)s and credit_code <> '2000-CUSTOMER-DEPOSITS' and position > %(after)s
       and effective_at >= %(effective_from)s and effective_at < %(effective_before)s
     order by position limit %(limit)s)
) j order by position limit %(limit)s
"""


async def entries(
    fetch: Fetch,
    *,
    effective_from: datetime,
    effective_before: datetime,
    account_code: str | None,
    after: int,
    limit: int,
) -> list[Entry]:
    """At most `limit` entries after a position, oldest first; with a code, those that it has a side of."""
    is_filtered = account_code not in (None, CUSTOMER_DEPOSITS)
    rows = await fetch(
        _ENTRIES_OF_CODE if is_filtered else _ENTRIES,
        {
            "account_code": account_code,
            "effective_from": effective_from,
            "effective_before": effective_before,
            "after": after,
            "limit": limit,
        },
    )
    return [Entry(**{**row, "amount": int(row["amount"])}) for row in rows]


def lines(entry: Entry, account_code: str | None = None) -> list[Line]:
    """The entry's two lines, or only those on `account_code`."""
    both = (
        _line(entry, 1, entry.debit_code, entry.amount, None),
        _line(entry, 2, entry.credit_code, None, entry.amount),
    )
    return [line for line in both if account_code in (None, line.account_code)]


def _line(entry: Entry, number: int, code: str, debit: int | None, credit: int | None) -> Line:
    return Line(
        entry.position,
        number,
        entry.effective_at,
        entry.recorded_at,
        code,
        entry.account_id if code == CUSTOMER_DEPOSITS else None,
        debit,
        credit,
        entry.currency,
        entry.reference,
        entry.description,
    )


MODEL = ReadModel("journal", 1, _TABLES, ("journal",), apply)
