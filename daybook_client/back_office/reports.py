"""Reports of a day, of a month, and to order."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, convert

from daybook_client.back_office.envelope import PREFIX, data_of, exact_data_of
from daybook_client.calls import Call, reading, writing
from daybook_client.ledger import TrialBalanceRow, TrialBalanceTotal

REPORTS = f"{PREFIX}/reports"
DAILY, MONTHLY, CUSTOM = f"{REPORTS}/daily", f"{REPORTS}/monthly", f"{REPORTS}/custom"
JOB, RESULT = f"{REPORTS}/{{reportId}}", f"{REPORTS}/{{reportId}}/result"


class Movement(Struct):
    type: str
    count: int
    amount: Decimal
    debits: Decimal
    credits: Decimal


class CurrencyReport(Struct):
    currency: str
    opening_balance: Decimal
    closing_balance: Decimal
    movements: list[Movement]
    fees: Decimal
    transaction_count: int


class TrialBalance(Struct):
    rows: list[TrialBalanceRow]
    totals: list[TrialBalanceTotal]


class PeriodReport(Struct):
    report: str
    date_from: date
    date_to: date
    generated_at: datetime
    position: int
    currencies: list[CurrencyReport]
    trial_balance: TrialBalance


class Report(Struct):
    """Each row has its values in the order of `columns`."""

    columns: list[str]
    rows: list[list[Any]]
    row_count: int


class ReportJob(Struct):
    """A report that is made in the background; `progress` is in percent."""

    report_id: str
    status: str
    progress: int
    status_url: str
    result_url: str


def daily(day: date | None = None) -> Call[PeriodReport]:
    return reading(DAILY, data_of(PeriodReport), {"date": day})


def monthly(month: str | None = None) -> Call[PeriodReport]:
    """A month such as 2025-10."""
    return reading(MONTHLY, data_of(PeriodReport), {"month": month})


def custom(
    type: str,
    date_from: date,
    date_to: date,
    *,
    group_by: str | None = None,
    filters: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Call[Report | ReportJob]:
    """A large one is a ReportJob first, and its `result` is asked for later."""
    body = {
        "type": type,
        "date_from": date_from,
        "date_to": date_to,
        "group_by": group_by,
        "filters": filters,
    }
    return writing("POST", CUSTOM, _report_or_job, body, key=idempotency_key)


def job(report_id: str) -> Call[ReportJob]:
    return reading(JOB, data_of(ReportJob), reportId=report_id)


def result(report_id: str) -> Call[Report]:
    return reading(RESULT, _report, reportId=report_id)


def _report_or_job(content: bytes) -> Report | ReportJob:
    data = exact_data_of(content)
    return convert(data, ReportJob) if "report_id" in data else convert(data, Report)


def _report(content: bytes) -> Report:
    return convert(exact_data_of(content), Report)
