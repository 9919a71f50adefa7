"""The log itself, for whoever reads events as they were recorded: filtered, in order, page by page."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from domain.catalogue import decode
from projections import certificates
from projections.read_model import Fetch

PAGE = 1_000

_HEAD = "select last_id from {schema}.log_head where k = 1"

_EVENTS = """
select notification_id as position, originator_id as stream, originator_version as version, topic, state
from {schema}.events
where notification_id > %(after)s and notification_id <= %(until)s
  and (%(category)s::text is null or starts_with(originator_id, %(category)s || '-'))
  and (%(topic)s::text is null or topic = %(topic)s)
order by notification_id limit %(limit)s
"""

# A query of its own, so that one stream is found by its key instead of by reading the log.
_EVENTS_OF_STREAM = """
select notification_id as position, originator_id as stream, originator_version as version, topic, state
from {schema}.events
where originator_id = %(stream)s and notification_id > %(after)s and notification_id <= %(until)s
  and (%(category)s::text is null or starts_with(originator_id, %(category)s || '-'))
  and (%(topic)s::text is null or topic = %(topic)s)
order by originator_version limit %(limit)s
"""


class Wanted(NamedTuple):
    """Which events: None is any. `category` is the part of a stream's name before the first hyphen."""

    stream: str | None = None
    category: str | None = None
    topic: str | None = None


class LoggedEvent(msgspec.Struct, frozen=True):
    """One event with its envelope, as it is shown; `data` is in today's shape."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    effective_at: datetime
    actor: str
    correlation_id: str
    causation_id: str
    data: Any


async def head(fetch: Fetch) -> int:
    """The position of the newest event, 0 in an empty log."""
    return int((await fetch(_HEAD, {}))[0]["last_id"])


async def events(
    fetch: Fetch, wanted: Wanted, *, after: int, until: int, limit: int = PAGE
) -> AsyncIterator[LoggedEvent]:
    """The wanted events after one position up to another, oldest first; at most `limit` of them."""
    query = _EVENTS if wanted.stream is None else _EVENTS_OF_STREAM
    left = limit
    while left > 0:
        page = min(left, PAGE)
        rows = await fetch(query, {**wanted._asdict(), "after": after, "until": until, "limit": page})
        for row in rows:
            yield logged(row)
        if len(rows) < page:
            return
        left -= len(rows)
        after = rows[-1]["position"]


async def positions_between(
    fetch: Fetch, recorded_from: datetime | None, recorded_to: datetime | None, newest: int
) -> tuple[int, int]:
    """After which position, and up to which one, the events recorded between both instants (included) lie."""
    # The time of recording never runs backwards along positions, so a span of time is a span of positions.
    after = 0
    if recorded_from is not None:
        before = recorded_from - timedelta(microseconds=1)
        after = (await certificates.known_at(fetch, before)).position
    if recorded_to is None:
        return after, newest
    known = await certificates.known_at(fetch, recorded_to)
    return after, known.position


def logged(row: dict[str, Any]) -> LoggedEvent:
    envelope = decode(row["topic"], bytes(row["state"]))
    return LoggedEvent(
        row["position"],
        row["stream"],
        row["version"],
        row["topic"],
        envelope.recorded_at,
        envelope.counts_from,
        envelope.actor,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.data,
    )
