"""A card hold sets money aside on an account until it is captured, reversed, released or expires.

    ACTIVE ──> CAPTURED     all that was taken is taken, what is left is free again
       ├─────> RELEASED     by the merchant, or with the reversal of its authorization
       └─────> EXPIRED      seven days after it was placed

What was captured before a release or an expiry stays captured. The money itself is moved by the account's
own events, in the same group.
"""

from datetime import datetime, timedelta
from typing import Literal, assert_never

import msgspec

from domain import errors
from domain.events import Event
from domain.money import Money

ACTIVE, CAPTURED, RELEASED, EXPIRED = "ACTIVE", "CAPTURED", "RELEASED", "EXPIRED"
STATUSES = (ACTIVE, CAPTURED, RELEASED, EXPIRED)
HoldStatus = Literal["ACTIVE", "CAPTURED", "RELEASED", "EXPIRED"]

LIFE = timedelta(days=7)


class HoldPlaced(Event, frozen=True):
    """`card_account_id` and `card_account_space_id` are the integers that the card surface shows."""

    TOPIC = "hold.placed"
    hold_id: int
    request_id: int
    card_id: int
    account_id: str
    card_account_id: int
    card_account_space_id: int
    amount: Money
    channel: str
    category: str
    merchant_id: str
    merchant_name: str
    placed_at: datetime
    expires_at: datetime


class HoldCaptured(Event, frozen=True):
    """`amount` was taken now, `captured` altogether; a final capture frees `released`, what was left."""

    TOPIC = "hold.captured"
    amount: Money
    captured: int
    reference: str
    is_final: bool = True
    released: int = 0


class HoldReleased(Event, frozen=True):
    """`amount` is what was left of it."""

    TOPIC = "hold.released"
    amount: Money
    reason: str = ""


class HoldExpired(Event, frozen=True):
    """`amount` is what was left of it."""

    TOPIC = "hold.expired"
    amount: Money


HoldEvent = HoldPlaced | HoldCaptured | HoldReleased | HoldExpired


class Hold(msgspec.Struct, frozen=True):
    """`placed` carries its fixed terms; `captured` in minor units."""

    placed: HoldPlaced
    captured: int = 0
    status: HoldStatus = "ACTIVE"

    @property
    def left(self) -> Money:
        """What is still held."""
        taken = self.placed.amount.minor if self.status != ACTIVE else self.captured
        return Money(self.placed.amount.minor - taken, self.placed.amount.currency)

    @property
    def is_untouched(self) -> bool:
        return self.status == ACTIVE and self.captured == 0


def stream(hold_id: int) -> str:
    return f"hold-{hold_id}"


def capture(hold: Hold, amount: Money, reference: str, *, is_final: bool) -> HoldCaptured:
    """Taking all that is left ends the hold, final or not."""
    refuse_inactive(hold)
    if amount.currency != hold.placed.amount.currency:
        raise errors.CaptureCurrencyMismatch(hold.placed.amount.currency)
    left = hold.left
    if amount > left:
        raise errors.CaptureExceedsHold(left.minor, left.currency)
    rest = left.minor - amount.minor
    is_last = is_final or rest == 0
    return HoldCaptured(amount, hold.captured + amount.minor, reference, is_last, rest if is_last else 0)


def release(hold: Hold, reason: str) -> HoldReleased:
    refuse_inactive(hold)
    return HoldReleased(hold.left, reason)


def expire(hold: Hold) -> HoldExpired:
    refuse_inactive(hold)
    return HoldExpired(hold.left)


def has_run_out(hold: Hold, at: datetime) -> bool:
    """Whether its time is over by the clock, though nothing has ended it yet."""
    return hold.status == ACTIVE and at >= hold.placed.expires_at


def refuse_inactive(hold: Hold) -> None:
    if hold.status != ACTIVE:
        raise errors.HoldNotActive(hold.status)


def evolve(hold: Hold | None, event: HoldEvent) -> Hold:
    if isinstance(event, HoldPlaced):
        return Hold(event)
    assert hold is not None, "a hold's first event places it"
    match event:
        case HoldCaptured():
            return Hold(hold.placed, event.captured, "CAPTURED" if event.is_final else "ACTIVE")
        case HoldReleased():
            return Hold(hold.placed, hold.captured, "RELEASED")
        case HoldExpired():
            return Hold(hold.placed, hold.captured, "EXPIRED")
        case _:
            assert_never(event)
