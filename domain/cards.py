"""A payment card: issued, blocked, limited; and what it was used for, as far as decisions look back.

A card number never gets here: cards are found by the digest of its hash (`card_aliases`), and shown masked.
Amounts are minor units of the currency of the card's account.
"""

from datetime import UTC, datetime
from typing import Literal, assert_never

import msgspec

from domain import card_limits, card_spending, errors
from domain.card_limits import CardLimits, EffectiveLimits, LimitsChange, Override
from domain.card_spending import Spending
from domain.events import Event

ACTIVE, BLOCKED = "ACTIVE", "BLOCKED"
CardStatus = Literal["ACTIVE", "BLOCKED"]


class CardIssued(Event, frozen=True):
    """`expiry` is printed on the card as MM/YY: it is good until that month ends. `country` is the
    customer's when the card was issued, ISO 3166 alpha-3, None where it is not known."""

    TOPIC = "card.issued"
    card_id: int
    account_id: str
    masked_pan: str
    expiry: str
    limits: CardLimits
    country: str | None = None


class CardWasBlocked(Event, frozen=True):
    TOPIC = "card.blocked"
    reason: str = ""


class CardUnblocked(Event, frozen=True):
    TOPIC = "card.unblocked"
    reason: str = ""


class LimitsChanged(Event, frozen=True):
    """`limits` are all that hold from here on, changed or not."""

    TOPIC = "card.limits_changed"
    limits: CardLimits


class LimitsOverridden(Event, frozen=True):
    TOPIC = "card.limits_overridden"
    override: Override


class OverrideDeleted(Event, frozen=True):
    TOPIC = "card.override_deleted"
    override_id: int


class OverrideExpired(Event, frozen=True):
    TOPIC = "card.override_expired"
    override_id: int


class CardAttempted(Event, frozen=True):
    """An authorization was asked for and not (yet) approved."""

    TOPIC = "card.attempted"
    request_id: int
    attempted_at: datetime


class CardSpent(Event, frozen=True):
    """An authorization was approved: it counts against the limits of the day and month of `approved_at`.

    `is_attempt` is false where the attempt was counted before, when it was challenged.
    """

    TOPIC = "card.spent"
    request_id: int
    channel: str
    category: str
    amount: int
    approved_at: datetime
    is_attempt: bool = True


class SpendingReturned(Event, frozen=True):
    """What was approved at `approved_at` counts less: reversed, released, expired or not captured.

    `left` is what of the authorization still counts.
    """

    TOPIC = "card.spending_returned"
    request_id: int
    channel: str
    category: str
    amount: int
    approved_at: datetime
    left: int = 0


CardEvent = (
    CardIssued
    | CardWasBlocked
    | CardUnblocked
    | LimitsChanged
    | LimitsOverridden
    | OverrideDeleted
    | OverrideExpired
    | CardAttempted
    | CardSpent
    | SpendingReturned
)


class Card(msgspec.Struct, frozen=True):
    """What decisions need to know. `overrides` are in the order of their making."""

    card_id: int
    account_id: str
    expiry: str
    limits: CardLimits
    country: str | None = None
    status: CardStatus = "ACTIVE"
    overrides: tuple[Override, ...] = ()
    spending: Spending = card_spending.NOTHING

    def limits_for(self, channel: str, at: datetime) -> EffectiveLimits:
        return card_limits.effective(self.limits, self.overrides, channel, at)


def stream(card_id: int) -> str:
    return f"card-{card_id}"


def has_expired(expiry: str, at: datetime) -> bool:
    """Whether the month on the card (MM/YY) is over."""
    month, year = int(expiry[:2]), 2000 + int(expiry[3:])
    first_instant_after = (
        datetime(year + 1, 1, 1, tzinfo=UTC) if month == 12 else datetime(year, month + 1, 1, tzinfo=UTC)
    )
    return at >= first_instant_after


def change_status(card: Card, status: CardStatus, reason: str) -> CardWasBlocked | CardUnblocked | None:
    """None where the card has that status already."""
    if card.status == status:
        return None
    return CardWasBlocked(reason) if status == BLOCKED else CardUnblocked(reason)


def change_limits(card: Card, change: LimitsChange) -> LimitsChanged:
    return LimitsChanged(card_limits.changed(card.limits, change))


def override_limits(card: Card, override: Override, at: datetime) -> tuple[CardEvent, ...]:
    """The override, after the end of the oldest one where the card has as many as it may have."""
    overridden = LimitsOverridden(card_limits.checked_override(override, at))
    if len(card.overrides) < card_limits.OVERRIDES_MAX:
        return (overridden,)
    return OverrideDeleted(card.overrides[0].override_id), overridden


def delete_override(card: Card, override_id: int) -> OverrideDeleted:
    """Raises LimitOverrideNotFound also for one that has expired and been removed."""
    if all(override.override_id != override_id for override in card.overrides):
        raise errors.LimitOverrideNotFound(override_id)
    return OverrideDeleted(override_id)


def expire_override(card: Card, override_id: int, at: datetime) -> OverrideExpired | None:
    for override in card.overrides:
        if override.override_id == override_id and override.expires_at <= at:
            return OverrideExpired(override_id)
    return None


def evolve(card: Card | None, event: CardEvent) -> Card:
    if isinstance(event, CardIssued):
        return Card(event.card_id, event.account_id, event.expiry, event.limits, event.country)
    assert card is not None, "a card's first event issues it"
    match event:
        case CardSpent():
            return _with_spending(card, _spent(card.spending, event))
        case CardAttempted():
            return _with_spending(card, card_spending.with_attempt(card.spending, event.attempted_at))
        case SpendingReturned():
            returned = card_spending.without(card.spending, event.channel, event.amount, event.approved_at)
            return _with_spending(card, returned)
        case CardWasBlocked():
            return msgspec.structs.replace(card, status="BLOCKED")
        case CardUnblocked():
            return msgspec.structs.replace(card, status="ACTIVE")
        case LimitsChanged():
            return msgspec.structs.replace(card, limits=event.limits)
        case LimitsOverridden():
            return msgspec.structs.replace(card, overrides=(*card.overrides, event.override))
        case OverrideDeleted() | OverrideExpired():
            return msgspec.structs.replace(card, overrides=_without(card.overrides, event.override_id))
        case _:
            assert_never(event)


def _spent(spending: Spending, event: CardSpent) -> Spending:
    if event.is_attempt:
        spending = card_spending.with_attempt(spending, event.approved_at)
    return card_spending.with_approval(spending, event.channel, event.amount, event.approved_at)


def _with_spending(card: Card, spending: Spending) -> Card:
    # Written out because it runs for every authorization: a third of the time of structs.replace.
    return Card(
        card.card_id,
        card.account_id,
        card.expiry,
        card.limits,
        card.country,
        card.status,
        card.overrides,
        spending,
    )


def _without(overrides: tuple[Override, ...], override_id: int) -> tuple[Override, ...]:
    return tuple(override for override in overrides if override.override_id != override_id)
