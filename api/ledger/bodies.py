"""From what the read models know to what the ledger's surface answers."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from api.ledger import documents
from domain.chart_of_accounts import AccountType
from domain.money import Money
from projections.account_statements import Statement, StatementLine
from projections.balances import BalanceAsOf
from projections.event_pages import EventPage, FoldedStream
from projections.general_ledger import ChartEntry, DayTotal, Total, TrialBalance
from projections.journal import Line

# Their balances grow with debits; the others' with credits.
_DEBIT_TYPES = (AccountType.ASSET, AccountType.EXPENSE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def amount(minor: int, currency: str) -> str:
    return Money(minor, currency).decimal()


def day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def events(found: EventPage) -> documents.Events:
    is_end = found.is_last and not found.events
    next_after = None if is_end else found.scanned_to
    return documents.Events(events=found.events, next_after=next_after, head=found.head)


def stream(folded: FoldedStream) -> documents.StreamAndState:
    listed = folded.events
    is_end = not listed or listed[-1].version == folded.version
    return documents.StreamAndState(
        stream=folded.stream,
        version=folded.version,
        events=listed,
        next_after=None if is_end else listed[-1].version,
        state=folded.state,
    )


def balance(as_of: BalanceAsOf) -> documents.BalanceAsOf:
    currency = as_of.currency
    return documents.BalanceAsOf(
        account_id=as_of.account_id,
        currency=currency,
        posted=amount(as_of.posted, currency),
        held=amount(as_of.held, currency),
        available=amount(as_of.available, currency),
        effective_at=as_of.effective_at,
        known_at=as_of.known_at,
        position=as_of.position,
    )


def statement_line(line: StatementLine, currency: str) -> documents.StatementLine:
    return documents.StatementLine(
        position=line.position,
        effective_at=line.effective_at,
        recorded_at=line.recorded_at,
        type=line.kind,
        reference=line.reference,
        description=line.description,
        debit=amount(line.debit, currency),
        credit=amount(line.credit, currency),
        balance=amount(line.balance, currency),
    )


def statement(found: Statement, start: datetime | None, end: datetime | None) -> documents.Statement:
    currency = found.currency
    return documents.Statement(
        account_id=found.account_id,
        currency=currency,
        from_=start,
        to=end,
        opening_balance=amount(found.opening_balance, currency),
        lines=[statement_line(line, currency) for line in found.lines],
        closing_balance=amount(found.closing_balance, currency),
        next_cursor=None if found.is_complete else statement_cursor(found.lines[-1]),
        position=found.position,
    )


def statement_cursor(line: StatementLine) -> str:
    """Names the last line of a page: the microsecond that it counts from, and its position."""
    since = line.effective_at - _EPOCH
    return f"{(since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds}.{line.position}"


def trial_balance(found: TrialBalance) -> documents.TrialBalance:
    """Each code's balance stands on the side where it is positive."""
    sides = [(total, *total.balance) for total in found.totals]
    sums: dict[str, tuple[int, int]] = {}
    for total, debit, credit in sides:
        debits, credits = sums.get(total.currency, (0, 0))
        sums[total.currency] = debits + debit, credits + credit
    return documents.TrialBalance(
        rows=[_trial_balance_row(*side) for side in sides],
        totals=[
            documents.TrialBalanceTotal(
                currency=currency, debit=amount(debit, currency), credit=amount(credit, currency)
            )
            for currency, (debit, credit) in sorted(sums.items())
        ],
        position=found.certificate.position,
        events=found.certificate.position,
        digest=found.certificate.digest.hex(),
    )


def _trial_balance_row(total: Total, debit: int, credit: int) -> documents.TrialBalanceRow:
    return documents.TrialBalanceRow(
        account_code=total.account_code,
        account_name=total.account_name,
        type=AccountType(total.type).value,
        currency=total.currency,
        debit=amount(debit, total.currency),
        credit=amount(credit, total.currency),
    )


def journal_line(line: Line) -> documents.JournalLine:
    return documents.JournalLine(
        position=line.position,
        line=line.line,
        effective_date=day(line.effective_at),
        recorded_at=line.recorded_at,
        account_code=line.account_code,
        account_id=line.account_id,
        debit=amount(line.debit or 0, line.currency),
        credit=amount(line.credit or 0, line.currency),
        currency=line.currency,
        reference=line.reference,
        description=line.description,
    )


def journal(lines: Sequence[Line]) -> documents.Journal:
    next_after = lines[-1].position if lines else None
    return documents.Journal(lines=[journal_line(line) for line in lines], next_after=next_after)


def general_ledger(days: Iterable[DayTotal], position: int) -> documents.GeneralLedger:
    return documents.GeneralLedger(rows=[_general_ledger_day(total) for total in days], position=position)


def _general_ledger_day(total: DayTotal) -> documents.GeneralLedgerDay:
    sign = 1 if total.type in _DEBIT_TYPES else -1
    return documents.GeneralLedgerDay(
        account_code=total.account_code,
        account_name=total.account_name,
        type=AccountType(total.type).value,
        currency=total.currency,
        date=total.day,
        opening=amount(sign * total.opening, total.currency),
        debits=amount(total.debits, total.currency),
        credits=amount(total.credits, total.currency),
        closing=amount(sign * total.closing, total.currency),
    )


def chart_entry(entry: ChartEntry) -> documents.ChartEntry:
    return documents.ChartEntry(
        account_code=entry.account_code,
        account_name=entry.account_name,
        type=AccountType(entry.type).value,
    )


def chart(entries: Iterable[ChartEntry]) -> documents.Chart:
    return documents.Chart(accounts=[chart_entry(entry) for entry in entries])


def cells(row: Any, columns: Sequence[str]) -> list[Any]:
    """A struct's members in the order of a CSV file's columns."""
    return [getattr(row, column) for column in columns]
