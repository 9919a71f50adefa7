"""The outbox: what is to be announced to which webhook, and what became of it.

It follows from the log alone: facts that announce something, joined to the webhooks that were active at that
position, and the attempts that were recorded since. Only the earliest pending delivery of a webhook and
aggregate is ready: `ready_at` is when its next attempt may be made, null for those that wait behind it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain import deliveries, webhooks
from domain.announcements import ANNOUNCES
from domain.deliveries import (
    DEAD_LETTERED,
    DELIVERED,
    PENDING,
    DeliveryDeadLettered,
    DeliveryFailed,
    DeliveryKey,
    DeliveryRequeued,
    DeliverySucceeded,
)
from domain.events import Event
from domain.webhooks import WebhookCreated, WebhookDeleted, WebhookUpdated
from projections.read_model import ReadModel, Recorded, Write

# A webhook goes by its number here. `ordinal` is the announcement's place among those of its fact. What is
# told, and the public id of the event, are read from the log, by the position, when they are needed.
_TABLES = """
create table {schema}.webhook_receivers (
    webhook bigint primary key,
    active_since timestamptz,
    surface text collate "C" not null,
    url text not null,
    secret text not null
);
create table {schema}.webhook_subscriptions (
    surface text collate "C" not null,
    event_type text collate "C" not null,
    webhook bigint not null,
    primary key (surface, event_type, webhook)
);
create table {schema}.webhook_deliveries (
    webhook bigint not null,
    position bigint not null,
    due_at timestamptz,
    ready_at timestamptz,
    last_attempt_at timestamptz,
    attempts int not null,
    response_status int,
    ordinal smallint not null,
    status text collate "C" not null,
    event_type text collate "C" not null,
    aggregate text collate "C" not null,
    error text collate "C",
    primary key (webhook, position, ordinal)
) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
create index webhook_deliveries_ready_idx on {schema}.webhook_deliveries (webhook, ready_at)
    where ready_at is not null;
create index webhook_deliveries_pending_idx
    on {schema}.webhook_deliveries (webhook, aggregate, position, ordinal) where status = 'pending';
create index webhook_deliveries_settled_idx
    on {schema}.webhook_deliveries (webhook, aggregate, last_attempt_at) where status <> 'pending';
create index webhook_deliveries_dead_idx on {schema}.webhook_deliveries (position, ordinal, webhook)
    where status = 'dead_lettered';
create table {schema}.webhook_attempts (
    outcome text collate "C" primary key,
    attempts bigint not null
) with (fillfactor = 10);
"""

# Nothing is ready behind something that is pending. What a queue waited for was settled before later facts
# were recorded, so a delivery that finds its queue empty is ready from the time of its own fact.
_ANNOUNCE = """
insert into {schema}.webhook_deliveries
    (webhook, position, ordinal, event_type, aggregate, status, attempts, due_at, ready_at)
select n.webhook, n.position, n.ordinal, n.event_type, n.aggregate, 'pending', 0, n.due_at,
       case when n.place = 1 and not exists (
           select from {schema}.webhook_deliveries p
           where p.webhook = n.webhook and p.aggregate = n.aggregate and p.status = 'pending'
       ) then n.due_at end
from (
    select s.webhook, a.position, a.ordinal, a.event_type, a.aggregate, a.due_at,
           row_number() over (partition by s.webhook, a.aggregate order by a.position, a.ordinal) as place
    from unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::smallint[], %b::timestamptz[])
         as a (surface, event_type, aggregate, position, ordinal, due_at)
    join {schema}.webhook_subscriptions s on s.surface = a.surface and s.event_type = a.event_type
) n
"""

# A requeued delivery comes before those after it: whichever was ready steps back until it is settled again.
_STEP_BACK = """
update {schema}.webhook_deliveries d set ready_at = null
from (
    select distinct q.webhook, q.aggregate
    from unnest(%b::bigint[], %b::bigint[], %b::smallint[]) as r (webhook, position, ordinal)
    join {schema}.webhook_deliveries q
      on q.webhook = r.webhook and q.position = r.position and q.ordinal = r.ordinal
) r cross join lateral (
    select p.webhook, p.position, p.ordinal from {schema}.webhook_deliveries p
    where p.webhook = r.webhook and p.aggregate = r.aggregate and p.status = 'pending'
    order by p.position, p.ordinal limit 1
) f
where d.webhook = f.webhook and d.position = f.position and d.ordinal = f.ordinal
"""

_SETTLE = """
update {schema}.webhook_deliveries d
set status = o.status, due_at = o.due_at, ready_at = null,
    attempts = coalesce(o.attempts, d.attempts),
    last_attempt_at = coalesce(o.last_attempt_at, d.last_attempt_at),
    response_status = case when o.attempts is null then d.response_status else o.response_status end,
    error = case when o.attempts is null then d.error else o.error end
from unnest(
         %b::bigint[], %b::bigint[], %b::smallint[], %b::text[], %b::timestamptz[], %b::int[],
         %b::timestamptz[], %b::int[], %b::text[])
     as o (webhook, position, ordinal, status, due_at, attempts, last_attempt_at, response_status, error)
where d.webhook = o.webhook and d.position = o.position and d.ordinal = o.ordinal
"""

# The first of each queue that was touched is ready: at its own time, or when what it waited for was settled.
_MAKE_READY = """
with queues as (
    select distinct d.webhook, d.aggregate
    from unnest(%b::bigint[], %b::bigint[], %b::smallint[]) as o (webhook, position, ordinal)
    join {schema}.webhook_deliveries d
      on d.webhook = o.webhook and d.position = o.position and d.ordinal = o.ordinal
), first as (
    select p.webhook, p.position, p.ordinal,
           case when p.due_at is not null then greatest(p.due_at, s.last_attempt_at) end as ready_at
    from queues q
    cross join lateral (
        select e.webhook, e.position, e.ordinal, e.due_at from {schema}.webhook_deliveries e
        where e.webhook = q.webhook and e.aggregate = q.aggregate and e.status = 'pending'
        order by e.position, e.ordinal limit 1
    ) p
    left join lateral (
        select e.last_attempt_at from {schema}.webhook_deliveries e
        where e.webhook = q.webhook and e.aggregate = q.aggregate and e.status <> 'pending'
        order by e.last_attempt_at desc limit 1
    ) s on true
)
update {schema}.webhook_deliveries d set ready_at = f.ready_at
from first f where d.webhook = f.webhook and d.position = f.position and d.ordinal = f.ordinal
"""

_COUNT_ATTEMPTS = """
insert into {schema}.webhook_attempts as a (outcome, attempts)
select * from unnest(%b::text[], %b::bigint[])
on conflict (outcome) do update set attempts = a.attempts + excluded.attempts
"""

_ADD_RECEIVER = """
insert into {schema}.webhook_receivers (webhook, surface, url, secret, active_since)
values (%b, %b, %b, %b, %b)
"""

_CHANGE_RECEIVER = """
update {schema}.webhook_receivers
set url = %b, secret = coalesce(%b::text, secret),
    active_since = case when %b::boolean then coalesce(active_since, %b::timestamptz) end
where webhook = %b
"""

_SUBSCRIBE = """
insert into {schema}.webhook_subscriptions (surface, event_type, webhook)
select r.surface, e.event_type, r.webhook
from {schema}.webhook_receivers r, unnest(%b::text[]) as e (event_type) where r.webhook = %b
"""

_UNSUBSCRIBE = "delete from {schema}.webhook_subscriptions where webhook = %b"
_DROP_RECEIVER = "delete from {schema}.webhook_receivers where webhook = %b"
_DROP_DELIVERIES = "delete from {schema}.webhook_deliveries where webhook = %b"

SUCCEEDED, FAILED, REQUEUED = "succeeded", "failed", "requeued"
_COUNTED: dict[type[Event], str] = {
    DeliverySucceeded: SUCCEEDED,
    DeliveryFailed: FAILED,
    DeliveryDeadLettered: DEAD_LETTERED,
    DeliveryRequeued: REQUEUED,
}
_CONCERNED = frozenset({*ANNOUNCES, *_COUNTED, WebhookCreated, WebhookUpdated, WebhookDeleted})
_DELIVERY = len("delivery-")


class _Outcome:
    """What a batch's facts make of one delivery. `attempts` is None where it was not tried."""

    __slots__ = ("attempts", "due_at", "error", "is_requeued", "last_attempt_at", "response_status", "status")

    def __init__(self) -> None:
        self.status = PENDING
        self.due_at: datetime | None = None
        self.attempts: int | None = None
        self.last_attempt_at: datetime | None = None
        self.response_status: int | None = None
        self.error: str | None = None
        self.is_requeued = False

    def take(self, event: Event, at: datetime) -> None:
        match event:
            case DeliverySucceeded():
                self.status, self.due_at = DELIVERED, None
                self.attempts, self.last_attempt_at = event.attempt, at
                self.response_status, self.error = event.response_status, None
            case DeliveryFailed():
                # Without a next attempt it is about to become a dead letter, and not due any more.
                self.status, self.due_at = PENDING, event.next_attempt_at
                self.attempts, self.last_attempt_at = event.attempt, at
                self.response_status, self.error = event.response_status, event.error
            case DeliveryDeadLettered():
                self.status, self.due_at = DEAD_LETTERED, None
            case DeliveryRequeued():
                self.status, self.due_at, self.is_requeued = PENDING, at, True


class _Segment:
    """What facts between two changes of webhooks announce and settle."""

    def __init__(self) -> None:
        self.announced: tuple[list[Any], ...] = ([], [], [], [], [], [])
        self.outcomes: dict[DeliveryKey, _Outcome] = {}
        self.counts: dict[str, int] = {}

    def announce(self, fact: Recorded) -> None:
        surfaces, event_types, aggregates, positions, ordinals, due_at = self.announced
        announcements = ANNOUNCES[type(fact.event)](fact.stream, fact.event)
        for ordinal, (surface, event_type, aggregate) in enumerate(announcements):
            surfaces.append(surface)
            event_types.append(event_type)
            aggregates.append(aggregate)
            positions.append(fact.position)
            ordinals.append(ordinal)
            due_at.append(fact.recorded_at)

    def settle(self, fact: Recorded) -> None:
        outcome = _COUNTED[type(fact.event)]
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        key = deliveries.key_of(fact.stream[_DELIVERY:])
        if key is not None:
            self.outcomes.setdefault(key, _Outcome()).take(fact.event, fact.effective_at)

    def write(self, write: Write) -> None:
        if self.announced[0]:
            write(_ANNOUNCE, self.announced)
        if self.outcomes:
            self._write_outcomes(write)
        if self.counts:
            write(_COUNT_ATTEMPTS, (list(self.counts), list(self.counts.values())))

    def _write_outcomes(self, write: Write) -> None:
        keys = [list(column) for column in zip(*self.outcomes, strict=True)]
        outcomes = list(self.outcomes.values())
        requeued = [key for key, outcome in self.outcomes.items() if outcome.is_requeued]
        if requeued:
            write(_STEP_BACK, [list(column) for column in zip(*requeued, strict=True)])
        columns = (
            [outcome.status for outcome in outcomes],
            [outcome.due_at for outcome in outcomes],
            [outcome.attempts for outcome in outcomes],
            [outcome.last_attempt_at for outcome in outcomes],
            [outcome.response_status for outcome in outcomes],
            [outcome.error for outcome in outcomes],
        )
        write(_SETTLE, (*keys, *columns))
        write(_MAKE_READY, keys)


def apply(batch: Sequence[Recorded], write: Write) -> None:
    segment = _Segment()
    for fact in batch:
        kind = type(fact.event)
        if kind not in _CONCERNED:
            continue
        if kind in ANNOUNCES:
            segment.announce(fact)
        elif kind in _COUNTED:
            segment.settle(fact)
        else:
            # What was announced before went to the webhooks as they were.
            segment.write(write)
            segment = _Segment()
            _change_webhook(fact, write)
    segment.write(write)


def _change_webhook(fact: Recorded, write: Write) -> None:
    webhook = webhooks.number_of(fact.stream)
    event = fact.event
    if isinstance(event, WebhookDeleted):
        for statement in (_UNSUBSCRIBE, _DROP_RECEIVER, _DROP_DELIVERIES):
            write(statement, (webhook,))
        return
    assert isinstance(event, WebhookCreated | WebhookUpdated), "there are no other facts of webhooks"
    if isinstance(event, WebhookCreated):
        active_since = event.created_at if event.active else None
        write(_ADD_RECEIVER, (webhook, event.surface, event.url, event.secret, active_since))
    else:
        write(_UNSUBSCRIBE, (webhook,))
        write(_CHANGE_RECEIVER, (event.url, event.secret, event.active, event.updated_at, webhook))
    if event.active:
        write(_SUBSCRIBE, (webhooks.expanded(event.surface, event.events), webhook))


MODEL = ReadModel(
    "webhook_deliveries",
    2,
    _TABLES,
    ("webhook_receivers", "webhook_subscriptions", "webhook_deliveries", "webhook_attempts"),
    apply,
)
