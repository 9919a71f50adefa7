"""Queries over a tenant's read models, and the wait until these have seen what was just written."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.store import StoreUnavailable
from domain.catalogue import decode
from infrastructure.database import is_in_doubt, service_conninfo
from infrastructure.migrator import bind
from infrastructure.tasks import end_task

PROJECTED_CHANNEL = "daybook_projected"

_HEAD = "select last_id as head from {schema}.log_head where k = 1"
_POSITIONS = """
select h.last_id as head, coalesce((select min(notification_id) from {schema}.tracking), 0) as projected
from {schema}.log_head h where h.k = 1
"""


# How far the read models are behind, and the oldest event that they have not seen.
_LAG = """
with positions as (
    select h.last_id as head, coalesce((select min(notification_id) from {schema}.tracking), 0) as projected
    from {schema}.log_head h where h.k = 1
)
select p.head - p.projected as events, e.topic, e.state
from positions p left join {schema}.events e on e.notification_id = p.projected + 1
"""


Run = Callable[[str, dict[str, Any]], Awaitable[list[dict[str, Any]]]]


class Lag(NamedTuple):
    """Events that the read models have not seen, and how old the oldest of them is."""

    events: int
    seconds: float


class NotCaughtUp(Exception):
    """The read models did not reach the wanted position in time."""


class Database:
    """A small pool of connections for queries, shared by all tenants of the process."""

    def __init__(self, dsn: str) -> None:
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            service_conninfo(dsn),
            min_size=1,
            max_size=8,
            timeout=5,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row},
        )
        self._bound: dict[tuple[str, str], bytes] = {}

    async def start(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, schema: str, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Raises StoreUnavailable where the database is gone. What is asked is safe to ask again, once."""
        statement = self._bound.get((schema, query))
        if statement is None:
            statement = self._bound[schema, query] = bind(query, schema).encode()
        try:
            return await self._run(statement, parameters)
        except psycopg.Error as error:
            if not is_in_doubt(error):
                raise
        try:
            return await self._run(statement, parameters)
        except psycopg.Error as error:
            if is_in_doubt(error):
                raise StoreUnavailable(str(error)) from error
            raise

    @contextlib.asynccontextmanager
    async def transaction(self, schema: str) -> AsyncIterator[Run]:
        """Statements that belong together; what they lock is locked until the block ends. All of them must be
        safe to ask again. Raises StoreUnavailable where the database is gone, or may be."""

        async def run(query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
            cursor = await connection.execute(bind(query, schema).encode(), parameters)
            return await cursor.fetchall()

        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield run
        except (psycopg.Error, PoolTimeout) as error:
            if isinstance(error, psycopg.Error) and not is_in_doubt(error):
                raise
            raise StoreUnavailable(str(error)) from error

    async def ping(self) -> None:
        """Raises StoreUnavailable where the database does not answer."""
        try:
            await self._run(b"select 1", {})
        except psycopg.Error as error:
            raise StoreUnavailable(str(error)) from error

    async def _run(self, statement: bytes, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(statement, parameters, prepare=True)
                return await cursor.fetchall()
        except PoolTimeout as error:
            raise StoreUnavailable(str(error)) from error


class Freshness:
    """Knows how far each tenant's read models have got: told by NOTIFY, and asking when in doubt."""

    def __init__(self, dsn: str, primary: Database, reads: Database) -> None:
        self._conninfo = service_conninfo(dsn)
        self._primary = primary
        self._reads = reads
        self._moved: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name="freshness")

    async def close(self) -> None:
        if self._task is not None:
            await end_task(self._task)

    def next_move(self, schema: str) -> asyncio.Event:
        """Set when the read models move on. Only a hint: it may come late, or never."""
        return self._moved.setdefault(schema, asyncio.Event())

    async def lag(self, schema: str, now: datetime) -> Lag:
        """How far the read models are behind the log, at `now` by the ledger's clock."""
        row = (await self._reads.fetch(schema, _LAG, {}))[0]
        if row["topic"] is None:
            return Lag(int(row["events"]), 0.0)
        oldest = decode(row["topic"], bytes(row["state"])).recorded_at
        return Lag(int(row["events"]), max(0.0, (now - oldest).total_seconds()))

    async def wait(self, schema: str, at_least: int = 0, timeout_seconds: float = 5.0) -> int:
        """Waits until the read models show all that is in the log now, and `at_least` that position.

        Returns the position that they show. Raises NotCaughtUp after the time-out.
        """
        rows = await self._reads.fetch(schema, _POSITIONS, {})
        wanted = max(int(rows[0]["head"]), at_least)
        if self._primary is not self._reads:
            # A replica may not have heard of the newest events itself.
            wanted = max(wanted, int((await self._primary.fetch(schema, _HEAD, {}))[0]["head"]))
        if rows[0]["projected"] >= wanted:
            return int(rows[0]["projected"])
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while asyncio.get_running_loop().time() < deadline:
            moved = self.next_move(schema)
            with contextlib.suppress(TimeoutError):
                # A notification is only a hint: without one, look again soon.
                await asyncio.wait_for(moved.wait(), 0.1)
            rows = await self._reads.fetch(schema, _POSITIONS, {})
            if rows[0]["projected"] >= wanted:
                return int(rows[0]["projected"])
        raise NotCaughtUp

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True
                ) as connection:
                    await connection.execute(f"listen {PROJECTED_CHANNEL}".encode())
                    async for notification in connection.notifies():
                        moved = self._moved.pop(notification.payload.partition(" ")[0], None)
                        if moved is not None:
                            moved.set()
            except psycopg.Error:
                await asyncio.sleep(0.5)
