"""`daybook journal`: each event that moved money, as a balanced entry of two lines."""

import csv as csv_format
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from api.command_line.database import with_ledger
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import ANY_TENANT, AsJson, OfTenant, instant, settings_from, start_of
from api.command_line.printing import console, print_json, shown, table
from domain.money import Money
from infrastructure.ledgers import Ledger
from projections import journal as entries

FIRST_DAY = datetime(1, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)
_PAGE = 1_000
_COLUMNS = (
    "position",
    "line",
    "effective_at",
    "recorded_at",
    "account_code",
    "account_id",
    "debit",
    "credit",
    "currency",
    "reference",
    "description",
)


def journal(
    *,
    from_: Annotated[
        str | None, Parameter(name="--from", help="effective from this instant or day on")
    ] = None,
    to: Annotated[
        str | None, Parameter(help="effective before this instant, or up to and with this day")
    ] = None,
    account_code: Annotated[str | None, Parameter(help="only lines on this code of the chart")] = None,
    after: Annotated[int, Parameter(help="only entries after this position")] = 0,
    limit: Annotated[int | None, Parameter(help="at most so many entries")] = None,
    csv: Annotated[bool, Parameter(negative="", help="print CSV")] = False,
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Show the journal: each event that moved money, as a balanced entry of two lines."""
    if csv and json:
        raise CommandFailed("--csv and --json exclude each other", Exit.WRONG_USAGE)
    first = start_of(from_) if from_ else FIRST_DAY
    before = instant(to) if to else LAST_DAY

    async def show(ledger: Ledger) -> int:
        lines = _lines(ledger, first, before, account_code, after, limit)
        if csv:
            await _write_csv(lines)
        elif json:
            async for line in lines:
                print_json(dict(zip(_COLUMNS, line, strict=True)))
        else:
            console().print(
                table(
                    ("Position", "Day", "Account code", "Account", ">Debit", ">Credit", "", "Description"),
                    [_row(line) async for line in lines],
                )
            )
        return Exit.OK

    return with_ledger(settings_from(of), of.tenant, show)


async def _lines(
    ledger: Ledger,
    first: datetime,
    before: datetime,
    account_code: str | None,
    after: int,
    limit: int | None,
) -> AsyncIterator[tuple[Any, ...]]:
    left = limit
    while left is None or left > 0:
        page = _PAGE if left is None else min(left, _PAGE)
        page_entries = await entries.entries(
            ledger.fetch,
            effective_from=first,
            effective_before=before,
            account_code=account_code,
            after=after,
            limit=page,
        )
        for entry in page_entries:
            for line in entries.lines(entry, account_code):
                yield _line(line)
        if len(page_entries) < page:
            return
        after = page_entries[-1].position
        left = None if left is None else left - len(page_entries)


def _line(line: entries.Line) -> tuple[Any, ...]:
    amounts = (
        None if minor is None else Money(minor, line.currency).decimal()
        for minor in (line.debit, line.credit)
    )
    return (
        line.position,
        line.line,
        shown(line.effective_at),
        shown(line.recorded_at),
        line.account_code,
        line.account_id,
        *amounts,
        line.currency,
        line.reference,
        line.description,
    )


def _row(line: tuple[Any, ...]) -> list[str]:
    position, number, effective_at, _, code, account_id, debit, credit, currency, _, description = line
    first = [str(position), effective_at[:10]] if number == 1 else ["", ""]
    return [*first, code, account_id or "", debit or "", credit or "", currency, description]


async def _write_csv(lines: AsyncIterator[tuple[Any, ...]]) -> None:
    writer = csv_format.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    async for line in lines:
        writer.writerow(["" if value is None else value for value in line])
