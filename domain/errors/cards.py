"""What cards, authorizations and card holds are refused for."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import CardRefusal


@dataclass
class CardExists(CardRefusal):
    """A card with that number (its hash) was issued before."""

    code: ClassVar[str] = "card_exists"


@dataclass
class InvalidCardLimits(CardRefusal):
    """`limit` names the one that is out of order (`dailyLimit`, `channelLimits.ATM.dailyLimit`),
    `constraint` says in words what it breaks."""

    code: ClassVar[str] = "invalid_card_limits"
    limit: str
    constraint: str


@dataclass
class OverrideExpiresTooEarly(CardRefusal):
    code: ClassVar[str] = "override_expires_too_early"


@dataclass
class AuthorizationNotReversible(CardRefusal):
    """`status` is the decision that stands, or the state of its hold."""

    code: ClassVar[str] = "authorization_not_reversible"
    status: str


@dataclass
class NotAwaitingChallenge(CardRefusal):
    code: ClassVar[str] = "not_awaiting_challenge"
    decision: str


@dataclass
class HoldNotActive(CardRefusal):
    code: ClassVar[str] = "hold_not_active"
    status: str


@dataclass
class CaptureCurrencyMismatch(CardRefusal):
    code: ClassVar[str] = "capture_currency_mismatch"
    currency: str


@dataclass
class CaptureExceedsHold(CardRefusal):
    """`left` in minor units of `currency` is what of the hold can still be captured."""

    code: ClassVar[str] = "capture_exceeds_hold"
    left: int
    currency: str
