"""Balances: what each account has now, and had at any instant, effective then as known then.

The newest balance is summed up from the events' amounts, and the totals that each event says are kept beside
it: a constraint has them equal, so a wrong sum anywhere stops the follower instead of being shown.

Each row of the history has the totals after its event and, where the event changed them, by how much. The
balance effective at E as known at K is then

    the totals after the last event that was recorded by both E and K
    + the changes recorded later, up to K, that count from E or before    (back-dated)
    - the changes recorded by then that count from after E                (dated ahead)

Both sums look only as far from E as any event of the account was ever dated back or ahead, so the query reads
a few rows of one index even on an account with millions. `null` saves space: no change, or effective when
recorded.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.accounts import (
    ACTIVE,
    CLOSED,
    FROZEN,
    AccountCredited,
    AccountDebited,
    AccountFroze,
    AccountNumberedForCards,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    NicknameChanged,
    OverdraftLimitChanged,
)
from domain.events import Event
from projections import certificates
from projections.read_model import Fetch, ReadModel, Recorded, Write

# Amounts are numeric: 15 integer digits of a currency with 6 minor digits are beyond 64 bits, and small
# amounts take less space so. Columns are in the order that wastes no bytes on alignment.
_TABLES = """
create table {schema}.balances (
    position bigint not null,
    updated_at timestamptz not null,
    account_id text collate "C" primary key,
    currency text collate "C" not null,
    status text collate "C" not null,
    posted numeric not null,
    held numeric not null,
    posted_said numeric not null,
    held_said numeric not null,
    overdraft_limit numeric not null,
    dated_back_us_max bigint not null,
    dated_ahead_us_max bigint not null,
    constraint sums_equal_what_events_say check (posted = posted_said and held = held_said)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
create table {schema}.balance_history (
    position bigint not null,
    recorded_at timestamptz not null,
    effective_at timestamptz,
    account_id text collate "C" not null,
    posted numeric not null,
    held numeric not null,
    posted_change numeric,
    held_change numeric,
    primary key (account_id, position)
) with (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5);
create table {schema}.overdraft_history (
    position bigint not null,
    recorded_at timestamptz not null,
    effective_at timestamptz not null,
    account_id text collate "C" not null,
    overdraft_limit numeric not null,
    primary key (account_id, position)
);
"""

_OPEN = """
insert into {schema}.balances (account_id, currency, status, posted, held, posted_said, held_said,
                               overdraft_limit, position, updated_at, dated_back_us_max, dated_ahead_us_max)
select account_id, currency, 'active', 0, 0, 0, 0, overdraft_limit, position, updated_at, 0, 0
from unnest(%b::text[], %b::text[], %b::numeric[], %b::bigint[], %b::timestamptz[])
    as u (account_id, currency, overdraft_limit, position, updated_at)
"""

_UPDATE = """
update {schema}.balances b
set posted = b.posted + u.posted_change, held = b.held + u.held_change,
    posted_said = coalesce(u.posted_said, b.posted_said), held_said = coalesce(u.held_said, b.held_said),
    overdraft_limit = coalesce(u.overdraft_limit, b.overdraft_limit),
    status = coalesce(u.status, b.status), position = u.position, updated_at = u.updated_at,
    dated_back_us_max = greatest(b.dated_back_us_max, u.dated_back_us_max),
    dated_ahead_us_max = greatest(b.dated_ahead_us_max, u.dated_ahead_us_max)
from unnest(%b::text[], %b::numeric[], %b::numeric[], %b::numeric[], %b::numeric[], %b::numeric[],
            %b::text[], %b::bigint[], %b::timestamptz[], %b::bigint[], %b::bigint[])
    as u (account_id, posted_change, held_change, posted_said, held_said, overdraft_limit, status, position,
          updated_at, dated_back_us_max, dated_ahead_us_max)
where b.account_id = u.account_id
"""

_HISTORY = """
insert into {schema}.balance_history (position, recorded_at, effective_at, account_id, posted, held,
                                      posted_change, held_change)
select * from unnest(%b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::numeric[],
                     %b::numeric[], %b::numeric[], %b::numeric[])
"""

_OVERDRAFT = """
insert into {schema}.overdraft_history (position, recorded_at, effective_at, account_id, overdraft_limit)
select * from unnest(%b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::numeric[])
"""

_MICROSECOND = timedelta(microseconds=1)
_ACCOUNT = len("account-")

_STATUS_AFTER: dict[type[Event], str] = {
    AccountFroze: FROZEN,
    AccountUnfroze: ACTIVE,
    AccountWasClosed: CLOSED,
}


class _Row:
    """What a batch changes in one account's row: None is what it leaves as it is."""

    __slots__ = (
        "dated_ahead_us",
        "dated_back_us",
        "held_change",
        "held_said",
        "overdraft_limit",
        "position",
        "posted_change",
        "posted_said",
        "status",
        "updated_at",
    )

    def __init__(self) -> None:
        self.posted_change = 0
        self.held_change = 0
        self.posted_said: int | None = None
        self.held_said: int | None = None
        self.overdraft_limit: int | None = None
        self.status: str | None = None
        self.position = 0
        self.updated_at: datetime | None = None
        self.dated_back_us = 0
        self.dated_ahead_us = 0

    def date(self, fact: Recorded) -> None:
        self.position = fact.position
        self.updated_at = fact.recorded_at
        if fact.effective_at is not fact.recorded_at:
            late_us = (fact.recorded_at - fact.effective_at) // _MICROSECOND
            self.dated_back_us = max(self.dated_back_us, late_us)
            self.dated_ahead_us = max(self.dated_ahead_us, -late_us)


def apply(batch: Sequence[Recorded], write: Write) -> None:
    opened: list[tuple[Any, ...]] = []
    history: list[tuple[Any, ...]] = []
    limits: list[tuple[Any, ...]] = []
    rows: dict[str, _Row] = {}
    for fact in batch:
        if not fact.topic.startswith("account."):
            continue
        event: Any = fact.event
        kind: type[Event] = type(event)
        if kind is AccountNumberedForCards or kind is NicknameChanged:
            continue
        account_id = fact.stream[_ACCOUNT:]
        if kind is AccountOpened:
            opened.append(
                (account_id, event.currency, event.overdraft_limit, fact.position, fact.recorded_at)
            )
            limits.append(_limit(fact, account_id, event.overdraft_limit))
            continue
        row = rows.get(account_id)
        if row is None:
            row = rows[account_id] = _Row()
        row.date(fact)
        signs = _SIGNS.get(kind)
        if signs is not None:
            posted_change, held_change = signs[0] * event.amount.minor, signs[1] * event.amount.minor
            row.posted_change += posted_change
            row.held_change += held_change
            row.posted_said, row.held_said = event.posted, event.held
            history.append(_moved(fact, account_id, event, posted_change, held_change))
        elif kind is OverdraftLimitChanged:
            row.overdraft_limit = event.overdraft_limit
            limits.append(_limit(fact, account_id, event.overdraft_limit))
        else:
            row.status = _STATUS_AFTER[kind]
    _write_all(write, ((_OPEN, opened), (_UPDATE, _updates(rows)), (_HISTORY, history), (_OVERDRAFT, limits)))


# What the amount does to posted and to held.
_SIGNS: dict[type[Event], tuple[int, int]] = {
    AccountCredited: (1, 0),
    AccountDebited: (-1, 0),
    HoldPlaced: (0, 1),
    HoldReleased: (0, -1),
    HoldCaptured: (0, -1),
}


def _moved(
    fact: Recorded, account_id: str, event: Any, posted_change: int, held_change: int
) -> tuple[Any, ...]:
    return (
        fact.position,
        fact.recorded_at,
        None if fact.effective_at is fact.recorded_at else fact.effective_at,
        account_id,
        event.posted,
        event.held,
        posted_change or None,
        held_change or None,
    )


def _limit(fact: Recorded, account_id: str, overdraft_limit: int) -> tuple[Any, ...]:
    return fact.position, fact.recorded_at, fact.effective_at, account_id, overdraft_limit


def _updates(rows: dict[str, _Row]) -> list[tuple[Any, ...]]:
    return [
        (
            account_id,
            row.posted_change,
            row.held_change,
            row.posted_said,
            row.held_said,
            row.overdraft_limit,
            row.status,
            row.position,
            row.updated_at,
            row.dated_back_us,
            row.dated_ahead_us,
        )
        for account_id, row in rows.items()
    ]


def _write_all(write: Write, statements: Sequence[tuple[str, list[tuple[Any, ...]]]]) -> None:
    for statement, rows in statements:
        if rows:
            write(statement, list(zip(*rows, strict=True)))


class Balance(NamedTuple):
    """An account's newest balance. `position` is that of the last event that changed the row."""

    account_id: str
    currency: str
    status: str
    posted: int
    held: int
    overdraft_limit: int
    position: int
    updated_at: datetime

    @property
    def available(self) -> int:
        return self.posted - self.held + self.overdraft_limit


class BalanceAsOf(NamedTuple):
    """Effective at one instant as known at another. `position` is the last event that was known then."""

    account_id: str
    currency: str
    posted: int
    held: int
    overdraft_limit: int
    effective_at: datetime
    known_at: datetime
    position: int

    @property
    def available(self) -> int:
        return self.posted - self.held + self.overdraft_limit


_BALANCE = """
select account_id, currency, status, posted, held, overdraft_limit, position, updated_at
from {schema}.balances where account_id = %(account_id)s
"""

# Where the query says "position", time was turned into it by the certificates: the time of recording never
# runs backwards along positions, so the history's one index serves both.
_BALANCE_AS_OF = """
with account as (
    select account_id, currency,
           %(effective_at)s + dated_back_us_max * interval '1 microsecond' as late_until,
           %(effective_at)s - dated_ahead_us_max * interval '1 microsecond' as ahead_from
    from {schema}.balances where account_id = %(account_id)s
), bounds as (
    select coalesce((select position from {schema}.certificates where known_at > %(effective_at)s
                     order by known_at, position limit 1), 9223372036854775807) as base_until,
           coalesce((select position from {schema}.certificates where known_at > a.late_until
                     order by known_at, position limit 1), 9223372036854775807) as late_until,
           coalesce((select position from {schema}.certificates where known_at < a.ahead_from
                     order by known_at desc, position desc limit 1), 0) as ahead_from
    from account a
), last_before as (
    select position, posted, held from {schema}.balance_history
    where account_id = %(account_id)s and position <= %(known_position)s
      and position <= (select base_until from bounds) and recorded_at <= %(effective_at)s
    order by position desc limit 1
), late as (
    select sum(posted_change) as posted, sum(held_change) as held from {schema}.balance_history
    where account_id = %(account_id)s and position <= %(known_position)s
      and position > coalesce((select position from last_before), 0)
      and position <= (select late_until from bounds) and effective_at <= %(effective_at)s
), ahead as (
    select sum(posted_change) as posted, sum(held_change) as held from {schema}.balance_history
    where account_id = %(account_id)s and position <= (select position from last_before)
      and position >= (select ahead_from from bounds) and effective_at > %(effective_at)s
)
select a.account_id, a.currency,
       coalesce(b.posted, 0) + coalesce(l.posted, 0) - coalesce(f.posted, 0) as posted,
       coalesce(b.held, 0) + coalesce(l.held, 0) - coalesce(f.held, 0) as held,
       coalesce((select overdraft_limit from {schema}.overdraft_history
                 where account_id = %(account_id)s and position <= %(known_position)s
                   and effective_at <= %(effective_at)s
                 order by effective_at desc, position desc limit 1), 0) as overdraft_limit,
       least(%(known_position)s, t.notification_id) as position
from account a cross join late l cross join ahead f left join last_before b on true
cross join {schema}.tracking t where t.application_name = 'balances'
"""


async def balance(fetch: Fetch, account_id: str) -> Balance | None:
    """None where there is no such account."""
    rows = await fetch(_BALANCE, {"account_id": account_id})
    if not rows:
        return None
    row = rows[0]
    return Balance(**{**row, **{name: int(row[name]) for name in ("posted", "held", "overdraft_limit")}})


async def balance_as_of(
    fetch: Fetch, account_id: str, effective_at: datetime, known_at: datetime
) -> BalanceAsOf | None:
    """None where there is no such account. Before the account was opened its balance is 0."""
    known = await certificates.known_at(fetch, known_at)
    return await balance_at_position(fetch, account_id, effective_at, known_at, known.position)


async def balance_at_position(
    fetch: Fetch, account_id: str, effective_at: datetime, known_at: datetime, known_position: int
) -> BalanceAsOf | None:
    """As `balance_as_of`, from the events up to a position that is known already."""
    rows = await fetch(
        _BALANCE_AS_OF,
        {"account_id": account_id, "effective_at": effective_at, "known_position": known_position},
    )
    if not rows:
        return None
    row = rows[0]
    return BalanceAsOf(
        row["account_id"],
        row["currency"],
        int(row["posted"]),
        int(row["held"]),
        int(row["overdraft_limit"]),
        effective_at,
        known_at,
        row["position"],
    )


MODEL = ReadModel("balances", 2, _TABLES, ("balances", "balance_history", "overdraft_history"), apply)
