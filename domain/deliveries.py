"""What became of announcing one event to one webhook. Each attempt is a fact, and so is giving up.

    pending ──> delivered
       │  ^
       v  │ (sent again on request)
    dead-lettered

A delivery that was not tried yet has no stream: that it is pending follows from the event and the webhook.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

import msgspec

from domain import errors, webhooks
from domain.events import Event

PENDING, DELIVERED, DEAD_LETTERED = "pending", "delivered", "dead_lettered"

# After the attempt before; after the last of them a delivery is a dead letter.
RETRY_DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)
)
# Retries of many deliveries are spread by coming up to this much of the delay early, never late.
JITTER_PARTS_PER_MILLION = 20_000

_ID = re.compile(r"dlv_([1-9][0-9]{0,18})_([0-9]{1,4})_([0-9]{1,16})", re.ASCII)


class DeliverySucceeded(Event, frozen=True):
    TOPIC = "delivery.succeeded"
    attempt: int
    response_status: int


class DeliveryFailed(Event, frozen=True):
    """`response_status` where the receiver answered, `error` (a word) where it did not.

    Without `next_attempt_at` it was the last attempt.
    """

    TOPIC = "delivery.failed"
    attempt: int
    response_status: int | None = None
    error: str | None = None
    next_attempt_at: datetime | None = None


class DeliveryDeadLettered(Event, frozen=True):
    TOPIC = "delivery.dead_lettered"


class DeliveryRequeued(Event, frozen=True):
    """Somebody asked for a dead letter to be sent again: it has all its attempts once more."""

    TOPIC = "delivery.requeued"


DeliveryEvent = DeliverySucceeded | DeliveryFailed | DeliveryDeadLettered | DeliveryRequeued


class Delivery(msgspec.Struct, frozen=True):
    """`attempts` in all, and those `failures` in a row that the next retry's delay follows from."""

    status: str = PENDING
    attempts: int = 0
    failures: int = 0


class DeliveryKey(NamedTuple):
    """Which webhook, and which announcement: the event's position and the announcement's place in it."""

    webhook: int
    position: int
    ordinal: int

    @property
    def delivery_id(self) -> str:
        return f"dlv_{self.position}_{self.ordinal}_{self.webhook}"

    @property
    def webhook_id(self) -> str:
        return webhooks.webhook_id(self.webhook)


def stream(delivery_id: str) -> str:
    return f"delivery-{delivery_id}"


def key_of(delivery_id: str) -> DeliveryKey | None:
    """What a delivery's id says; None where it is none."""
    match = _ID.fullmatch(delivery_id)
    if match is None:
        return None
    position, ordinal, webhook = map(int, match.groups())
    key = DeliveryKey(webhook, position, ordinal)
    return key if key.delivery_id == delivery_id and position < 2**63 else None


def retry_delay(delivery_id: str, failures: int) -> timedelta | None:
    """How long after that many failures in a row to try again; None: no more."""
    if failures > len(RETRY_DELAYS):
        return None
    digest = hashlib.blake2b(f"{delivery_id} {failures}".encode(), digest_size=8).digest()
    early = int.from_bytes(digest) % (JITTER_PARTS_PER_MILLION + 1)
    return RETRY_DELAYS[failures - 1] * (1_000_000 - early) / 1_000_000


def succeed(delivery: Delivery, response_status: int) -> DeliverySucceeded:
    return DeliverySucceeded(delivery.attempts + 1, response_status)


def fail(
    delivery: Delivery, delivery_id: str, at: datetime, *, response_status: int | None, error: str | None
) -> tuple[DeliveryFailed] | tuple[DeliveryFailed, DeliveryDeadLettered]:
    """A failed attempt at `at`; the last one makes it a dead letter."""
    delay = retry_delay(delivery_id, delivery.failures + 1)
    attempt = delivery.attempts + 1
    if delay is None:
        return DeliveryFailed(attempt, response_status, error), DeliveryDeadLettered()
    return (DeliveryFailed(attempt, response_status, error, at + delay),)


def requeue(delivery: Delivery) -> DeliveryRequeued:
    if delivery.status != DEAD_LETTERED:
        raise errors.DeliveryNotDeadLettered(delivery.status)
    return DeliveryRequeued()


def evolve(delivery: Delivery | None, event: DeliveryEvent) -> Delivery:
    before = delivery or Delivery()
    match event:
        case DeliverySucceeded():
            return Delivery(DELIVERED, event.attempt)
        case DeliveryFailed():
            return Delivery(PENDING, event.attempt, before.failures + 1)
        case DeliveryDeadLettered():
            return msgspec.structs.replace(before, status=DEAD_LETTERED)
        case DeliveryRequeued():
            return Delivery(PENDING, before.attempts)
        case _:
            assert_never(event)
