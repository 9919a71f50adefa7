"""The routes of reports as the OpenAPI document describes them."""

from typing import Annotated, Any

from msgspec import Meta

from api.back_office import documents as shared
from api.back_office.documents import BANKING_READ, IDEMPOTENCY_KEY, MIN_POSITION
from api.back_office.envelope import Success
from api.back_office.reports.documents import (
    Day,
    PeriodReportShown,
    ReportJobShown,
    ReportRequest,
    ReportShown,
)
from api.operations import Answer, Operation, Parameter

TAG = "Back office reports"

REPORTS = "/backoffice/v1/reports"
DAILY = REPORTS + "/daily"
MONTHLY = REPORTS + "/monthly"
CUSTOM = REPORTS + "/custom"
STATUS = REPORTS + "/{reportId:str}"
RESULT = STATUS + "/result"

_DAY: Any = Day
_MONTH: Any = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}$")]
_DATE = Parameter("date", "query", "The UTC day; today if left out.", _DAY, example="2024-01-31")
_MONTH_OF = Parameter("month", "query", "The month; this one if left out.", _MONTH, example="2024-01")

_REPORT = {
    "report": "daily",
    "date_from": "2024-01-31",
    "date_to": "2024-01-31",
    "generated_at": "2024-02-01T08:00:00Z",
    "position": 1042,
    "currencies": [
        {
            "currency": "USD",
            "opening_balance": 1000.0,
            "closing_balance": 1247.5,
            "movements": [
                {"type": "deposit", "count": 1, "amount": 250.0, "debits": 0.0, "credits": 250.0},
                {"type": "fee", "count": 1, "amount": -2.5, "debits": 2.5, "credits": 0.0},
            ],
            "fees": 2.5,
            "transaction_count": 2,
        }
    ],
    "trial_balance": {
        "rows": [
            {
                "account_code": "1000-CASH",
                "account_name": "Cash",
                "type": "asset",
                "currency": "USD",
                "debit": 1250.0,
                "credit": 0.0,
            },
            {
                "account_code": "2000-CUSTOMER-DEPOSITS",
                "account_name": "Customer deposits",
                "type": "liability",
                "currency": "USD",
                "debit": 0.0,
                "credit": 1247.5,
            },
            {
                "account_code": "4500-FEE-REVENUE",
                "account_name": "Fee revenue",
                "type": "revenue",
                "currency": "USD",
                "debit": 0.0,
                "credit": 2.5,
            },
        ],
        "totals": [{"currency": "USD", "debit": 1250.0, "credit": 1250.0}],
    },
}
_BY_EFFECTIVE_DATE = (
    "By the dates that things count from. Balances are customer deposits: what they opened at and all"
    " movements make what they closed at. The trial balance is that of the end of the last day, as"
    " `/ledger/v1/trial-balance` shows it."
)

SHOW_DAILY = Operation(
    TAG,
    "Report of a day",
    shared.shown("The report.", PeriodReportShown, _REPORT),
    description=_BY_EFFECTIVE_DATE,
    parameters=(_DATE, MIN_POSITION),
    scopes=BANKING_READ,
)

SHOW_MONTHLY = Operation(
    TAG,
    "Report of a month",
    shared.shown("The report.", PeriodReportShown),
    description=_BY_EFFECTIVE_DATE,
    parameters=(_MONTH_OF, MIN_POSITION),
    scopes=BANKING_READ,
)

_ID = Parameter("reportId", "path", "The report's id.", is_required=True, example="rpt_0f3c5a")
_CUSTOM = {
    "type": "movements",
    "date_from": "2024-01-01",
    "date_to": "2024-01-31",
    "group_by": "day",
    "filters": {"currency": "USD"},
    "format": "json",
}
_MADE = {
    "columns": ["date", "currency", "count", "debits", "credits", "amount"],
    "rows": [["2024-01-31", "USD", 2, 2.5, 250.0, 247.5]],
    "row_count": 1,
}
_JOB = {
    "report_id": "rpt_0f3c5a",
    "status": "queued",
    "progress": 0,
    "status_url": "/backoffice/v1/reports/rpt_0f3c5a",
    "result_url": "/backoffice/v1/reports/rpt_0f3c5a/result",
}
_CSV = "text/csv"
_AS_CSV = " With `format` csv the answer is the bare table, as `text/csv`."

MAKE_CUSTOM = Operation(
    TAG,
    "Make a report to order",
    shared.shown("The report.", ReportShown, _MADE)
    | {200: shared.shown("The report.", ReportShown, _MADE)[200]._replace(also=(_CSV,))}
    | {202: shared.shown("It is being made.", ReportJobShown, _JOB, status=202)[202]}
    | shared.WRITING,
    description=(
        "Of entries (`transactions`), of sums of them (`movements`, `fees`), of customers' accounts"
        " (`balances`) or of the chart's (`trial_balance`), by the dates that things count from. What has"
        " more than 10,000 rows, or takes long, is made in the background: 202, and its result is kept for a"
        " day." + _AS_CSV
    ),
    parameters=(IDEMPOTENCY_KEY, MIN_POSITION),
    bodies=(ReportRequest,),
    examples={"movements_by_day": _CUSTOM, "as_csv": {**_CUSTOM, "group_by": None, "format": "csv"}},
    scopes=BANKING_READ,
)

SHOW_STATUS = Operation(
    TAG,
    "Show how far a report is",
    shared.shown("How far it is.", ReportJobShown, _JOB),
    parameters=(_ID,),
    scopes=BANKING_READ,
)

SHOW_RESULT = Operation(
    TAG,
    "Show a report that was made in the background",
    {200: Answer("The report.", Success[ReportShown], also=(_CSV,)), **shared.CHANGING},
    description="409 while it is not completed." + _AS_CSV,
    parameters=(_ID,),
    scopes=BANKING_READ,
)
