"""OAuth clients as they are now. Neither hashes nor sealed secrets are among what is shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.clients import ClientDeleted, ClientRegistered, ClientSettings, ClientUpdated
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.clients (
    position bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    client_id text collate "C" primary key,
    settings text not null
);
create index clients_position_idx on {schema}.clients (position);
"""

_CREATE = """
insert into {schema}.clients (client_id, settings, created_at, updated_at, position)
values (%b, %b, %b, %b, %b)
"""

_UPDATE = "update {schema}.clients set settings = %b, updated_at = %b where client_id = %b"

_DELETE = "delete from {schema}.clients where client_id = %b"

_COLUMNS = "client_id, settings, created_at, updated_at"

_NEWEST_FIRST = (
    f"select {_COLUMNS} from {{schema}}.clients order by position desc limit %(limit)s offset %(offset)s"
)
_OLDEST_FIRST = (
    f"select {_COLUMNS} from {{schema}}.clients order by position limit %(limit)s offset %(offset)s"
)

_TOTAL = "select count(*) as total from {schema}.clients"

_ONE = f"select {_COLUMNS} from {{schema}}.clients where client_id = %(client_id)s"


class ClientView(NamedTuple):
    client_id: str
    settings: ClientSettings
    created_at: datetime
    updated_at: datetime


class ClientPage(NamedTuple):
    clients: list[ClientView]
    total: int


def apply(batch: Sequence[Recorded], write: Write) -> None:
    # Somebody changes a client a few times in its life: a statement for each is few statements.
    for fact in batch:
        event = fact.event
        if isinstance(event, ClientRegistered):
            terms = (event.client_id, _text(event.settings), event.registered_at, event.registered_at)
            write(_CREATE, (*terms, fact.position))
        elif isinstance(event, ClientUpdated):
            write(_UPDATE, (_text(event.settings), event.updated_at, _client_id(fact)))
        elif isinstance(event, ClientDeleted):
            write(_DELETE, (_client_id(fact),))


async def page(fetch: Fetch, *, limit: int, offset: int = 0, is_newest_first: bool = True) -> ClientPage:
    """The clients in the order in which they were registered, and how many there are in all."""
    query = _NEWEST_FIRST if is_newest_first else _OLDEST_FIRST
    rows = await fetch(query, {"limit": limit, "offset": offset})
    total = await fetch(_TOTAL, {})
    return ClientPage([_view(**row) for row in rows], int(total[0]["total"]))


async def one(fetch: Fetch, client_id: str) -> ClientView | None:
    rows = await fetch(_ONE, {"client_id": client_id})
    return _view(**rows[0]) if rows else None


def _client_id(fact: Recorded) -> str:
    return fact.stream.partition("-")[2]


def _text(settings: ClientSettings) -> str:
    return msgspec.json.encode(settings).decode()


def _view(client_id: str, settings: str, created_at: datetime, updated_at: datetime) -> ClientView:
    return ClientView(client_id, msgspec.json.decode(settings, type=ClientSettings), created_at, updated_at)


MODEL = ReadModel("clients", 1, _TABLES, ("clients",), apply)
