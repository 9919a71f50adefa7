"""Reports that are made in the background: asked for by any process, made by the tenant's background worker,
kept in the database for a day, so that a restart loses none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import psycopg
import structlog

from application.store import StoreUnavailable
from infrastructure.ledgers import Ledger
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.reads import Database
from infrastructure.report_reads import ReportReads, TakesTooLong
from infrastructure.tasks import end_task, set_within
from projections import custom_reports
from projections.custom_reports import Wish
from projections.report_rows import written

log = structlog.get_logger()

KEPT = timedelta(days=1)
UNFINISHED_MAX = 20
ROWS_MAX = 5_000_000
ATTEMPTS_MAX = 5
STATEMENT_SECONDS_MAX = 600.0
LOOK_SECONDS = 0.5
SWEEP_EVERY = 60

QUEUED, RUNNING, COMPLETED, FAILED = "queued", "running", "completed", "failed"

_CREATE = """
insert into {schema}.report_jobs (report_id, tenant, wish, status, created_at, expires_at)
select %(report_id)s, %(tenant)s, %(wish)s, 'queued', %(now)s, %(expires_at)s
where (select count(*) from {schema}.report_jobs
       where tenant = %(tenant)s and status in ('queued', 'running')) < %(most)s
on conflict (report_id) do nothing
returning report_id
"""

_FIND = """
select report_id, wish, status, progress, attempt, row_count from {schema}.report_jobs
where report_id = %(report_id)s and tenant = %(tenant)s and expires_at > %(now)s
"""

_PART = """
select body from {schema}.report_parts
where report_id = %(report_id)s and attempt = %(attempt)s and number = %(number)s
"""

# There is one worker for a tenant: what runs already was begun by one that died.
_TAKE = """
update {schema}.report_jobs set status = 'running', attempt = attempt + 1, progress = 0
where report_id = (select report_id from {schema}.report_jobs
                   where tenant = %(tenant)s and status in ('queued', 'running')
                   order by created_at, report_id limit 1)
returning report_id, wish, status, progress, attempt, row_count
"""

# Nothing where there is a later attempt: then its parts are the ones that count.
_ADD_PART = """
with own as (
    update {schema}.report_jobs set progress = %(progress)s
    where report_id = %(report_id)s and attempt = %(attempt)s and status = 'running'
    returning report_id
)
insert into {schema}.report_parts (report_id, attempt, number, body)
select report_id, %(attempt)s, %(number)s, %(body)s from own
on conflict (report_id, attempt, number) do update set number = excluded.number
returning number
"""

_END = """
update {schema}.report_jobs
set status = %(status)s, row_count = %(row_count)s,
    progress = case when %(status)s = 'completed' then 100 else progress end
where report_id = %(report_id)s and attempt = %(attempt)s
returning report_id
"""

_DROP_PARTS = """
delete from {schema}.report_parts where report_id = %(report_id)s and attempt < %(attempt)s returning number
"""

_SWEEP = """
with expired as (
    delete from {schema}.report_jobs where tenant = %(tenant)s and expires_at <= %(now)s returning report_id
)
delete from {schema}.report_parts where report_id in (select report_id from expired) returning number
"""

_FORGET = """
with jobs as (delete from {schema}.report_jobs returning report_id)
delete from {schema}.report_parts returning number
"""


class Job(NamedTuple):
    """`progress` is in percent."""

    report_id: str
    wish: str
    status: str
    progress: int
    attempt: int
    row_count: int

    def decoded(self) -> Wish:
        return msgspec.json.decode(self.wish, type=Wish)


class TooManyReports(Exception):
    """As many of the tenant's reports wait as may."""


class ReportJobs:
    """All of these raise StoreUnavailable."""

    def __init__(self, primary: Database) -> None:
        self._primary = primary

    async def create(self, report_id: str, tenant: str, wish: Wish, now: datetime) -> Job:
        """Asked for again, it is the one that there is. Raises TooManyReports."""
        parameters = {
            "report_id": report_id,
            "tenant": tenant,
            "wish": msgspec.json.encode(wish).decode(),
            "now": now,
            "expires_at": now + KEPT,
            "most": UNFINISHED_MAX,
        }
        await self._primary.fetch(CONTROL_SCHEMA, _CREATE, parameters)
        job = await self.find(report_id, tenant, now)
        if job is None:
            raise TooManyReports
        return job

    async def find(self, report_id: str, tenant: str, now: datetime) -> Job | None:
        """None where the tenant has no such report, or not any more."""
        named = {"report_id": report_id, "tenant": tenant, "now": now}
        rows = await self._primary.fetch(CONTROL_SCHEMA, _FIND, named)
        return Job(**rows[0]) if rows else None

    async def parts(self, job: Job) -> AsyncIterator[bytes]:
        """What was written, part by part: none of them holds a connection while it is being sent."""
        number = 0
        while True:
            named = {"report_id": job.report_id, "attempt": job.attempt, "number": number}
            rows = await self._primary.fetch(CONTROL_SCHEMA, _PART, named)
            if not rows:
                return
            yield bytes(rows[0]["body"])
            number += 1

    async def forget_all(self) -> None:
        """As the sandbox's reset does: what they are of is no more."""
        await self._primary.fetch(CONTROL_SCHEMA, _FORGET, {})


class ReportWorker:
    """Makes one tenant's reports, one after the other."""

    def __init__(self, ledger: Ledger, primary: Database, report_reads: ReportReads) -> None:
        self._ledger = ledger
        self._primary = primary
        self._report_reads = report_reads

    async def run(self, over: asyncio.Event) -> None:
        """Works until `over` is set. A report that is under way then is begun anew by whoever comes next."""
        ending = asyncio.create_task(over.wait())
        looks = 0
        while not over.is_set():
            making = asyncio.create_task(self._make_next())
            await asyncio.wait((making, ending), return_when=asyncio.FIRST_COMPLETED)
            if not making.done():
                await end_task(making)
                break
            if making.exception() is not None:
                log.warning("reports paused", tenant=self._ledger.tenant, exc_info=making.exception())
            if making.exception() is not None or not making.result():
                await set_within(over, LOOK_SECONDS)
                looks += 1
                if looks % SWEEP_EVERY == 0:
                    await self.sweep()
        await end_task(ending)

    async def _make_next(self) -> bool:
        """Whether there was one to make."""
        rows = await self._primary.fetch(CONTROL_SCHEMA, _TAKE, {"tenant": self._ledger.tenant})
        if not rows:
            return False
        job = Job(**rows[0])
        row_count = 0
        status = FAILED
        if job.attempt <= ATTEMPTS_MAX:
            try:
                row_count = await self._make(job)
                status = COMPLETED
            except (TakesTooLong, _TooManyRows, psycopg.Error, ValueError):
                log.exception("a report failed", tenant=self._ledger.tenant, report_id=job.report_id)
        named = {"report_id": job.report_id, "attempt": job.attempt}
        await self._primary.fetch(CONTROL_SCHEMA, _END, {**named, "status": status, "row_count": row_count})
        return True

    async def _make(self, job: Job) -> int:
        """Writes the parts; how many rows they have."""
        wish = job.decoded()
        table = custom_reports.table(wish)
        named = {"report_id": job.report_id, "attempt": job.attempt}
        await self._primary.fetch(CONTROL_SCHEMA, _DROP_PARTS, named)
        row_count = number = 0
        async with self._report_reads.snapshot(self._ledger.schema, STATEMENT_SECONDS_MAX) as snapshot:
            async for rows in snapshot.stream(table.query, table.parameters):
                row_count += len(rows)
                if row_count > ROWS_MAX:
                    raise _TooManyRows
                body = written([table.read(row) for row in rows], wish.format)
                part = {"number": number, "body": body, "progress": custom_reports.progress(wish, rows[-1])}
                if not await self._primary.fetch(CONTROL_SCHEMA, _ADD_PART, {**named, **part}):
                    break
                number += 1
        return row_count

    async def sweep(self) -> None:
        """Forgets what has expired."""
        with contextlib.suppress(StoreUnavailable):
            named = {"tenant": self._ledger.tenant, "now": self._ledger.clock.now()}
            await self._primary.fetch(CONTROL_SCHEMA, _SWEEP, named)


class _TooManyRows(Exception):
    """More than a result may have."""
