"""Periods closed over HTTP: their trial balance stays what it was when they were closed."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.back_office_requests import V1, back_office, done, refused, send
from tests.sandbox_service import SandboxService

SCOPES = "banking.read banking.write gl.read gl.write"
CHECKING = "test_checking_123"


def now(sandbox: SandboxService) -> datetime:
    return datetime.fromisoformat(sandbox.http.get("/sandbox/clock").json()["now"])


def close(client: httpx.Client, period: str, key: str | None = None) -> httpx.Response:
    return send(client, "POST", f"/ledger/v1/periods/{period}/close", key=key)


def post(client: httpx.Client, day: str, **changes: Any) -> httpx.Response:
    body = {"type": "deposit", "account_id": CHECKING, "amount": 10, "effective_date": day, **changes}
    return send(client, "POST", f"{V1}/transactions", body)


def trial_balance(client: httpx.Client, day: str) -> tuple[Any, Any]:
    response = client.get("/ledger/v1/trial-balance", params={"effective_at": day})
    assert response.status_code == 200, response.text
    body = response.json()
    return body["rows"], body["totals"]


def test_a_closed_periods_trial_balance_never_changes(sandbox: SandboxService) -> None:
    with back_office(sandbox, scope=SCOPES) as finance:
        today = now(sandbox)
        this_month = f"{today:%Y-%m}"
        not_over = close(finance, this_month)
        assert not_over.status_code == 409
        assert not_over.json()["error"]["code"] == "period_not_over"
        first_of_next = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        sandbox.set_clock(f"{first_of_next:%Y-%m-%d}T09:00:00Z")
        last_day = f"{first_of_next - timedelta(days=1):%Y-%m-%d}"
        made = done(post(finance, last_day), 201)
        closed = close(finance, this_month, "key")
        assert closed.status_code == 200
        body = closed.json()
        assert list(body) == ["period", "status", "closed_at", "closed_through"]
        assert (body["period"], body["status"]) == (this_month, "closed")
        assert close(finance, this_month).json() == close(finance, this_month, "key").json() == body
        before = trial_balance(finance, last_day)

        error = refused(post(finance, last_day), 422, "PERIOD_CLOSED")
        assert error["details"]["transaction_id"].startswith("txn_")
        reversal = done(send(finance, "POST", f"{V1}/transactions/{made['id']}/reverse"), 201)
        assert reversal["effective_date"] == f"{first_of_next:%Y-%m-%d}"
        done(post(finance, f"{first_of_next:%Y-%m-%d}"), 201)
        batch = {"transactions": [{"type": "fee", "account_id": CHECKING, "amount": 1}]}
        done(send(finance, "POST", f"{V1}/transactions/batch", batch), 201)
        assert trial_balance(finance, last_day) == before
        rows, totals = trial_balance(finance, f"{first_of_next:%Y-%m-%d}")
        assert rows != before[0]
        assert all(total["debit"] == total["credit"] for total in totals)


@pytest.mark.parametrize("period", ["2025-13", "2025-00", "2025", "2025-1", "25-10", "x", "2025-10-01"])
def test_what_is_no_month_is_refused(sandbox: SandboxService, period: str) -> None:
    with back_office(sandbox, scope=SCOPES) as finance:
        response = close(finance, period)
        assert response.status_code == 400
        assert response.json()["error"]["field"] == "period"


def test_only_finance_closes_periods(sandbox: SandboxService) -> None:
    with back_office(sandbox, scope="gl.read banking.admin audit.read") as others:
        assert close(others, "2025-01").status_code == 403
