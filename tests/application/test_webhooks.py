"""Commands on webhooks and deliveries: what they record, once, and what they refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.decision import ABSENT, Command, Decision, Handler, Known, StreamsMissing
from application.idempotency import RequestKey
from application.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    RecordAttempt,
    Requeue,
    RequeuedAnswer,
    UpdateWebhook,
    WebhookAnswer,
    create_webhook,
    delete_webhook,
    record_attempt,
    requeue,
    update_webhook,
)
from domain import errors
from domain.deliveries import DEAD_LETTERED, DELIVERED, PENDING, RETRY_DELAYS
from domain.webhooks import BACK_OFFICE, CARDS

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
WEBHOOK, DELIVERY = "webhook-7", "dlv_12_0_7"
EVENTS = ("account.created",)
CREATE = CreateWebhook(WEBHOOK, BACK_OFFICE, "https://a.example", EVENTS, "sealed")


class Log:
    """Runs commands one after another; `topics` is what they recorded."""

    def __init__(self) -> None:
        self.now = AT
        self.topics: list[str] = []
        self._states: dict[str, Known] = {}

    def run(self, handler: Handler[Any, Any], command: Command) -> Any:
        while True:
            decision = Decision(self.now, self._states, {})
            try:
                answer = handler(decision, command)
            except StreamsMissing as missing:
                self._states.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            break
        self.topics += [staged.event.TOPIC for staged in decision.recorded]
        self._states.update(decision.staged())
        return answer

    def fail(self, attempt: int) -> Any:
        return self.run(record_attempt, RecordAttempt(DELIVERY, attempt, 500, "status_500"))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def subscribed(log: Log) -> Log:
    log.run(create_webhook, CREATE)
    log.topics.clear()
    return log


def test_a_webhook_is_answered_without_its_secret(log: Log) -> None:
    answer = log.run(create_webhook, CREATE)
    assert answer == WebhookAnswer(WEBHOOK, "https://a.example", EVENTS, True, AT, AT)
    assert log.topics == ["webhook.created"]


def test_a_webhook_is_created_once_for_a_key(log: Log) -> None:
    """Whatever number the request that came again was given."""
    key = RequestKey("request", "content")
    first = log.run(create_webhook, CreateWebhook(WEBHOOK, CARDS, "u", EVENTS, "s", key=key))
    again = log.run(create_webhook, CreateWebhook("webhook-8", CARDS, "u", EVENTS, "t", key=key))
    assert first == again
    assert log.topics == ["webhook.created", "request.answered"]
    with pytest.raises(errors.IdempotencyConflict):
        other = RequestKey("request", "other content")
        log.run(create_webhook, CreateWebhook("webhook-9", CARDS, "v", EVENTS, "s", key=other))


def test_an_update_leaves_what_is_not_named(subscribed: Log) -> None:
    subscribed.now += timedelta(hours=1)
    answer = subscribed.run(update_webhook, UpdateWebhook(WEBHOOK, BACK_OFFICE, active=False))
    assert answer == WebhookAnswer(WEBHOOK, "https://a.example", EVENTS, False, AT, subscribed.now)


def test_a_deleted_webhook_is_answered_as_it_was_and_then_not_found(subscribed: Log) -> None:
    answer = subscribed.run(delete_webhook, DeleteWebhook(WEBHOOK, BACK_OFFICE))
    assert (answer.webhook_id, answer.active) == (WEBHOOK, True)
    for handler, command in (
        (delete_webhook, DeleteWebhook(WEBHOOK, BACK_OFFICE)),
        (update_webhook, UpdateWebhook(WEBHOOK, BACK_OFFICE, active=True)),
    ):
        with pytest.raises(errors.WebhookNotFound):
            subscribed.run(handler, command)


def test_another_surfaces_webhook_is_not_found(subscribed: Log) -> None:
    with pytest.raises(errors.WebhookNotFound):
        subscribed.run(update_webhook, UpdateWebhook(WEBHOOK, CARDS, active=False))
    with pytest.raises(errors.WebhookNotFound):
        subscribed.run(delete_webhook, DeleteWebhook(WEBHOOK, CARDS))


def test_each_attempt_is_recorded_once(subscribed: Log) -> None:
    assert subscribed.fail(1) == PENDING
    assert subscribed.fail(1) == PENDING
    assert subscribed.run(record_attempt, RecordAttempt(DELIVERY, 2, 204)) == DELIVERED
    assert subscribed.run(record_attempt, RecordAttempt(DELIVERY, 2, 500, "status_500")) == DELIVERED
    assert subscribed.run(record_attempt, RecordAttempt(DELIVERY, 3, None, "timed_out")) == DELIVERED
    assert subscribed.topics == ["delivery.failed", "delivery.succeeded"]


def test_an_attempt_for_a_webhook_that_never_was_is_not_recorded(log: Log) -> None:
    with pytest.raises(errors.WebhookNotFound):
        log.fail(1)
    assert log.topics == []


def test_the_last_attempt_makes_a_dead_letter_that_can_be_sent_again(subscribed: Log) -> None:
    attempts = len(RETRY_DELAYS) + 1
    assert [subscribed.fail(attempt) for attempt in range(1, attempts + 1)][-1] == DEAD_LETTERED
    assert subscribed.topics == ["delivery.failed"] * attempts + ["delivery.dead_lettered"]
    assert subscribed.fail(attempts + 1) == DEAD_LETTERED
    key = RequestKey("again", "content")
    asked = Requeue(DELIVERY, key)
    assert subscribed.run(requeue, asked) == RequeuedAnswer(DELIVERY, WEBHOOK, attempts)
    assert subscribed.run(requeue, asked) == RequeuedAnswer(DELIVERY, WEBHOOK, attempts)
    assert subscribed.topics[-2:] == ["delivery.requeued", "request.answered"]
    assert subscribed.fail(attempts + 1) == PENDING


def test_only_what_was_given_up_is_sent_again(subscribed: Log) -> None:
    assert Requeue("nonsense").streams() == ()
    for delivery_id in (DELIVERY, "dlv_12_0_8", "nonsense"):
        with pytest.raises(errors.DeliveryNotFound):
            subscribed.run(requeue, Requeue(delivery_id))
    subscribed.fail(1)
    with pytest.raises(errors.DeliveryNotDeadLettered):
        subscribed.run(requeue, Requeue(DELIVERY))
