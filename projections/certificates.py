"""Certificates: a chained digest over the whole log says which events something was folded from.

    digest(0) = sha256("")
    digest(n) = sha256(digest(n-1) || len(stream) ":" stream "," version "," len(topic) ":" topic ","
                       len(state) ":" state ",")

with numbers in decimal and lengths in bytes, so that no two different logs read the same. The follower keeps
the newest digest, and one for every thousandth event for good. Each says also when its event was known: the
time of recording, never earlier than that of any event before it, since the clocks of several processes may
differ by a little while positions are in commit order.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from domain.catalogue import decode
from projections.read_model import Fetch, ReadModel, Recorded, Write

CHECKPOINT_EVERY = 1_000

StoredEvent = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic, state."""


class Certificate(NamedTuple):
    position: int
    digest: bytes
    known_at: datetime


EMPTY = Certificate(0, hashlib.sha256(b"").digest(), datetime(1970, 1, 1, tzinfo=UTC))

_TABLES = """
create table {schema}.certificates (
    position bigint primary key,
    known_at timestamptz not null,
    digest bytea not null
);
create index certificates_known_at_idx on {schema}.certificates (known_at);
create table {schema}.certificate_head (
    k int primary key,
    position bigint not null,
    known_at timestamptz not null,
    digest bytea not null
) with (fillfactor = 10);
"""


def extend(digest: bytes, events: Sequence[StoredEvent]) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The digest after `events`, and those at the checkpoints passed on the way."""
    sha256 = hashlib.sha256
    checkpoints: list[tuple[int, bytes]] = []
    for position, stream, version, topic, state in events:
        name = stream.encode()
        digest = sha256(
            b"%b%d:%b,%d,%b%d:%b," % (digest, len(name), name, version, _netstring(topic), len(state), state)
        ).digest()
        if not position % CHECKPOINT_EVERY:
            checkpoints.append((position, digest))
    return digest, checkpoints


@cache
def _netstring(topic: str) -> bytes:
    raw = topic.encode()
    return b"%d:%b," % (len(raw), raw)


def certify(
    before: Certificate, events: Sequence[StoredEvent], recorded: Sequence[Recorded], write: Write
) -> Certificate:
    """Writes the newest certificate after a batch, and the checkpoints in it."""
    digest, checkpoints = extend(before.digest, events)
    after = Certificate(recorded[-1].position, digest, recorded[-1].recorded_at)
    write(
        "insert into {schema}.certificate_head (k, position, known_at, digest) values (1, %b, %b, %b)"
        " on conflict (k) do update set position = excluded.position, known_at = excluded.known_at,"
        " digest = excluded.digest",
        (after.position, after.known_at, after.digest),
    )
    if checkpoints:
        first = recorded[0].position
        write(
            "insert into {schema}.certificates (position, known_at, digest)"
            " select * from unnest(%b::bigint[], %b::timestamptz[], %b::bytea[])",
            (
                [position for position, _ in checkpoints],
                [recorded[position - first].recorded_at for position, _ in checkpoints],
                [checkpoint for _, checkpoint in checkpoints],
            ),
        )
    return after


def _certified_by_the_follower(_: Sequence[Recorded], __: Write) -> None:
    """The digest needs the stored bytes, which only the follower has: it calls `certify` itself."""


MODEL = ReadModel(
    "certificates", 1, _TABLES, ("certificates", "certificate_head"), _certified_by_the_follower
)

# The head is a checkpoint too, as long as it lies where it is wanted.
NEAREST_BY_POSITION = """
select position, digest, known_at from (
    select position, digest, known_at from {schema}.certificates
    union all
    select position, digest, known_at from {schema}.certificate_head
) c where position <= %(position)s order by position desc limit 1
"""

_NEAREST_BY_TIME = """
select position, digest, known_at from (
    select position, digest, known_at from {schema}.certificates
    union all
    select position, digest, known_at from {schema}.certificate_head
) c where known_at <= %(known_at)s order by position desc limit 1
"""

EVENTS_AFTER = """
select notification_id as position, originator_id as stream, originator_version as version, topic, state
from {schema}.events
where notification_id > %(after)s and notification_id <= %(until)s
order by notification_id limit %(limit)s
"""


async def _nearest(fetch: Fetch, query: str, parameters: dict[str, Any]) -> Certificate:
    rows = await fetch(query, parameters)
    return Certificate(**rows[0]) if rows else EMPTY


async def _events_after(fetch: Fetch, after: int, until: int) -> list[StoredEvent]:
    rows = await fetch(EVENTS_AFTER, {"after": after, "until": until, "limit": CHECKPOINT_EVERY})
    return [(row["position"], row["stream"], row["version"], row["topic"], row["state"]) for row in rows]


def step_over(before: Certificate, event: StoredEvent) -> Certificate:
    """The certificate of the event that follows `before`."""
    digest, _ = extend(before.digest, [event])
    recorded_at = decode(event[3], event[4]).recorded_at
    return Certificate(event[0], digest, max(before.known_at, recorded_at))


async def newest(fetch: Fetch) -> Certificate:
    """That of everything the follower has passed."""
    rows = await fetch("select position, digest, known_at from {schema}.certificate_head where k = 1", {})
    return Certificate(**rows[0]) if rows else EMPTY


async def at_position(fetch: Fetch, position: int) -> Certificate:
    """The certificate of events 1 to `position`: at most a thousand events are folded for it."""
    certificate = await _nearest(fetch, NEAREST_BY_POSITION, {"position": position})
    for event in await _events_after(fetch, certificate.position, position):
        certificate = step_over(certificate, event)
    return certificate


async def known_at(fetch: Fetch, instant: datetime) -> Certificate:
    """The certificate of everything that was known at `instant`, as far as the follower has got."""
    head = await newest(fetch)
    if head.known_at <= instant:
        return head
    certificate = await _nearest(fetch, _NEAREST_BY_TIME, {"known_at": instant})
    for event in await _events_after(fetch, certificate.position, head.position):
        following = step_over(certificate, event)
        if following.known_at > instant:
            break
        certificate = following
    return certificate


class LogBroken(Exception):
    """An event was removed or changed: what is stored no longer folds to what was certified."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the log differs from its certificate in events up to {position}")
        self.position = position


async def verify(fetch: Fetch, after: int = 0) -> Certificate:
    """Folds the events again and compares every certificate on the way. Raises LogBroken.

    Reads the whole log after the checkpoint at `after`: minutes for tens of millions of events.
    """
    head = await newest(fetch)
    certificate = await at_position(fetch, after)
    while certificate.position < head.position:
        until = min(
            certificate.position - certificate.position % CHECKPOINT_EVERY + CHECKPOINT_EVERY, head.position
        )
        events = await _events_after(fetch, certificate.position, until)
        kept = await _nearest(fetch, NEAREST_BY_POSITION, {"position": until})
        digest, _ = extend(certificate.digest, events)
        if len(events) != until - certificate.position or kept != (until, digest, kept.known_at):
            raise LogBroken(until)
        certificate = kept
    return certificate
