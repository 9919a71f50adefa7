"""Commands on webhooks and their deliveries, and the port through which a message is made of an event."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import deliveries, errors, webhooks
from domain.deliveries import Delivery
from domain.errors import DomainError
from domain.events import Event
from domain.webhooks import Webhook


class WebhookAnswer(msgspec.Struct, frozen=True):
    """A webhook as it was answered: without its secret, so that replays need none."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    active: bool
    created_at: datetime
    updated_at: datetime


class CreateWebhook(msgspec.Struct, frozen=True):
    """`webhook_id` is new; `secret` was sealed for it. Their form was checked before."""

    webhook_id: str
    surface: str
    url: str
    events: tuple[str, ...]
    secret: str
    active: bool = True
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return () if self.key is None else (self.key.stream,)


class UpdateWebhook(msgspec.Struct, frozen=True):
    """What is None stays as it is."""

    webhook_id: str
    surface: str
    url: str | None = None
    events: tuple[str, ...] | None = None
    secret: str | None = None
    active: bool | None = None
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.webhook_id, self.key)


class DeleteWebhook(msgspec.Struct, frozen=True):
    webhook_id: str
    surface: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.webhook_id, self.key)


def _streams(webhook_id: str, key: RequestKey | None) -> tuple[str, ...]:
    return (webhook_id,) if key is None else (webhook_id, key.stream)


def create_webhook(decision: Decision, command: CreateWebhook) -> WebhookAnswer | DomainError:
    return once(decision, command.key, WebhookAnswer, lambda: _create(decision, command))


def _create(decision: Decision, command: CreateWebhook) -> WebhookAnswer:
    created = webhooks.WebhookCreated(
        command.webhook_id,
        command.surface,
        command.url,
        command.events,
        command.secret,
        decision.at,
        command.active,
    )
    decision.create(command.webhook_id, created)
    return _answer(decision, command.webhook_id)


def update_webhook(decision: Decision, command: UpdateWebhook) -> WebhookAnswer | DomainError:
    """Refuses with WebhookNotFound where there is none, or only another surface's."""
    return once(decision, command.key, WebhookAnswer, lambda: _update(decision, command))


def _update(decision: Decision, command: UpdateWebhook) -> WebhookAnswer:
    webhook = webhooks.require(decision.load(command.webhook_id), command.webhook_id, command.surface)
    updated = webhooks.update(
        webhook,
        decision.at,
        url=command.url,
        events=command.events,
        secret=command.secret,
        active=command.active,
    )
    decision.record(command.webhook_id, updated)
    return _answer(decision, command.webhook_id)


def delete_webhook(decision: Decision, command: DeleteWebhook) -> WebhookAnswer | DomainError:
    """Answers the webhook as it was. Refuses with WebhookNotFound where there is none any more."""
    return once(decision, command.key, WebhookAnswer, lambda: _delete(decision, command))


def _delete(decision: Decision, command: DeleteWebhook) -> WebhookAnswer:
    webhooks.require(decision.load(command.webhook_id), command.webhook_id, command.surface)
    answer = _answer(decision, command.webhook_id)
    decision.record(command.webhook_id, webhooks.WebhookDeleted())
    return answer


def _answer(decision: Decision, webhook_id: str) -> WebhookAnswer:
    webhook: Webhook = decision.load(webhook_id)
    return WebhookAnswer(
        webhook.webhook_id,
        webhook.url,
        webhook.events,
        webhook.is_active,
        webhook.created_at,
        webhook.updated_at,
    )


class RecordAttempt(msgspec.Struct, frozen=True):
    """What came of the attempt with that number, made at the command's effective time.

    It succeeded where there is a `response_status` and no `error`.
    """

    delivery_id: str
    attempt: int
    response_status: int | None = None
    error: str | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams_of_delivery(self.delivery_id)


def record_attempt(decision: Decision, command: RecordAttempt) -> str:
    """Answers the delivery's status. Each attempt is recorded once, whoever else made it, too.

    Refuses with WebhookNotFound where the webhook never was: the sandbox was started over.
    """
    webhook_id, stream = _require_delivery(command.delivery_id)
    if decision.load(webhook_id) is None:
        raise errors.WebhookNotFound(webhook_id)
    delivery: Delivery = decision.load(stream) or Delivery()
    if delivery.status != deliveries.PENDING or command.attempt != delivery.attempts + 1:
        return delivery.status
    if command.error is None and command.response_status is not None:
        decision.record(stream, deliveries.succeed(delivery, command.response_status))
    else:
        failed = deliveries.fail(
            delivery,
            command.delivery_id,
            decision.at,
            response_status=command.response_status,
            error=command.error,
        )
        decision.record(stream, *failed)
    recorded: Delivery = decision.load(stream)
    return recorded.status


class Requeue(msgspec.Struct, frozen=True):
    """Sends a dead letter again."""

    delivery_id: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = _streams_of_delivery(self.delivery_id)
        return own if self.key is None else (*own, self.key.stream)


class RequeuedAnswer(msgspec.Struct, frozen=True):
    delivery_id: str
    webhook_id: str
    attempts: int


def requeue(decision: Decision, command: Requeue) -> RequeuedAnswer | DomainError:
    """Refuses with DeliveryNotFound where there is no such delivery, or DeliveryNotDeadLettered."""
    return once(decision, command.key, RequeuedAnswer, lambda: _requeue(decision, command))


def _requeue(decision: Decision, command: Requeue) -> RequeuedAnswer:
    webhook_id, stream = _require_delivery(command.delivery_id)
    webhook: Webhook | None = decision.load(webhook_id)
    delivery: Delivery | None = decision.load(stream)
    if delivery is None or webhook is None or webhook.is_deleted:
        raise errors.DeliveryNotFound(command.delivery_id)
    decision.record(stream, deliveries.requeue(delivery))
    return RequeuedAnswer(command.delivery_id, webhook_id, delivery.attempts)


def _streams_of_delivery(delivery_id: str) -> tuple[str, ...]:
    """The webhook's stream and the delivery's own; none for what is no delivery's id."""
    key = deliveries.key_of(delivery_id)
    return () if key is None else (key.webhook_id, deliveries.stream(delivery_id))


def _require_delivery(delivery_id: str) -> tuple[str, str]:
    streams = _streams_of_delivery(delivery_id)
    if not streams:
        raise errors.DeliveryNotFound(delivery_id)
    webhook_id, own = streams
    return webhook_id, own


class PastFact(Protocol):
    """One fact as it was read back from the log."""

    @property
    def position(self) -> int: ...
    @property
    def stream(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def effective_at(self) -> datetime: ...
    @property
    def event(self) -> Event: ...


class Notice(NamedTuple):
    """What is to be told: `history` is the fact's stream up to the fact, which is its last.

    `url` and `secret` are the webhook's as they are now, `at` is the time of the attempt.
    """

    surface: str
    url: str
    event_type: str
    event_id: str
    history: Sequence[PastFact]
    secret: str
    at: datetime


class Message(NamedTuple):
    url: str
    body: bytes
    headers: Mapping[str, str]


class Messages(Protocol):
    """How each surface writes its messages. The same notice gives the same body and headers."""

    def compose(self, notice: Notice) -> Message: ...
