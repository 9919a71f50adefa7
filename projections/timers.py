"""Timers: what is due next for each subject, and when. A subject has one row, until nothing is due any more.

The background worker fires a due row through an ordinary command; the fact that comes of it moves the row on
or removes it. Firing twice is harmless, so a row needs no marks of who fired it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.authorizations import (
    CHALLENGE,
    AuthorizationDecided,
    ChallengeCompleted,
    ChallengeExpired,
    challenge_expires_at,
)
from domain.cards import LimitsOverridden, OverrideDeleted, OverrideExpired
from domain.holds import HoldCaptured, HoldExpired, HoldPlaced, HoldReleased
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

EXPIRE_CHALLENGE = "authorization.expire_challenge"
EXPIRE_HOLD = "hold.expire"
EXPIRE_OVERRIDE = "override.expire"
START_PROCESSING = "transfer.start_processing"
SETTLE = "transfer.settle"
EXPIRE_MFA = "transfer.expire_mfa"

# `subject` is a public id that says by itself what it is of (`tx_…`); what has a plain number for an id uses
# its stream's name, or `override-…`. `scheduled_at` is the instant that later steps are reckoned from. The
# index is on the time alone: thousands of timers share one time, and equal keys take next to no space.
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
_SECOND = timedelta(seconds=1)


class Timer(NamedTuple):
    kind: str
    subject: str
    due_at: datetime


class _Due(NamedTuple):
    """From here on this is due for the subject. `scheduled_at`: None where no step is reckoned from it."""

    subject: str
    kind: str
    due_at: datetime
    scheduled_at: datetime | None = None


class _Step(NamedTuple):
    """The subject's next step is due, `lead` before the scheduled instant."""

    subject: str
    kind: str
    lead: timedelta


class _Over(NamedTuple):
    """Nothing is due for the subject any more."""

    subject: str


_Change = _Due | _Step | _Over


def _transfer_created(_: str, created: TransferCreated) -> _Change:
    scheduled_at = created.scheduled_settlement_at
    if created.mfa_expires_at is not None:
        return _Due(created.transfer_id, EXPIRE_MFA, created.mfa_expires_at, scheduled_at)
    return _Due(created.transfer_id, START_PROCESSING, processing_due(scheduled_at), scheduled_at)


def _mfa_verified(stream: str, _: MfaVerified) -> _Change:
    return _Step(stream[_TRANSFER:], START_PROCESSING, PROCESSING_TIME)


def _processing_started(stream: str, _: ProcessingStarted) -> _Change:
    return _Step(stream[_TRANSFER:], SETTLE, timedelta(0))


def _transfer_ended(stream: str, _: Any) -> _Change:
    return _Over(stream[_TRANSFER:])


def _authorization_decided(stream: str, decided: AuthorizationDecided) -> _Change | None:
    if decided.ruling.decision != CHALLENGE:
        return None
    return _Due(stream, EXPIRE_CHALLENGE, challenge_expires_at(decided.ruling))


def _hold_placed(stream: str, placed: HoldPlaced) -> _Change:
    return _Due(stream, EXPIRE_HOLD, placed.expires_at)


def _hold_captured(stream: str, captured: HoldCaptured) -> _Change | None:
    return _Over(stream) if captured.is_final else None


def _limits_overridden(_: str, overridden: LimitsOverridden) -> _Change:
    override = overridden.override
    return _Due(_override(override.override_id), EXPIRE_OVERRIDE, override.expires_at)


def _override_ended(_: str, ended: OverrideDeleted | OverrideExpired) -> _Change:
    return _Over(_override(ended.override_id))


def _override(override_id: int) -> str:
    return f"override-{override_id}"


def _stream_ended(stream: str, _: Any) -> _Change:
    return _Over(stream)


# What each fact does to the timer of its subject, given the fact's stream.
_CHANGES: Mapping[type[Any], Callable[[str, Any], _Change | None]] = {
    TransferCreated: _transfer_created,
    MfaVerified: _mfa_verified,
    ProcessingStarted: _processing_started,
    TransferSettled: _transfer_ended,
    TransferCancelled: _transfer_ended,
    TransferFailed: _transfer_ended,
    AuthorizationDecided: _authorization_decided,
    ChallengeCompleted: _stream_ended,
    ChallengeExpired: _stream_ended,
    HoldPlaced: _hold_placed,
    HoldCaptured: _hold_captured,
    HoldReleased: _stream_ended,
    HoldExpired: _stream_ended,
    LimitsOverridden: _limits_overridden,
    OverrideDeleted: _override_ended,
    OverrideExpired: _override_ended,
}


def apply(batch: Sequence[Recorded], write: Write) -> None:
    begun: dict[str, _Due] = {}
    moved: dict[str, _Step] = {}
    ended: list[str] = []
    for fact in batch:
        change_after = _CHANGES.get(type(fact.event))
        if change_after is None:
            continue
        change = change_after(fact.stream, fact.event)
        if change is None:
            continue
        subject = change.subject
        if isinstance(change, _Due):
            begun[subject] = change
        elif isinstance(change, _Over):
            moved.pop(subject, None)
            if begun.pop(subject, None) is None:
                ended.append(subject)
        else:
            due = begun.get(subject)
            if due is None:
                moved[subject] = change
            elif due.scheduled_at is not None:
                due_at = due.scheduled_at - change.lead
                begun[subject] = _Due(subject, change.kind, due_at, due.scheduled_at)
    if ended:
        write(_REMOVE, (ended,))
    if begun:
        write(_SET, list(zip(*begun.values(), strict=True)))
    if moved:
        subjects, kinds, leads = zip(*moved.values(), strict=True)
        write(_MOVE_ON, (subjects, kinds, [lead // _SECOND for lead in leads]))


async def due(fetch: Fetch, at: datetime, limit: int) -> list[Timer]:
    """What is due at `at`, longest due first, no more than `limit`. Among equal times in no order."""
    return [Timer(**row) for row in await fetch(_DUE, {"at": at, "limit": limit})]


async def earliest(fetch: Fetch) -> datetime | None:
    """When the next timer is or was due; None where there is none."""
    rows = await fetch(_EARLIEST, {})
    due_at: datetime | None = rows[0]["due_at"]
    return due_at


MODEL = ReadModel("timers", 2, _TABLES, ("timers",), apply)
