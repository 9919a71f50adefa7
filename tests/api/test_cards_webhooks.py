"""What the cards surface tells webhooks: real deliveries to a receiver on loopback, signed, in order."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.card_administration import WEBHOOKS, done, instant, now, override, put_limits, send
from tests.api.card_requests import (
    FAILURE,
    LONG,
    SUCCESS,
    authorize,
    capture,
    challenged,
    complete,
    declined,
    hold,
    latest,
    limits_of,
    placed_hold,
    post,
    purchase,
    release,
    reverse,
)
from tests.sandbox_service import SandboxService
from tests.webhook_receiver import Received, Receiver, webhook_receiver

DECISION, HOLD, BREACH = "AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"
SECRET = "webhook-secret-key"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


def subscribe(client: httpx.Client, receiver: Receiver, *events: str) -> str:
    body = {"url": receiver.url, "events": events or (DECISION, HOLD, BREACH), "secret": SECRET}
    identifier: str = done(send(client, "POST", WEBHOOKS, body), 201)["id"]
    return identifier


def told(receiver: Receiver, count: int) -> list[tuple[str, Any]]:
    """Event and data of what came: so many, and in whatever order, no more."""
    received = receiver.wait_for(count)
    assert len(received) == count
    return [(each.event, each.content["data"]) for each in received]


def is_signed(received: Received) -> bool:
    digest = hmac.new(SECRET.encode(), received.body, hashlib.sha256).hexdigest()
    return received.headers["X-Webhook-Signature"] == f"sha256={digest}"


def test_a_decision_is_told(centre: httpx.Client, receiver: Receiver) -> None:
    """The decision's own body and the card's number, in an envelope, signed; amounts keep their digits."""
    subscribe(centre, receiver)
    approved = authorize(centre, purchase(amount=125.5))
    [received] = receiver.wait_for(1)
    content = received.content
    assert list(content) == ["event", "id", "timestamp", "data"]
    assert content["event"] == DECISION
    assert content["id"] == received.headers["X-Webhook-Id"]
    assert content["id"].startswith("evt_")
    assert content["data"] == {**approved, "cardId": LONG.card_id}
    assert list(content["data"])[:-1] == list(approved)
    assert b'"approvedAmount":125.50,' in received.body
    assert content["timestamp"][:19] == approved["timestamp"][:19]
    assert received.headers["Content-Type"] == "application/json"
    assert is_signed(received)


def test_every_decision_is_told(
    card_sandbox: SandboxService, centre: httpx.Client, receiver: Receiver
) -> None:
    """Declines, refunds, unknown cards; challenges asked, completed, failed and expired; reversals."""
    subscribe(centre, receiver, DECISION)
    asked = [post(centre, "/api/v1/authorizations", challenged(), 202)]
    decisions = [asked[0], complete(centre, asked[0]["requestId"], SUCCESS)]
    decisions.append(reverse(centre, asked[0]["requestId"]))
    for _ in range(2):
        risky = purchase(amount=1000, channel="E_COMMERCE", mcc="7995")
        asked.append(post(centre, "/api/v1/authorizations", risky, 202))
        decisions.append(asked[-1])
    decisions.append(complete(centre, asked[1]["requestId"], FAILURE))
    decisions.append(authorize(centre, purchase(panHash="nobodys"), 422))
    decisions.append(authorize(centre, purchase(transactionType="REFUND")))
    card_sandbox.advance(600)
    decisions.append(latest(centre, asked[2]["requestId"]))
    assert decisions[-1]["reasonCode"] == "CHALLENGE_EXPIRED"
    data = [data for _, data in told(receiver, len(decisions))]
    for decision in decisions:
        card_id = None if decision["reasonCode"] == "CARD_NOT_FOUND" else LONG.card_id
        assert {**decision, "cardId": card_id} in data
    assert decisions[0]["challengeUrl"] == f"https://3ds.example.com/challenge/{asked[0]['requestId']}"
    own = [each["decisionId"] for each in data if each["requestId"] == asked[0]["requestId"]]
    assert own == [decision["decisionId"] for decision in decisions[:3]]


def test_what_becomes_of_a_hold_is_told(
    card_sandbox: SandboxService, centre: httpx.Client, receiver: Receiver
) -> None:
    """The hold's own body at every capture, release and expiry; nothing when it is placed."""
    subscribe(centre, receiver, HOLD)
    first = placed_hold(centre, 100)
    bodies = [capture(centre, first, 30, final=False), capture(centre, first, 50)]
    second = placed_hold(centre, 20)
    release(centre, second)
    bodies.append(hold(centre, second))
    third = placed_hold(centre, 10)
    card_sandbox.advance(7 * 86_400)
    bodies.append(hold(centre, third))
    statuses = [body["status"] for body in bodies]
    assert statuses == ["ACTIVE", "CAPTURED", "RELEASED", "EXPIRED"]
    assert [body["capturedAmount"] for body in bodies] == [30, 80, 0, 0]
    changes = told(receiver, 4)
    assert {event for event, _ in changes} == {HOLD}
    data = [data for _, data in changes]
    assert sorted(data, key=bodies.index) == bodies
    assert [each for each in data if each["holdId"] == first] == bodies[:2]
    assert all(is_signed(each) for each in receiver.received)
    expired = next(each.content for each in receiver.received if each.content["data"]["holdId"] == third)
    assert expired["timestamp"][:19] + "Z" == expired["data"]["updatedAt"]
    assert expired["timestamp"] == expired["data"]["expiresAt"] or "." in expired["timestamp"]


def test_a_breach_of_a_limit_is_told(
    card_sandbox: SandboxService, centre: httpx.Client, receiver: Receiver
) -> None:
    """For the five limits, beside the decision: which one, and how high it is, an override's too."""
    subscribe(centre, receiver)
    put_limits(centre, limits_of(50, 80, 1000, POS=(40, 60), ATM=None, E_COMMERCE=None))
    expected = []

    def breach(limit: str, limit_amount: float, **terms: Any) -> None:
        decision = authorize(centre, purchase(**terms), 422)
        assert decision["reasonCode"] == f"{limit}_EXCEEDED"
        told_of = {**decision, "cardId": LONG.card_id}
        expected.extend(
            [(DECISION, told_of), (BREACH, {**told_of, "limit": limit, "limitAmount": limit_amount})]
        )

    breach("TRANSACTION_LIMIT", 50, amount=50.01)
    breach("CHANNEL_TRANSACTION_LIMIT", 40, amount=40.01)
    approved = authorize(centre, purchase(amount=40))
    expected.append((DECISION, {**approved, "cardId": LONG.card_id}))
    breach("CHANNEL_DAILY_LIMIT", 60, amount=20.01)
    breach("DAILY_LIMIT", 80, amount=40.01, channel="MOTO")
    override(card_sandbox, centre, monthlyLimit=45.5)
    breach("MONTHLY_LIMIT", 45.5, amount=10)
    changes = told(receiver, len(expected))
    assert sorted(changes, key=expected.index) == expected
    for index in range(len(expected) - 1):
        if expected[index + 1][0] == BREACH:
            assert changes.index(expected[index]) < changes.index(expected[index + 1])
    assert any(b'"limitAmount":45.50' in each.body for each in receiver.received)


def test_a_breach_at_the_end_of_a_challenge_is_told(centre: httpx.Client, receiver: Receiver) -> None:
    """The limit that was lowered while the cardholder was asked."""
    subscribe(centre, receiver, BREACH)
    asked = post(centre, "/api/v1/authorizations", challenged(), 202)
    put_limits(centre, {"transactionLimit": 999.99, "channelLimits": {"E_COMMERCE": None}})
    decision = complete(centre, asked["requestId"], SUCCESS)
    assert decision["reasonCode"] == "TRANSACTION_LIMIT_EXCEEDED"
    breach = {"cardId": LONG.card_id, "limit": "TRANSACTION_LIMIT", "limitAmount": 999.99}
    assert told(receiver, 1) == [(BREACH, decision | breach)]


def test_other_declines_are_no_breach(centre: httpx.Client, receiver: Receiver) -> None:
    """Only a decision is told of, and that only where decisions are wanted."""
    subscribe(centre, receiver, BREACH, HOLD)
    assert declined(centre, purchase(panHash="nobodys")) == "CARD_NOT_FOUND"
    assert declined(centre, purchase(currency="EUR")) == "CURRENCY_NOT_SUPPORTED"
    assert declined(centre, purchase(amount=2000.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    [(event, data)] = told(receiver, 1)
    assert (event, data["limit"], data["limitAmount"]) == (BREACH, "TRANSACTION_LIMIT", 2000)


def test_an_authorization_and_its_hold_are_told_in_order(
    card_sandbox: SandboxService, centre: httpx.Client, receiver: Receiver
) -> None:
    """Also where the first attempts fail: what came later waits, and each keeps its id over its attempts."""
    receiver.answer = lambda received: 503 if len(receiver.received) < 2 else 200
    subscribe(centre, receiver)
    request_id = authorize(centre, purchase(amount=10))["requestId"]
    reverse(centre, request_id)
    receiver.wait_for(1)
    card_sandbox.advance(60)
    accepted = receiver.wait_for(3, accepted=True)
    assert [each.event for each in accepted] == [DECISION, HOLD, DECISION]
    decisions = [each.content["data"]["decision"] for each in accepted if each.event == DECISION]
    assert decisions == ["APPROVED", "DECLINED"]
    assert accepted[1].content["data"]["status"] == "RELEASED"
    attempts = [each.webhook_id for each in receiver.received]
    assert attempts == [attempts[0]] * 3 + [each.webhook_id for each in accepted[1:]]
    assert len(set(attempts)) == 3


def test_nothing_is_told_after_deletion(centre: httpx.Client, receiver: Receiver) -> None:
    """Nor before the subscription, nor to another bank's webhooks."""
    authorize(centre, purchase(amount=1))
    identifier = subscribe(centre, receiver)
    authorize(centre, purchase(amount=2))
    assert [data["approvedAmount"] for _, data in told(receiver, 1)] == [2]
    assert send(centre, "DELETE", f"{WEBHOOKS}/{identifier}").status_code == 204
    authorize(centre, purchase(amount=3))
    subscribe(centre, receiver)
    authorize(centre, purchase(amount=4))
    assert [data["approvedAmount"] for _, data in told(receiver, 2)] == [2, 4]


def test_an_expiry_is_told_at_its_own_time(
    card_sandbox: SandboxService, centre: httpx.Client, receiver: Receiver
) -> None:
    """A jump of the clock ends the challenge when it was due, and its answer comes after the delivery."""
    subscribe(centre, receiver)
    asked = post(centre, "/api/v1/authorizations", challenged(), 202)
    before = now(card_sandbox)
    card_sandbox.advance(7200)
    [_, expired] = receiver.received
    data = expired.content["data"]
    assert (data["reasonCode"], data["decisionId"]) == ("CHALLENGE_EXPIRED", asked["requestId"] + 3)
    assert data["timestamp"] <= instant(before + timedelta(minutes=10))
