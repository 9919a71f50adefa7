"""The same key gives the same outcome: approved, declined or refused, and nothing happens twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.api.card_requests import (
    ALTERNATIVE_PREFIX,
    AUTHORIZATIONS,
    DOCUMENTED,
    FAILURE,
    HOLDS,
    LOW_FUNDS,
    RELEASE,
    REVERSAL,
    SUCCESS,
    authorize,
    balance,
    capture,
    challenged,
    holds,
    latest,
    placed_hold,
    purchase,
    release,
    reverse,
)
from tests.sandbox_service import SandboxService

Send = Callable[[str, dict[str, Any], str], httpx.Response]


@pytest.fixture
def send(centre: httpx.Client) -> Send:
    return lambda path, body, key: centre.post(path, json=body, headers={"Idempotency-Key": key})


def assert_replayed(first: httpx.Response, again: httpx.Response) -> None:
    """The original status and body, and nothing recorded for it."""
    assert again.status_code == first.status_code, again.text
    assert again.content == first.content
    assert "X-Ledger-Position" in first.headers
    assert "X-Ledger-Position" not in again.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (purchase(), 200),
        (purchase(LOW_FUNDS), 422),
        (challenged(), 202),
        (purchase(transactionType="REFUND"), 200),
    ],
    ids=["approved", "declined", "challenge", "refund"],
)
def test_a_decision_is_made_once(centre: httpx.Client, send: Send, body: dict[str, Any], status: int) -> None:
    """Below either prefix, and whatever was decided in between."""
    first = send(AUTHORIZATIONS, body, "once")
    assert first.status_code == status
    before = balance(centre)
    for path in (AUTHORIZATIONS, ALTERNATIVE_PREFIX + AUTHORIZATIONS):
        assert_replayed(first, send(path, body, "once"))
    assert balance(centre) == before
    assert len(holds(centre)) == (1 if "holdId" in first.json() else 0)
    other = send(AUTHORIZATIONS, body, "twice")
    assert other.json()["requestId"] != first.json()["requestId"]


def test_a_replay_shows_the_decision_as_it_was(centre: httpx.Client, send: Send) -> None:
    """Also after it was reversed."""
    first = send(AUTHORIZATIONS, purchase(), "as-it-was")
    reverse(centre, first.json()["requestId"])
    assert_replayed(first, send(AUTHORIZATIONS, purchase(), "as-it-was"))


def test_content_is_compared_as_parsed(send: Send) -> None:
    """How an amount, an instant or a string is written does not matter, nor the order or unknown members."""
    body = purchase(amount=100)
    first = send(AUTHORIZATIONS, body, "parsed")
    for same in (
        body | {"amount": "100.00"},
        body | {"amount": 100.0},
        dict(reversed(body.items())),
        body | {"unknown": "member"},
        body | {"timestamp": "2023-05-01T16:30:00+02:00"},
    ):
        assert_replayed(first, send(AUTHORIZATIONS, same, "parsed"))


OTHER_CONTENT: dict[str, Any] = {
    "maskedPan": "411111******1119",
    "panHash": "sandbox-blocked",
    "expiryDate": "01/30",
    "merchantId": "MERCH654321",
    "merchantName": "Another Merchant",
    "channel": "MOTO",
    "mcc": "5412",
    "countryCode": "GBR",
    "transactionType": "REFUND",
    "amount": 125.51,
    "currency": "EUR",
    "timestamp": "2023-05-01T14:30:01Z",
}


def test_other_content_is_a_conflict(centre: httpx.Client, send: Send) -> None:
    """409 in the surface's shape, whichever member differs; nothing changes, and the key still gives what it
    gave."""
    assert OTHER_CONTENT.keys() == purchase().keys()
    first = send(AUTHORIZATIONS, purchase(), "conflict")
    before = balance(centre)
    for member, value in (*OTHER_CONTENT.items(), ("maskedPan", None), ("timestamp", None)):
        refused = send(AUTHORIZATIONS, purchase() | {member: value}, "conflict")
        assert refused.status_code == 409, member
        body = refused.json()
        assert (body["status"], body["error"]) == (409, "Conflict")
        assert body["message"] == "The idempotency key was used before with different content"
    assert balance(centre) == before
    assert_replayed(first, send(AUTHORIZATIONS, purchase(), "conflict"))


def test_a_request_in_flight_is_not_repeated(centre: httpx.Client, send: Send) -> None:
    """Ten at once, below both prefixes: one decision, ten times answered."""
    start = Barrier(10)

    def at_once(number: int) -> httpx.Response:
        start.wait()
        prefix = ALTERNATIVE_PREFIX if number % 2 else ""
        return send(prefix + AUTHORIZATIONS, purchase(), "in-flight")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(at_once, range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("X-Ledger-Position" in answer.headers for answer in answers) == 1
    assert len(holds(centre)) == 1
    assert balance(centre) == ("10000.00", "125.50", "9874.50")


def test_changes_of_holds_are_made_once(centre: httpx.Client, send: Send) -> None:
    """Captures and releases: the answer of then, whatever the hold is now."""
    part = {"amount": 25, "currency": "USD", "reference": "SETTLEMENT-1", "final": False}
    hold_id = placed_hold(centre)
    first = send(f"{HOLDS}/{hold_id}/capture", part, "part")
    assert first.json()["capturedAmount"] == 25
    same = part | {"amount": "25.00"}
    assert_replayed(first, send(f"{ALTERNATIVE_PREFIX}{HOLDS}/{hold_id}/capture", same, "part"))
    for other in ({"amount": 26}, {"reference": "SETTLEMENT-2"}, {"final": True}, {"currency": "EUR"}):
        assert send(f"{HOLDS}/{hold_id}/capture", part | other, "part").status_code == 409
    released = send(f"{HOLDS}/{hold_id}/release", RELEASE, "release")
    assert released.json()["postedBalance"] == 9975
    capture(centre, placed_hold(centre, 75), 75)
    assert_replayed(released, send(f"{HOLDS}/{hold_id}/release", RELEASE, "release"))
    assert_replayed(first, send(f"{HOLDS}/{hold_id}/capture", part, "part"))
    assert balance(centre) == ("9900.00", "0.00", "9900.00")


def test_reversals_and_completions_are_made_once(centre: httpx.Client, send: Send) -> None:
    """With the decision's own number each time."""
    request_id = authorize(centre, purchase())["requestId"]
    path = f"{AUTHORIZATIONS}/{request_id}/reverse"
    first = send(path, REVERSAL, "reverse")
    assert first.status_code == 200
    assert_replayed(first, send(ALTERNATIVE_PREFIX + path, REVERSAL, "reverse"))
    assert send(path, {"reason": "Another reason"}, "reverse").status_code == 409
    assert latest(centre, request_id) == first.json()
    path = (
        f"{AUTHORIZATIONS}/{authorize(centre, challenged(DOCUMENTED), 202)['requestId']}/challenge-complete"
    )
    first = send(path, SUCCESS, "complete")
    assert first.json()["decision"] == "APPROVED"
    assert_replayed(first, send(ALTERNATIVE_PREFIX + path, SUCCESS, "complete"))
    assert send(path, FAILURE, "complete").status_code == 409
    assert send(path, SUCCESS | {"eci": "05"}, "complete").status_code == 409


def test_what_the_state_refuses_is_refused_again(centre: httpx.Client, send: Send) -> None:
    """Each 409, and a capture of too much, once it was decided under a key: also where it would pass now."""
    challenge = authorize(centre, challenged(DOCUMENTED), 202)["requestId"]
    too_much, captured = placed_hold(centre), placed_hold(centre)
    capture(centre, captured, 125.50)
    refused: list[tuple[str, dict[str, Any], int]] = [
        (f"{AUTHORIZATIONS}/{challenge}/reverse", REVERSAL, 409),
        (f"{HOLDS}/{too_much}/capture", {"amount": 200, "currency": "USD"}, 400),
        (f"{HOLDS}/{too_much}/capture", {"amount": 2, "currency": "EUR"}, 400),
        (f"{HOLDS}/{captured}/capture", {"amount": 1, "currency": "USD"}, 409),
        (f"{HOLDS}/{captured}/release", RELEASE, 409),
    ]
    firsts = [send(path, body, f"refused-{number}") for number, (path, body, _) in enumerate(refused)]
    assert [first.status_code for first in firsts] == [status for _, _, status in refused]
    centre.post(f"{AUTHORIZATIONS}/{challenge}/challenge-complete", json=SUCCESS)
    for number, (path, body, _) in enumerate(refused):
        again = send(path, body, f"refused-{number}")
        assert (again.status_code, again.json()["message"]) == (
            firsts[number].status_code,
            firsts[number].json()["message"],
        )
    assert latest(centre, challenge)["decision"] == "APPROVED"


def test_a_completion_that_came_too_late_stays_so(
    card_sandbox: SandboxService, centre: httpx.Client, send: Send
) -> None:
    path = f"{AUTHORIZATIONS}/{authorize(centre, challenged(), 202)['requestId']}/challenge-complete"
    card_sandbox.advance(601)
    for _ in range(2):
        assert send(path, SUCCESS, "too-late").status_code == 409


def test_what_was_not_decided_uses_no_key_up(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """A request that is not valid, not allowed, not found or of another media type."""
    key = {"Idempotency-Key": "unused"}
    assert centre.post(AUTHORIZATIONS, json=purchase(amount=-1), headers=key).status_code == 400
    assert centre.post(AUTHORIZATIONS, json=purchase(mcc="x"), headers=key).status_code == 400
    assert centre.post(AUTHORIZATIONS, content=b"{", headers=key).status_code == 415
    with card_sandbox.user(scope="authorizations.read") as reader:
        assert reader.post(AUTHORIZATIONS, json=purchase(), headers=key).status_code == 403
    assert centre.post(AUTHORIZATIONS, json=purchase(), headers=key).status_code == 200
    unknown = f"{HOLDS}/123456789/release"
    assert centre.post(unknown, json=RELEASE, headers=key).status_code == 404
    assert centre.post(unknown, json={"reason": "Another"}, headers=key).status_code == 404


def test_a_key_is_its_clients_and_its_operations(
    card_sandbox: SandboxService, centre: httpx.Client, send: Send
) -> None:
    """Another user of the client has the same key; another client or another path has another one."""
    first = send(AUTHORIZATIONS, purchase(), "scoped")
    scope = "authorizations.write"
    key = {"Idempotency-Key": "scoped"}
    with card_sandbox.user("somebody-else", scope=scope) as colleague:
        assert_replayed(first, colleague.post(AUTHORIZATIONS, json=purchase(), headers=key))
    with card_sandbox.user("admin-user", scope=scope, client_id="another-client") as stranger:
        answer = stranger.post(AUTHORIZATIONS, json=purchase(amount=1), headers=key)
        assert answer.status_code == 200
    one, two = placed_hold(centre), placed_hold(centre)
    for hold_id in (one, two):
        assert send(f"{HOLDS}/{hold_id}/release", RELEASE, "scoped").status_code == 200
    release(centre, one, 409)


def test_keys_have_1_to_255_characters(send: Send) -> None:
    for key in ("x", "x" * 255):
        assert send(AUTHORIZATIONS, purchase(), key).status_code == 200
    for key in ("x" * 256, ""):
        answer = send(AUTHORIZATIONS, purchase(), key)
        assert answer.status_code == 400
        assert answer.json()["details"] == {
            "field": "Idempotency-Key",
            "value": key[:255],
            "constraint": "must have 1 to 255 characters",
        }
