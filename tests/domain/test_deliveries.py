"""Deliveries: when the next attempt is made, when there is none any more, and what can be sent again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import deliveries, errors
from domain.deliveries import (
    DEAD_LETTERED,
    DELIVERED,
    PENDING,
    RETRY_DELAYS,
    Delivery,
    DeliveryDeadLettered,
    DeliveryEvent,
    DeliveryFailed,
    DeliveryKey,
    DeliveryRequeued,
    DeliverySucceeded,
)

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
ID = "dlv_12_0_7"


def folded(*events: DeliveryEvent) -> Delivery:
    return _fold(Delivery(), events)


def _fold(delivery: Delivery, events: Iterable[DeliveryEvent]) -> Delivery:
    for event in events:
        delivery = deliveries.evolve(delivery, event)
    return delivery


def fail(delivery: Delivery, at: datetime = AT) -> tuple[DeliveryEvent, ...]:
    return deliveries.fail(delivery, ID, at, response_status=500, error="status_500")


def given_up() -> Delivery:
    delivery = Delivery()
    for _ in range(len(RETRY_DELAYS) + 1):
        delivery = _fold(delivery, fail(delivery))
    return delivery


def test_the_delays_are_those_agreed() -> None:
    assert [delay.total_seconds() for delay in RETRY_DELAYS] == [
        *(10, 30, 60, 5 * 60, 15 * 60, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)
    ]


def test_each_failure_says_when_the_next_attempt_is_made() -> None:
    delivery, at = Delivery(), AT
    for attempt, delay in enumerate(RETRY_DELAYS, start=1):
        (failed,) = fail(delivery, at)
        assert isinstance(failed, DeliveryFailed)
        assert (failed.attempt, failed.response_status, failed.error) == (attempt, 500, "status_500")
        assert failed.next_attempt_at is not None
        assert delay * 0.98 <= failed.next_attempt_at - at <= delay
        delivery, at = deliveries.evolve(delivery, failed), failed.next_attempt_at
        assert (delivery.status, delivery.attempts) == (PENDING, attempt)
    last, dead = fail(delivery, at)
    assert isinstance(last, DeliveryFailed)
    assert last.next_attempt_at is None
    assert dead == DeliveryDeadLettered()
    assert _fold(delivery, (last, dead)).status == DEAD_LETTERED


@given(st.text(), st.integers(1, len(RETRY_DELAYS)))
def test_a_retry_is_a_little_early_never_late_and_always_the_same(identifier: str, failures: int) -> None:
    delay = deliveries.retry_delay(identifier, failures)
    assert delay is not None
    assert RETRY_DELAYS[failures - 1] * 0.98 <= delay <= RETRY_DELAYS[failures - 1]
    assert delay == deliveries.retry_delay(identifier, failures)


def test_retries_of_many_are_spread() -> None:
    delays = {deliveries.retry_delay(f"dlv_{number}_0_1", 9) for number in range(100)}
    assert len(delays) > 90


def test_success_ends_it() -> None:
    succeeded = deliveries.succeed(folded(*fail(Delivery())), 204)
    assert succeeded == DeliverySucceeded(2, 204)
    assert folded(succeeded) == Delivery(DELIVERED, 2)


def test_a_dead_letter_that_is_sent_again_has_all_its_attempts_once_more() -> None:
    dead = given_up()
    again = deliveries.evolve(dead, deliveries.requeue(dead))
    assert (again.status, again.attempts, again.failures) == (PENDING, len(RETRY_DELAYS) + 1, 0)
    (failed,) = fail(again)
    assert isinstance(failed, DeliveryFailed)
    assert failed.attempt == len(RETRY_DELAYS) + 2
    assert failed.next_attempt_at is not None
    assert failed.next_attempt_at - AT <= timedelta(seconds=10)


@pytest.mark.parametrize("delivery", [Delivery(), Delivery(DELIVERED, 1), Delivery(PENDING, 3, 3)])
def test_only_a_dead_letter_is_sent_again(delivery: Delivery) -> None:
    with pytest.raises(errors.DeliveryNotDeadLettered) as refused:
        deliveries.requeue(delivery)
    assert refused.value.status == delivery.status


def test_evolving_never_refuses() -> None:
    assert deliveries.evolve(None, DeliveryRequeued()).status == PENDING


def test_an_id_says_which_delivery_it_is() -> None:
    key = DeliveryKey(webhook=7, position=12, ordinal=1)
    assert key.delivery_id == "dlv_12_1_7"
    assert key.webhook_id == "webhook-7"
    assert deliveries.key_of(key.delivery_id) == key


@pytest.mark.parametrize(
    "identifier",
    ["", "dlv_1_0", "dlv_0_0_1", "dlv_01_0_1", "dlv_1_0_01", "dlv_1_0_1 ", "dlv_1_0_１", f"dlv_{2**63}_0_1"],
)
def test_what_is_no_id_is_none(identifier: str) -> None:
    assert deliveries.key_of(identifier) is None
