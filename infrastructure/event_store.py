"""The log in Postgres, as the writer needs it: one round trip and one commit for a whole group."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.rows import TupleRow

from application.decision import ABSENT, Known
from application.store import Conflict, HistoryReplaced, StoredFact, StoreUnavailable
from domain.catalogue import SNAPSHOT_TOPICS, SNAPSHOT_TYPES, category, decode, evolve_for
from infrastructure.database import is_in_doubt, service_conninfo
from infrastructure.migrator import bind

R = TypeVar("R")

_SNAPSHOT_TOPICS = list(SNAPSHOT_TOPICS.values())

# Binary parameters (%b) halve the cost of an append: psycopg neither quotes nor Postgres parses text.
_APPEND = "select {schema}.append_events(%b, %b, %b, %b, %b, %b, %b)"

_HAVE_GROWN = "select {schema}.have_grown(%b, %b, %b)"

_EPOCH = "select epoch from {schema}.log_head where k = 1"

_LOAD = """
with wanted as materialized (
    select w.stream,
           greatest(w.version, coalesce(s.originator_version, 0)) as version,
           s.state as snapshot
    from unnest(%b::text[], %b::bigint[]) as w (stream, version)
    left join lateral (
        select originator_version, state from {schema}.snapshots
        where originator_id = w.stream and originator_version > w.version and topic = any(%b::text[])
        order by originator_version desc limit 1
    ) s on true
)
select stream, version, null as topic, snapshot as state from wanted where snapshot is not null
union all
select e.originator_id, e.originator_version, e.topic, e.state
from wanted w join {schema}.events e on e.originator_id = w.stream and e.originator_version > w.version
order by 1, 2
"""

_STORED = """
select e.state, e.notification_id
from unnest(%b::text[], %b::bigint[]) with ordinality as w (stream, version, ordinal)
left join {schema}.events e on e.originator_id = w.stream and e.originator_version = w.version
order by w.ordinal
"""

_SAVE_SNAPSHOT = """
insert into {schema}.snapshots (originator_id, originator_version, topic, state)
select * from unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[])
on conflict (originator_id, originator_version) do nothing
"""

_DROP_OLDER_SNAPSHOTS = """
delete from {schema}.snapshots s using unnest(%b::text[], %b::bigint[]) as w (stream, version)
where s.originator_id = w.stream and s.originator_version < w.version
"""


class Session:
    """One connection that comes back: reconnects after a loss, within a bounded time."""

    def __init__(self, dsn: str, patience_seconds: float) -> None:
        self._conninfo = service_conninfo(dsn)
        self._patience_seconds = patience_seconds
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._lock = asyncio.Lock()
        self._is_unreplicated = False

    async def run(self, work: Callable[[psycopg.AsyncConnection[TupleRow]], Awaitable[R]]) -> R:
        """Runs `work` on the connection, again after each loss of it, until the patience is used up.

        `work` must be safe to run again when its effect is in doubt.
        """
        deadline = time.monotonic() + self._patience_seconds
        async with self._lock:
            while True:
                try:
                    return await work(await self._connect())
                except psycopg.Error as error:
                    if not is_in_doubt(error):
                        raise
                    await self._drop()
                    if time.monotonic() >= deadline:
                        raise StoreUnavailable(str(error)) from error
                    await asyncio.sleep(0.1)

    async def close(self) -> None:
        async with self._lock:
            await self._drop()

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        # "canceling wait for synchronous replication": committed on this server only.
        if diagnostic.sqlstate == "01000":
            self._is_unreplicated = True

    def refuse_unreplicated(self) -> None:
        """Raises StoreUnavailable where the last commit did not wait for its synchronous standby."""
        if self._is_unreplicated:
            self._is_unreplicated = False
            raise StoreUnavailable("committed without waiting for synchronous replication")

    async def _connect(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
            self._connection.add_notice_handler(self._note)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class PostgresEventStore:
    """One tenant's log. `patience_seconds` bounds how long a lost database is waited for."""

    def __init__(self, dsn: str, schema: str, patience_seconds: float = 5.0) -> None:
        self._appends = Session(dsn, patience_seconds)
        self._reads = Session(dsn, patience_seconds)
        self._append_sql = bind(_APPEND, schema).encode()
        self._have_grown_sql = bind(_HAVE_GROWN, schema).encode()
        self._epoch_sql = bind(_EPOCH, schema).encode()
        self._epoch: int | None = None
        self._load_sql = bind(_LOAD, schema).encode()
        self._stored_sql = bind(_STORED, schema).encode()
        self._save_snapshot_sql = bind(_SAVE_SNAPSHOT, schema).encode()
        self._drop_snapshots_sql = bind(_DROP_OLDER_SNAPSHOTS, schema).encode()

    async def append(self, facts: Sequence[StoredFact], reads: Mapping[str, int]) -> int:
        reads = {stream: version for stream, version in reads.items() if _can_exist(stream)}
        expected = (list(reads), list(reads.values()), await self._known_epoch())
        if not facts:
            return await self._check(expected)
        streams, versions, topics, states = map(list, zip(*facts, strict=True))
        parameters = (streams, versions, topics, states, *expected)
        is_retry = False

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> int:
            nonlocal is_retry
            is_again, is_retry = is_retry, True
            if is_again:
                # The first try's answer was lost. Its events may be there: then they are done.
                position = await self._position_if_stored(connection, streams, versions, states)
                if position is not None:
                    return position
            cursor = connection.cursor(binary=True)
            try:
                await cursor.execute(self._append_sql, parameters, prepare=True)
            except psycopg.errors.UniqueViolation as error:
                if is_again:
                    # The server was at the first try still, and finished it only now.
                    position = await self._position_if_stored(connection, streams, versions, states)
                    if position is not None:
                        return position
                raise await self._conflict() from error
            row = await cursor.fetchone()
            assert row is not None
            self._appends.refuse_unreplicated()
            return int(row[0])

        return await self._appends.run(work)

    async def _conflict(self) -> Conflict:
        epoch, self._epoch = self._epoch, await self._current_epoch()
        return Conflict() if epoch == self._epoch else HistoryReplaced()

    async def _known_epoch(self) -> int:
        if self._epoch is None:
            self._epoch = await self._current_epoch()
        return self._epoch

    async def _current_epoch(self) -> int:
        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> int:
            row = await (await connection.execute(self._epoch_sql)).fetchone()
            assert row is not None
            return int(row[0])

        return await self._reads.run(work)

    async def _check(self, expected: tuple[list[str], list[int], int]) -> int:
        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> bool:
            cursor = connection.cursor(binary=True)
            await cursor.execute(self._have_grown_sql, expected, prepare=True)
            row = await cursor.fetchone()
            assert row is not None
            return bool(row[0])

        if await self._appends.run(work):
            raise await self._conflict()
        return 0

    async def _position_if_stored(
        self,
        connection: psycopg.AsyncConnection[TupleRow],
        streams: Sequence[str],
        versions: Sequence[int],
        states: Sequence[bytes],
    ) -> int | None:
        """The last position of exactly these events where they are on disk, None where none is.

        Raises Conflict where somebody else's events have their places. A group is written whole or not at
        all, so there is no fourth case.
        """
        cursor = connection.cursor(binary=True)
        await cursor.execute(self._stored_sql, (streams, versions))
        rows = await cursor.fetchall()
        if all(stored is None for stored, _ in rows):
            return None
        if all(stored == own for (stored, _), own in zip(rows, states, strict=True)):
            return int(rows[-1][1])
        raise Conflict

    async def load(self, wanted: Mapping[str, Known]) -> dict[str, Known]:
        # Before the first state: what was read of a history must not be written onto the next one.
        await self._known_epoch()
        streams = [stream for stream in wanted if _can_exist(stream)]
        versions = [wanted[stream].version for stream in streams]

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            await cursor.execute(self._load_sql, (streams, versions, _SNAPSHOT_TOPICS), prepare=True)
            return await cursor.fetchall()

        loaded = {stream: known if known.version else ABSENT for stream, known in wanted.items()}
        for stream, version, topic, state in await self._reads.run(work):
            loaded[stream] = _folded(loaded[stream], stream, version, topic, state)
        return loaded

    async def save_snapshots(self, snapshots: Mapping[str, Known]) -> None:
        streams, versions = list(snapshots), [known.version for known in snapshots.values()]
        topics = [SNAPSHOT_TOPICS[category(stream)] for stream in streams]
        states = [msgspec.json.encode(known.state) for known in snapshots.values()]

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            await connection.execute(self._save_snapshot_sql, (streams, versions, topics, states))
            await connection.execute(self._drop_snapshots_sql, (streams, versions))

        await self._reads.run(work)

    async def close(self) -> None:
        await self._appends.close()
        await self._reads.close()


def _can_exist(stream: str) -> bool:
    # Postgres has no NUL in text, so no stream has it in its name.
    return "\x00" not in stream


def _folded(known: Known, stream: str, version: int, topic: str | None, state: bytes) -> Known:
    if topic is None:
        snapshot: Any = msgspec.json.decode(state, type=SNAPSHOT_TYPES[category(stream)])
        return Known(version, snapshot)
    return Known(version, evolve_for(stream)(known.state, decode(topic, state).data))
