"""Card holds: each with its status as it is now; an account's newest first, in pages of any depth.

A row has what changes and what is filtered by. The terms are read from the log itself, by the position of the
hold's placing. How many holds of each status an account placed on each UTC day is counted beside them: totals
are sums of days, and a deep page begins at its day instead of at the newest hold. Only a day that a filter
cuts is counted row by row, by its index alone.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from domain.catalogue import decode
from domain.holds import (
    ACTIVE,
    CAPTURED,
    EXPIRED,
    RELEASED,
    STATUSES,
    Hold,
    HoldCaptured,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
)
from projections import holds
from projections.read_model import Fetch, ReadModel, Recorded, Write

# One index serves the lists of one status and, as a merge of the four, the list of all: a second one without
# the status would cost every hold another entry. Counts are of one width, so that they change in place.
_TABLES = """
create table {schema}.card_holds (
    hold_id bigint primary key,
    position bigint not null,
    created_at timestamptz not null,
    changed_at timestamptz,
    account_id text collate "C" not null,
    status text collate "C" not null,
    captured numeric not null
) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.1);
create index card_holds_account_idx on {schema}.card_holds (account_id, status, created_at, hold_id);
create table {schema}.card_hold_days (
    day date not null,
    active integer not null,
    captured integer not null,
    released integer not null,
    expired integer not null,
    account_id text collate "C" not null,
    primary key (account_id, day)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
"""

_PLACE = """
insert into {schema}.card_holds (hold_id, position, created_at, changed_at, account_id, status, captured)
select * from unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[],
                     %b::numeric[])
"""

_COUNT = """
insert into {schema}.card_hold_days as d (account_id, day, active, captured, released, expired)
select * from unnest(%b::text[], %b::date[], %b::integer[], %b::integer[], %b::integer[], %b::integer[])
on conflict (account_id, day) do update
set active = d.active + excluded.active, captured = d.captured + excluded.captured,
    released = d.released + excluded.released, expired = d.expired + excluded.expired
"""

# What the counts become follows from the statuses before and after.
_CHANGE = """
with changed as (
    select h.hold_id, h.account_id, (h.created_at at time zone 'UTC')::date as day, h.status as before,
           c.status as after, c.changed_at, c.captured
    from unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::numeric[])
         as c (hold_id, changed_at, status, captured)
    join {schema}.card_holds h on h.hold_id = c.hold_id
), updated as (
    update {schema}.card_holds h
    set status = c.after, changed_at = c.changed_at, captured = coalesce(c.captured, h.captured)
    from changed c where h.hold_id = c.hold_id
), sums as (
    select account_id, day,
           sum((after = 'ACTIVE')::int - (before = 'ACTIVE')::int) as active,
           sum((after = 'CAPTURED')::int - (before = 'CAPTURED')::int) as captured,
           sum((after = 'RELEASED')::int - (before = 'RELEASED')::int) as released,
           sum((after = 'EXPIRED')::int - (before = 'EXPIRED')::int) as expired
    from changed where before <> after group by account_id, day
)
update {schema}.card_hold_days d
set active = d.active + s.active, captured = d.captured + s.captured,
    released = d.released + s.released, expired = d.expired + s.expired
from sums s where d.account_id = s.account_id and d.day = s.day
"""

# Applying. A hold placed in this batch is folded in place; of an earlier one only the last change counts.

_HOLD = len("hold-")
_CHANGED_AT, _STATUS, _CAPTURED = 3, 5, 6


def apply(batch: Sequence[Recorded], write: Write) -> None:
    placed: dict[int, list[Any]] = {}
    changed: dict[int, list[Any]] = {}
    for fact in batch:
        kind = type(fact.event)
        if kind not in _STATUS_AFTER:
            continue
        event: Any = fact.event
        if kind is HoldPlaced:
            placed[event.hold_id] = [
                event.hold_id, fact.position, event.placed_at, None, event.account_id, ACTIVE, 0
            ]  # fmt: skip  # a row, as the statement takes it
            continue
        hold_id = int(fact.stream[_HOLD:])
        row = placed.get(hold_id)
        if row is None:
            row = changed.setdefault(hold_id, [hold_id, None, None, None, None, None, None])
        row[_CHANGED_AT], row[_STATUS] = fact.effective_at, _STATUS_AFTER[kind]
        if kind is HoldCaptured:
            row[_CAPTURED] = event.captured
            if not event.is_final:
                row[_STATUS] = ACTIVE
    if placed:
        rows = list(placed.values())
        write(_PLACE, list(zip(*rows, strict=True)))
        write(_COUNT, _counted(rows))
    if changed:
        columns = list(zip(*changed.values(), strict=True))
        write(_CHANGE, (list(changed), columns[_CHANGED_AT], columns[_STATUS], columns[_CAPTURED]))


_STATUS_AFTER: dict[type[Any], str] = {
    HoldPlaced: ACTIVE,
    HoldCaptured: CAPTURED,
    HoldReleased: RELEASED,
    HoldExpired: EXPIRED,
}
_PLACE_OF_STATUS = {status: place for place, status in enumerate((ACTIVE, CAPTURED, RELEASED, EXPIRED))}


def _counted(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows' numbers by account, day and status, as columns."""
    counts: dict[tuple[str, date], list[int]] = {}
    for _, _, created_at, _, account_id, status, _ in rows:
        key = (account_id, created_at.date())
        count = counts.get(key)
        if count is None:
            count = counts[key] = [0, 0, 0, 0]
        count[_PLACE_OF_STATUS[status]] += 1
    return [*zip(*counts, strict=True), *zip(*counts.values(), strict=True)]


class HoldView(NamedTuple):
    """`updated_at` is when it last changed; None where it never did."""

    hold: Hold
    updated_at: datetime | None


class HoldPage(NamedTuple):
    """`total` counts all that were asked for, on whatever page."""

    holds: list[HoldView]
    total: int


_COLUMNS = "h.status, h.captured, h.changed_at, e.topic, e.state"

_BY_ID = f"""
select {_COLUMNS}
from {{schema}}.card_holds h join {{schema}}.events e on e.notification_id = h.position
where h.hold_id = %(hold_id)s::bigint
"""

_ACTIVE_OF_ACCOUNT = f"""
select {_COLUMNS}
from {{schema}}.card_holds h join {{schema}}.events e on e.notification_id = h.position
where h.account_id = %(account_id)s and h.status = 'ACTIVE'
order by h.created_at desc, h.hold_id desc limit %(limit)s
"""

# Of one status, from the newest on. `start` says before which instant the page begins and how many holds
# between that and the page are to be passed over, less than a day's.
_LISTED = """
(select created_at, hold_id from {schema}.card_holds
 where account_id = %(account_id)s and status = '{status}' and created_at >= %(created_from)s
   and created_at < (select until from start)
 order by created_at desc, hold_id desc
 limit (select further from start) + %(limit)s)
"""

_OF_ACCOUNT = f"""
with pieces as (
    select (day + 1)::timestamp at time zone 'UTC' as until, {{count}} as holds from {{schema}}.card_hold_days
    where account_id = %(account_id)s and day >= %(first_day)s and day < %(day_before)s
    union all
    select %(early_before)s, count(*) from {{schema}}.card_holds
    where account_id = %(account_id)s and status = any(%(statuses)s::text[])
      and created_at >= %(created_from)s and created_at < %(early_before)s
    union all
    select %(created_before)s, count(*) from {{schema}}.card_holds
    where account_id = %(account_id)s and status = any(%(statuses)s::text[])
      and created_at >= %(late_from)s and created_at < %(created_before)s
), running as (
    select until, holds, sum(holds) over (order by until desc) - holds as newer from pieces where holds > 0
), start as (
    select until, (%(offset)s::bigint - newer)::bigint as further from running
    where newer <= %(offset)s::bigint and newer + holds > %(offset)s::bigint
), page as (
    select hold_id from ({{listed}}) listed
    order by created_at desc, hold_id desc offset (select further from start) limit %(limit)s
)
select t.total, p.hold_id, {_COLUMNS}
from (select coalesce(sum(holds), 0) as total from pieces) t
left join (
    page p join {{schema}}.card_holds h on h.hold_id = p.hold_id
    join {{schema}}.events e on e.notification_id = h.position
) on true
order by h.created_at desc, h.hold_id desc
"""


def _list_of(*statuses: str) -> str:
    """The list with these statuses: it merges those of each."""
    listed = " union all ".join(_LISTED.replace("{status}", status) for status in statuses)
    return _OF_ACCOUNT.replace("{count}", " + ".join(map(str.lower, statuses))).replace("{listed}", listed)


_LISTS: dict[str | None, str] = {
    None: _list_of(*STATUSES),
    **{status: _list_of(status) for status in STATUSES},
}

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_DAY = timedelta(days=1)


class _Period(NamedTuple):
    """A half-open period: its whole UTC days, and what it cuts of a day before and after them."""

    created_from: datetime
    early_before: datetime
    first_day: date
    day_before: date
    late_from: datetime
    created_before: datetime


def _period(created_from: datetime | None, created_before: datetime | None) -> _Period:
    start = _EARLIEST if created_from is None else min(created_from.astimezone(UTC), _LATEST)
    end = _LATEST if created_before is None else min(created_before.astimezone(UTC), _LATEST)
    first_day, day_before = start.date(), end.date()
    if start > _midnight(first_day):
        first_day += _DAY
    if first_day > day_before:
        # No midnight in it: all of it is one cut.
        return _Period(start, end, first_day, day_before, end, end)
    return _Period(start, _midnight(first_day), first_day, day_before, _midnight(day_before), end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


async def by_id(fetch: Fetch, hold_id: int) -> HoldView | None:
    """None where there is no such hold."""
    rows = await fetch(_BY_ID, {"hold_id": hold_id})
    return _view(rows[0]) if rows else None


async def of_account(
    fetch: Fetch,
    account_id: str,
    *,
    status: str | None = None,
    created_from: datetime | None = None,
    created_before: datetime | None = None,
    offset: int = 0,
    limit: int = 20,
) -> HoldPage:
    """The account's holds, newest first, those placed at or after one instant and before another."""
    parameters = {
        "account_id": account_id,
        "statuses": list(STATUSES) if status is None else [status],
        "offset": offset,
        "limit": limit,
        **_period(created_from, created_before)._asdict(),
    }
    rows = await fetch(_LISTS[status], parameters)
    # Without holds on the page there is one row all the same, with the total alone.
    return HoldPage([_view(row) for row in rows if row["hold_id"] is not None], int(rows[0]["total"]))


async def active_of_account(fetch: Fetch, account_id: str, limit: int = 100) -> list[holds.Hold]:
    """The account's active card holds, newest first, no more than `limit`, as holds of any kind are shown."""
    rows = await fetch(_ACTIVE_OF_ACCOUNT, {"account_id": account_id, "limit": limit})
    return [_as_any_hold(_view(row).hold) for row in rows]


def _as_any_hold(hold: Hold) -> holds.Hold:
    placed = hold.placed
    return holds.Hold(
        str(placed.hold_id),
        placed.account_id,
        f"authorization-{placed.request_id}",
        placed.amount.minor,
        hold.captured,
        placed.placed_at,
        None,
    )


def _view(row: dict[str, Any]) -> HoldView:
    placed = decode(row["topic"], row["state"]).data
    return HoldView(Hold(placed, int(row["captured"]), row["status"]), row["changed_at"])


MODEL = ReadModel("card_holds", 1, _TABLES, ("card_holds", "card_hold_days"), apply)
