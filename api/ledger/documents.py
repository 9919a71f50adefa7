"""The bodies of the ledger's surface, member by member in the documented order.

Answers are made of these structs, and the OpenAPI document is made from them: what is described is what is
sent. Amounts are strings with the currency's minor digits.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from projections.event_log import LoggedEvent

Amount = Annotated[str, Meta(description='With the currency\'s minor digits, such as "10000.00".')]
Position = Annotated[int, Meta(ge=0, description="Place of an event in the log, from 1 without gaps.")]
AccountTypeName = Literal["asset", "liability", "equity", "revenue", "expense"]
AccountCode = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AccountName = Annotated[str, Meta(min_length=1, max_length=140)]


class Events(Struct, kw_only=True):
    """`next_after` is null where nothing was found and nothing more is there; `head` is the last position."""

    events: list[LoggedEvent]
    next_after: Position | None
    head: Position


class StreamAndState(Struct, kw_only=True):
    """`state` is what all events up to `version` fold to, listed or not; `next_after` is a version."""

    stream: str
    version: int
    events: list[LoggedEvent]
    next_after: int | None
    state: Any


class BalanceAsOf(Struct, kw_only=True):
    """Effective at one instant as known at another; `position` is the last event that was known."""

    account_id: str
    currency: str
    posted: Amount
    held: Amount
    available: Amount
    effective_at: datetime
    known_at: datetime
    position: Position


class StatementLine(Struct, kw_only=True):
    position: Position
    effective_at: datetime
    recorded_at: datetime
    type: str
    reference: str
    description: str
    debit: Amount
    credit: Amount
    balance: Amount


class Statement(Struct, kw_only=True, rename={"from_": "from"}):
    """Lines in order of effective time, each with the posted balance after it."""

    account_id: str
    currency: str
    from_: datetime | None
    to: datetime | None
    opening_balance: Amount
    lines: list[StatementLine]
    closing_balance: Amount
    next_cursor: str | None
    position: Position


class TrialBalanceRow(Struct, kw_only=True):
    account_code: str
    account_name: str
    type: AccountTypeName
    currency: str
    debit: Amount
    credit: Amount


class TrialBalanceTotal(Struct, kw_only=True):
    currency: str
    debit: Amount
    credit: Amount


class TrialBalance(Struct, kw_only=True):
    """Folded from the first `events` events, whose chained SHA-256 digest is `digest`."""

    rows: list[TrialBalanceRow]
    totals: list[TrialBalanceTotal]
    position: Position
    events: int
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class JournalLine(Struct, kw_only=True):
    """Line 1 of an entry is its debit, line 2 its credit."""

    position: Position
    line: int
    effective_date: date
    recorded_at: datetime
    account_code: str
    account_id: str | None
    debit: Amount
    credit: Amount
    currency: str
    reference: str
    description: str


class Journal(Struct, kw_only=True):
    lines: list[JournalLine]
    next_after: Position | None


class GeneralLedgerDay(Struct, kw_only=True):
    """`opening` and `closing` are positive where the account stands as its type usually does."""

    account_code: str
    account_name: str
    type: AccountTypeName
    currency: str
    date: date
    opening: Amount
    debits: Amount
    credits: Amount
    closing: Amount


class GeneralLedger(Struct, kw_only=True):
    rows: list[GeneralLedgerDay]
    position: Position


class ChartEntry(Struct, kw_only=True):
    account_code: str
    account_name: str
    type: AccountTypeName


class Chart(Struct, kw_only=True):
    accounts: list[ChartEntry]


class PeriodShown(Struct):
    """`closed_through` is the month whose closing closed this one: itself, or a later one."""

    period: str
    status: Literal["closed"]
    closed_at: str
    closed_through: str


class NewAccountCode(Struct, kw_only=True):
    account_code: AccountCode
    account_name: AccountName
    type: AccountTypeName


class ChartBody(Struct):
    """Members of NewAccountCode as they came: each is looked at alone, so that the error can name it."""

    account_code: Raw = Raw()
    account_name: Raw = Raw()
    type: Raw = Raw()
