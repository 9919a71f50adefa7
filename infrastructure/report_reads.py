"""Queries that may take long: on connections of their own, each in one snapshot and for a bounded time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from application.store import StoreUnavailable
from infrastructure.database import is_in_doubt, service_conninfo
from infrastructure.migrator import bind

CONNECTIONS_MAX = 2
WAITING_MAX = 20
WAIT_SECONDS_MAX = 5
CHUNK_ROWS = 500

_SNAPSHOT = b"set transaction isolation level repeatable read, read only"
_STATEMENT_TIMEOUT = b"select set_config('statement_timeout', %s, true)"


class TakesTooLong(Exception):
    """A statement was ended because it took longer than it may."""


class Snapshot:
    """One moment of a tenant's read models. `fetch` is what queries of read models take."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow], schema: str) -> None:
        self._connection = connection
        self._schema = schema

    async def fetch(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        cursor = await self._connection.execute(bind(query, self._schema).encode(), parameters)
        return await cursor.fetchall()

    async def stream(self, query: str, parameters: dict[str, Any]) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows in chunks, by a cursor in the server: memory does not grow with what is found."""
        async with self._connection.cursor("report") as cursor:
            await cursor.execute(bind(query, self._schema).encode(), parameters)
            while rows := await cursor.fetchmany(CHUNK_ROWS):
                yield rows


class ReportReads:
    """Where these connections are all in use, callers wait a moment, and are then told to come again."""

    def __init__(self, dsn: str) -> None:
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            service_conninfo(dsn),
            min_size=0,
            max_size=CONNECTIONS_MAX,
            max_waiting=WAITING_MAX,
            timeout=WAIT_SECONDS_MAX,
            open=False,
            # Plans are made for the period and the filters at hand, never for all that there might be.
            kwargs={"autocommit": True, "row_factory": dict_row, "prepare_threshold": None},
        )

    async def start(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @contextlib.asynccontextmanager
    async def snapshot(self, schema: str, statement_seconds_max: float) -> AsyncIterator[Snapshot]:
        """Raises TakesTooLong, and StoreUnavailable where the database is gone or no connection is free."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SNAPSHOT)
                await connection.execute(_STATEMENT_TIMEOUT, (f"{int(statement_seconds_max * 1000)}ms",))
                yield Snapshot(connection, schema)
        except psycopg.errors.QueryCanceled as error:
            raise TakesTooLong from error
        except (PoolTimeout, TooManyRequests) as error:
            raise StoreUnavailable(str(error)) from error
        except psycopg.Error as error:
            if is_in_doubt(error):
                raise StoreUnavailable(str(error)) from error
            raise
