"""What the facts of authorizations and card holds announce: which events, and in one order with what."""

from typing import Any

import msgspec
import pytest

from domain import authorizations, cards, holds
from domain.announcements import announced_by
from domain.authorization_checks import LIMIT_REASONS, REASONS
from domain.events import Event
from tests.contracts.event_examples import full

STREAM, HOLD_STREAM = authorizations.stream(4_000), holds.stream(authorizations.hold_id_of(4_000))


def ruled(kind: type[Event], reason: str) -> Any:
    """An example of that decision with that reason."""
    event = full(kind).data
    return msgspec.structs.replace(event, ruling=msgspec.structs.replace(event.ruling, reason=reason))


def told(stream: str, event: Event) -> list[str]:
    announced = announced_by(stream, event)
    assert {each.surface for each in announced} <= {"cards"}
    assert {each.aggregate for each in announced} <= {STREAM}
    return [each.event_type for each in announced]


@pytest.mark.parametrize("kind", [authorizations.AuthorizationDecided, authorizations.ChallengeCompleted])
def test_a_decision_is_told_and_after_it_the_breach_of_a_limit(kind: type[Event]) -> None:
    for reason in REASONS:
        breach = ["LIMIT_BREACH"] if reason in LIMIT_REASONS else []
        assert told(STREAM, ruled(kind, reason)) == ["AUTHORIZATION_DECISION", *breach]


@pytest.mark.parametrize("kind", [authorizations.ChallengeExpired, authorizations.AuthorizationReversed])
def test_what_ends_an_authorization_is_a_decision(kind: type[Event]) -> None:
    assert told(STREAM, full(kind).data) == ["AUTHORIZATION_DECISION"]


@pytest.mark.parametrize("kind", [holds.HoldCaptured, holds.HoldReleased, holds.HoldExpired])
def test_what_becomes_of_a_hold_is_told_in_order_with_its_authorization(kind: type[Event]) -> None:
    assert told(HOLD_STREAM, full(kind).data) == ["HOLD_STATUS_CHANGE"]


@pytest.mark.parametrize(
    "kind", [holds.HoldPlaced, cards.CardSpent, cards.SpendingReturned, cards.CardIssued]
)
def test_what_follows_from_a_decision_is_not_told_again(kind: type[Event]) -> None:
    assert told(HOLD_STREAM, full(kind).data) == []
