"""Webhooks as they are now, each surface's newest first. Secrets are not among what is shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain import webhooks
from domain.webhooks import WebhookCreated, WebhookDeleted, WebhookUpdated
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.webhooks (
    position bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    webhook_id text collate "C" primary key,
    surface text collate "C" not null,
    url text not null,
    events text[] not null,
    is_active boolean not null
);
create index webhooks_surface_idx on {schema}.webhooks (surface, position);
"""

_CREATE = """
insert into {schema}.webhooks (webhook_id, surface, url, events, is_active, created_at, updated_at, position)
values (%b, %b, %b, %b::text[], %b, %b, %b, %b)
"""

_UPDATE = """
update {schema}.webhooks set url = %b, events = %b::text[], is_active = %b, updated_at = %b
where webhook_id = %b
"""

_DELETE = "delete from {schema}.webhooks where webhook_id = %b"

_COLUMNS = "webhook_id, surface, url, events, is_active, created_at, updated_at"

_NEWEST = f"""
select {_COLUMNS} from {{schema}}.webhooks where surface = %(surface)s
order by position desc limit %(limit)s offset %(offset)s
"""

_OLDEST = f"""
select {_COLUMNS} from {{schema}}.webhooks where surface = %(surface)s
order by position limit %(limit)s offset %(offset)s
"""

_TOTAL = "select count(*) as total from {schema}.webhooks where surface = %(surface)s"

_ONE = (
    f"select {_COLUMNS} from {{schema}}.webhooks where webhook_id = %(webhook_id)s"
    " and (%(surface)s::text is null or surface = %(surface)s)"
)


_EVENTS = frozenset({WebhookCreated, WebhookUpdated, WebhookDeleted})


class WebhookView(NamedTuple):
    webhook_id: str
    surface: str
    url: str
    events: list[str]
    is_active: bool
    created_at: datetime
    updated_at: datetime


class WebhookPage(NamedTuple):
    webhooks: list[WebhookView]
    total: int


def apply(batch: Sequence[Recorded], write: Write) -> None:
    # Somebody changes a webhook a few times in its life: a statement for each is few statements.
    for fact in batch:
        event = fact.event
        if type(event) not in _EVENTS:
            continue
        if isinstance(event, WebhookCreated):
            terms = [event.webhook_id, event.surface, event.url, list(event.events), event.active]
            write(_CREATE, (*terms, event.created_at, event.created_at, fact.position))
        elif isinstance(event, WebhookUpdated):
            terms = [event.url, list(event.events), event.active, event.updated_at]
            write(_UPDATE, (*terms, fact.stream))
        elif isinstance(event, WebhookDeleted):
            write(_DELETE, (fact.stream,))


async def page(
    fetch: Fetch, surface: str, *, limit: int, offset: int = 0, is_newest_first: bool = True
) -> WebhookPage:
    """The surface's webhooks in the order in which they were made, and how many there are in all."""
    rows = await fetch(
        _NEWEST if is_newest_first else _OLDEST, {"surface": surface, "limit": limit, "offset": offset}
    )
    total = await fetch(_TOTAL, {"surface": surface})
    return WebhookPage([WebhookView(**row) for row in rows], int(total[0]["total"]))


async def one(fetch: Fetch, surface: str | None, webhook_id: str) -> WebhookView | None:
    """None where there is none of that id on the surface, or on any where none is named."""
    if webhooks.number_of(webhook_id) is None:
        return None
    rows: list[dict[str, Any]] = await fetch(_ONE, {"webhook_id": webhook_id, "surface": surface})
    return WebhookView(**rows[0]) if rows else None


MODEL = ReadModel("webhooks", 1, _TABLES, ("webhooks",), apply)
