"""The general ledger: what each account code was debited and credited, by currency and day.

A row sums up the journal's lines of one code and currency that count from one day (UTC) and were recorded on
one day. Whole days of both kinds answer "effective at E as known at K"; only the entries of the two days that
E and K cut are read from the journal.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from domain.accounts import AccountCredited, AccountDebited
from domain.chart_of_accounts import AccountCodeAdded
from projections import certificates
from projections.certificates import Certificate
from projections.journal import codes
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.general_ledger (
    account_code text collate "C" not null,
    currency text collate "C" not null,
    effective_day date not null,
    recorded_day date not null,
    debits numeric not null,
    credits numeric not null,
    primary key (account_code, currency, effective_day, recorded_day)
) with (fillfactor = 50);
create table {schema}.chart_of_accounts (
    account_code text collate "C" primary key,
    account_name text not null,
    type text collate "C" not null,
    position bigint not null
);
"""

_ADD = """
insert into {schema}.general_ledger as g (account_code, currency, effective_day, recorded_day,
                                          debits, credits)
select * from unnest(%b::text[], %b::text[], %b::date[], %b::date[], %b::numeric[], %b::numeric[])
on conflict (account_code, currency, effective_day, recorded_day) do update
set debits = g.debits + excluded.debits, credits = g.credits + excluded.credits
"""

_ADD_CODES = """
insert into {schema}.chart_of_accounts (account_code, account_name, type, position)
select * from unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
on conflict (account_code) do nothing
"""

_Bucket = tuple[str, str, date, date]


def apply(batch: Sequence[Recorded], write: Write) -> None:
    debits: dict[_Bucket, int] = {}
    credits: dict[_Bucket, int] = {}
    added: list[tuple[Any, ...]] = []
    for fact in batch:
        event = fact.event
        kind = type(event)
        if kind is AccountCredited or kind is AccountDebited:
            assert isinstance(event, AccountCredited | AccountDebited)
            debit_code, credit_code = codes(event)
            amount, currency = event.amount.minor, event.amount.currency
            days = fact.effective_at.date(), fact.recorded_at.date()
            debited, credited = (debit_code, currency, *days), (credit_code, currency, *days)
            debits[debited] = debits.get(debited, 0) + amount
            credits[credited] = credits.get(credited, 0) + amount
        elif isinstance(event, AccountCodeAdded):
            added.append((event.account_code, event.account_name, event.type.value, fact.position))
    if added:
        write(_ADD_CODES, list(zip(*added, strict=True)))
    if debits:
        # In order: equal batches then write equal statements.
        buckets = sorted(debits.keys() | credits.keys())
        rows = [(*bucket, debits.get(bucket, 0), credits.get(bucket, 0)) for bucket in buckets]
        write(_ADD, list(zip(*rows, strict=True)))


class ChartEntry(NamedTuple):
    account_code: str
    account_name: str
    type: str


class Total(NamedTuple):
    """What an account code was debited and credited in all, in minor units of the currency."""

    account_code: str
    account_name: str
    type: str
    currency: str
    debits: int
    credits: int

    @property
    def balance(self) -> tuple[int, int]:
        """What is left of it, on the side where it is positive: debit and credit."""
        net = self.debits - self.credits
        return (net, 0) if net >= 0 else (0, -net)


class TrialBalance(NamedTuple):
    """`certificate` says which events the totals were folded from: all up to its position."""

    totals: list[Total]
    certificate: Certificate


class DayTotal(NamedTuple):
    """One day of an account code; `opening` and `closing` are debits less credits."""

    account_code: str
    account_name: str
    type: str
    currency: str
    day: date
    opening: int
    debits: int
    credits: int

    @property
    def closing(self) -> int:
        return self.opening + self.debits - self.credits


_CHART = "select account_code, account_name, type from {schema}.chart_of_accounts order by account_code"

# One statement sees one moment: the sums and the position that they were folded up to belong together.
_NEWEST_TOTALS = """
with totals as (
    select account_code, currency, sum(debits) as debits, sum(credits) as credits
    from {schema}.general_ledger group by account_code, currency
)
select t.account_code, t.currency, t.debits, t.credits, p.notification_id as position, h.digest, h.known_at,
       coalesce(c.account_name, t.account_code) as account_name, coalesce(c.type, 'asset') as type
from {schema}.tracking p
left join {schema}.certificate_head h on h.position = p.notification_id
left join totals t on true
left join {schema}.chart_of_accounts c on c.account_code = t.account_code
where p.application_name = 'general_ledger'
order by t.account_code, t.currency
"""

# Entries up to the known position, in three parts that do not overlap: whole days of both kinds; the rest of
# the day that the effective instant cuts; what was recorded on the day that the known instant cuts.
_TOTALS_AS_OF = """
with cut as (
    select debit_code, credit_code, currency, amount from {schema}.journal
    where effective_at >= %(effective_day)s and effective_at <= %(effective_at)s
      and position <= %(known_position)s
    union all
    select debit_code, credit_code, currency, amount from {schema}.journal
    where effective_at < %(effective_day)s and recorded_at >= %(known_day)s
      and position <= %(known_position)s
      and position >= coalesce((select position from {schema}.certificates where known_at < %(known_day)s
                                order by known_at desc, position desc limit 1), 0)
), parts as (
    select account_code, currency, debits, credits from {schema}.general_ledger
    where effective_day < %(effective_date)s and recorded_day < %(known_date)s
    union all
    select debit_code, currency, amount, 0 from cut
    union all
    select credit_code, currency, 0, amount from cut
)
select t.account_code, t.currency, t.debits, t.credits,
       coalesce(c.account_name, t.account_code) as account_name, coalesce(c.type, 'asset') as type
from (select account_code, currency, sum(debits) as debits, sum(credits) as credits from parts
      group by account_code, currency) t
left join {schema}.chart_of_accounts c on c.account_code = t.account_code
order by t.account_code, t.currency
"""

_DAYS = """
with days as (
    select account_code, currency, effective_day as day, sum(debits) as debits, sum(credits) as credits
    from {schema}.general_ledger
    where effective_day < %(day_before)s
      and (%(account_code)s::text is null or account_code = %(account_code)s)
    group by account_code, currency, effective_day
), running as (
    select account_code, currency, day, debits, credits,
           sum(debits - credits) over (partition by account_code, currency order by day) - debits + credits
               as opening
    from days
)
select r.account_code, r.currency, r.day, r.debits, r.credits, r.opening,
       coalesce(c.account_name, r.account_code) as account_name, coalesce(c.type, 'asset') as type
from running r left join {schema}.chart_of_accounts c on c.account_code = r.account_code
where r.day >= %(day_from)s
order by r.account_code, r.currency, r.day
"""


async def chart_of_accounts(fetch: Fetch) -> list[ChartEntry]:
    return [ChartEntry(**row) for row in await fetch(_CHART, {})]


async def trial_balance(fetch: Fetch) -> TrialBalance:
    """Of everything that was applied."""
    rows = await fetch(_NEWEST_TOTALS, {})
    position = rows[0]["position"]
    if rows[0]["digest"] is not None:
        certificate = Certificate(position, rows[0]["digest"], rows[0]["known_at"])
    else:
        certificate = await certificates.at_position(fetch, position)
    return TrialBalance([_total(row) for row in rows if row["account_code"] is not None], certificate)


async def trial_balance_as_of(fetch: Fetch, effective_at: datetime, known_at: datetime) -> TrialBalance:
    """Effective at one instant as known at another."""
    known = await certificates.known_at(fetch, known_at)
    effective_date, known_date = effective_at.astimezone(UTC).date(), known.known_at.astimezone(UTC).date()
    rows = await fetch(
        _TOTALS_AS_OF,
        {
            "effective_at": effective_at,
            "effective_date": effective_date,
            "effective_day": datetime.combine(effective_date, time(), UTC),
            "known_date": known_date,
            "known_day": datetime.combine(known_date, time(), UTC),
            "known_position": known.position,
        },
    )
    return TrialBalance([_total(row) for row in rows], known)


async def days(fetch: Fetch, day_from: date, day_before: date, account_code: str | None) -> list[DayTotal]:
    """The days from one to before another on which there was a movement."""
    rows = await fetch(_DAYS, {"day_from": day_from, "day_before": day_before, "account_code": account_code})
    amounts = ("opening", "debits", "credits")
    return [DayTotal(**{**row, **{name: int(row[name]) for name in amounts}}) for row in rows]


def _total(row: dict[str, Any]) -> Total:
    return Total(
        row["account_code"],
        row["account_name"],
        row["type"],
        row["currency"],
        int(row["debits"]),
        int(row["credits"]),
    )


MODEL = ReadModel("general_ledger", 1, _TABLES, ("general_ledger", "chart_of_accounts"), apply)
