"""The log for auditors: a page of events with a bound on what is looked at, and what a stream folds to."""

from datetime import datetime
from typing import Any, NamedTuple

from domain.catalogue import EVOLVE, decode, evolve_for
from projections import event_log
from projections.event_log import LoggedEvent, Wanted
from projections.read_model import Fetch

# How many positions one page looks at when the filter matches few of them.
SCAN_MAX = 100_000
CHUNK = 1_000
_POSITION_MAX = 2**63 - 1

_STREAM = """
select notification_id as position, originator_version as version, topic, state from {schema}.events
where originator_id = %(stream)s and originator_version > %(after)s::bigint
  and originator_version <= %(until)s::bigint
order by originator_version limit %(limit)s
"""


class EventPage(NamedTuple):
    """`scanned_to`: every wanted event up to there is in this page or an earlier one."""

    events: list[LoggedEvent]
    scanned_to: int
    is_last: bool
    head: int


class FoldedStream(NamedTuple):
    """Some of a stream's events, and the version and state after all of them; 0 where there was none yet."""

    stream: str
    version: int
    events: list[LoggedEvent]
    state: Any


async def page(
    fetch: Fetch,
    wanted: Wanted,
    recorded_from: datetime | None,
    recorded_to: datetime | None,
    *,
    after: int,
    limit: int,
) -> EventPage:
    """At most `limit` events after a position, oldest first, recorded between two instants (included).

    Looks at a bounded part of the log, so a page may be short, or empty, without being the last.
    """
    head = await event_log.head(fetch)
    first, last = await event_log.positions_between(fetch, recorded_from, recorded_to, head)
    start = max(after, first)
    # One stream is found by its key: nothing has to be looked through.
    until = last if wanted.stream is not None else min(start + SCAN_MAX, last)
    events = [event async for event in event_log.events(fetch, wanted, after=start, until=until, limit=limit)]
    scanned_to = events[-1].position if len(events) == limit else max(until, after)
    return EventPage(events, scanned_to, scanned_to >= last, head)


async def folded_stream(
    fetch: Fetch, stream: str, at_version: int | None, at: datetime | None, *, after: int, limit: int
) -> FoldedStream | None:
    """The stream up to a version and an instant of recording; None where there is no such stream.

    Gives at most `limit` events after version `after`; the state is always that of all events.
    """
    category, separator, _ = stream.partition("-")
    if not separator or category not in EVOLVE:
        return None
    evolve = evolve_for(stream)
    shown: list[LoggedEvent] = []
    version, state = 0, None
    is_known = False
    until = _POSITION_MAX if at_version is None else at_version
    while True:
        rows = await fetch(_STREAM, {"stream": stream, "after": version, "until": until, "limit": CHUNK})
        is_known = is_known or bool(rows)
        for row in rows:
            envelope = decode(row["topic"], row["state"])
            if at is not None and envelope.recorded_at > at:
                return FoldedStream(stream, version, shown, state)
            version, state = row["version"], evolve(state, envelope.data)
            if version > after and len(shown) < limit:
                shown.append(event_log.logged({**row, "stream": stream}))
        if len(rows) < CHUNK:
            return FoldedStream(stream, version, shown, state) if is_known else None
