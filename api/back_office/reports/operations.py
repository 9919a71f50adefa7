"""The routes of reports as the OpenAPI document describes them."""

from typing import Annotated, Any

from msgspec import Meta

from api.back_office import documents as shared
from api.back_office.documents import BANKING_READ, MIN_POSITION
from api.back_office.reports.documents import Day, PeriodReportShown
from api.operations import Operation, Parameter

TAG = "Back office reports"

REPORTS = "/backoffice/v1/reports"
DAILY = REPORTS + "/daily"
MONTHLY = REPORTS + "/monthly"

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
