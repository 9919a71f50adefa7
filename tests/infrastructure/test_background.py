"""Background work: one holder at a time, taken over when it dies, and harmless when done twice."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from application.accounts import OpenAccount, Post, open_account, post
from application.timers import Rules
from application.transfers import CreateTransfer, create_transfer
from application.users import RegisterUser, register_user
from application.writer import Origin
from domain import transfers
from domain.accounts import AccountOpened
from domain.allowances import TREASURY
from domain.chart_of_accounts import CASH
from domain.money import Money
from domain.users import UserRegistered
from infrastructure import settings as settings_module
from infrastructure import timekeeper
from infrastructure.background import Background
from infrastructure.database import connect_owner, connect_service
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.ledgers import Ledger
from infrastructure.reads import Lag
from infrastructure.runtime import Services
from infrastructure.settings import to_environment
from infrastructure.tenants import create_tenant, prepare_database

PATIENCE_SECONDS = 60
STOP_SECONDS_MAX = 60
AMOUNT = Money(100_00, "USD")
YEARS_AGO = datetime(2020, 1, 6, 9, tzinfo=UTC)


@contextmanager
def worker(dsn: str, folder: Path, *, sandbox: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    settings = settings_module.load({"data": folder, "database_url": dsn, "sandbox": sandbox}, {})
    process = subprocess.Popen(
        [sys.executable, "-m", "api.command_line", "worker"], env={**os.environ, **to_environment(settings)}
    )
    try:
        yield process
        process.terminate()
        process.wait(STOP_SECONDS_MAX)
    finally:
        process.kill()
        process.wait()


def holder_pid(dsn: str, schema: str) -> int | None:
    """The process that holds the tenant's background work."""
    with connect_owner(dsn) as connection:
        row = connection.execute(f"select holder from {schema}.leases").fetchone()
    return int(row[0].rpartition(":")[2]) if row else None


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def is_projected(dsn: str, schema: str) -> bool:
    with connect_owner(dsn) as connection:
        row = connection.execute(
            f"select (select min(notification_id) from {schema}.tracking) = last_id, last_id > 0"
            f" from {schema}.log_head"
        ).fetchone()
    return row == (True, True)


async def put_money_in(ledger: Ledger, number: int) -> None:
    account_id = f"account_{number}"
    opened = AccountOpened(account_id, f"{3_000_000_000 + number}", "user_demo", "checking", "USD")
    await ledger.execute(open_account, OpenAccount(opened))
    await ledger.execute(post, Post(account_id, "credit", AMOUNT, CASH, "deposit", f"deposit-{number}"))


async def with_ledger(dsn: str, folder: Path, tenant: str, numbers: range) -> None:
    services = Services(settings_module.load({"data": folder}, {}), dsn, dsn, observer=None)
    await services.start()
    try:
        ledger = await services.ledger(tenant)
        for number in numbers:
            await put_money_in(ledger, number)
    finally:
        await services.close()


def test_the_work_of_a_killed_worker_is_taken_over(postgres_dsn: str, tmp_path: Path) -> None:
    """Two workers, one of them holding the lease: killed without warning, the other goes on following."""
    schema = create_tenant(postgres_dsn, "takeover")
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(postgres_dsn, tmp_path)) for _ in range(2)]
        asyncio.run(with_ledger(postgres_dsn, tmp_path, "takeover", range(3)))
        eventually(lambda: is_projected(postgres_dsn, schema))
        first = holder_pid(postgres_dsn, schema)
        killed = next(process for process in workers if process.pid == first)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        asyncio.run(with_ledger(postgres_dsn, tmp_path, "takeover", range(3, 6)))
        eventually(lambda: is_projected(postgres_dsn, schema))
        second = holder_pid(postgres_dsn, schema)
        assert second in {process.pid for process in workers}
        assert second != first


def test_a_worker_that_stops_gives_its_lease_back(postgres_dsn: str, tmp_path: Path) -> None:
    """So that the next one need not wait until the lease has run out."""
    schema = create_tenant(postgres_dsn, "handover")
    with worker(postgres_dsn, tmp_path):
        eventually(lambda: holder_pid(postgres_dsn, schema) is not None)
    assert holder_pid(postgres_dsn, schema) is None


def test_a_worker_with_more_tenants_than_connections_still_stops(tmp_path: Path) -> None:
    """What it cannot reach it waits for, but never when it is told to end."""
    with EmbeddedPostgres(tmp_path, settings={"fsync": "off", "max_connections": "40"}) as postgres:
        prepare_database(postgres.dsn)
        for number in range(60):
            create_tenant(postgres.dsn, f"crowd-{number}")
        with worker(postgres.dsn, tmp_path):
            eventually(lambda: _are_connections_used_up(postgres.dsn))


def _are_connections_used_up(dsn: str) -> bool:
    try:
        connect_service(dsn).close()
    except psycopg.OperationalError:
        return True
    return False


def test_a_query_that_takes_being_ended_for_a_time_out_does_not_keep_the_work_alive(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the connection pool may do when it is exhausted: the end must not depend on a cancellation."""
    looked = asyncio.Event()

    async def hard_of_hearing(*_: object) -> list[object]:
        looked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)
        return []

    async def run() -> None:
        services = Services(settings_module.load({"data": tmp_path}, {}), postgres_dsn, postgres_dsn, None)
        await services.start()
        stop = asyncio.Event()
        working = asyncio.create_task(Background(services).run(stop))
        await asyncio.wait_for(looked.wait(), PATIENCE_SECONDS)
        stop.set()
        await asyncio.wait_for(working, STOP_SECONDS_MAX)
        await services.close()

    create_tenant(postgres_dsn, "deaf")
    monkeypatch.setattr(timekeeper, "due", hard_of_hearing)
    asyncio.run(run())


def test_the_lag_is_seen_while_nobody_follows(postgres_dsn: str, tmp_path: Path) -> None:
    """Operators are told how many events wait and how old the oldest is; nothing, when all were seen."""
    schema = create_tenant(postgres_dsn, "lagging")
    asyncio.run(with_ledger(postgres_dsn, tmp_path, "lagging", range(1)))
    now = datetime.now(UTC)
    behind = asyncio.run(lag(postgres_dsn, tmp_path, schema, now + timedelta(hours=1)))
    assert behind.events == 3
    assert timedelta(seconds=behind.seconds) > timedelta(minutes=59)
    with worker(postgres_dsn, tmp_path):
        eventually(lambda: is_projected(postgres_dsn, schema))
    assert asyncio.run(lag(postgres_dsn, tmp_path, schema, now)) == Lag(0, 0.0)


async def lag(dsn: str, folder: Path, schema: str, now: datetime) -> Lag:
    services = Services(settings_module.load({"data": folder}, {}), dsn, dsn, observer=None)
    await services.start()
    try:
        return await services.freshness.lag(schema, now)
    finally:
        await services.close()


def test_two_workers_that_fire_the_same_timers_settle_each_transfer_once(
    postgres_dsn: str, tmp_path: Path
) -> None:
    """Timers are facts and firing is an ordinary command, so firing twice at once is harmless."""
    schema = create_tenant(postgres_dsn, "twice")
    with worker(postgres_dsn, tmp_path):
        balances = asyncio.run(_settle_twice_at_once(postgres_dsn, tmp_path))
    assert balances == {"account_0": 60_00, "account_1": 140_00}
    with connect_owner(postgres_dsn) as connection:
        assert _count(connection, schema, "transfer.settled") == 40
        assert _count(connection, schema, "account.debited") == 40


def _count(connection: psycopg.Connection, schema: str, topic: str) -> int:
    row = connection.execute(
        f"select count(*) from {schema}.events where topic = %s".encode(), (topic,)
    ).fetchone()
    assert row is not None
    return int(row[0])


async def _settle_twice_at_once(dsn: str, folder: Path) -> dict[str, int]:
    services = [Services(settings_module.load({"data": folder}, {}), dsn, dsn, observer=None) for _ in "ab"]
    for each in services:
        await each.start()
    try:
        ledgers = [await each.ledger("twice") for each in services]
        await put_money_in(ledgers[0], 0)
        await put_money_in(ledgers[0], 1)
        await _register_as_treasury(ledgers[0])
        # Created years ago, so that by now every step of theirs is due.
        for number in range(40):
            await ledgers[number % 2].execute(
                create_transfer,
                transfer_of(number),
                Origin(effective_at=YEARS_AGO + timedelta(seconds=number)),
            )
        await _fire_until_settled(ledgers)
        rows = await ledgers[0].fetch("select account_id, posted from {schema}.balances", {})
        return {row["account_id"]: int(row["posted"]) for row in rows}
    finally:
        for each in services:
            await each.close()


async def _register_as_treasury(ledger: Ledger) -> None:
    await ledger.execute(
        register_user, RegisterUser(UserRegistered("user_demo", "customer", "USA"), TREASURY)
    )


def transfer_of(number: int) -> CreateTransfer:
    return CreateTransfer(
        transfer_id=f"tx_{number:04}",
        idempotency_key=f"key-{number}",
        content_hash="0",
        user_id="user_demo",
        transfer_type="internal",
        from_account="account_0",
        amount=Money(1_00, "USD"),
        reference_suffix=f"{number:08}",
        to_account="account_1",
    )


async def _fire_until_settled(ledgers: list[Ledger]) -> None:
    now = datetime.now(UTC)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        due = await asyncio.gather(*(timekeeper.due(ledger, now) for ledger in ledgers))
        await asyncio.gather(
            *(timekeeper.fire(ledger, timers, Rules()) for ledger, timers in zip(ledgers, due, strict=True))
        )
        await ledgers[0].caught_up()
        rows = await ledgers[0].fetch(
            "select count(*) as settled from {schema}.transfers where status = %(status)s",
            {"status": transfers.SETTLED},
        )
        if rows[0]["settled"] == 40:
            return
    pytest.fail("the transfers were not settled")
