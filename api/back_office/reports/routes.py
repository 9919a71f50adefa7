"""The routes of reports: decode, one command or query, encode."""

from datetime import date
from typing import Literal

from litestar import get

from api.back_office.answers import answer
from api.back_office.reports import bodies, custom, operations
from api.back_office.reports.operations import DAILY, MONTHLY
from api.back_office.reports.requests import day_wished, month_wished
from api.back_office.requests import admit
from api.context import HttpRequest, JsonResponse, exchange_of, services_of, wait_for_reads
from api.exchange import unavailable
from api.query_string import known_query_of
from application.store import StoreUnavailable
from infrastructure.ledgers import Ledger
from infrastructure.report_reads import TakesTooLong
from projections import reports

_READ = "banking.read"
PERIOD_SECONDS_MAX = 5.0


@get(DAILY, operation=operations.SHOW_DAILY)
async def daily(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    day = day_wished(known_query_of(request, "date"), exchange_of(request).now)
    return await _period_report(request, ledger, "daily", day, day)


@get(MONTHLY, operation=operations.SHOW_MONTHLY)
async def monthly(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    first, last = month_wished(known_query_of(request, "month"), exchange_of(request).now)
    return await _period_report(request, ledger, "monthly", first, last)


async def _period_report(
    request: HttpRequest, ledger: Ledger, name: Literal["daily", "monthly"], first: date, last: date
) -> JsonResponse:
    await wait_for_reads(request, ledger)
    try:
        async with services_of(request).report_reads.snapshot(ledger.schema, PERIOD_SECONDS_MAX) as snapshot:
            found = await reports.period_report(snapshot.fetch, first, last)
    except (StoreUnavailable, TakesTooLong):
        raise unavailable() from None
    return answer(request, bodies.period_report(name, found, exchange_of(request).now))


ROUTES = (daily, monthly, *custom.ROUTES)
