"""The sandbox: tokens for the asking, a clock that jumps, rates, starting over, and starting again."""

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.transfer_requests import (
    CHECKING,
    OTHER,
    SAVINGS,
    TRANSFERS,
    create,
    created_id,
    detail,
    internal,
    totals,
)
from tests.sandbox_service import MONDAY, SandboxService, sandbox_service


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


def now(service: SandboxService) -> datetime:
    return datetime.fromisoformat(service.http.get("/sandbox/clock").json()["now"])


def test_a_token_is_for_the_demo_user_unless_said_otherwise(running_sandbox: SandboxService) -> None:
    """Without a body and with an empty one: all scopes, all roles, an hour."""
    for response in (
        running_sandbox.http.post("/sandbox/tokens"),
        running_sandbox.http.post("/sandbox/tokens", json={}),
    ):
        assert response.status_code == 200
        body = response.json()
        assert list(body) == ["access_token", "token_type", "expires_in"]
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
        said = claims(body["access_token"])
        assert (said["sub"], said["client_id"], said["tenant"]) == ("user_demo", "sandbox", "test-bank-001")
        assert "transfers" in said["scope"].split()
        assert "gl.write" in said["scope"].split()
        assert {"wallet_manager", "compliance_officer"} <= set(said["roles"])
        assert said["exp"] - said["iat"] == 3600


def test_a_token_says_what_it_was_asked_to_say(running_sandbox: SandboxService) -> None:
    """Subject, client, scope, roles and life."""
    wish = {
        "subject": "user_other",
        "client_id": "partner",
        "scope": "transfers gl.read",
        "roles": ["teller"],
        "expires_in": 60,
    }
    said = claims(running_sandbox.token(**wish))
    assert (said["sub"], said["client_id"], said["roles"]) == ("user_other", "partner", ["teller"])
    assert set(said["scope"].split()) == {"transfers", "gl.read"}
    assert said["exp"] - said["iat"] == 60
    assert claims(running_sandbox.token(scope="", roles=[]))["roles"] == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"subject": ""},
        {"subject": None},
        {"subject": "a\0b"},
        {"tenant": "a\0b"},
        {"tenant": ""},
        {"tenant": "x" * 101},
        {"scope": ["transfers"]},
        {"scope": "a" * 2001},
        {"roles": "teller"},
        {"roles": ["\n"]},
        {"expires_in": 0},
        {"expires_in": 1.5},
        {"expires_in": 10**12},
    ],
)
def test_tokens_that_would_be_none_are_refused(running_sandbox: SandboxService, body: Any) -> None:
    """400 in the service's error shape."""
    response = running_sandbox.http.post("/sandbox/tokens", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"
    assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]


def test_a_tenant_comes_into_being_when_it_is_named(sandbox: SandboxService) -> None:
    """With a chart of accounts and rates, and without anybody's money; twice is the same."""
    for name in ("bank-of-tests", "Bank of Tests & Söhne", "bank-of-tests"):
        with sandbox.user(tenant=name, scope="transfers gl.read audit.read") as caller:
            assert caller.get(TRANSFERS).json() == {"transfers": [], "next_cursor": None}
            assert caller.get(f"/api/accounts/{CHECKING}/balance").status_code == 404
            chart = caller.get("/ledger/v1/chart-of-accounts")
            assert chart.status_code == 200
            assert "2300-ACH-CLEARING" in chart.text
            events = caller.get("/ledger/v1/events", params={"limit": 1000, "category": "rate"}).json()[
                "events"
            ]
            rates = {
                (event["data"]["from_currency"], event["data"]["to_currency"]): event["data"]
                for event in events
            }
            assert rates["USDC", "PKR"]["rate"] == rates["USDT", "PKR"]["rate"] == "280.75"
            assert rates["USDC", "USD"]["rate"] == rates["USDT", "USD"]["rate"] == "1.00"
            assert {rate["spread"] for rate in rates.values()} == {"0.005"}
            assert len(events) == 4


def test_the_clock_runs_and_jumps_forward_only(sandbox: SandboxService) -> None:
    """Advance, set, and what is refused: nothing, both, backward, without a zone, absurdly far."""
    before = now(sandbox)
    response = sandbox.http.post("/sandbox/clock", json={"advance_seconds": 3600})
    after = datetime.fromisoformat(response.json()["now"])
    assert timedelta(hours=1) <= after - before < timedelta(hours=1, minutes=5)
    target = after + timedelta(days=1)
    shown = sandbox.http.post("/sandbox/clock", json={"set": target.isoformat()}).json()["now"]
    assert datetime.fromisoformat(shown) >= target
    assert shown.endswith("Z")
    assert now(sandbox) >= target
    assert sandbox.http.post("/sandbox/clock", json={"advance_seconds": 0}).status_code == 200
    refusals: tuple[Any, ...] = (
        {},
        {"advance_seconds": 1, "set": "2099-01-01T00:00:00Z"},
        {"advance_seconds": -1},
        {"advance_seconds": -(10**17)},
        {"advance_seconds": 10**17},
        {"advance_seconds": 1.5},
        {"advance_seconds": "60"},
        {"set": MONDAY},
        {"set": "2099-01-01T00:00:00"},
        {"set": "0001-01-01T00:00:00+14:00"},
        {"set": "9999-12-31T23:59:59-14:00"},
        {"set": "tomorrow"},
        {"set": 5},
        [],
    )
    for body in refusals:
        refused = sandbox.http.post("/sandbox/clock", json=body)
        assert refused.status_code == 400, body
        assert refused.json()["error"]["code"] == "validation_error"
    assert now(sandbox) < target + timedelta(days=1)


def test_what_falls_due_on_a_jump_runs_at_its_own_time(tmp_path: Path) -> None:
    """Over a month at once, at two banks: each step at its instant, in order, before the answer comes."""
    with sandbox_service(tmp_path) as service, service.user() as demo:
        ids = []
        for day in range(20, 25):
            service.set_clock(f"2025-10-{day}T16:00:00Z")
            ids.append(created_id(demo, internal(f"day-{day}", 10)))
        service.set_clock("2025-12-01T00:00:00Z")
        settled = [detail(demo, transfer_id) for transfer_id in ids]
        assert [shown["transfer"]["updated_at"] for shown in settled] == [
            "2025-10-21T12:00:00Z",
            "2025-10-22T12:00:00Z",
            "2025-10-23T12:00:00Z",
            "2025-10-24T12:00:00Z",
            "2025-10-27T12:00:00Z",
        ]
        after = [shown["ledger_entries"][-1]["balance_after"] for shown in settled]
        assert after == [5_010, 5_020, 5_030, 5_040, 5_050]
        assert totals(demo) == (9_950, 9_950, 0, 0, 0)


def test_reset_goes_back_to_the_fixtures(sandbox: SandboxService) -> None:
    """Keys are free again, tokens go on, the clock runs on, other tenants are empty, new ones too."""
    with sandbox.user() as demo, sandbox.user("user_other") as other:
        first = created_id(demo, internal("reset", 100))
        sandbox.advance(86400)
        before = now(sandbox)
        sandbox.reset()
        assert now(sandbox) >= before
        assert demo.get(TRANSFERS).json()["transfers"] == []
        assert demo.get(f"{TRANSFERS}/{first}").status_code == 404
        assert totals(demo) == (10_000, 10_000, 0, 0, 0)
        assert totals(demo, SAVINGS) == (5_000, 5_000, 0, 0, 0)
        assert totals(other, OTHER) == (500, 500, 0, 0, 0)
        assert create(demo, internal("reset", 70))["transfer"]["amount"] == 70
        for _ in range(3):
            sandbox.reset()
            created_id(demo, internal("reset", 1))
            assert totals(demo) == (10_000, 9_999, 1, 1, 0)


def test_the_sandbox_started_again_keeps_its_data(tmp_path: Path) -> None:
    """No second fixtures; keys stay used; the clock goes on from the later of setting and last event."""
    with sandbox_service(tmp_path) as service, service.user() as demo:
        headers = dict(demo.headers)
        transfer_id = created_id(demo, internal("kept", 100))
        service.set_clock("2025-10-22T00:00:00Z")
        last = datetime.fromisoformat(detail(demo, transfer_id)["transfer"]["updated_at"])
        created_id(demo, internal("kept-too", 1))
        shown = totals(demo)
    with sandbox_service(tmp_path) as service, service.user() as demo:
        assert last < datetime.fromisoformat("2025-10-22T00:00:00Z") <= now(service)
        assert now(service) < datetime.fromisoformat("2025-10-22T01:00:00Z")
        assert totals(demo) == shown
        assert create(demo, internal("kept", 100), 200)["transfer"]["status"] == "settled"
        assert (
            service.http.get(TRANSFERS, headers={"authorization": headers["authorization"]}).status_code
            == 200
        )
    with sandbox_service(tmp_path, clock="2025-11-03T09:00:00Z") as service, service.user() as demo:
        assert datetime.fromisoformat("2025-11-03T09:00:00Z") <= now(service)
        assert now(service) < datetime.fromisoformat("2025-11-03T10:00:00Z")
        # What fell due while nothing ran is caught up with.
        service.advance(1)
        assert totals(demo) == (9_899, 9_899, 0, 0, 0)


def test_rates_are_set_and_recorded(sandbox: SandboxService) -> None:
    """As a number or a string, exactly as it was written; the same again records nothing."""
    with sandbox.user(scope="audit.read") as auditor:
        for rate, written in (
            (281, "281"),
            ("280.500", "280.500"),
            (0.000001, None),
            ("0.000001", "0.000001"),
        ):
            body = {"from_currency": "USDC", "to_currency": "PKR", "rate": rate}
            response = sandbox.http.post("/sandbox/rates", json=body)
            if written is None:
                # Exponents are no plain decimals.
                assert response.status_code == 400
                continue
            assert response.status_code == 200
            assert response.json() == {"from_currency": "USDC", "to_currency": "PKR", "rate": written}
        again = sandbox.http.post(
            "/sandbox/rates", json={"from_currency": "USDC", "to_currency": "PKR", "rate": "0.000001"}
        )
        assert again.status_code == 200
        query = {"stream": "rate-USDC-PKR", "limit": "100"}
        events = auditor.get("/ledger/v1/events", params=query).json()["events"]
        assert [event["data"]["rate"] for event in events] == ["280.75", "281", "280.500", "0.000001"]
        assert {event["topic"] for event in events} == {"rate.set"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": "0.00"}, "rate"),
        ({"rate": -1}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": "1e3"}, "rate"),
        ({"rate": 10**9}, "rate"),
        ({"rate": "0.0000000000001"}, "rate"),
        ({"rate": "1" * 100_000}, "rate"),
        ({"rate": None}, "rate"),
        ({"rate": [1]}, "rate"),
        ({"from_currency": "usdc"}, "from_currency"),
        ({"to_currency": "XXX"}, "to_currency"),
        ({"to_currency": "USDC"}, "to_currency"),
    ],
)
def test_rates_that_are_none_are_refused(
    running_sandbox: SandboxService, changes: dict[str, Any], field: str
) -> None:
    """400 that names the field."""
    body = {"from_currency": "USDC", "to_currency": "PKR", "rate": "280.75"} | changes
    response = running_sandbox.http.post("/sandbox/rates", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field


@pytest.mark.slow
def test_any_number_of_tenants_is_served(tmp_path: Path) -> None:
    """More than the machine has threads in its pools: each is followed, and none takes what others need."""
    with sandbox_service(tmp_path, "--rate-limits", "off") as service:
        for number in range(40):
            with service.user(tenant=f"bank-{number}") as caller:
                assert caller.get(TRANSFERS).status_code == 200
        service.advance(86400)
        service.reset()
