"""The audit log: in it within a second, once, for good; and what happens while it cannot be written."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure import audit_log
from infrastructure.audit_log import AuditLog
from infrastructure.audit_log_pages import AuditPage, Sought, page
from infrastructure.audit_log_retention import drop_months
from infrastructure.database import connect_owner, connect_service
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.report_reads import ReportReads
from tests.control_database import control_database
from tests.infrastructure.lossy_proxy import LossyProxy

T = TypeVar("T")

NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
ALL = Sought(*EVER)


class MovableClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


def note(log: AuditLog, request_id: str, tenant: str = "bank", status: int = 200, path: str = "/a") -> None:
    log.note(tenant, "client", "user", "transfers", "GET", path, status, request_id)


def with_log(
    dsn: str, work: Callable[[AuditLog, MovableClock], Awaitable[T]], waiting_max: int = 100_000
) -> T:
    async def run() -> T:
        clock = MovableClock()
        log = AuditLog(dsn, clock, waiting_max)
        log.start()
        try:
            return await work(log, clock)
        finally:
            await log.close()

    return asyncio.run(run())


async def emptied(log: AuditLog) -> None:
    async with asyncio.timeout(60):
        while True:
            if not log.waiting:
                return
            await asyncio.sleep(0.02)


def found(dsn: str, tenant: str = "bank", sought: Sought = ALL, limit: int = 100, **how: Any) -> AuditPage:
    async def read() -> AuditPage:
        reads = ReportReads(dsn)
        await reads.start()
        try:
            async with reads.snapshot(CONTROL_SCHEMA, 10) as snapshot:
                return await page(snapshot.fetch, tenant, sought, limit=limit, **how)
        finally:
            await reads.close()

    return asyncio.run(read())


def request_ids(dsn: str) -> list[str]:
    with connect_owner(dsn) as owner:
        return [row[0] for row in owner.execute("select request_id from daybook.audit_log order by at, id")]


def partitions(dsn: str) -> list[str]:
    with connect_owner(dsn) as owner:
        rows = owner.execute(
            "select c.relname from pg_class c where relname ~ '^audit_log_[0-9_]+$' order by 1"
        ).fetchall()
    return [name for (name,) in rows]


def close_database(postgres_dsn: str, dsn: str) -> None:
    """Nobody is connected to it, and nobody can connect."""
    name = conninfo_to_dict(dsn)["dbname"]
    with connect_owner(postgres_dsn) as owner:
        owner.execute(f"alter database {name} allow_connections false".encode())
        owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))


def open_database(postgres_dsn: str, dsn: str) -> None:
    with connect_owner(postgres_dsn) as owner:
        owner.execute(f"alter database {conninfo_to_dict(dsn)['dbname']} allow_connections true".encode())


def test_a_call_is_written_as_it_was_without_anybody_asking(dsn: str) -> None:
    async def work(log: AuditLog, _: MovableClock) -> None:
        note(log, "first")
        await emptied(log)
        note(log, "second", status=503, path="/b")
        await emptied(log)

    with_log(dsn, work)
    second, first = found(dsn).calls
    assert (first.client_id, first.subject, first.surface) == ("client", "user", "transfers")
    assert (first.method, first.path, first.status, first.request_id) == ("GET", "/a", 200, "first")
    assert (second.path, second.status, second.request_id) == ("/b", 503, "second")
    assert first.at < second.at
    assert first.id < second.id


def test_what_waits_at_the_end_is_written(dsn: str) -> None:
    """Also more than one statement takes."""
    sent = [f"req-{number}" for number in range(2 * audit_log.BATCH_CALLS + 7)]

    async def work(log: AuditLog, _: MovableClock) -> None:
        for request_id in sent:
            note(log, request_id)

    with_log(dsn, work)
    assert request_ids(dsn) == sent


def test_the_service_can_only_add(dsn: str) -> None:
    async def work(log: AuditLog, _: MovableClock) -> None:
        note(log, "kept")

    with_log(dsn, work)
    with connect_service(dsn) as service:
        for statement in (
            "update daybook.audit_log set status = 200",
            "delete from daybook.audit_log",
            "truncate daybook.audit_log",
            "drop table daybook.audit_log_2025_10",
            "delete from daybook.audit_log_2025_10",
            "insert into daybook.audit_log_2025_10 select * from daybook.audit_log",
            "alter table daybook.audit_log detach partition daybook.audit_log_2025_10",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(statement.encode())
    assert request_ids(dsn) == ["kept"]


def test_months_have_their_partitions_before_they_begin(dsn: str) -> None:
    """And one that the clock jumped to gets its own when it is needed."""

    async def work(log: AuditLog, clock: MovableClock) -> None:
        note(log, "in October")
        await emptied(log)
        assert partitions(dsn) == ["audit_log_2025_10", "audit_log_2025_11", "audit_log_2025_12"]
        clock.at = datetime(2027, 12, 31, 23, 59, 59, 999_990, tzinfo=UTC)
        for number in range(20):
            note(log, f"at the turn of the year {number}")

    with_log(dsn, work)
    assert len(request_ids(dsn)) == 21
    assert partitions(dsn)[3:][:2] == ["audit_log_2027_12", "audit_log_2028_01"]


def test_two_processes_may_make_a_month_at_once(dsn: str) -> None:
    async def make() -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            for month in range(1, 13):
                await connection.execute("select daybook.make_audit_month(make_date(2030, %s, 1))", (month,))

    async def both() -> None:
        await asyncio.gather(*(make() for _ in range(4)))

    asyncio.run(both())
    assert len(partitions(dsn)) == 12


def test_texts_that_the_database_would_refuse_stop_nothing(dsn: str) -> None:
    async def work(log: AuditLog, _: MovableClock) -> None:
        log.note("bank", "cl\0ient", "\ud800", "transfers", "GET", "/" + "x" * 100_000, 404, "é\0")
        note(log, "after")

    with_log(dsn, work)
    after, odd = found(dsn).calls
    assert after.request_id == "after"
    assert (odd.client_id, odd.subject, odd.request_id) == ("cl?ient", "?", "é?")
    assert len(odd.path) == audit_log.TEXT_LENGTH_MAX


def test_an_answer_that_was_lost_writes_nothing_twice(dsn: str) -> None:
    async def work(log: AuditLog, _: MovableClock) -> None:
        note(log, "before")
        await emptied(log)
        proxy.lose_next_answer()
        for number in range(10):
            note(log, f"req-{number}")
        await emptied(log)

    with LossyProxy(dsn) as proxy:
        with_log(proxy.dsn, work)
    assert request_ids(dsn) == ["before", *(f"req-{number}" for number in range(10))]


def test_without_a_database_calls_wait_up_to_a_bound_and_then_callers_are_turned_away(
    dsn: str, postgres_dsn: str
) -> None:
    """When it is back, all that waited is written, and there is room again."""
    sent: list[str] = []

    async def work(log: AuditLog, _: MovableClock) -> None:
        note(log, "before")
        await emptied(log)
        close_database(postgres_dsn, dsn)
        while log.has_room():
            note(log, f"req-{len(sent)}")
            sent.append(f"req-{len(sent)}")
        assert not log.has_room()
        await asyncio.sleep(3 * audit_log.FLUSH_SECONDS)
        assert log.waiting == len(sent) == 50
        assert log.turned_away == 2
        open_database(postgres_dsn, dsn)
        await emptied(log)
        assert log.has_room()

    try:
        with_log(dsn, work, waiting_max=50)
    finally:
        open_database(postgres_dsn, dsn)
    assert request_ids(dsn) == ["before", *sent]


def test_a_bank_sees_its_own_calls_and_finds_them(dsn: str) -> None:
    async def work(log: AuditLog, _: MovableClock) -> None:
        for number in range(6):
            note(log, f"req-{number}", status=200 + number % 2)
        note(log, "of another", tenant="other")
        note(log, "of nobody", tenant="")

    with_log(dsn, work)
    assert [call.request_id for call in found(dsn, "other").calls] == ["of another"]
    everything = found(dsn)
    assert [call.request_id for call in everything.calls] == [f"req-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert everything.total == 6
    second_page = found(dsn, limit=2, offset=2, is_newest_first=False)
    assert [call.request_id for call in second_page.calls] == ["req-2", "req-3"]
    assert second_page.total == 6
    for sought, expected in (
        (ALL._replace(request_id="req-4"), [4]),
        (ALL._replace(status=201), [5, 3, 1]),
        (ALL._replace(client_id="client", subject="user", status=201), [5, 3, 1]),
        (ALL._replace(client_id="another"), []),
        (ALL._replace(subject="another"), []),
        (ALL._replace(start=everything.calls[1].at), [5, 4]),
        (ALL._replace(end=everything.calls[1].at), [3, 2, 1, 0]),
    ):
        assert [call.request_id for call in found(dsn, sought=sought).calls] == [
            f"req-{number}" for number in expected
        ]


def test_retention_drops_whole_months_and_only_old_ones(dsn: str) -> None:
    async def work(log: AuditLog, clock: MovableClock) -> None:
        for month in (6, 7, 8, 9, 10):
            clock.at = datetime(2025, month, 5, tzinfo=UTC)
            note(log, f"month {month}")

    with_log(dsn, work)
    today = date(2025, 10, 20)
    assert drop_months(dsn, 2, today) == ["2025-06", "2025-07"]
    assert drop_months(dsn, 2, today) == []
    assert request_ids(dsn) == ["month 8", "month 9", "month 10"]
    with_log(dsn, work)
    assert drop_months(dsn, 1, today) == ["2025-06", "2025-07", "2025-08"]


def test_retention_goes_on_where_it_was_interrupted(dsn: str) -> None:
    """A month that was taken off the log and not dropped, and one that was only half taken off."""

    async def work(log: AuditLog, clock: MovableClock) -> None:
        for month in (6, 7, 10):
            clock.at = datetime(2025, month, 5, tzinfo=UTC)
            note(log, f"month {month}")

    with_log(dsn, work)
    with connect_owner(dsn) as owner, connect_owner(dsn) as reader:
        owner.execute("alter table daybook.audit_log detach partition daybook.audit_log_2025_06 concurrently")
        with reader.transaction():
            reader.execute("select count(*) from daybook.audit_log")
            owner.execute("set lock_timeout = '200ms'")
            with suppress(psycopg.errors.LockNotAvailable):
                owner.execute(
                    "alter table daybook.audit_log detach partition daybook.audit_log_2025_07 concurrently"
                )
    assert drop_months(dsn, 1, date(2025, 10, 20)) == ["2025-06", "2025-07"]
    assert request_ids(dsn) == ["month 10"]


def test_only_the_owner_can_drop(dsn: str) -> None:
    with_log(dsn, lambda log, _: emptied_after(log))
    with connect_service(dsn) as service, pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.execute("drop table daybook.audit_log")


async def emptied_after(log: AuditLog) -> None:
    note(log, "one")
    await emptied(log)
