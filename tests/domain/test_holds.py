"""Card holds: captured in parts or at once, released, expired; and which refusal comes first."""

from datetime import timedelta

import pytest

from domain import errors, holds
from domain.holds import Hold, HoldCaptured, HoldExpired, HoldPlaced, HoldReleased
from domain.money import Money
from tests.domain.card_scene import AT, CARD_ID
from tests.domain.story import fold, subject

given = subject(holds.evolve)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


PLACED = HoldPlaced(
    4_002, 4_000, CARD_ID, "a", 1, 2, usd(100_00), "POS", "5411", "M", "Merchant", AT, AT + holds.LIFE
)
PART = HoldCaptured(usd(30_00), 30_00, "S-1", is_final=False)
CAPTURED = HoldCaptured(usd(100_00), 100_00, "S-1")
RELEASED, EXPIRED = HoldReleased(usd(100_00)), HoldExpired(usd(100_00))


def test_a_capture_of_everything_ends_the_hold_final_or_not() -> None:
    for is_final in (True, False):
        given(PLACED).when(holds.capture, usd(100_00), "S-1", is_final=is_final).then(CAPTURED)


def test_a_final_capture_frees_the_rest() -> None:
    given(PLACED).when(holds.capture, usd(30_00), "S-1", is_final=True).then(
        HoldCaptured(usd(30_00), 30_00, "S-1", is_final=True, released=70_00)
    )
    given(PLACED, PART).when(holds.capture, usd(1), "S-2", is_final=True).then(
        HoldCaptured(usd(1), 30_01, "S-2", is_final=True, released=69_99)
    )


def test_a_capture_that_is_not_final_keeps_the_rest_held_until_all_is_taken() -> None:
    given(PLACED).when(holds.capture, usd(30_00), "S-1", is_final=False).then(PART)
    given(PLACED, PART).when(holds.capture, usd(70_00), "S-2", is_final=False).then(
        HoldCaptured(usd(70_00), 100_00, "S-2", is_final=True)
    )


def test_no_more_is_captured_than_what_is_left() -> None:
    given(PLACED).when(holds.capture, usd(100_01), "S", is_final=True).refused(
        errors.CaptureExceedsHold(100_00, "USD")
    )
    given(PLACED, PART).when(holds.capture, usd(70_01), "S", is_final=False).refused(
        errors.CaptureExceedsHold(70_00, "USD")
    )


def test_a_capture_is_refused_for_its_hold_then_for_its_currency_then_for_its_amount() -> None:
    much = Money(200_00, "EUR")
    given(PLACED, RELEASED).when(holds.capture, much, "S", is_final=True).refused(
        errors.HoldNotActive("RELEASED")
    )
    given(PLACED).when(holds.capture, much, "S", is_final=True).refused(errors.CaptureCurrencyMismatch("USD"))


def test_a_release_and_an_expiry_free_what_is_left() -> None:
    given(PLACED).when(holds.release, "no show").then(HoldReleased(usd(100_00), "no show"))
    given(PLACED, PART).when(holds.release, "").then(HoldReleased(usd(70_00)))
    given(PLACED).when(holds.expire).then(EXPIRED)
    given(PLACED, PART).when(holds.expire).then(HoldExpired(usd(70_00)))


@pytest.mark.parametrize(
    ("ended", "status"), [(CAPTURED, "CAPTURED"), (RELEASED, "RELEASED"), (EXPIRED, "EXPIRED")]
)
def test_nothing_happens_to_a_hold_that_has_ended(ended: holds.HoldEvent, status: str) -> None:
    refusal = errors.HoldNotActive(status)
    given(PLACED, ended).when(holds.capture, usd(1), "S", is_final=True).refused(refusal)
    given(PLACED, ended).when(holds.release, "").refused(refusal)
    given(PLACED, ended).when(holds.expire).refused(refusal)


def test_a_hold_has_run_out_seven_days_after_it_was_placed() -> None:
    hold: Hold = fold(holds.evolve, PLACED)
    end = AT + timedelta(days=7)
    assert not holds.has_run_out(hold, end - timedelta(microseconds=1))
    assert holds.has_run_out(hold, end)
    assert not holds.has_run_out(fold(holds.evolve, PLACED, CAPTURED), end)


def test_a_hold_says_what_is_left_and_whether_it_was_touched() -> None:
    def facts(*events: holds.HoldEvent) -> tuple[str, int, int, bool]:
        hold: Hold = fold(holds.evolve, PLACED, *events)
        return hold.status, hold.captured, hold.left.minor, hold.is_untouched

    assert facts() == ("ACTIVE", 0, 100_00, True)
    assert facts(PART) == ("ACTIVE", 30_00, 70_00, False)
    assert facts(CAPTURED) == ("CAPTURED", 100_00, 0, False)
    assert facts(PART, HoldReleased(usd(70_00))) == ("RELEASED", 30_00, 0, False)
    assert facts(PART, HoldExpired(usd(70_00))) == ("EXPIRED", 30_00, 0, False)
    assert facts(RELEASED) == ("RELEASED", 0, 0, False)
