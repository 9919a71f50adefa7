"""The back office's messages: the documented members in their order, signed as receivers check it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.webhook_messages import WebhookMessages
from application.webhooks import Message, Notice
from domain import transfers
from domain.events import Event
from domain.webhooks import BACK_OFFICE, EVENT_TYPES
from projections.read_model import Recorded
from tests.projections.outbox_model import created

AT = datetime(2025, 10, 21, 14, 30, 0, 250_000, tzinfo=UTC)
SECRET = "webhook_secret_key"
URL = "https://your-app.example/hooks"
STREAM = "transfer-tx_1"


def history(*events: Event) -> list[Recorded]:
    """The stream's facts, the last of them effective at AT."""
    facts = []
    for version, event in enumerate(events, start=1):
        at = AT - timedelta(hours=len(events) - version)
        later = at + timedelta(seconds=5)
        facts.append(Recorded(version, STREAM, version, event.TOPIC, later, at, "", "", event))
    return facts


MESSAGES = WebhookMessages("https://challenge.example")


def compose(event_type: str, facts: list[Recorded]) -> Message:
    notice = Notice(BACK_OFFICE, URL, event_type, "evt_1", facts, SECRET, AT + timedelta(minutes=1))
    return MESSAGES.compose(notice)


def hex_digest(content: bytes) -> str:
    return hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()


WAYS: list[tuple[str, tuple[Event, ...], str]] = [
    ("transfer.created", (created(1),), "initiated"),
    ("transfer.pending", (created(1),), "pending"),
    ("transfer.created", (created(1, awaits_mfa=True),), "initiated"),
    ("transfer.pending", (created(1, awaits_mfa=True), transfers.MfaVerified()), "pending"),
    ("transfer.processing", (created(1), transfers.ProcessingStarted()), "processing"),
    ("transfer.settled", (created(1), transfers.ProcessingStarted(), transfers.TransferSettled()), "settled"),
    ("transfer.failed", (created(1), transfers.TransferFailed("frozen")), "failed"),
    ("transfer.cancelled", (created(1), transfers.TransferCancelled("requested")), "cancelled"),
    ("transfer.reversed", (created(1), transfers.TransferReversed()), "reversed"),
]


@pytest.mark.parametrize(("event_type", "events", "status"), WAYS)
def test_a_transfers_message_is_as_documented(
    event_type: str, events: tuple[Event, ...], status: str
) -> None:
    message = compose(event_type, history(*events))
    signature = json.loads(message.body)["signature"]
    assert message.url == URL
    assert message.headers == {"Content-Type": "application/json", "X-Webhook-Id": "evt_1"}
    assert message.body.decode() == (
        f'{{"event":"{event_type}","timestamp":"2025-10-21T14:30:00Z",'
        f'"data":{{"transfer_id":"tx_1","user_id":"user_demo","amount":1.00,"status":"{status}"}},'
        f'"signature":"{signature}"}}'
    )


def test_every_transfer_event_that_can_be_subscribed_to_has_its_message() -> None:
    assert {event_type for event_type, _, _ in WAYS} == {
        each for each in EVENT_TYPES[BACK_OFFICE] if each.startswith("transfer.")
    }


def test_the_signature_is_of_the_bytes_with_itself_cut_out() -> None:
    body = compose("transfer.created", history(created(1))).body
    signature = json.loads(body)["signature"]
    cut_out = body.replace(f',"signature":"{signature}"'.encode(), b"")
    assert signature == f"sha256={hex_digest(cut_out)}"


def test_the_same_notice_gives_the_same_message() -> None:
    facts = history(created(1))
    assert compose("transfer.created", facts) == compose("transfer.created", facts)


def test_what_a_message_says_can_be_shown_later() -> None:
    data: dict[str, Any] = MESSAGES.data(BACK_OFFICE, "transfer.pending", history(created(1)))
    assert (data["transfer_id"], data["status"]) == ("tx_1", "pending")
