"""Reports over HTTP: a month of business in which everything agrees to the cent; reports made to order."""

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from application.transactions import Asked, PostBatch, post_batch
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from tests.api.back_office_requests import V1, back_office, done, invalid, refused
from tests.api.month_of_business import FIRST, LAST, MONTH_START, live_through
from tests.api.transfer_requests import CHECKING
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_subscriptions import Bank

DAILY, MONTHLY, CUSTOM = (f"{V1}/reports/{name}" for name in ("daily", "monthly", "custom"))
SCOPES = "banking.read gl.read"
ZERO = Decimal(0)
MANY = 11_000


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A bank with a month behind it."""
    folder = tmp_path_factory.mktemp("month")
    with sandbox_service(folder, "--rate-limits", "off", clock=MONTH_START) as service:
        live_through(service, seed=1)
        yield service


@pytest.fixture
def finance(month: SandboxService) -> Iterator[httpx.Client]:
    with back_office(month, client_id="finance", scope=SCOPES) as client:
        yield client


def exactly(response: httpx.Response) -> Any:
    """What must have been done, with numbers as they were written."""
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal)["data"]


def daily(client: httpx.Client, day: date) -> Any:
    return exactly(client.get(DAILY, params={"date": day.isoformat()}))


def custom(client: httpx.Client, kind: str, **wish: Any) -> Any:
    body = {"type": kind, "date_from": FIRST.isoformat(), "date_to": LAST.isoformat(), **wish}
    return exactly(client.post(CUSTOM, json=body))


def days() -> list[date]:
    return [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def ledger(client: httpx.Client, path: str, **query: Any) -> Any:
    response = client.get(f"/ledger/v1/{path}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_every_day_agrees_with_the_trial_balance_and_opens_where_the_last_one_closed(
    finance: httpx.Client,
) -> None:
    closed_at = ZERO
    for day in days():
        report = daily(finance, day)
        assert list(report) == [
            "report",
            "date_from",
            "date_to",
            "generated_at",
            "position",
            "currencies",
            "trial_balance",
        ]
        (usd,) = report["currencies"]
        assert usd["opening_balance"] == closed_at
        closed_at = usd["opening_balance"] + sum(each["amount"] for each in usd["movements"])
        assert usd["closing_balance"] == closed_at
        assert usd["transaction_count"] == sum(each["count"] for each in usd["movements"])
        told = ledger(finance, "trial-balance", effective_at=day.isoformat())
        for name in ("rows", "totals"):
            sides = [
                {**row, "debit": str(row["debit"]), "credit": str(row["credit"])}
                for row in report["trial_balance"][name]
            ]
            assert sides == told[name]
        (total,) = report["trial_balance"]["totals"]
        assert total["debit"] == total["credit"]


def test_the_month_is_the_sum_of_its_days_and_of_the_statements(finance: httpx.Client) -> None:
    report = exactly(finance.get(MONTHLY, params={"month": "2025-09"}))
    assert (report["report"], report["date_from"], report["date_to"]) == (
        "monthly",
        "2025-09-01",
        "2025-09-30",
    )
    (usd,) = report["currencies"]
    of_days = [daily(finance, day)["currencies"][0] for day in days()]
    kinds = {each["type"] for each in usd["movements"]}
    assert {"deposit", "withdrawal", "transfer", "fee", "interest", "card", "refund", "reversal"} <= kinds
    for each in usd["movements"]:
        same = [other for day in of_days for other in day["movements"] if other["type"] == each["type"]]
        for name in ("count", "amount", "debits", "credits"):
            assert each[name] == sum(other[name] for other in same)
        assert each["amount"] == each["credits"] - each["debits"]
    assert usd["fees"] == sum(day["fees"] for day in of_days)
    revenue = ledger(finance, "general-ledger", **{"from": "2025-09-01", "to": "2025-09-30"})["rows"]
    assert usd["fees"] == sum(
        Decimal(row["credits"]) - Decimal(row["debits"])
        for row in revenue
        if row["account_code"] == "4500-FEE-REVENUE"
    )
    closing = opening = moved = ZERO
    for account_id, *_, opened_at, closed_at in custom(finance, "balances")["rows"]:
        query = {"from": "2025-09-01", "to": "2025-09-30"}
        statement = ledger(finance, f"accounts/{account_id}/statement", **query)
        assert str(opened_at) == statement["opening_balance"]
        assert str(closed_at) == statement["closing_balance"]
        opening += opened_at
        closing += closed_at
        moved += sum(Decimal(line["credit"]) - Decimal(line["debit"]) for line in statement["lines"])
    assert (opening, closing, moved) == (
        usd["opening_balance"],
        usd["closing_balance"],
        sum(each["amount"] for each in usd["movements"]),
    )


def test_the_entries_of_the_month_are_the_journals(finance: httpx.Client) -> None:
    """And as CSV they are the same."""
    made = custom(finance, "transactions")
    assert made["row_count"] == len(made["rows"])
    query = {
        "from": "2025-09-01",
        "to": "2025-09-30",
        "limit": 1000,
        "account_code": "2000-CUSTOMER-DEPOSITS",
    }
    journal = ledger(finance, "journal", **query)["lines"]
    assert sorted((row[2], row[4], str(row[7])) for row in made["rows"]) == sorted(
        (line["reference"], line["account_id"], max(line["debit"], line["credit"], key=Decimal))
        for line in journal
    )
    body = {"type": "transactions", "date_from": "2025-09-01", "date_to": "2025-09-30", "format": "csv"}
    response = finance.post(CUSTOM, json=body)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv")
    columns, *rows = csv.reader(io.StringIO(response.text))
    assert columns == made["columns"]
    assert rows == [[str(cell) for cell in row] for row in made["rows"]]


def test_reports_to_order_agree_with_the_month(finance: httpx.Client) -> None:
    (usd,) = exactly(finance.get(MONTHLY, params={"month": "2025-09"}))["currencies"]
    moved = sum(each["amount"] for each in usd["movements"])
    for group_by in ("type", "account", "currency", "day"):
        assert sum(row[-1] for row in custom(finance, "movements", group_by=group_by)["rows"]) == moved
        assert sum(row[-1] for row in custom(finance, "fees", group_by=group_by)["rows"]) == usd["fees"]
    by_type = custom(finance, "movements")
    assert by_type["columns"] == ["type", "currency", "count", "debits", "credits", "amount"]
    assert [row[0] for row in by_type["rows"]] == [each["type"] for each in usd["movements"]]
    filters = {"account_id": "1000000123", "type": "transfer", "currency": "USD"}
    of_one = custom(finance, "transactions", filters=filters)["rows"]
    assert {(row[3], row[4]) for row in of_one} == {("transfer", CHECKING)}
    assert custom(finance, "movements", filters={"currency": "JPY"})["rows"] == []
    ((currency, debit, credit),) = custom(finance, "trial_balance", group_by="currency")["rows"]
    assert (currency, debit) == ("USD", credit)
    codes = {"account_code": "1000-CASH"}
    assert [row[0] for row in custom(finance, "trial_balance", filters=codes)["rows"]] == ["1000-CASH"]


def test_without_a_date_it_is_today_and_what_is_no_date_is_refused(finance: httpx.Client) -> None:
    assert exactly(finance.get(DAILY))["date_from"] == "2025-10-08"
    assert exactly(finance.get(MONTHLY))["date_to"] == "2025-10-31"
    assert exactly(finance.get(DAILY, params={"date": "2020-02-29"}))["currencies"] == []
    for path, name, wrong in (
        (DAILY, "date", ("", "2025-13-01", "2025-02-29", "2025-9-1", "2025-09-01T00:00:00Z", "９025-09-01")),
        (MONTHLY, "month", ("", "2025-13", "2025", "2025-09-01", "0000-01", "9999-12")),
    ):
        for value in wrong:
            assert invalid(finance.get(path, params={name: value})) == name
        assert invalid(finance.get(path, params={"currency": "USD"})) == "currency"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": None}, "type"),
        ({"type": "everything"}, "type"),
        ({"date_from": "soon"}, "date_from"),
        ({"date_from": 20250901}, "date_from"),
        ({"date_from": "2025-10-01"}, "date_from"),
        ({"date_to": None}, "date_to"),
        ({"group_by": "week"}, "group_by"),
        ({"group_by": ["day"]}, "group_by"),
        ({"format": "pdf"}, "format"),
        ({"filters": []}, "filters"),
        ({"filters": {"status": "active"}}, "filters.status"),
        ({"filters": {"account_id": "nobody"}}, "filters.account_id"),
        ({"filters": {"account_id": 7}}, "filters.account_id"),
        ({"filters": {"currency": "XXX"}}, "filters.currency"),
        ({"type": "balances", "group_by": "day", "filters": {"type": "savings"}}, "filters"),
        ({"type": "trial_balance", "filters": {"account_id": CHECKING}}, "filters.account_id"),
        ({"columns": []}, "columns"),
    ],
)
def test_what_is_wrong_in_an_order_is_named(finance: httpx.Client, change: Any, field: str) -> None:
    body = {"type": "movements", "date_from": "2025-09-01", "date_to": "2025-09-30", **change}
    assert invalid(finance.post(CUSTOM, json=body)) == field


def test_a_key_that_is_none_is_refused(finance: httpx.Client) -> None:
    body = {"type": "movements", "date_from": "2025-09-01", "date_to": "2025-09-30"}
    headers = {"Idempotency-Key": "x" * 256}
    assert invalid(finance.post(CUSTOM, json=body, headers=headers)) == "Idempotency-Key"


def test_who_may_read_reports(month: SandboxService) -> None:
    with back_office(month, scope="banking.write audit.read") as client:
        for path in (DAILY, MONTHLY, f"{V1}/reports/rpt_1", f"{V1}/reports/rpt_1/result"):
            refused(client.get(path), 403, "FORBIDDEN")
        refused(client.post(CUSTOM, json={}), 403, "FORBIDDEN")
    refused(month.http.get(DAILY), 401, "UNAUTHORIZED")


async def _post_many(_: Services, ledger: Ledger) -> None:
    for number in range(MANY // 1000):
        asked = tuple(Asked("deposit", CHECKING, "0.01") for _ in range(1000))
        await ledger.execute(post_batch, PostBatch(f"many-{number}", asked, is_atomic=True))
    await ledger.caught_up()


def completed(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        shown: dict[str, Any] = done(client.get(job["status_url"]))
        if shown["status"] == "completed":
            return shown
        assert shown["status"] in ("queued", "running")
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)


def test_a_large_report_is_made_in_the_background_and_outlives_a_restart(tmp_path: Path) -> None:
    order = {"type": "transactions", "date_from": "2025-10-20", "date_to": "2025-10-20"}
    with sandbox_service(tmp_path, "--rate-limits", "off") as service:
        Bank(service.data).do(_post_many)
        with back_office(service, scope=SCOPES) as client:
            as_json = done(client.post(CUSTOM, json=order), 202)
            assert list(as_json) == ["report_id", "status", "progress", "status_url", "result_url"]
            keyed = {"Idempotency-Key": "once"}
            as_csv = done(client.post(CUSTOM, json={**order, "format": "csv"}, headers=keyed), 202)
            again = done(client.post(CUSTOM, json={**order, "format": "csv"}, headers=keyed), 202)
            assert again["report_id"] == as_csv["report_id"] != as_json["report_id"]
            assert custom(client, "transactions", date_to="2025-10-20", group_by="day")["row_count"] == 1
    with sandbox_service(tmp_path, "--rate-limits", "off") as service:
        with back_office(service, scope=SCOPES) as client:
            for job in (as_json, as_csv):
                assert completed(client, job)["progress"] == 100
            found = exactly(client.get(as_json["result_url"]))
            assert found["row_count"] == len(found["rows"]) > MANY
            assert sum(row[7] for row in found["rows"] if row[7] == Decimal("0.01")) == Decimal(MANY) / 100
            table = client.get(as_csv["result_url"])
            assert table.headers["content-type"] == "text/csv"
            columns, *rows = csv.reader(io.StringIO(table.text))
            assert columns == found["columns"]
            assert rows == [[str(cell) for cell in row] for row in found["rows"]]
        with back_office(service, scope=SCOPES, tenant="another-bank") as other:
            for url in (as_json["status_url"], as_json["result_url"]):
                refused(other.get(url), 404, "NOT_FOUND")
        service.advance(86_401)
        with back_office(service, scope=SCOPES) as client:
            refused(client.get(as_json["result_url"]), 404, "NOT_FOUND")
