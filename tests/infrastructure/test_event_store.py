"""The log in Postgres when connections are lost: appended once, and told so."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest

from application.decision import ABSENT, Known
from application.store import Conflict, StoreUnavailable
from infrastructure.database import connect_owner
from infrastructure.event_store import PostgresEventStore
from infrastructure.migrator import bind
from tests.audit import fold, read_log
from tests.contracts.test_event_store import credited, opened, state
from tests.infrastructure.lossy_proxy import LossyProxy

R = TypeVar("R")
NewTenant = Callable[[], str]

_WAITERS = """
select pid from pg_stat_activity
where wait_event_type = 'Lock' and position(%s in query) > 0 and pid <> pg_backend_pid()
"""
_TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'daybook'"


def with_store(
    dsn: str, schema: str, story: Callable[[PostgresEventStore], Awaitable[R]], patience_seconds: float = 20
) -> R:
    async def run() -> R:
        store = PostgresEventStore(dsn, schema, patience_seconds)
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def waiters(dsn: str, schema: str, count: int) -> list[int]:
    """The server processes that wait to append, once there are `count` of them."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, f"never were there {count}"
            rows = await (await connection.execute(_WAITERS, (f"{schema}.append_events",))).fetchall()
            if len(rows) == count:
                return [pid for (pid,) in rows]
            await asyncio.sleep(0.01)


def hold_head(dsn: str, schema: str) -> psycopg.Connection:
    """Keeps everybody from appending until its transaction ends."""
    connection = psycopg.connect(dsn)
    connection.execute(bind("select 1 from {schema}.log_head for update", schema).encode())
    return connection


def test_an_append_whose_answer_was_lost_is_written_once_and_reported_as_done(
    postgres_dsn: str, new_tenant: NewTenant
) -> None:
    schema = new_tenant()
    with LossyProxy(postgres_dsn) as proxy:

        async def story(store: PostgresEventStore) -> None:
            assert await store.append([opened("a")], {}) == 1
            proxy.lose_next_answer()
            assert await store.append([credited("a", 2, 5), opened("b")], {}) == 3
            proxy.lose_next_answer()
            assert await store.append([credited("a", 3, 7)], {"account-b": 1}) == 4

        with_store(proxy.dsn, schema, story)
    with connect_owner(postgres_dsn) as connection:
        assert len(read_log(connection, schema)) == 4


def test_a_rivals_event_in_the_place_of_one_in_doubt_is_a_conflict(
    postgres_dsn: str, new_tenant: NewTenant
) -> None:
    schema = new_tenant()
    with LossyProxy(postgres_dsn) as proxy:

        async def story(store: PostgresEventStore) -> None:
            assert await store.append([opened("a")], {}) == 1
            with hold_head(postgres_dsn, schema) as holder:
                append = asyncio.create_task(store.append([credited("a", 2, 5), opened("b")], {}))
                (pid,) = await waiters(postgres_dsn, schema, 1)
                holder.execute("select pg_terminate_backend(%s)", (pid,))
                rival = credited("a", 2, 9)
                holder.execute(
                    bind("update {schema}.log_head set last_id = 2", schema).encode(),
                )
                holder.execute(
                    bind("insert into {schema}.events values (%s, %s, %s, %s, 2)", schema).encode(), rival
                )
            with pytest.raises(Conflict):
                await append
            assert await store.append([opened("b")], {}) == 3

        with_store(proxy.dsn, schema, story)


def test_an_append_that_the_server_finishes_after_the_retry_began_is_reported_as_done(
    postgres_dsn: str, new_tenant: NewTenant
) -> None:
    schema = new_tenant()
    with LossyProxy(postgres_dsn) as proxy:

        async def story(store: PostgresEventStore) -> None:
            assert await store.append([opened("a")], {}) == 1
            with hold_head(postgres_dsn, schema):
                append = asyncio.create_task(store.append([credited("a", 2, 5), opened("b")], {}))
                await waiters(postgres_dsn, schema, 1)
                proxy.break_clients_off()
                await waiters(postgres_dsn, schema, 2)
            assert await append == 3

        with_store(proxy.dsn, schema, story)
    with connect_owner(postgres_dsn) as connection:
        states = fold(read_log(connection, schema))
    assert states["account-a"] == Known(2, state("a", 5))


def test_broken_connections_come_back_by_themselves(postgres_dsn: str, new_tenant: NewTenant) -> None:
    schema = new_tenant()

    async def story(store: PostgresEventStore) -> None:
        with connect_owner(postgres_dsn) as owner:
            for version in range(1, 5):
                await store.append([opened("a") if version == 1 else credited("a", version, version)], {})
                owner.execute(_TERMINATE)
                loaded = await store.load({"account-a": ABSENT})
                assert loaded["account-a"].version == version

    with_store(postgres_dsn, schema, story)


def test_without_a_database_it_gives_up_after_its_patience(postgres_dsn: str, new_tenant: NewTenant) -> None:
    schema = new_tenant()
    with LossyProxy(postgres_dsn) as proxy:
        gone = proxy.dsn

    async def story(store: PostgresEventStore) -> None:
        with pytest.raises(StoreUnavailable):
            await store.append([opened("a")], {})
        with pytest.raises(StoreUnavailable):
            await store.load({"account-a": ABSENT})

    with_store(gone, schema, story, patience_seconds=0)


def test_a_snapshot_of_an_older_shape_is_passed_over(postgres_dsn: str, new_tenant: NewTenant) -> None:
    schema = new_tenant()

    async def story(store: PostgresEventStore) -> dict[str, Known]:
        await store.append([opened("a"), credited("a", 2, 5)], {})
        with connect_owner(postgres_dsn) as owner:
            owner.execute(
                bind("insert into {schema}.snapshots values (%s, %s, %s, %s)", schema).encode(),
                ("account-a", 2, "account.snapshot.00000000", b'{"shape":"of long ago"}'),
            )
        return await store.load({"account-a": ABSENT})

    assert with_store(postgres_dsn, schema, story) == {"account-a": Known(2, state("a", 5))}


def test_appends_announce_their_position_on_the_tenants_channel(
    postgres_dsn: str, new_tenant: NewTenant
) -> None:
    schema = new_tenant()
    with connect_owner(postgres_dsn) as listener:
        listener.execute(f"listen {schema}".encode())
        with_store(postgres_dsn, schema, lambda store: store.append([opened("a"), opened("b")], {}))
        (notice,) = listener.notifies(timeout=20, stop_after=1)
    assert notice.payload == "2"
