"""Challenges: completed, failed, too late; each end is a decision of its own."""

import httpx

from tests.api.card_requests import (
    AUTHORIZATIONS,
    DOCUMENTED,
    FAILURE,
    LONG,
    LOW_FUNDS,
    SUCCESS,
    authorize,
    balance,
    challenged,
    complete,
    decision,
    get,
    hold,
    issue,
    latest,
    post,
    purchase,
    reverse,
    set_status,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService

PROOF = {
    "authenticationResult": "SUCCESS",
    "authenticationValue": "3ds-authentication-value",
    "eci": "05",
    "cavv": "cavv-value",
    "xid": "xid-value",
}


def test_a_success_approves_with_a_hold(centre: httpx.Client) -> None:
    """The documented request and answer; the challenge itself stays as it was made."""
    asked = authorize(centre, challenged(DOCUMENTED), 202)
    response = centre.post(f"{AUTHORIZATIONS}/{asked['requestId']}/challenge-complete", json=PROOF)
    assert response.status_code == 200
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    assert list(body.items()) == [
        ("requestId", asked["requestId"]),
        ("decisionId", body["decisionId"]),
        ("decision", "APPROVED"),
        ("reasonCode", "APPROVED_TRANSACTION"),
        ("reasonMessage", "Transaction approved"),
        ("approvedAmount", "1000.00"),
        ("currency", "USD"),
        ("authorizationCode", body["authorizationCode"]),
        ("riskScore", 75),
        ("holdId", body["holdId"]),
        ("timestamp", body["timestamp"]),
    ]
    assert decision(centre, asked["decisionId"]) == asked
    assert decision(centre, body["decisionId"]) == response.json()
    assert latest(centre, asked["requestId"]) == response.json()
    assert hold(centre, body["holdId"])["requestId"] == asked["requestId"]
    assert balance(centre) == ("10000.00", "1000.00", "9000.00")
    assert reverse(centre, asked["requestId"])["reasonCode"] == "AUTHORIZATION_REVERSED"
    assert balance(centre) == ("10000.00", "0.00", "10000.00")


def test_a_failure_declines(centre: httpx.Client) -> None:
    """200 all the same: the completion was taken."""
    asked = authorize(centre, challenged(), 202)
    answer = complete(centre, asked["requestId"], FAILURE)
    assert (answer["decision"], answer["reasonCode"]) == ("DECLINED", "CHALLENGE_FAILED")
    assert answer["decisionId"] != asked["decisionId"]
    assert "challengeUrl" not in answer
    assert latest(centre, asked["requestId"]) == answer


def test_everything_but_risk_is_checked_again(centre: httpx.Client) -> None:
    """A card that was blocked, and money that was spent in the meantime."""
    card = issue(centre, "challenged-then-blocked")
    asked = authorize(centre, challenged(card), 202)
    set_status(centre, card, "BLOCKED")
    answer = complete(centre, asked["requestId"])
    assert (answer["decision"], answer["reasonCode"]) == ("DECLINED", "CARD_BLOCKED")
    asked = authorize(centre, challenged(LONG), 202)
    authorize(centre, purchase(issue(centre, "spends-all"), 9500))
    answer = complete(centre, asked["requestId"])
    assert (answer["decision"], answer["reasonCode"]) == ("DECLINED", "INSUFFICIENT_FUNDS")


def test_a_challenge_is_completed_once(centre: httpx.Client) -> None:
    """What is approved or declined is not in a challenge: 409."""
    for first in (SUCCESS, FAILURE):
        asked = authorize(centre, challenged(issue(centre, f"once-{first}"[:40])), 202)
        complete(centre, asked["requestId"], first)
        complete(centre, asked["requestId"], SUCCESS, 409)
        complete(centre, asked["requestId"], FAILURE, 409)
    for body, status, state in ((purchase(), 200, "APPROVED"), (purchase(LOW_FUNDS), 422, "DECLINED")):
        answer = complete(centre, authorize(centre, body, status)["requestId"], status=409)
        assert answer["message"] == f"Challenge cannot be completed: the authorization is {state}"


def test_a_challenge_lasts_ten_minutes(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """A second before it can be completed; from the tenth minute on it is declined, and that is 409."""
    in_time, too_late = (authorize(centre, challenged(card), 202) for card in (DOCUMENTED, LONG))
    card_sandbox.advance(590)
    assert latest(centre, too_late["requestId"])["decision"] == "CHALLENGE"
    complete(centre, in_time["requestId"])
    card_sandbox.advance(15)
    shown = latest(centre, too_late["requestId"])
    assert (shown["decision"], shown["reasonCode"]) == ("DECLINED", "CHALLENGE_EXPIRED")
    assert shown["reasonMessage"] == "Additional authentication was not completed in time"
    assert shown["approvedAmount"] == 0
    assert shown["decisionId"] not in (too_late["decisionId"], too_late["requestId"])
    assert decision(centre, shown["decisionId"]) == shown
    assert decision(centre, too_late["decisionId"]) == too_late
    answer = complete(centre, too_late["requestId"], status=409)
    assert answer["message"] == "Challenge cannot be completed: the authorization is DECLINED"
    assert latest(centre, too_late["requestId"]) == shown
    assert latest(centre, in_time["requestId"])["decision"] == "APPROVED"


def test_an_expiry_is_dated_when_it_fell_due(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Whenever the clock was looked at, ten minutes after the challenge."""
    asked = authorize(centre, challenged(), 202)
    card_sandbox.advance(86_400)
    shown = latest(centre, asked["requestId"])
    assert shown["reasonCode"] == "CHALLENGE_EXPIRED"
    assert _seconds(shown["timestamp"]) - _seconds(asked["timestamp"]) == 600


def _seconds(instant: str) -> int:
    """Since the day before, where two instants are no more than a day apart."""
    day, _, time = instant.rstrip("Z").partition("T")
    hours, minutes, seconds = (int(part) for part in time.split(":"))
    return int(day[-2:]) * 86_400 + hours * 3600 + minutes * 60 + seconds


def test_an_unknown_result_is_no_result(centre: httpx.Client) -> None:
    """400 that names it, and the challenge goes on."""
    asked = authorize(centre, challenged(), 202)
    path = f"{AUTHORIZATIONS}/{asked['requestId']}/challenge-complete"
    for result in ("PENDING", "success", "", None, 1, True):
        answer = post(centre, path, {"authenticationResult": result}, 400)
        assert answer["details"]["field"] == "authenticationResult"
    assert latest(centre, asked["requestId"])["decision"] == "CHALLENGE"


def test_proofs_are_never_answered(centre: httpx.Client) -> None:
    """Wrong ones are named, and that is all."""
    asked = authorize(centre, challenged(), 202)
    path = f"{AUTHORIZATIONS}/{asked['requestId']}/challenge-complete"
    for name in ("authenticationValue", "eci", "cavv", "xid"):
        answer = post(centre, path, PROOF | {name: "x" * 256}, 400)
        assert answer["details"]["field"] == name
        if name in ("authenticationValue", "cavv"):
            assert answer["details"]["value"] is None


def test_unknown_requests_have_no_challenge(caller: httpx.Client) -> None:
    for unknown in (123456789, 2**53 - 1):
        answer = complete(caller, unknown, status=404)
        assert answer["message"] == "Authorization not found"
        get(caller, f"{AUTHORIZATIONS}/request/{unknown}", 404)
        get(caller, f"{AUTHORIZATIONS}/{unknown}", 404)
