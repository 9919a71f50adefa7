"""Cards: issued, blocked, limited, overridden, spent with; what is refused, and what a card remembers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import card_limits, card_spending, cards, errors
from domain.card_limits import CardLimits, LimitsChange, Override
from domain.cards import (
    Card,
    CardAttempted,
    CardIssued,
    CardSpent,
    CardUnblocked,
    CardWasBlocked,
    LimitsChanged,
    LimitsOverridden,
    OverrideDeleted,
    OverrideExpired,
    SpendingReturned,
)
from tests.domain.card_scene import AT, CARD_ID, EXPIRY, LIMITS
from tests.domain.story import fold, subject

given = subject(cards.evolve)

ISSUED = CardIssued(CARD_ID, "a", "411111******1111", EXPIRY, LIMITS, "USA")
BLOCKED = CardWasBlocked("lost")


def override(number: int = 1, expires_at: datetime = AT + timedelta(days=1), daily: int = 10) -> Override:
    return Override(number, "travel", "admin-user", AT, expires_at, daily=daily)


def folded(*events: Any) -> Card:
    card: Card = fold(cards.evolve, ISSUED, *events)
    return card


def test_a_card_is_blocked_and_unblocked_and_stays_what_it_is() -> None:
    given(ISSUED).when(cards.change_status, "BLOCKED", "lost").then(BLOCKED)
    given(ISSUED, BLOCKED).when(cards.change_status, "ACTIVE", "found").then(CardUnblocked("found"))
    assert cards.change_status(folded(), "ACTIVE", "") is None
    assert cards.change_status(folded(BLOCKED), "BLOCKED", "") is None


def test_changed_limits_are_recorded_whole() -> None:
    given(ISSUED).when(cards.change_limits, LimitsChange(daily=4_000_00)).then(
        LimitsChanged(CardLimits(2_000_00, 4_000_00, 20_000_00, LIMITS.channels))
    )
    given(ISSUED).when(cards.change_limits, LimitsChange(daily=1)).refused(
        errors.InvalidCardLimits("transactionLimit", "must not be greater than dailyLimit")
    )


def test_an_override_is_added_after_those_before_it() -> None:
    given(ISSUED).when(cards.override_limits, override(), AT).then(LimitsOverridden(override()))
    first, second = override(1), override(2)
    card = folded(LimitsOverridden(first), LimitsOverridden(second))
    assert card.overrides == (first, second)


def test_an_override_that_would_end_at_once_is_refused() -> None:
    late = override(expires_at=AT)
    given(ISSUED).when(cards.override_limits, late, AT).refused(errors.OverrideExpiresTooEarly())


def test_the_oldest_override_gives_way_where_there_are_too_many() -> None:
    many = [LimitsOverridden(override(number)) for number in range(card_limits.OVERRIDES_MAX)]
    newest = override(card_limits.OVERRIDES_MAX)
    given(ISSUED, *many).when(cards.override_limits, newest, AT).then(
        OverrideDeleted(0), LimitsOverridden(newest)
    )
    assert len(folded(*many, OverrideDeleted(0), LimitsOverridden(newest)).overrides) == len(many)


def test_an_override_is_deleted_once() -> None:
    overridden = LimitsOverridden(override(7))
    given(ISSUED, overridden).when(cards.delete_override, 7).then(OverrideDeleted(7))
    given(ISSUED, overridden).when(cards.delete_override, 8).refused(errors.LimitOverrideNotFound(8))
    for ended in (OverrideDeleted(7), OverrideExpired(7)):
        given(ISSUED, overridden, ended).when(cards.delete_override, 7).refused(
            errors.LimitOverrideNotFound(7)
        )


def test_an_override_expires_at_its_time_and_not_before() -> None:
    card = folded(LimitsOverridden(override(7)))
    end = AT + timedelta(days=1)
    assert cards.expire_override(card, 7, end - timedelta(microseconds=1)) is None
    assert cards.expire_override(card, 7, end) == OverrideExpired(7)
    assert cards.expire_override(card, 8, end) is None
    assert folded(LimitsOverridden(override(7)), OverrideExpired(7)).overrides == ()


@pytest.mark.parametrize(
    ("expiry", "first_instant_after"),
    [("12/25", datetime(2026, 1, 1, tzinfo=UTC)), ("02/24", datetime(2024, 3, 1, tzinfo=UTC))],
)
def test_a_card_expires_with_the_month_that_is_printed_on_it(
    expiry: str, first_instant_after: datetime
) -> None:
    assert not cards.has_expired(expiry, first_instant_after - timedelta(microseconds=1))
    assert cards.has_expired(expiry, first_instant_after)


def test_an_approval_is_spent_and_is_an_attempt_unless_it_was_one_before() -> None:
    spent = CardSpent(4_000, "POS", "5411", 100, AT)
    card = folded(spent)
    assert card.spending.on(AT.date()) == 100
    assert card.spending.attempts == (AT,)
    challenged = CardSpent(4_000, "POS", "5411", 100, AT, is_attempt=False)
    assert folded(challenged).spending.attempts == ()
    assert folded(challenged).spending.on(AT.date()) == 100


def test_an_attempt_spends_nothing() -> None:
    card = folded(CardAttempted(4_000, AT))
    assert card.spending == card_spending.with_attempt(card_spending.NOTHING, AT)


def test_what_is_returned_counts_less_on_the_day_of_its_approval() -> None:
    card = folded(
        CardSpent(4_000, "POS", "5411", 100, AT),
        CardSpent(4_004, "POS", "5411", 5, AT + timedelta(days=1)),
        SpendingReturned(4_000, "POS", "5411", 60, AT, 40),
    )
    assert card.spending.on(AT.date()) == 40
    assert card.spending.on(AT.date() + timedelta(days=1)) == 5


def test_every_event_leaves_what_it_does_not_change() -> None:
    changes = (
        CardSpent(4_000, "POS", "5411", 100, AT),
        LimitsOverridden(override(7)),
        BLOCKED,
        LimitsChanged(CardLimits(1, 2, 3)),
        CardAttempted(4_004, AT),
        SpendingReturned(4_000, "POS", "5411", 100, AT),
    )
    card = folded(*changes)
    assert card == Card(
        CARD_ID,
        "a",
        EXPIRY,
        CardLimits(1, 2, 3),
        "USA",
        "BLOCKED",
        (override(7),),
        card.spending,
    )
    assert card.spending.on(AT.date()) == 0
    assert len(card.spending.attempts) == 2
    assert folded(*changes, CardUnblocked()).status == "ACTIVE"
