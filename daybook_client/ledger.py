"""The ledger's own surface, for auditors (`audit.read`) and finance (`gl.read`, `gl.write`)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from daybook_client.calls import Call, Listing, Page, listing, reading, whole, writing

ACCOUNT = "/ledger/v1/accounts/{identifier}"
BALANCE, STATEMENT = f"{ACCOUNT}/balance", f"{ACCOUNT}/statement"
TRIAL_BALANCE, GENERAL_LEDGER = "/ledger/v1/trial-balance", "/ledger/v1/general-ledger"
EVENTS, STREAM, JOURNAL = "/ledger/v1/events", "/ledger/v1/streams/{stream}", "/ledger/v1/journal"
CHART, CLOSE_PERIOD = "/ledger/v1/chart-of-accounts", "/ledger/v1/periods/{period}/close"


class BalanceAsOf(Struct):
    """Effective at one instant as known at another."""

    account_id: str
    currency: str
    posted: Decimal
    held: Decimal
    available: Decimal
    effective_at: datetime
    known_at: datetime
    position: int


class StatementLine(Struct):
    position: int
    effective_at: datetime
    recorded_at: datetime
    type: str
    reference: str
    description: str
    debit: Decimal
    credit: Decimal
    balance: Decimal


class TrialBalanceRow(Struct):
    account_code: str
    account_name: str
    type: str
    currency: str
    debit: Decimal
    credit: Decimal


class TrialBalanceTotal(Struct):
    currency: str
    debit: Decimal
    credit: Decimal


class TrialBalance(Struct):
    """Folded from the first `events` events, whose chained SHA-256 digest is `digest`."""

    rows: list[TrialBalanceRow]
    totals: list[TrialBalanceTotal]
    position: int
    events: int
    digest: str


class RecordedEvent(Struct):
    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    effective_at: datetime
    actor: str
    correlation_id: str
    causation_id: str
    data: Any


class StreamAndState(Struct):
    """`next_after` is the version to go on after, None where all events are listed."""

    stream: str
    version: int
    events: list[RecordedEvent]
    next_after: int | None
    state: Any


class JournalLine(Struct):
    position: int
    line: int
    effective_date: date
    recorded_at: datetime
    account_code: str
    account_id: str | None
    debit: Decimal
    credit: Decimal
    currency: str
    reference: str
    description: str


class GeneralLedgerDay(Struct):
    account_code: str
    account_name: str
    type: str
    currency: str
    date: date
    opening: Decimal
    debits: Decimal
    credits: Decimal
    closing: Decimal


class GeneralLedger(Struct):
    rows: list[GeneralLedgerDay]
    position: int


class ChartEntry(Struct):
    account_code: str
    account_name: str
    type: str


class Chart(Struct):
    accounts: list[ChartEntry]


class ClosedPeriod(Struct):
    period: str
    status: str
    closed_at: datetime
    closed_through: str


class _Statement(Struct):
    lines: list[StatementLine]
    next_cursor: str | None


class _Events(Struct):
    events: list[RecordedEvent]
    next_after: int | None


class _Journal(Struct):
    lines: list[JournalLine]
    next_after: int | None


def _statement_page(content: bytes) -> Page[StatementLine]:
    found = msgspec.json.decode(content, type=_Statement)
    return Page(found.lines, None if found.next_cursor is None else {"cursor": found.next_cursor})


def _events_page(content: bytes) -> Page[RecordedEvent]:
    found = msgspec.json.decode(content, type=_Events)
    # A page on which nothing was found need not be the last: each looks at a part of the log.
    return Page(found.events, _after(found.next_after))


def _journal_page(content: bytes) -> Page[JournalLine]:
    found = msgspec.json.decode(content, type=_Journal)
    return Page(found.lines, _after(found.next_after))


def _after(position: int | None) -> dict[str, str] | None:
    return None if position is None else {"after": str(position)}


def balance(
    identifier: str, *, effective_at: datetime | None = None, known_at: datetime | None = None
) -> Call[BalanceAsOf]:
    """Any identifier of the account. Both instants are now where they are left out."""
    query = {"effective_at": effective_at, "known_at": known_at}
    return reading(BALANCE, whole(BalanceAsOf), query, identifier=identifier)


def statement(
    identifier: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Listing[StatementLine]:
    """Each line with the posted balance after it."""
    query = {"from": since, "to": until, "limit": limit}
    return listing(STATEMENT, _statement_page, query, identifier=identifier)


def trial_balance(
    *, effective_at: datetime | None = None, known_at: datetime | None = None
) -> Call[TrialBalance]:
    query = {"effective_at": effective_at, "known_at": known_at}
    return reading(TRIAL_BALANCE, whole(TrialBalance), query)


def events(
    *,
    after: int | None = None,
    stream: str | None = None,
    category: str | None = None,
    topic: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Listing[RecordedEvent]:
    """In the order of the log, oldest first."""
    query = {"after": after, "stream": stream, "category": category, "topic": topic, "limit": limit}
    return listing(EVENTS, _events_page, {**query, "from": since, "to": until})


def stream(
    name: str, *, at_version: int | None = None, at: datetime | None = None, after: int | None = None
) -> Call[StreamAndState]:
    query = {"at_version": at_version, "at": at, "after": after}
    return reading(STREAM, whole(StreamAndState), query, stream=name)


def journal(
    *,
    since: date | None = None,
    until: date | None = None,
    account_code: str | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> Listing[JournalLine]:
    """Two lines for each entry."""
    query = {"from": since, "to": until, "account_code": account_code, "after": after, "limit": limit}
    return listing(JOURNAL, _journal_page, query)


def general_ledger(
    *, since: date | None = None, until: date | None = None, account_code: str | None = None
) -> Call[GeneralLedger]:
    query = {"from": since, "to": until, "account_code": account_code}
    return reading(GENERAL_LEDGER, whole(GeneralLedger), query)


def chart_of_accounts() -> Call[Chart]:
    return reading(CHART, whole(Chart))


def add_account_code(
    account_code: str, account_name: str, type: str, *, idempotency_key: str | None = None
) -> Call[ChartEntry]:
    """`type` is asset, liability, equity, revenue or expense."""
    body = {"account_code": account_code, "account_name": account_name, "type": type}
    return writing("POST", CHART, whole(ChartEntry), body, key=idempotency_key)


def close_period(period: str, *, idempotency_key: str | None = None) -> Call[ClosedPeriod]:
    """A month, such as 2025-09, and all before it."""
    return writing("POST", CLOSE_PERIOD, whole(ClosedPeriod), key=idempotency_key, period=period)
