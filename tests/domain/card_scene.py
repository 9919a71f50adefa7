"""A card, its account and a purchase that is approved, and what is to be changed about them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from domain.accounts import Account
from domain.authorization_checks import Terms
from domain.card_limits import CardLimits, ChannelLimits
from domain.card_spending import Spending
from domain.cards import Card
from domain.money import Money

AT = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
CARD_ID, REQUEST_ID, EXPIRY = 789_123_456, 4_000, "12/25"
LIMITS = CardLimits(
    2_000_00,
    5_000_00,
    20_000_00,
    {"ATM": ChannelLimits(500_00, 1_000_00), "E_COMMERCE": ChannelLimits(1_000_00, 3_000_00)},
)

USED = Spending(channels=("POS", "ATM", "E_COMMERCE", "CONTACTLESS", "MOTO"))


def card(**changed: Any) -> Card:
    """One that was used in every channel, long ago."""
    return msgspec.structs.replace(Card(CARD_ID, "a", EXPIRY, LIMITS, "USA", spending=USED), **changed)


def account(posted: int = 10_000_00, **changed: Any) -> Account:
    opened = Account(
        "a", "0321654987", "ann", "checking", "USD", posted, 0, 0, "active", 321654987, 654987321
    )
    return msgspec.structs.replace(opened, **changed)


def terms(minor: int = 125_50, **changed: Any) -> Terms:
    purchase = Terms("PURCHASE", Money(minor, "USD"), "POS", "5411", "USA", "MERCH123456", "Example Merchant")
    return msgspec.structs.replace(purchase, **changed)
