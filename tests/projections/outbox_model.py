"""The outbox as a few lines of plain Python, fact by fact: what the read model must equal however it is fed.

And a history of webhooks, announcing facts and attempts that the service's own handlers decided.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from application.decision import ABSENT, Command, Decision, Handler, Known, StreamsMissing
from application.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    RecordAttempt,
    Requeue,
    UpdateWebhook,
    create_webhook,
    delete_webhook,
    record_attempt,
    requeue,
    update_webhook,
)
from domain import deliveries, transfers, webhooks
from domain.announcements import announced_by
from domain.deliveries import (
    DEAD_LETTERED,
    DELIVERED,
    PENDING,
    DeliveryDeadLettered,
    DeliveryFailed,
    DeliveryKey,
    DeliveryRequeued,
    DeliverySucceeded,
)
from domain.events import Event
from domain.money import Money
from domain.webhooks import BACK_OFFICE, WebhookCreated, WebhookDeleted, WebhookUpdated
from projections.read_model import Recorded

START = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)


class Row:
    def __init__(self, event_type: str, aggregate: str, due_at: datetime) -> None:
        self.event_type = event_type
        self.aggregate = aggregate
        self.status = PENDING
        self.attempts = 0
        self.due_at: datetime | None = due_at
        self.last_attempt_at: datetime | None = None
        self.response_status: int | None = None
        self.error: str | None = None


class Receiver(NamedTuple):
    """`active_since` is None while it is not active."""

    surface: str
    events: tuple[str, ...]
    active_since: datetime | None


class OutboxModel:
    """`webhooks` are the receivers by number; `rows` are the deliveries."""

    def __init__(self) -> None:
        self.webhooks: dict[int, Receiver] = {}
        self.rows: dict[DeliveryKey, Row] = {}

    def take(self, fact: Recorded) -> None:
        event = fact.event
        number = webhooks.number_of(fact.stream)
        if isinstance(event, WebhookCreated | WebhookUpdated):
            assert number is not None
            before = self.webhooks.get(number)
            since = before.active_since if before and before.active_since else fact.recorded_at
            self.webhooks[number] = Receiver(event.surface, event.events, since if event.active else None)
        elif isinstance(event, WebhookDeleted):
            self.webhooks = {each: terms for each, terms in self.webhooks.items() if each != number}
            self.rows = {key: row for key, row in self.rows.items() if key.webhook != number}
        elif fact.stream.startswith("delivery-"):
            key = deliveries.key_of(fact.stream.removeprefix("delivery-"))
            if key in self.rows:
                self._settle(self.rows[key], event, fact.effective_at)
        else:
            self._announce(fact)

    def _announce(self, fact: Recorded) -> None:
        for ordinal, told in enumerate(announced_by(fact.stream, fact.event)):
            for number, (surface, events, since) in self.webhooks.items():
                is_told = surface == told.surface and {told.event_type, "transfer.*"} & set(events)
                if is_told and since is not None:
                    key = DeliveryKey(number, fact.position, ordinal)
                    self.rows[key] = Row(told.event_type, told.aggregate, fact.recorded_at)

    def _settle(self, row: Row, event: Event, at: datetime) -> None:
        match event:
            case DeliverySucceeded():
                row.status, row.due_at = DELIVERED, None
                row.response_status, row.error = event.response_status, None
                row.attempts, row.last_attempt_at = event.attempt, at
            case DeliveryFailed():
                row.due_at = event.next_attempt_at
                row.response_status, row.error = event.response_status, event.error
                row.attempts, row.last_attempt_at = event.attempt, at
            case DeliveryDeadLettered():
                row.status, row.due_at = DEAD_LETTERED, None
            case DeliveryRequeued():
                row.status, row.due_at = PENDING, at

    def ready_at(self, key: DeliveryKey) -> datetime | None:
        """None behind something that is pending; else its time, or when the last one before was settled."""
        row = self.rows[key]
        queue = [
            (other, each)
            for other, each in self.rows.items()
            if other.webhook == key.webhook and each.aggregate == row.aggregate
        ]
        if row.status != PENDING or row.due_at is None:
            return None
        if any(each.status == PENDING and other < key for other, each in queue):
            return None
        settled = [each.last_attempt_at for _, each in queue if each.status != PENDING]
        return max([row.due_at, *(at for at in settled if at is not None)])

    def contents(self) -> dict[DeliveryKey, tuple[Any, ...]]:
        return {
            key: (
                row.event_type,
                row.aggregate,
                row.status,
                row.attempts,
                row.due_at,
                self.ready_at(key),
                row.last_attempt_at,
                row.response_status,
                row.error,
            )
            for key, row in self.rows.items()
        }


class OutboxHistory:
    """Decides with the service's handlers; `facts` is what was recorded, `model` what follows from it."""

    def __init__(self) -> None:
        self.now = START
        self.facts: list[Recorded] = []
        self.model = OutboxModel()
        self._states: dict[str, Known] = {}
        self._numbers = 0

    def run(self, handler: Handler[Any, Any], command: Command, effective_at: datetime | None = None) -> Any:
        while True:
            decision = Decision(effective_at or self.now, self._states, {})
            try:
                answer = handler(decision, command)
            except StreamsMissing as missing:
                self._states.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            break
        for stream, version, event, _ in decision.recorded:
            self._record(stream, version, event, effective_at or self.now)
        self._states.update(decision.staged())
        return answer

    def _record(self, stream: str, version: int, event: Event, effective_at: datetime) -> None:
        position = len(self.facts) + 1
        fact = Recorded(position, stream, version, event.TOPIC, self.now, effective_at, "", "", event)
        self.facts.append(fact)
        self.model.take(fact)

    def subscribe(self, events: Sequence[str], surface: str = BACK_OFFICE, *, active: bool = True) -> int:
        self._numbers += 1
        webhook = webhooks.webhook_id(self._numbers)
        url = f"https://{self._numbers}.example"
        self.run(create_webhook, CreateWebhook(webhook, surface, url, tuple(events), "sealed", active))
        return self._numbers

    def update(self, number: int, *, events: Sequence[str] | None = None, active: bool | None = None) -> None:
        surface = self.model.webhooks[number].surface
        named = None if events is None else tuple(events)
        command = UpdateWebhook(webhooks.webhook_id(number), surface, events=named, active=active)
        self.run(update_webhook, command)

    def delete(self, number: int) -> None:
        surface = self.model.webhooks[number].surface
        self.run(delete_webhook, DeleteWebhook(webhooks.webhook_id(number), surface))

    def announce(self, transfer: int, event: Event) -> None:
        """A fact of the transfer, whether it makes sense there or not: only what it announces counts."""
        stream = transfers.stream(f"tx_{transfer}")
        version = 1 + sum(1 for fact in self.facts if fact.stream == stream)
        self._record(stream, version, event, self.now)

    def ready(self) -> list[tuple[datetime, DeliveryKey]]:
        """What is ready, whether it is due yet or not, in the order of times."""
        found = [(self.model.ready_at(key), key) for key in self.model.rows]
        return sorted((at, key) for at, key in found if at is not None)

    def attempt(self, key: DeliveryKey, status: int | None, effective_at: datetime | None = None) -> None:
        error = None if status == 200 else "timed_out" if status is None else f"status_{status}"
        attempts = self.model.rows[key].attempts if key in self.model.rows else 0
        self.run(record_attempt, RecordAttempt(key.delivery_id, attempts + 1, status, error), effective_at)

    def send_again(self, key: DeliveryKey) -> None:
        self.run(requeue, Requeue(key.delivery_id))

    def dead(self) -> list[DeliveryKey]:
        return sorted(key for key, row in self.model.rows.items() if row.status == DEAD_LETTERED)

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def created(transfer: int, *, awaits_mfa: bool = False) -> transfers.TransferCreated:
    return transfers.TransferCreated(
        f"tx_{transfer}",
        "key",
        "0",
        "user_demo",
        "internal",
        "from",
        Money(1_00, "USD"),
        Money(0, "USD"),
        "FTZ",
        START,
        START,
        to_account_id="to",
        mfa_expires_at=START if awaits_mfa else None,
    )
