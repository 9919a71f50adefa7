"""Reports of a day or a month: what customer deposits opened and closed at, and what moved them in between.

Balances and the trial balance come from the general ledger, by the day that things count from. What moved
them is summed up by day and type here, from the same events. An entry between two customers' accounts has a
leg on each of them, and counts as one movement.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.accounts import AccountCredited, AccountDebited
from domain.chart_of_accounts import CUSTOMER_DEPOSITS, FEE_REVENUE, TRANSFER_CLEARING
from projections.general_ledger import Total
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.report_days (
    effective_day date not null,
    currency text collate "C" not null,
    type text collate "C" not null,
    movements bigint not null,
    debits numeric not null,
    credits numeric not null,
    primary key (effective_day, currency, type)
) with (fillfactor = 50);
"""

_ADD = """
insert into {schema}.report_days as d (effective_day, currency, type, movements, debits, credits)
select * from unnest(%b::date[], %b::text[], %b::text[], %b::bigint[], %b::numeric[], %b::numeric[])
on conflict (effective_day, currency, type) do update
set movements = d.movements + excluded.movements, debits = d.debits + excluded.debits,
    credits = d.credits + excluded.credits
"""


def is_counted(event: AccountCredited | AccountDebited) -> bool:
    """Whether the posting is a movement, or the second leg of one."""
    return not (isinstance(event, AccountCredited) and event.contra == TRANSFER_CLEARING)


def apply(batch: Sequence[Recorded], write: Write) -> None:
    added: dict[tuple[date, str, str], list[int]] = {}
    for fact in batch:
        event = fact.event
        if not isinstance(event, AccountCredited | AccountDebited):
            continue
        amount = event.amount
        bucket = (fact.effective_at.date(), amount.currency, event.kind)
        sums = added.setdefault(bucket, [0, 0, 0])
        sums[0] += is_counted(event)
        sums[2 if isinstance(event, AccountCredited) else 1] += amount.minor
    if added:
        # In order: equal batches then write equal statements.
        rows = [(*bucket, *added[bucket]) for bucket in sorted(added)]
        write(_ADD, list(zip(*rows, strict=True)))


MODEL = ReadModel("report_days", 1, _TABLES, ("report_days",), apply)


class Movement(NamedTuple):
    """All of one type: money out of customers' accounts and into them, in minor units."""

    type: str
    number: int
    debits: int
    credits: int

    @property
    def amount(self) -> int:
        """What it did to customer deposits."""
        return self.credits - self.debits


class CurrencyReport(NamedTuple):
    """Balances are customer deposits; `fees` is what fee revenue grew by. All in minor units."""

    currency: str
    opening_balance: int
    closing_balance: int
    movements: list[Movement]
    fees: int

    @property
    def transaction_count(self) -> int:
        return sum(movement.number for movement in self.movements)


class PeriodReport(NamedTuple):
    """By effective date; `totals` are the trial balance's at the end of the last day."""

    date_from: date
    date_to: date
    position: int
    currencies: list[CurrencyReport]
    totals: list[Total]


_CODES = """
select g.account_code, g.currency,
       coalesce(c.account_name, g.account_code) as account_name, coalesce(c.type, 'asset') as type,
       coalesce(sum(g.debits) filter (where g.effective_day < %(date_from)s), 0) as opening_debits,
       coalesce(sum(g.credits) filter (where g.effective_day < %(date_from)s), 0) as opening_credits,
       sum(g.debits) as debits, sum(g.credits) as credits
from {schema}.general_ledger g
left join {schema}.chart_of_accounts c on c.account_code = g.account_code
where g.effective_day < %(day_before)s
group by g.account_code, g.currency, c.account_name, c.type
order by g.account_code, g.currency
"""

_MOVEMENTS = """
select currency, type, sum(movements) as count, sum(debits) as debits, sum(credits) as credits
from {schema}.report_days
where effective_day >= %(date_from)s and effective_day < %(day_before)s
group by currency, type order by currency, type
"""

_POSITION = """
select notification_id as position from {schema}.tracking where application_name = 'general_ledger'
"""


async def period_report(fetch: Fetch, date_from: date, date_to: date) -> PeriodReport:
    """Of the days from one to another, both included. `fetch` has to see one moment all the time."""
    period = {"date_from": date_from, "day_before": date_to + timedelta(days=1)}
    codes = await fetch(_CODES, period)
    moved = await fetch(_MOVEMENTS, period)
    position = (await fetch(_POSITION, {}))[0]["position"]
    opening = {(row["account_code"], row["currency"]): _net(row, "opening_") for row in codes}
    closing = {(row["account_code"], row["currency"]): _net(row) for row in codes}
    movements: dict[str, list[Movement]] = {}
    for row in moved:
        movement = Movement(row["type"], int(row["count"]), int(row["debits"]), int(row["credits"]))
        movements.setdefault(row["currency"], []).append(movement)
    currencies = [
        CurrencyReport(
            currency,
            opening.get((CUSTOMER_DEPOSITS, currency), 0),
            closing.get((CUSTOMER_DEPOSITS, currency), 0),
            movements.get(currency, []),
            closing.get((FEE_REVENUE, currency), 0) - opening.get((FEE_REVENUE, currency), 0),
        )
        for currency in sorted({row["currency"] for row in codes})
    ]
    totals = [
        Total(
            row["account_code"],
            row["account_name"],
            row["type"],
            row["currency"],
            int(row["debits"]),
            int(row["credits"]),
        )
        for row in codes
    ]
    return PeriodReport(date_from, date_to, position, currencies, totals)


def _net(row: dict[str, int], prefix: str = "") -> int:
    """Credits less debits: what is there of a liability or of revenue."""
    return int(row[prefix + "credits"]) - int(row[prefix + "debits"])
