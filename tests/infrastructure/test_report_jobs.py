"""Reports in the background: made once, whoever dies in between; bounded; forgotten after a day."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from infrastructure import report_jobs
from infrastructure.ledgers import Ledger
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.report_jobs import COMPLETED, FAILED, QUEUED, Job, ReportWorker, TooManyReports
from infrastructure.report_reads import ReportReads, TakesTooLong
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from infrastructure.tenants import create_tenant
from projections.custom_reports import Wish
from tests.projections.bank_history import BankHistory
from tests.projections.conftest import Tenant

ENTRIES = 1_300
WISH = Wish("transactions", date(2025, 10, 1), date(2025, 10, 31))
_numbers = itertools.count(1)


class Office(NamedTuple):
    """A bank that was busy."""

    services: Services
    ledger: Ledger

    @property
    def worker(self) -> ReportWorker:
        return ReportWorker(self.ledger, self.services.primary, self.services.report_reads)

    async def ask(self, report_id: str, wish: Wish = WISH) -> Job:
        now = self.ledger.clock.now()
        return await self.services.report_jobs.create(report_id, self.ledger.tenant, wish, now)

    async def find(self, report_id: str, **later: float) -> Job | None:
        now = self.ledger.clock.now() + timedelta(**later)
        return await self.services.report_jobs.find(report_id, self.ledger.tenant, now)

    async def made(self, report_id: str) -> Job:
        """As it is when the worker is through with it."""
        over = asyncio.Event()
        working = asyncio.create_task(self.worker.run(over))
        try:
            async with asyncio.timeout(60):
                while True:
                    job = await self.find(report_id)
                    assert job is not None
                    if job.status in (COMPLETED, FAILED):
                        return job
                    await asyncio.sleep(0.02)
        finally:
            over.set()
            await working

    async def change(self, statement: str) -> None:
        await self.services.primary.fetch(CONTROL_SCHEMA, statement + " returning report_id", {})

    async def parts(self, job: Job) -> list[bytes]:
        return [part async for part in self.services.report_jobs.parts(job)]


def with_office(dsn: str, folder: Path, work: Callable[[Office], Awaitable[None]]) -> None:
    tenant = f"reports-{next(_numbers)}"
    schema = create_tenant(dsn, tenant)
    books = Tenant(dsn, schema)
    try:
        bank = BankHistory()
        bank.add_chart()
        account = bank.open("one")
        for number in range(ENTRIES):
            bank.credit(account, number + 1)
        books.project(bank)
    finally:
        books.close()

    async def run() -> None:
        services = Services(Settings(data=folder), dsn, dsn, observer=None)
        await services.start()
        try:
            await work(Office(services, await services.ledger(tenant)))
        finally:
            await services.close()

    asyncio.run(run())


def test_a_report_is_made_in_parts_that_are_one_whole(postgres_dsn: str, tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        assert (await office.ask("rpt_whole")).status == QUEUED
        job = await office.made("rpt_whole")
        assert (job.status, job.progress, job.row_count) == (COMPLETED, 100, ENTRIES)
        parts = await office.parts(job)
        assert len(parts) > 1
        rows = json.loads(b"[" + b",".join(parts) + b"]")
        assert [row[7] for row in rows] == [(number + 1) / 100 for number in range(ENTRIES)]
        assert (await office.ask("rpt_whole")).status == COMPLETED

    with_office(postgres_dsn, tmp_path, work)


def test_what_a_dead_worker_left_is_made_anew_and_counts_no_more(postgres_dsn: str, tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        await office.ask("rpt_left")
        await office.change(
            "update {schema}.report_jobs set status = 'running', attempt = 1 where report_id = 'rpt_left'"
        )
        await office.change(
            "insert into {schema}.report_parts (report_id, attempt, number, body)"
            " values ('rpt_left', 1, 0, 'half'), ('rpt_left', 1, 99, 'more')"
        )
        job = await office.made("rpt_left")
        assert (job.status, job.attempt, job.row_count) == (COMPLETED, 2, ENTRIES)
        assert b"half" not in b"".join(await office.parts(job))
        assert await office.parts(job._replace(attempt=1)) == []

    with_office(postgres_dsn, tmp_path, work)


def test_a_report_that_was_begun_too_often_is_given_up(postgres_dsn: str, tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        await office.ask("rpt_cursed")
        await office.change(
            f"update {{schema}}.report_jobs set attempt = {report_jobs.ATTEMPTS_MAX}"
            " where report_id = 'rpt_cursed'"
        )
        assert (await office.made("rpt_cursed")).status == FAILED

    with_office(postgres_dsn, tmp_path, work)


def test_only_so_many_may_wait_and_other_banks_see_none(postgres_dsn: str, tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        for number in range(report_jobs.UNFINISHED_MAX):
            await office.ask(f"rpt_many_{number}")
        with pytest.raises(TooManyReports):
            await office.ask("rpt_one_too_many")
        assert (await office.ask("rpt_many_0")).status == QUEUED
        now = office.ledger.clock.now()
        assert await office.services.report_jobs.find("rpt_many_0", "another", now) is None

    with_office(postgres_dsn, tmp_path, work)


def test_a_result_is_forgotten_after_a_day(postgres_dsn: str, tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        await office.ask("rpt_old")
        job = await office.made("rpt_old")
        assert await office.find("rpt_old", hours=23) is not None
        assert await office.find("rpt_old", hours=25) is None
        await office.worker.sweep()
        assert await office.parts(job) != []
        await office.change(
            "update {schema}.report_jobs set expires_at = created_at where report_id = 'rpt_old'"
        )
        await office.worker.sweep()
        assert await office.parts(job) == []

    with_office(postgres_dsn, tmp_path, work)


def test_a_statement_that_takes_too_long_is_ended(postgres_dsn: str, new_tenant: Callable[[], str]) -> None:
    """And its connection serves the next one."""

    async def work() -> None:
        reads = ReportReads(postgres_dsn)
        await reads.start()
        try:
            with pytest.raises(TakesTooLong):
                async with reads.snapshot(schema, 0.1) as snapshot:
                    await snapshot.fetch("select pg_sleep(60)", {})
            async with reads.snapshot(schema, 5) as snapshot:
                found = [rows async for rows in snapshot.stream("select generate_series(1, 1200) as n", {})]
            assert [row["n"] for rows in found for row in rows] == list(range(1, 1201))
            assert len(found) == 3
        finally:
            await reads.close()

    schema = new_tenant()
    asyncio.run(work())
