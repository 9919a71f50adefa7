"""Nonces: each once per client for ten minutes, whoever asks where and at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from application.store import StoreUnavailable
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.nonces import Nonces
from infrastructure.reads import Database

T = TypeVar("T")

NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_COUNT = "select count(*) as count from {schema}.request_nonces where client_id = %(client_id)s"


def with_nonces(dsn: str, work: Callable[[Nonces, Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(dsn)
        await database.start()
        nonces = Nonces(database)
        try:
            return await work(nonces, database)
        finally:
            await nonces.close()
            await database.close()

    return asyncio.run(run())


async def count(database: Database, client_id: str) -> int:
    rows = await database.fetch(CONTROL_SCHEMA, _COUNT, {"client_id": client_id})
    return int(rows[0]["count"])


def test_a_nonce_is_taken_once(postgres_dsn: str) -> None:
    """Each client has its own."""

    async def work(nonces: Nonces, _: Database) -> None:
        assert await nonces.use("once", "nonce", NOW)
        assert not await nonces.use("once", "nonce", NOW)
        assert not await nonces.use("once", "nonce", NOW + 10 * MINUTE)
        assert await nonces.use("once", "another", NOW)
        assert await nonces.use("once-more", "nonce", NOW)

    with_nonces(postgres_dsn, work)


def test_after_ten_minutes_it_may_be_used_again(postgres_dsn: str) -> None:
    """And is then taken for ten more."""

    async def work(nonces: Nonces, _: Database) -> None:
        later = NOW + 10 * MINUTE + timedelta(microseconds=1)
        assert await nonces.use("again", "nonce", NOW)
        assert await nonces.use("again", "nonce", later)
        assert not await nonces.use("again", "nonce", later + 10 * MINUTE)

    with_nonces(postgres_dsn, work)


def test_of_many_at_once_one_gets_it(postgres_dsn: str) -> None:
    """Over connections of their own, as processes have."""

    async def work(nonces: Nonces, database: Database) -> None:
        others = [Database(postgres_dsn) for _ in range(3)]
        for other in others:
            await other.start()
        try:
            asking = [nonces, *(Nonces(other) for other in others)]
            used = await asyncio.gather(*(each.use("race", "nonce", NOW) for each in asking * 10))
        finally:
            for other in others:
                await other.close()
        assert sum(used) == 1
        assert await count(database, "race") == 1

    with_nonces(postgres_dsn, work)


def test_what_nobody_could_send_again_is_forgotten(postgres_dsn: str) -> None:
    """Not before any process would refuse it for its age."""

    async def work(nonces: Nonces, database: Database) -> None:
        for number in range(5):
            await nonces.use("swept", f"nonce-{number}", NOW + number * MINUTE)
        await nonces.sweep(NOW + 15 * MINUTE)
        assert await count(database, "swept") == 5
        await nonces.sweep(NOW + 17 * MINUTE)
        assert await count(database, "swept") == 3
        await nonces.sweep(NOW + 60 * MINUTE)
        assert await count(database, "swept") == 0

    with_nonces(postgres_dsn, work)


def test_without_the_database_nothing_is_taken_for_new() -> None:
    """Whoever asks is told that it cannot be known."""

    class Gone:
        async def fetch(self, *_: Any) -> list[dict[str, Any]]:
            raise StoreUnavailable("gone")

    async def run() -> None:
        with pytest.raises(StoreUnavailable):
            await Nonces(Gone()).use("gone", "nonce", NOW)  # type: ignore[arg-type]  # as far as it is used
        # What is swept now and then is swept another time.
        await Nonces(Gone()).sweep(NOW)  # type: ignore[arg-type]  # as far as it is used

    asyncio.run(run())
