"""What of the outbox is to be sent now, and how much waits."""

from datetime import datetime
from typing import Any, NamedTuple

from domain.catalogue import decode
from domain.deliveries import DeliveryKey
from projections.read_model import Fetch, Recorded
from projections.webhook_deliveries import MODEL

# Of a stream that is longer, a message is made from its first event and the last ones.
HISTORY_EVENTS_MAX = 1_000

# One look at one state of the tables, which says itself which events it shows. A webhook with any number of
# deliveries that wait costs no more than one without. What is ready does not fall due before the webhook was
# activated (again).
_READY = """
select t.notification_id as shown,
       (select min(greatest(n.ready_at, w.active_since))
        from {schema}.webhook_receivers w cross join lateral (
            select d.ready_at from {schema}.webhook_deliveries d
            where d.webhook = w.webhook and d.ready_at > %(at)s order by d.ready_at limit 1
        ) n
        where w.active_since is not null) as next_due_at,
       r.*
from {schema}.tracking t left join (
    select w.webhook, w.surface, w.url, w.secret, d.position, d.ordinal, d.event_type, d.aggregate,
           d.attempts, greatest(d.ready_at, w.active_since) as due_at
    from {schema}.webhook_receivers w cross join lateral (
        select d.position, d.ordinal, d.event_type, d.aggregate, d.attempts, d.ready_at
        from {schema}.webhook_deliveries d
        where d.webhook = w.webhook and d.ready_at <= %(at)s order by d.ready_at limit %(limit)s
    ) d
    where w.active_since is not null
) r on true
where t.application_name = %(model)s
order by r.due_at
"""

_IS_ANYTHING_DUE = """
select exists (
    select from {schema}.webhook_receivers w cross join lateral (
        select from {schema}.webhook_deliveries d
        where d.webhook = w.webhook and d.ready_at <= %(at)s order by d.ready_at limit 1
    ) d
    where w.active_since is not null
) as is_due
"""

_HISTORY = """
select e.notification_id as position, e.originator_id as stream, e.originator_version as version, e.topic,
       e.state
from {schema}.events f join {schema}.events e on e.originator_id = f.originator_id
where f.notification_id = %(position)s and e.originator_version <= f.originator_version
  and (e.originator_version > f.originator_version - %(bound)s or e.originator_version = 1)
order by e.originator_version
"""

_BACKLOG = """
with pending as (
    select count(*) as count, min(position) as oldest
    from {schema}.webhook_deliveries where status = 'pending'
)
select p.count, e.topic, e.state
from pending p left join {schema}.events e on e.notification_id = p.oldest
"""

_ATTEMPTS = "select outcome, attempts from {schema}.webhook_attempts"


class ReadyDelivery(NamedTuple):
    """A delivery whose next attempt may be made: how often it was tried, and when it fell due."""

    key: DeliveryKey
    surface: str
    url: str
    secret: str
    event_type: str
    aggregate: str
    attempts: int
    due_at: datetime


class Ready(NamedTuple):
    """`shown` is the position up to which this is so; `next_due_at` when more falls due by itself."""

    shown: int
    deliveries: list[ReadyDelivery]
    next_due_at: datetime | None


class Backlog(NamedTuple):
    """Deliveries that wait, the age in seconds of the oldest one's event, and attempts by outcome so far."""

    pending: int
    oldest_seconds: float
    attempts: dict[str, int]


async def ready(fetch: Fetch, at: datetime, limit: int) -> Ready:
    """The deliveries that are due at `at`, the longest due first; at most `limit` of each webhook."""
    rows = await fetch(_READY, {"at": at, "limit": limit, "model": MODEL.name})
    if not rows:
        return Ready(0, [], None)
    return Ready(
        rows[0]["shown"],
        [_ready(row) for row in rows if row["webhook"] is not None],
        rows[0]["next_due_at"],
    )


def _ready(row: dict[str, Any]) -> ReadyDelivery:
    return ReadyDelivery(
        DeliveryKey(row["webhook"], row["position"], row["ordinal"]),
        row["surface"],
        row["url"],
        row["secret"],
        row["event_type"],
        row["aggregate"],
        row["attempts"],
        row["due_at"],
    )


async def is_anything_due(fetch: Fetch, at: datetime) -> bool:
    return bool((await fetch(_IS_ANYTHING_DUE, {"at": at}))[0]["is_due"])


async def history(fetch: Fetch, position: int) -> list[Recorded]:
    """The events of a fact's stream up to the fact at that position, which is the last."""
    rows = await fetch(_HISTORY, {"position": position, "bound": HISTORY_EVENTS_MAX - 1})
    return [recorded(row) for row in rows]


def recorded(row: dict[str, Any]) -> Recorded:
    envelope = decode(row["topic"], bytes(row["state"]))
    return Recorded(
        row["position"],
        row["stream"],
        row["version"],
        row["topic"],
        envelope.recorded_at,
        envelope.counts_from,
        envelope.actor,
        envelope.correlation_id,
        envelope.data,
    )


async def backlog(fetch: Fetch, now: datetime) -> Backlog:
    row = (await fetch(_BACKLOG, {}))[0]
    attempts = {each["outcome"]: int(each["attempts"]) for each in await fetch(_ATTEMPTS, {})}
    if row["topic"] is None:
        return Backlog(int(row["count"]), 0.0, attempts)
    age = now - decode(row["topic"], bytes(row["state"])).recorded_at
    return Backlog(int(row["count"]), max(0.0, age.total_seconds()), attempts)
