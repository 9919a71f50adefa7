"""Timers: what is due next for each subject, and when. A subject has one row, until nothing is due any more.

The background worker fires a due row through an ordinary command; the fact that comes of it moves the row on
or removes it. Firing twice is harmless, so a row needs no marks of who fired it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.transfers import (
    PROCESSING_TIME,
    MfaVerified,
    ProcessingStarted,
    TransferCancelled,
    TransferCreated,
    TransferFailed,
    TransferSettled,
    processing_due,
)
from projections.read_model import Fetch, ReadModel, Recorded, Write

START_PROCESSING = "transfer.start_processing"
SETTLE = "transfer.settle"
EXPIRE_MFA = "transfer.expire_mfa"

# `subject` is a public id that says by itself what it is of (`tx_…`); what has a plain number for an id uses
# its stream's name. `scheduled_at` is the instant that later steps are reckoned from. The index is on the
# time alone: thousands of timers share one time, and equal keys take next to no space.
_TABLES = """
create table {schema}.timers (
    due_at timestamptz not null,
    scheduled_at timestamptz,
    kind text collate "C" not null,
    subject text collate "C" primary key
) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
create index timers_due_at_idx on {schema}.timers (due_at);
"""

_SET = """
insert into {schema}.timers (subject, kind, due_at, scheduled_at)
select * from unnest(%b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[])
on conflict (subject) do update
set kind = excluded.kind, due_at = excluded.due_at, scheduled_at = excluded.scheduled_at
"""

_MOVE_ON = """
update {schema}.timers t
set kind = m.kind, due_at = t.scheduled_at - m.lead_seconds * interval '1 second'
from unnest(%b::text[], %b::text[], %b::bigint[]) as m (subject, kind, lead_seconds)
where t.subject = m.subject
"""

_REMOVE = "delete from {schema}.timers where subject = any(%b::text[])"

_DUE = """
select kind, subject, due_at from {schema}.timers
where due_at <= %(at)s order by due_at limit %(limit)s
"""

_EARLIEST = "select min(due_at) as due_at from {schema}.timers"

_TRANSFER = len("transfer-")


class Timer(NamedTuple):
    kind: str
    subject: str
    due_at: datetime


class _Step(NamedTuple):
    """The next step, `lead` before the scheduled instant."""

    kind: str
    lead: timedelta


class _Row(NamedTuple):
    kind: str
    due_at: datetime
    scheduled_at: datetime | None


# None: nothing is due any more.
_STEP_AFTER: dict[type[Any], _Step | None] = {
    MfaVerified: _Step(START_PROCESSING, PROCESSING_TIME),
    ProcessingStarted: _Step(SETTLE, timedelta(0)),
    TransferSettled: None,
    TransferCancelled: None,
    TransferFailed: None,
}


def apply(batch: Sequence[Recorded], write: Write) -> None:
    begun: dict[str, _Row] = {}
    moved: dict[str, _Step] = {}
    ended: list[str] = []
    for fact in batch:
        event = fact.event
        if isinstance(event, TransferCreated):
            begun[event.transfer_id] = _first(event)
            continue
        kind = type(event)
        if kind not in _STEP_AFTER:
            continue
        step, subject = _STEP_AFTER[kind], fact.stream[_TRANSFER:]
        row = begun.get(subject)
        if step is None:
            moved.pop(subject, None)
            if begun.pop(subject, None) is None:
                ended.append(subject)
        elif row is None:
            moved[subject] = step
        elif row.scheduled_at is not None:
            begun[subject] = _Row(step.kind, row.scheduled_at - step.lead, row.scheduled_at)
    if ended:
        write(_REMOVE, (ended,))
    if begun:
        write(_SET, (list(begun), *map(list, zip(*begun.values(), strict=True))))
    if moved:
        steps = moved.values()
        write(
            _MOVE_ON,
            (list(moved), [step.kind for step in steps], [step.lead // _SECOND for step in steps]),
        )


_SECOND = timedelta(seconds=1)


def _first(created: TransferCreated) -> _Row:
    scheduled_at = created.scheduled_settlement_at
    if created.mfa_expires_at is not None:
        return _Row(EXPIRE_MFA, created.mfa_expires_at, scheduled_at)
    return _Row(START_PROCESSING, processing_due(scheduled_at), scheduled_at)


async def due(fetch: Fetch, at: datetime, limit: int) -> list[Timer]:
    """What is due at `at`, longest due first, no more than `limit`. Among equal times in no order."""
    return [Timer(**row) for row in await fetch(_DUE, {"at": at, "limit": limit})]


async def earliest(fetch: Fetch) -> datetime | None:
    """When the next timer is or was due; None where there is none."""
    rows = await fetch(_EARLIEST, {})
    due_at: datetime | None = rows[0]["due_at"]
    return due_at


MODEL = ReadModel("timers", 1, _TABLES, ("timers",), apply)
