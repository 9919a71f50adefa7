"""Leases: one holder at a time, who knows how long that is sure."""

import asyncio
from collections.abc import Callable

import pytest

from infrastructure import leases
from infrastructure.leases import Lease
from infrastructure.reads import Database


def test_a_lease_is_fresh_from_its_renewal_until_before_it_runs_out(
    postgres_dsn: str, new_tenant: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leases.RENEW_SECONDS < leases.FRESH_SECONDS < leases.LEASE_SECONDS
    schema = new_tenant()

    async def run() -> None:
        database = Database(postgres_dsn)
        await database.start()
        try:
            own, others = (Lease(database, schema, "work", holder) for holder in ("one", "other"))
            assert not own.is_fresh
            assert await own.acquire()
            assert own.is_fresh
            assert not await others.acquire()
            assert not others.is_fresh
            with monkeypatch.context() as late:
                late.setattr(leases, "FRESH_SECONDS", 0.0)
                assert not own.is_fresh
            await own.release()
            assert not own.is_fresh
            assert await others.acquire()
            assert others.is_fresh
        finally:
            await database.close()

    asyncio.run(run())
