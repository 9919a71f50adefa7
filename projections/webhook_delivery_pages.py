"""Deliveries as they are looked at: a webhook's newest first, and the tenant's dead letters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain import webhooks
from domain.announcements import event_id
from domain.deliveries import DeliveryKey, key_of
from projections.read_model import Fetch, Recorded
from projections.webhook_dispatch import HISTORY_EVENTS_MAX, recorded

_COLUMNS = """
d.webhook, d.position, d.ordinal, r.surface, d.event_type, d.attempts, d.status, d.response_status, d.error,
d.last_attempt_at, d.due_at
"""

_OF_WEBHOOK = f"""
select {_COLUMNS}
from {{schema}}.webhook_deliveries d join {{schema}}.webhook_receivers r on r.webhook = d.webhook
where d.webhook = %(webhook)s and (%(status)s::text is null or d.status = %(status)s)
"""
_NEWEST_OF_WEBHOOK = (
    f"{_OF_WEBHOOK} order by d.position desc, d.ordinal desc limit %(limit)s offset %(offset)s"
)
_OLDEST_OF_WEBHOOK = f"{_OF_WEBHOOK} order by d.position, d.ordinal limit %(limit)s offset %(offset)s"

_TOTAL_OF_WEBHOOK = """
select count(*) as total from {schema}.webhook_deliveries
where webhook = %(webhook)s and (%(status)s::text is null or status = %(status)s)
"""

_DEAD_LETTERS = f"""
select {_COLUMNS}
from {{schema}}.webhook_deliveries d join {{schema}}.webhook_receivers r on r.webhook = d.webhook
where d.status = 'dead_lettered'
"""
_NEWEST_DEAD_LETTERS = f"""
{_DEAD_LETTERS}
order by d.position desc, d.ordinal desc, d.webhook desc limit %(limit)s offset %(offset)s
"""
_OLDEST_DEAD_LETTERS = f"""
{_DEAD_LETTERS}
order by d.position, d.ordinal, d.webhook limit %(limit)s offset %(offset)s
"""

_TOTAL_OF_DEAD_LETTERS = """
select count(*) as total
from {schema}.webhook_deliveries d join {schema}.webhook_receivers r on r.webhook = d.webhook
where d.status = 'dead_lettered'
"""

_ONE = f"""
select {_COLUMNS}
from {{schema}}.webhook_deliveries d join {{schema}}.webhook_receivers r on r.webhook = d.webhook
where d.webhook = %(webhook)s and d.position = %(position)s and d.ordinal = %(ordinal)s
"""

_HISTORIES = """
select f.position as of, e.notification_id as position, e.originator_id as stream,
       e.originator_version as version, e.topic, e.state
from unnest(%(positions)s::bigint[]) as p (position)
cross join lateral (
    select p.position, f.originator_id, f.originator_version from {schema}.events f
    where f.notification_id = p.position
) f
join {schema}.events e on e.originator_id = f.originator_id and e.originator_version <= f.originator_version
  and (e.originator_version > f.originator_version - %(bound)s or e.originator_version = 1)
order by f.position, e.originator_version
"""


class DeliveryView(NamedTuple):
    """`error` is a word where there was no answer; `next_attempt_at` is None where none is planned.

    What was told is composed from the event's history: see `histories`, by `position`.
    """

    key: DeliveryKey
    surface: str
    event_type: str
    attempts: int
    status: str
    response_status: int | None
    error: str | None
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None

    @property
    def delivery_id(self) -> str:
        return self.key.delivery_id

    @property
    def webhook_id(self) -> str:
        return self.key.webhook_id

    @property
    def position(self) -> int:
        return self.key.position


class DeliveryPage(NamedTuple):
    deliveries: list[DeliveryView]
    total: int


async def of_webhook(
    fetch: Fetch,
    webhook_id: str,
    *,
    status: str | None = None,
    limit: int,
    offset: int = 0,
    is_newest_first: bool = True,
) -> DeliveryPage:
    """The webhook's deliveries (of that status) in the order of the events; none where there is no such
    webhook."""
    number = webhooks.number_of(webhook_id)
    if number is None:
        return DeliveryPage([], 0)
    which = {"webhook": number, "status": status}
    statement = _NEWEST_OF_WEBHOOK if is_newest_first else _OLDEST_OF_WEBHOOK
    rows = await fetch(statement, {**which, "limit": limit, "offset": offset})
    total = await fetch(_TOTAL_OF_WEBHOOK, which)
    return DeliveryPage([_view(row) for row in rows], int(total[0]["total"]))


async def dead_letters(
    fetch: Fetch, *, limit: int, offset: int = 0, is_newest_first: bool = True
) -> DeliveryPage:
    """What was given up, on whatever surface, in the order of the events."""
    statement = _NEWEST_DEAD_LETTERS if is_newest_first else _OLDEST_DEAD_LETTERS
    rows = await fetch(statement, {"limit": limit, "offset": offset})
    total = await fetch(_TOTAL_OF_DEAD_LETTERS, {})
    return DeliveryPage([_view(row) for row in rows], int(total[0]["total"]))


async def one(fetch: Fetch, delivery_id: str) -> DeliveryView | None:
    """None where there is no such delivery."""
    key = key_of(delivery_id)
    if key is None:
        return None
    rows = await fetch(_ONE, key._asdict())
    return _view(rows[0]) if rows else None


async def histories(
    fetch: Fetch, positions: Sequence[int], events_max: int = HISTORY_EVENTS_MAX
) -> dict[int, list[Recorded]]:
    """By the position of each fact: the events of its stream up to the fact, which is the last.

    Of a stream that is longer than `events_max` it is the first event and the last ones.
    """
    parameters = {"positions": list(set(positions)), "bound": events_max - 1}
    found: dict[int, list[Recorded]] = {}
    for row in await fetch(_HISTORIES, parameters):
        found.setdefault(row["of"], []).append(recorded(row))
    return found


def public_event_id(history: Sequence[Recorded], event_type: str) -> str:
    """The id under which the history's last fact is announced."""
    return event_id(history[-1].stream, history[-1].version, event_type)


def _view(row: dict[str, Any]) -> DeliveryView:
    return DeliveryView(
        DeliveryKey(row["webhook"], row["position"], row["ordinal"]),
        row["surface"],
        row["event_type"],
        row["attempts"],
        row["status"],
        row["response_status"],
        row["error"],
        row["last_attempt_at"],
        row["due_at"],
    )
