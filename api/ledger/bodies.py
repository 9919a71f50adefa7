"""What the ledger's surface answers. Every amount is a string with the currency's minor digits."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from domain.chart_of_accounts import AccountType
from domain.money import Money
from projections.account_statements import Statement, StatementLine
from projections.balances import BalanceAsOf
from projections.event_pages import EventPage, FoldedStream
from projections.general_ledger import ChartEntry, DayTotal, Total, TrialBalance
from projections.journal import Line

# Their balances grow with debits; the others' with credits.
_DEBIT_TYPES = (AccountType.ASSET, AccountType.EXPENSE)


class ChartBody(msgspec.Struct):
    """Members as they came: each is looked at on its own, so that the error can name it."""

    account_code: msgspec.Raw = msgspec.Raw()
    account_name: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()


chart_decoder = msgspec.json.Decoder(ChartBody)


def amount(minor: int, currency: str) -> str:
    return Money(minor, currency).decimal()


def day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def event_page(found: EventPage) -> dict[str, Any]:
    """`next_after` is null where nothing was found and there is nothing more to look at."""
    is_end = found.is_last and not found.events
    return {
        "events": found.events,
        "next_after": None if is_end else found.scanned_to,
        "head": found.head,
    }


def folded_stream(folded: FoldedStream) -> dict[str, Any]:
    events = folded.events
    is_end = not events or events[-1].version == folded.version
    return {
        "stream": folded.stream,
        "version": folded.version,
        "events": events,
        "next_after": None if is_end else events[-1].version,
        "state": folded.state,
    }


def balance(as_of: BalanceAsOf) -> dict[str, Any]:
    currency = as_of.currency
    return {
        "account_id": as_of.account_id,
        "currency": currency,
        "posted": amount(as_of.posted, currency),
        "held": amount(as_of.held, currency),
        "available": amount(as_of.available, currency),
        "effective_at": as_of.effective_at,
        "known_at": as_of.known_at,
        "position": as_of.position,
    }


def statement_line(line: StatementLine, currency: str) -> dict[str, Any]:
    return {
        "position": line.position,
        "effective_at": line.effective_at,
        "recorded_at": line.recorded_at,
        "type": line.kind,
        "reference": line.reference,
        "description": line.description,
        "debit": amount(line.debit, currency),
        "credit": amount(line.credit, currency),
        "balance": amount(line.balance, currency),
    }


def statement(found: Statement, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    currency = found.currency
    return {
        "account_id": found.account_id,
        "currency": currency,
        "from": start,
        "to": end,
        "opening_balance": amount(found.opening_balance, currency),
        "lines": [statement_line(line, currency) for line in found.lines],
        "closing_balance": amount(found.closing_balance, currency),
        "next_cursor": None if found.is_complete else statement_cursor(found.lines[-1]),
        "position": found.position,
    }


def statement_cursor(line: StatementLine) -> str:
    """Names the last line of a page: the microsecond that it counts from, and its position."""
    since = line.effective_at - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{(since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds}.{line.position}"


def trial_balance(found: TrialBalance) -> dict[str, Any]:
    """Each code's balance stands on the side where it is positive."""
    sides = [(total, *_sides(total.debits - total.credits)) for total in found.totals]
    sums: dict[str, tuple[int, int]] = {}
    for total, debit, credit in sides:
        debits, credits = sums.get(total.currency, (0, 0))
        sums[total.currency] = debits + debit, credits + credit
    return {
        "rows": [_trial_balance_row(*side) for side in sides],
        "totals": [
            {"currency": currency, "debit": amount(debit, currency), "credit": amount(credit, currency)}
            for currency, (debit, credit) in sorted(sums.items())
        ],
        "position": found.certificate.position,
        "events": found.certificate.position,
        "digest": found.certificate.digest.hex(),
    }


def _sides(net: int) -> tuple[int, int]:
    return (net, 0) if net >= 0 else (0, -net)


def _trial_balance_row(total: Total, debit: int, credit: int) -> dict[str, Any]:
    return {
        "account_code": total.account_code,
        "account_name": total.account_name,
        "type": total.type,
        "currency": total.currency,
        "debit": amount(debit, total.currency),
        "credit": amount(credit, total.currency),
    }


def journal_line(line: Line) -> dict[str, Any]:
    return {
        "position": line.position,
        "line": line.line,
        "effective_date": day(line.effective_at),
        "recorded_at": line.recorded_at,
        "account_code": line.account_code,
        "account_id": line.account_id,
        "debit": amount(line.debit or 0, line.currency),
        "credit": amount(line.credit or 0, line.currency),
        "currency": line.currency,
        "reference": line.reference,
        "description": line.description,
    }


def journal_page(lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "lines": [journal_line(line) for line in lines],
        "next_after": lines[-1].position if lines else None,
    }


def general_ledger(days: Iterable[DayTotal], position: int) -> dict[str, Any]:
    return {"rows": [general_ledger_row(total) for total in days], "position": position}


def general_ledger_row(total: DayTotal) -> dict[str, Any]:
    """Opening and closing are positive where the account stands as its type usually does."""
    sign = 1 if total.type in _DEBIT_TYPES else -1
    return {
        "account_code": total.account_code,
        "account_name": total.account_name,
        "type": total.type,
        "currency": total.currency,
        "date": total.day,
        "opening": amount(sign * total.opening, total.currency),
        "debits": amount(total.debits, total.currency),
        "credits": amount(total.credits, total.currency),
        "closing": amount(sign * total.closing, total.currency),
    }


def chart_entry(entry: ChartEntry) -> dict[str, Any]:
    return {
        "account_code": entry.account_code,
        "account_name": entry.account_name,
        "type": entry.type,
    }


def chart_of_accounts(entries: Iterable[ChartEntry]) -> dict[str, Any]:
    return {"accounts": [chart_entry(entry) for entry in entries]}
