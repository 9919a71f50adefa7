"""For finance: balances as of any instant, statements, journal, trial balance, general ledger."""

import re
from datetime import UTC, datetime, timedelta

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.context import HttpRequest, JsonResponse, respond
from api.exchange import ApiError, invalid
from api.instants import Period
from api.ledger import bodies, documents, feeds, operations, parameters
from api.ledger.admission import admit_reader, find_account
from api.ledger.feeds import Feed
from api.ledger.parameters import Query
from infrastructure.ledgers import Ledger
from projections import account_statements, balances, certificates, general_ledger, journal
from projections.account_statements import Cursor, Statement

STATEMENT_LINES_DEFAULT = 1_000
CSV_CHUNK = 1_000
JOURNAL_COLUMNS = documents.JournalLine.__struct_fields__
STATEMENT_COLUMNS = documents.StatementLine.__struct_fields__

_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)


@get("/ledger/v1/accounts/{identifier:str}/balance", operation=operations.BALANCE)
async def balance(request: HttpRequest, identifier: FromPath[str]) -> JsonResponse:
    _, ledger = await admit_reader(request)
    now = ledger.clock.now()
    query = parameters.query_of(request, "effective_at", "known_at")
    effective_at = parameters.instant(query, "effective_at") or now
    known_at = parameters.instant(query, "known_at") or now
    account_id = await find_account(ledger, identifier)
    as_of = await balances.balance_as_of(ledger.fetch, account_id, effective_at, known_at)
    assert as_of is not None, "an account in the directory has a balance"
    return respond(bodies.balance(as_of))


@get("/ledger/v1/accounts/{identifier:str}/statement", operation=operations.STATEMENT)
async def statement(request: HttpRequest, identifier: FromPath[str]) -> ASGIApp:
    _, ledger = await admit_reader(request)
    query = parameters.query_of(request, "from", "to", "cursor", "limit")
    period, after = parameters.period(query), _cursor(query)
    limit = parameters.limit(query, STATEMENT_LINES_DEFAULT)
    media_type = feeds.wanted_type(request, feeds.JSON, feeds.CSV)
    account_id = await find_account(ledger, identifier)
    known = await certificates.newest(ledger.fetch)
    first = await _statement(ledger, account_id, period, known.position, after, limit)
    if media_type == feeds.CSV:
        # Without a limit, all of it: the page's bound is one of memory, not of length.
        is_whole = "limit" not in query
        return feeds.StreamedResponse(_statement_csv(ledger, first, period, is_whole=is_whole), media_type)
    start = period.start if query.get("from") else None
    end = period.end if query.get("to") else None
    return respond(bodies.statement(first, start, end))


async def _statement(
    ledger: Ledger, account_id: str, period: Period, known_position: int, after: Cursor | None, limit: int
) -> Statement:
    found = await account_statements.statement(
        ledger.fetch,
        account_id,
        period.start,
        period.end,
        known_position=known_position,
        after=after,
        limit=limit,
    )
    assert found is not None, "an account in the directory has a balance"
    return found


async def _statement_csv(ledger: Ledger, page: Statement, period: Period, *, is_whole: bool) -> Feed:
    """Opening and closing balance are rows of their own, named in the column `type`."""
    opening = bodies.amount(page.opening_balance, page.currency)
    yield feeds.csv_rows([STATEMENT_COLUMNS, ("", "", "", "opening_balance", "", "", "", "", opening)])
    while True:
        lines = [bodies.statement_line(line, page.currency) for line in page.lines]
        yield feeds.csv_rows(bodies.cells(line, STATEMENT_COLUMNS) for line in lines)
        if page.is_complete or not is_whole:
            break
        after = page.lines[-1].effective_at, page.lines[-1].position
        page = await _statement(ledger, page.account_id, period, page.position, after, CSV_CHUNK)
    closing = bodies.amount(page.closing_balance, page.currency)
    yield feeds.csv_rows([("", "", "", "closing_balance", "", "", "", "", closing)])


def _cursor(query: Query) -> Cursor | None:
    given = query.get("cursor")
    if not given:
        return None
    match = _CURSOR.fullmatch(given)
    if match is None:
        raise invalid("cursor", "is not one that was given out")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(match[1])), int(match[2])
    except OverflowError:
        raise invalid("cursor", "is not one that was given out") from None


@get("/ledger/v1/trial-balance", operation=operations.TRIAL_BALANCE)
async def trial_balance(request: HttpRequest) -> JsonResponse:
    _, ledger = await admit_reader(request)
    query = parameters.query_of(request, "effective_at", "known_at")
    effective_at = parameters.instant(query, "effective_at")
    known_at = parameters.instant(query, "known_at")
    if effective_at is None and known_at is None:
        return respond(bodies.trial_balance(await general_ledger.trial_balance(ledger.fetch)))
    now = ledger.clock.now()
    found = await general_ledger.trial_balance_as_of(ledger.fetch, effective_at or now, known_at or now)
    return respond(bodies.trial_balance(found))


@get("/ledger/v1/journal", operation=operations.JOURNAL)
async def journal_lines(request: HttpRequest) -> ASGIApp:
    _, ledger = await admit_reader(request)
    query = parameters.query_of(request, "from", "to", "account_code", "after", "limit")
    period, after = parameters.period(query), parameters.after(query)
    limit = parameters.limit(query)
    account_code = await _known_code(ledger, query)
    if feeds.wanted_type(request, feeds.JSON, feeds.CSV) == feeds.CSV:
        bound = limit if "limit" in query else None
        return feeds.StreamedResponse(_journal_csv(ledger, period, account_code, after, bound), feeds.CSV)
    return respond(bodies.journal(await _journal(ledger, period, account_code, after, limit)))


async def _journal(
    ledger: Ledger, period: Period, account_code: str | None, after: int, limit: int
) -> list[journal.Line]:
    """At most `limit` lines, but whole entries: a page never ends between the two lines of one."""
    entries = await journal.entries(
        ledger.fetch,
        effective_from=period.start,
        effective_before=period.end,
        account_code=account_code,
        after=after,
        limit=limit,
    )
    lines: list[journal.Line] = []
    for entry in entries:
        of_entry = journal.lines(entry, account_code)
        if lines and len(lines) + len(of_entry) > limit:
            break
        lines += of_entry
    return lines


async def _journal_csv(
    ledger: Ledger, period: Period, account_code: str | None, after: int, limit: int | None
) -> Feed:
    yield feeds.csv_rows([JOURNAL_COLUMNS])
    while True:
        lines = await _journal(ledger, period, account_code, after, limit or CSV_CHUNK)
        rows = [bodies.journal_line(line) for line in lines]
        yield feeds.csv_rows(bodies.cells(row, JOURNAL_COLUMNS) for row in rows)
        if not lines or limit is not None:
            return
        after = lines[-1].position


@get("/ledger/v1/general-ledger", operation=operations.GENERAL_LEDGER)
async def ledger_days(request: HttpRequest) -> JsonResponse:
    _, ledger = await admit_reader(request)
    query = parameters.query_of(request, "from", "to", "account_code")
    day_from, day_before = parameters.days(query)
    account_code = await _known_code(ledger, query)
    known = await certificates.newest(ledger.fetch)
    found = await general_ledger.days(ledger.fetch, day_from, day_before, account_code)
    return respond(bodies.general_ledger(found, known.position))


async def _known_code(ledger: Ledger, query: Query) -> str | None:
    account_code = parameters.text(query, "account_code")
    if account_code is not None:
        chart = await general_ledger.chart_of_accounts(ledger.fetch)
        if account_code not in {entry.account_code for entry in chart}:
            raise ApiError(404, "unknown_account_code", "Account code not found", field="account_code")
    return account_code


ROUTES = (balance, statement, trial_balance, journal_lines, ledger_days)
