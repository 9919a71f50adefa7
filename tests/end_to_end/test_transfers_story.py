"""Transfers as a customer sees them, from Monday afternoon on, at every instant that something happens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.transfer_requests import (
    CHECKING,
    OTHER,
    SAVINGS,
    TRANSFERS,
    balance,
    change,
    create,
    created_id,
    detail,
    exactly,
    interbank,
    internal,
    refusal,
    totals,
)
from tests.sandbox_service import SandboxService, sandbox_service

Story = tuple[SandboxService, httpx.Client]


@pytest.fixture
def monday(tmp_path: Path) -> Iterator[Story]:
    """A sandbox at 2025-10-20T15:30:00Z, and its demo user."""
    with (
        sandbox_service(tmp_path, "--rate-limits", "off") as service,
        service.user() as demo,
    ):
        yield service, demo


def statuses(shown: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(event["from_status"], event["to_status"], event["created_at"]) for event in shown["events"]]


def entries(shown: dict[str, Any]) -> list[tuple[str, float, float]]:
    return [
        (entry["entry_type"], entry["amount"], entry["balance_after"]) for entry in shown["ledger_entries"]
    ]


def test_an_internal_transfer_is_held_processed_and_settled(monday: Story) -> None:
    """The first documented scenario, with all that is shown of it at every stage."""
    service, demo = monday
    answer = create(demo, internal("test_internal_001", memo="Rent payment"))
    transfer = answer["transfer"]
    created_at = transfer["created_at"]
    assert created_at.startswith("2025-10-20T15:30:")
    assert transfer["scheduled_settlement_at"] == "2025-10-21T12:00:00Z"
    assert (transfer["status"], answer["settlement_estimate"]) == ("pending", "1 business day")
    assert totals(demo) == (10_000, 9_900, 100, 100, 0)
    assert totals(demo, SAVINGS) == (5_000, 5_000, 100, 0, 100)

    shown = detail(demo, transfer["id"])
    assert list(shown) == [
        "transfer",
        "from_account",
        "to_account",
        "holds",
        "ledger_entries",
        "events",
        "progress",
    ]
    assert shown["from_account"] == {"account_number": "1000000123", "account_type": "checking"}
    assert shown["to_account"] == {"account_number": "1000000456", "account_type": "savings"}
    assert statuses(shown) == [("initiated", "pending", created_at)]
    assert entries(shown) == [("hold", 100, 9_900)]
    assert shown["progress"] == 50
    (hold,) = shown["holds"]
    assert hold == {
        "id": hold["id"],
        "account_id": CHECKING,
        "amount": 100,
        "hold_type": "outgoing",
        "status": "active",
        "created_at": created_at,
    }
    (active,) = balance(demo)["active_holds"]
    assert active == {
        "id": hold["id"],
        "transfer_id": transfer["id"],
        "amount": 100,
        "hold_type": "outgoing",
        "status": "active",
        "created_at": created_at,
    }

    service.set_clock("2025-10-21T09:59:00Z")
    assert detail(demo, transfer["id"])["transfer"]["status"] == "pending"
    service.set_clock("2025-10-21T10:00:00Z")
    shown = detail(demo, transfer["id"])
    assert shown["transfer"]["status"] == "processing"
    assert shown["transfer"]["updated_at"] == "2025-10-21T10:00:00Z"
    assert (shown["progress"], shown["holds"][0]["status"]) == (75, "active")
    assert totals(demo) == (10_000, 9_900, 100, 100, 0)
    refused = change(demo, transfer["id"], "cancel")
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "Transfer cannot be cancelled at this stage", "code": "cannot_cancel"},
    )

    service.set_clock("2025-10-21T12:00:00Z")
    shown = detail(demo, transfer["id"])
    assert shown["transfer"]["status"] == "settled"
    assert (shown["progress"], shown["holds"][0]["status"]) == (100, "captured")
    assert statuses(shown) == [
        ("initiated", "pending", created_at),
        ("pending", "processing", "2025-10-21T10:00:00Z"),
        ("processing", "settled", "2025-10-21T12:00:00Z"),
    ]
    assert entries(shown) == [("hold", 100, 9_900), ("debit", 100, 9_900), ("credit", 100, 5_100)]
    assert totals(demo) == (9_900, 9_900, 0, 0, 0)
    assert totals(demo, SAVINGS) == (5_100, 5_100, 0, 0, 0)
    after = balance(demo)
    assert after["active_holds"] == []
    assert after["last_updated"] == "2025-10-21T12:00:00Z"
    newest = after["recent_transactions"][0]
    assert newest == {
        "id": newest["id"],
        "amount": 100,
        "type": "transfer",
        "description": "Rent payment",
        "created_at": "2025-10-21T12:00:00Z",
    }


def test_the_payee_sees_the_money_but_not_the_transfer(monday: Story) -> None:
    """To somebody else's account: theirs is the credit, the transfer is the sender's alone."""
    service, demo = monday
    with service.user("user_other") as other:
        transfer_id = created_id(demo, internal("gift", 40, to_account_id=OTHER))
        assert other.get(f"{TRANSFERS}/{transfer_id}").status_code == 404
        assert totals(other, OTHER) == (500, 500, 40, 0, 40)
        service.set_clock("2025-10-21T12:00:00Z")
        assert other.get(f"{TRANSFERS}/{transfer_id}").json() == {
            "error": "Transfer not found",
            "code": "not_found",
        }
        assert other.get(TRANSFERS).json()["transfers"] == []
        assert change(other, transfer_id, "cancel").status_code == 404
        assert totals(other, OTHER) == (540, 540, 0, 0, 0)
        # The payee's side is not among the sender's entries.
        assert entries(detail(demo, transfer_id)) == [("hold", 40, 9_960), ("debit", 40, 9_960)]


def test_an_interbank_transfer_takes_three_business_days_and_a_fee(monday: Story) -> None:
    """Created on Monday, processed and settled on Thursday; the fee is held and taken with it."""
    service, demo = monday
    answer = create(demo, interbank("three-days", 1000))
    transfer = answer["transfer"]
    assert transfer["scheduled_settlement_at"] == "2025-10-23T12:00:00Z"
    assert (answer["fee"], answer["settlement_estimate"]) == (2.5, "3 business days")
    assert transfer["external_account_number"] == "******3210"
    assert totals(demo) == (10_000, 8_997.5, 1_002.5, 1_002.5, 0)
    service.set_clock("2025-10-23T09:59:00Z")
    assert detail(demo, transfer["id"])["transfer"]["status"] == "pending"
    service.set_clock("2025-10-24T00:00:00Z")
    shown = detail(demo, transfer["id"])
    assert [event["created_at"] for event in shown["events"][1:]] == [
        "2025-10-23T10:00:00Z",
        "2025-10-23T12:00:00Z",
    ]
    assert shown["to_account"] is None
    assert shown["transfer"]["external_account_number"] == "******3210"
    assert entries(shown) == [
        ("hold", 1_002.5, 8_997.5),
        ("debit", 1_000, 9_000),
        ("fee", 2.5, 8_997.5),
    ]
    assert totals(demo) == (8_997.5, 8_997.5, 0, 0, 0)
    assert [row["type"] for row in balance(demo)["recent_transactions"]] == ["fee", "transfer", "deposit"]


def test_a_network_failure_gives_everything_back(monday: Story) -> None:
    """The fourth documented scenario: processing and failed at one instant, and all is given back."""
    service, demo = monday
    failing = interbank("test_ach_fail_001", 100, external_routing_number="999999999")
    transfer_id = created_id(demo, failing)
    assert totals(demo) == (10_000, 9_897.5, 102.5, 102.5, 0)
    service.set_clock("2025-10-23T10:00:00Z")
    shown = detail(demo, transfer_id)
    assert shown["transfer"]["status"] == "failed"
    assert "routing number" in shown["transfer"]["failure_reason"]
    assert statuses(shown)[1:] == [
        ("pending", "processing", "2025-10-23T10:00:00Z"),
        ("processing", "failed", "2025-10-23T10:00:00Z"),
    ]
    assert entries(shown) == [("hold", 102.5, 9_897.5), ("release", 102.5, 10_000)]
    assert (shown["holds"][0]["status"], shown["progress"]) == ("released", 100)
    assert totals(demo) == (10_000, 10_000, 0, 0, 0)
    again = create(demo, failing, 200)
    assert (again["transfer"]["status"], again["transfer"]["id"]) == ("failed", transfer_id)


def test_a_weekend_counts_as_the_next_business_day(monday: Story) -> None:
    """Created on Sunday: as on Monday, so that interbank settles on Thursday."""
    service, demo = monday
    service.set_clock("2025-10-26T10:15:00Z")
    assert create(demo, interbank("sunday"))["transfer"]["scheduled_settlement_at"] == "2025-10-30T12:00:00Z"
    assert (
        create(demo, internal("sunday-in"))["transfer"]["scheduled_settlement_at"] == "2025-10-28T12:00:00Z"
    )
    # Veterans Day is a Tuesday.
    service.set_clock("2025-11-10T15:00:00Z")
    assert create(demo, internal("holiday"))["transfer"]["scheduled_settlement_at"] == "2025-11-12T12:00:00Z"


def test_the_second_factor_is_asked_for_and_ends_in_its_ways(monday: Story) -> None:
    """The third documented scenario, and then: five wrong codes, fifteen minutes, a cancellation."""
    service, demo = monday
    answer = create(demo, interbank("test_mfa_001", 6000))
    transfer = answer["transfer"]
    assert (transfer["status"], transfer["requires_mfa"], transfer["mfa_verified"]) == (
        "initiated",
        True,
        False,
    )
    assert answer["requires_mfa"] is True
    assert totals(demo) == (10_000, 10_000, 0, 0, 0)
    shown = detail(demo, transfer["id"])
    assert (shown["holds"], shown["ledger_entries"], shown["events"], shown["progress"]) == ([], [], [], 25)
    verified = change(demo, transfer["id"], "verify_mfa", mfa_code="123456")
    assert verified.status_code == 200
    assert verified.json()["message"] == "MFA verified successfully - transfer is now pending"
    assert verified.json()["transfer"].keys() == {"id", "status", "mfa_verified", "updated_at"}
    assert totals(demo) == (10_000, 3_997.5, 6_002.5, 6_002.5, 0)
    assert statuses(detail(demo, transfer["id"]))[0][:2] == ("initiated", "pending")
    again = change(demo, transfer["id"], "verify_mfa", mfa_code="123456")
    assert (again.status_code, again.json()["code"]) == (400, "validation_error")
    assert change(demo, transfer["id"], "cancel").json()["message"] == "Transfer cancelled successfully"
    assert totals(demo) == (10_000, 10_000, 0, 0, 0)

    guessed = created_id(demo, interbank("guessed", 6000))
    for _ in range(5):
        wrong = change(demo, guessed, "verify_mfa", mfa_code="000000")
        assert (wrong.status_code, wrong.json()) == (
            400,
            {"error": "Invalid MFA code", "code": "validation_error"},
        )
    assert detail(demo, guessed)["transfer"]["status"] == "cancelled"
    assert change(demo, guessed, "verify_mfa", mfa_code="123456").status_code == 400

    late = create(demo, interbank("late", 6000))["transfer"]
    service.advance(14 * 60)
    assert detail(demo, late["id"])["transfer"]["status"] == "initiated"
    service.advance(60)
    shown = detail(demo, late["id"])
    assert shown["transfer"]["status"] == "cancelled"
    assert shown["progress"] == 100
    assert change(demo, late["id"], "verify_mfa", mfa_code="123456").status_code == 400


def test_short_of_balance_a_right_code_leaves_the_transfer_initiated(monday: Story) -> None:
    """Money that was there at creation and is spent by the time of the code."""
    _, demo = monday
    waiting = created_id(demo, interbank("waiting", 9000))
    created_id(demo, internal("spent", 4000))
    for _ in range(6):
        response = change(demo, waiting, "verify_mfa", mfa_code="123456")
        assert response.status_code == 400
        assert exactly(response) == {
            "error": "Insufficient available balance",
            "code": "insufficient_balance",
            "details": "Available: $6000.00, Required: $9002.50 (including $2.50 fee)",
            "available_balance": "6000.00",
            "required_amount": "9002.50",
        }
    assert detail(demo, waiting)["transfer"]["status"] == "initiated"


def test_cancelled_transfers_give_their_allowance_back(monday: Story) -> None:
    """Daily amount, daily count and the savings limit: what was cancelled counts no more."""
    _, demo = monday
    kept = [
        created_id(demo, internal(f"saving-{n}", 1, from_account_id=SAVINGS, to_account_id=CHECKING))
        for n in range(6)
    ]
    seventh = internal("saving-7", 1, from_account_id=SAVINGS, to_account_id=CHECKING)
    refused = create(demo, seventh, 429)
    assert (refused["code"], refused["count"], refused["limit"]) == ("rate_limit", 6, 6)
    assert refused["error"] == "Savings account transfer limit exceeded"
    assert change(demo, kept[0], "cancel").status_code == 200
    assert create(demo, seventh, 429) == refused
    created_id(demo, internal("saving-8", 1, from_account_id=SAVINGS, to_account_id=CHECKING))
    for number in range(4):
        created_id(demo, internal(f"count-{number}", 1))
    words = refusal(demo, internal("count-4", 1), 429)
    assert words == ("Daily transaction limit exceeded", "rate_limit")
    assert change(demo, kept[1], "cancel").status_code == 200
    created_id(demo, internal("count-5", 1))


def test_daily_limits_start_anew_each_day_and_savings_after_thirty(monday: Story) -> None:
    """The day is a UTC day; the savings limit looks back 30 days."""
    service, demo = monday
    waiting = [created_id(demo, interbank(f"day-{number}", 9000)) for number in range(2)]
    beyond = create(demo, interbank("day-2", 7000.01), 429)
    assert beyond == {
        "error": "Daily amount limit exceeded",
        "code": "rate_limit",
        "details": "Daily limit is $25000. You have used $18000.00 today.",
    }
    # The types count apart, and what is cancelled counts no more.
    created_id(demo, internal("day-3", 9000))
    assert change(demo, waiting[0], "cancel").status_code == 200
    created_id(demo, interbank("day-4", 7000.01))
    service.set_clock("2025-10-21T00:00:00Z")
    for number in range(6):
        created_id(demo, internal(f"s-{number}", 1, from_account_id=SAVINGS, to_account_id=CHECKING))
    wish = internal("s-6", 1, from_account_id=SAVINGS, to_account_id=CHECKING)
    assert create(demo, wish, 429)["limit"] == 6
    service.set_clock("2025-11-19T23:59:00Z")
    assert create(demo, wish | {"idempotency_key": "s-7"}, 429)["count"] == 6
    service.set_clock("2025-11-20T01:00:00Z")
    created_id(demo, wish | {"idempotency_key": "s-8"})
