"""The routes of reports made to order: at once where they are small, in the background where they are not."""

import secrets

from litestar import get, post
from litestar.types import ASGIApp

from api.back_office.answers import answer
from api.back_office.envelope import meta_of
from api.back_office.errors import not_found, refused
from api.back_office.reports import operations
from api.back_office.reports.documents import ReportJobShown
from api.back_office.reports.operations import CUSTOM, REPORTS, RESULT, STATUS
from api.back_office.reports.requests import MEMBERS, read_wish
from api.back_office.requests import admit, key, members_of
from api.context import HttpRequest, JsonResponse, exchange_of, services_of, wait_for_reads
from api.exchange import Exchange, encode, invalid, unavailable
from api.ledger.feeds import CSV, JSON, Feed, StreamedResponse
from application.idempotency import RequestKey
from application.store import StoreUnavailable
from domain.requests import identity
from infrastructure.ledgers import Ledger
from infrastructure.report_jobs import COMPLETED, Job, ReportJobs, TooManyReports
from infrastructure.report_reads import TakesTooLong
from projections import account_directory, custom_reports
from projections.custom_reports import Table, Wish
from projections.report_rows import written

ROWS_AT_ONCE_MAX = 10_000
SECONDS_AT_ONCE_MAX = 5.0
REPORT_ID_LENGTH_MAX = 64

_READ = "banking.read"


@post(CUSTOM, status_code=200, operation=operations.MAKE_CUSTOM)
async def make(request: HttpRequest) -> ASGIApp:
    ledger = await admit(request, _READ)
    wish = read_wish(await members_of(request, *MEMBERS))
    await wait_for_reads(request, ledger)
    wish = await _with_account(ledger, wish)
    asked = key(exchange_of(request), repr(wish))
    table = custom_reports.table(wish)
    body = await _at_once(request, ledger, wish, table)
    if body is None:
        return await _later(request, ledger, wish, asked)
    return StreamedResponse(_parts(body), CSV if wish.format == "csv" else JSON)


@get(STATUS, operation=operations.SHOW_STATUS)
async def show_status(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    return answer(request, _shown(await _find(request, ledger)))


@get(RESULT, operation=operations.SHOW_RESULT)
async def show_result(request: HttpRequest) -> ASGIApp:
    ledger = await admit(request, _READ)
    job = await _find(request, ledger)
    if job.status != COMPLETED:
        raise refused(409, "CONFLICT", f"The report is not completed: it is {job.status}")
    jobs, wish = services_of(request).report_jobs, job.decoded()
    if wish.format == "csv":
        return StreamedResponse(_csv_result(jobs, job, wish), CSV)
    return StreamedResponse(_json_result(jobs, job, wish, exchange_of(request)), JSON)


ROUTES = (make, show_status, show_result)


async def _with_account(ledger: Ledger, wish: Wish) -> Wish:
    if wish.account_id is None:
        return wish
    entry = await account_directory.resolve(ledger.fetch, wish.account_id)
    if entry is None:
        raise invalid("filters.account_id", "is not an account here")
    return wish.of_account(entry.account_id)


async def _at_once(request: HttpRequest, ledger: Ledger, wish: Wish, table: Table) -> bytes | None:
    """The whole answer; None where there are too many rows for that, or it would take too long."""
    parameters = {**table.parameters, "limit": ROWS_AT_ONCE_MAX + 1}
    reads = services_of(request).report_reads
    parts: list[bytes] = []
    row_count = 0
    try:
        # Chunk by chunk, so that others get their turns in between.
        async with reads.snapshot(ledger.schema, SECONDS_AT_ONCE_MAX) as snapshot:
            async for rows in snapshot.stream(table.query, parameters):
                row_count += len(rows)
                if row_count > ROWS_AT_ONCE_MAX:
                    return None
                parts.append(written([table.read(row) for row in rows], wish.format))
    except TakesTooLong:
        return None
    except StoreUnavailable:
        raise unavailable() from None
    if wish.format == "csv":
        return written([table.columns], "csv") + b"".join(parts)
    head, tail = _around(table, row_count, exchange_of(request))
    return head + b",".join(parts) + tail


async def _later(request: HttpRequest, ledger: Ledger, wish: Wish, asked: RequestKey | None) -> JsonResponse:
    # The same key with the same wish is the same report.
    report_id = "rpt_" + (
        secrets.token_hex(16)
        if asked is None
        else identity("report", ledger.tenant, asked.request_id, asked.content_hash)
    )
    jobs = services_of(request).report_jobs
    try:
        job = await jobs.create(report_id, ledger.tenant, wish, exchange_of(request).now)
    except (StoreUnavailable, TooManyReports):
        raise unavailable() from None
    return answer(request, _shown(job), 202)


async def _find(request: HttpRequest, ledger: Ledger) -> Job:
    report_id: str = request.path_params["reportId"]
    job = None
    if len(report_id) <= REPORT_ID_LENGTH_MAX and report_id.isprintable():
        try:
            job = await services_of(request).report_jobs.find(
                report_id, ledger.tenant, exchange_of(request).now
            )
        except StoreUnavailable:
            raise unavailable() from None
    if job is None:
        raise not_found("Report")
    return job


def _shown(job: Job) -> ReportJobShown:
    url = f"{REPORTS}/{job.report_id}"
    return ReportJobShown(job.report_id, job.status, job.progress, url, f"{url}/result")  # type: ignore[arg-type]  # the table has no other status


def _around(table: Table, row_count: int, exchange: Exchange) -> tuple[bytes, bytes]:
    """What comes before the rows, and after them."""
    head = b'{"status":"success","data":{"columns":%b,"rows":[' % encode(table.columns)
    return head, b'],"row_count":%d},"meta":%b}' % (row_count, encode(meta_of(exchange)))


async def _parts(*parts: bytes) -> Feed:
    for part in parts:
        yield part


async def _csv_result(jobs: ReportJobs, job: Job, wish: Wish) -> Feed:
    yield written([custom_reports.table(wish).columns], "csv")
    async for part in jobs.parts(job):
        yield part


async def _json_result(jobs: ReportJobs, job: Job, wish: Wish, exchange: Exchange) -> Feed:
    head, tail = _around(custom_reports.table(wish), job.row_count, exchange)
    yield head
    separator = b""
    async for part in jobs.parts(job):
        yield separator + part
        separator = b","
    yield tail
