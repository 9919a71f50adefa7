"""The bodies of reports: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.amounts import Amount
from api.back_office.envelope import Instant

Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A UTC day.")]
AccountTypeName = Literal["asset", "liability", "equity", "revenue", "expense"]
Kind = Literal["transactions", "movements", "balances", "fees", "trial_balance"]
Group = Literal["type", "account", "currency", "day"]
Format = Literal["json", "csv"]
JobStatus = Literal["queued", "running", "completed", "failed"]


class MovementShown(Struct):
    """All movements of one type. `amount` is what they did to customer deposits: `credits` less `debits`."""

    type: str
    count: int
    amount: Amount
    debits: Amount
    credits: Amount


class CurrencyShown(Struct):
    """Balances are customer deposits: `opening_balance` and all `movements` together are `closing_balance`.
    `fees` is what fee revenue grew by."""

    currency: str
    opening_balance: Amount
    closing_balance: Amount
    movements: list[MovementShown]
    fees: Amount
    transaction_count: int


class TrialBalanceRowShown(Struct):
    account_code: str
    account_name: str
    type: AccountTypeName
    currency: str
    debit: Amount
    credit: Amount


class TrialBalanceTotalShown(Struct):
    currency: str
    debit: Amount
    credit: Amount


class TrialBalanceShown(Struct):
    """At the end of the last day."""

    rows: list[TrialBalanceRowShown]
    totals: list[TrialBalanceTotalShown]


class PeriodReportShown(Struct):
    """By effective date, from the events up to `position`."""

    report: Literal["daily", "monthly"]
    date_from: Day
    date_to: Day
    generated_at: Instant
    position: int
    currencies: list[CurrencyShown]
    trial_balance: TrialBalanceShown


class ReportFilters(Struct, kw_only=True, forbid_unknown_fields=True):
    """`account_id` is any identifier of an account; `type` is that of a movement, or of an account where
    balances are asked for; `account_code` is for the trial balance."""

    account_id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    account_code: str | UnsetType = UNSET


class ReportRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Both dates are included, and are those that things count from."""

    type: Kind
    date_from: Day
    date_to: Day
    group_by: Group | None = None
    filters: ReportFilters | None = None
    format: Format = "json"


class ReportShown(Struct):
    """Each row has its values in the order of `columns`."""

    columns: list[str]
    rows: list[list[Any]]
    row_count: int


class ReportJobShown(Struct):
    """A report that is made in the background. `progress` is in percent. The result is kept for a day."""

    report_id: str
    status: JobStatus
    progress: Annotated[int, Meta(ge=0, le=100)]
    status_url: str
    result_url: str
