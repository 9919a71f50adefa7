"""Cards in plain lists, written from the documents and not from the code, beside the bank with the money.

Nothing is kept that can be counted again: what was spent on a day is added up from all authorizations ever.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.properties.bank_model import Model as Bank
from tests.properties.bank_model import ModelAccount

Reply = Any
KINDS = ("transaction", "daily", "monthly")
HIGH_RISK = {"4829", "6051", "7995", "5967"}


class Asked(NamedTuple):
    """What a merchant asks for. `expiry` as MM/YY."""

    card: str
    kind: str
    amount: int
    channel: str
    category: str = "5411"
    country: str = "USA"
    currency: str = "USD"
    expiry: str = "12/25"


@dataclass
class ModelOverride:
    limits: dict[str, int]
    expires_at: datetime


@dataclass
class ModelCard:
    account: str
    expiry: str
    country: str
    limits: dict[str, int]
    channels: dict[str, dict[str, int]]
    status: str = "ACTIVE"
    overrides: dict[int, ModelOverride] = field(default_factory=dict)
    attempts: list[datetime] = field(default_factory=list)

    def limit(self, kind: str, channel: str | None, at: datetime) -> int | None:
        own = self.limits if channel is None else self.channels.get(channel, {})
        active = [each.limits for each in self.overrides.values() if each.expires_at > at]
        newest = [limits[kind] for limits in active if kind in limits]
        return newest[-1] if newest and kind in own else own.get(kind)


@dataclass
class ModelAuthorization:
    asked: Asked
    decision: str
    reason: str
    score: int
    decided_at: datetime
    approved_at: datetime | None = None
    hold: str | None = None
    captured: int = 0

    @property
    def left(self) -> int:
        return self.asked.amount - self.captured if self.hold == "ACTIVE" else 0

    @property
    def counted(self) -> int:
        """Against limits: what is held still, and what was taken."""
        return self.left + self.captured

    @property
    def reply(self) -> Reply:
        approved = 0 if self.decision == "DECLINED" else self.asked.amount
        return self.decision, self.reason, self.score, approved


@dataclass
class CardModel:
    """Each method changes bank and cards as the command does, and answers what the command answers."""

    bank: Bank = field(default_factory=Bank)
    cards: dict[str, ModelCard] = field(default_factory=dict)
    asked: dict[int, ModelAuthorization] = field(default_factory=dict)
    keys: dict[str, tuple[str, Reply]] = field(default_factory=dict)

    def once(self, key: str | None, content: str, act: Callable[[], Reply]) -> Reply:
        if key is None:
            return act()
        if key not in self.keys:
            reply = act()
            if isinstance(reply, str) and reply.endswith("_not_found"):
                return reply
            self.keys[key] = (content, reply)
        known, reply = self.keys[key]
        return reply if known == content else "idempotency_conflict"

    def account_of(self, card: str) -> ModelAccount:
        return self.bank.accounts[self.cards[card].account]

    # Authorizations

    def authorize(self, number: int, asked: Asked, at: datetime) -> Reply:
        card = self.cards.get(asked.card)
        score = 0 if asked.kind == "REFUND" else self._score(asked, at)
        reason = self._failure(asked, at, asked.expiry)
        decision = "DECLINED" if reason else "APPROVED"
        if reason is None and asked.kind != "REFUND":
            if score >= 90:
                decision, reason = "DECLINED", "SUSPECTED_FRAUD"
            elif score >= 70 and asked.channel == "E_COMMERCE":
                decision, reason = "CHALLENGE", "ADDITIONAL_AUTHENTICATION_REQUIRED"
        if card is not None and asked.kind != "REFUND":
            card.attempts.append(at)
        made = ModelAuthorization(asked, decision, reason or "APPROVED_TRANSACTION", score, at)
        self.asked[number] = made
        if decision == "APPROVED":
            self._approve(made, at)
        return made.reply

    def _approve(self, made: ModelAuthorization, at: datetime) -> None:
        account = self.account_of(made.asked.card)
        if made.asked.kind == "REFUND":
            account.posted += made.asked.amount
            self.bank.outside -= made.asked.amount
        else:
            made.approved_at, made.hold = at, "ACTIVE"
            account.held += made.asked.amount

    def _failure(self, asked: Asked, at: datetime, expiry: str | None) -> str | None:
        return next(self._failures(asked, at, expiry), None)

    def _failures(self, asked: Asked, at: datetime, expiry: str | None) -> Iterator[str]:
        """The documented order."""
        card = self.cards.get(asked.card)
        if card is None:
            yield "CARD_NOT_FOUND"
            return
        account, is_refund = self.account_of(asked.card), asked.kind == "REFUND"
        if card.status == "BLOCKED":
            yield "CARD_BLOCKED"
        if expiry not in (None, card.expiry):
            yield "INVALID_EXPIRY_DATE"
        if (at.year - 2000, at.month) > (int(card.expiry[3:]), int(card.expiry[:2])):
            yield "CARD_EXPIRED"
        if account.status == "closed" or (account.status == "frozen" and not is_refund):
            yield "ACCOUNT_NOT_ACTIVE"
        if asked.currency != "USD":
            yield "CURRENCY_NOT_SUPPORTED"
        if is_refund:
            return
        for reason, kind, channel in (
            ("TRANSACTION_LIMIT_EXCEEDED", "transaction", None),
            ("CHANNEL_TRANSACTION_LIMIT_EXCEEDED", "transaction", asked.channel),
            ("DAILY_LIMIT_EXCEEDED", "daily", None),
            ("CHANNEL_DAILY_LIMIT_EXCEEDED", "daily", asked.channel),
            ("MONTHLY_LIMIT_EXCEEDED", "monthly", None),
        ):
            limit = card.limit(kind, channel, at)
            if limit is not None and self.spent(asked.card, kind, channel, at) + asked.amount > limit:
                yield reason
        if asked.amount > account.available:
            yield "INSUFFICIENT_FUNDS"

    def _approvals(self, card: str) -> list[tuple[datetime, ModelAuthorization]]:
        return [
            (made.approved_at, made)
            for made in self.asked.values()
            if made.asked.card == card and made.approved_at is not None
        ]

    def spent(self, card: str, kind: str, channel: str | None, at: datetime) -> int:
        """What counts against a limit of that kind, in one channel or (None) in all."""
        if kind == "transaction":
            return 0
        shape = "%Y-%m-%d" if kind == "daily" else "%Y-%m"
        return sum(
            made.counted
            for approved_at, made in self._approvals(card)
            if approved_at.strftime(shape) == at.strftime(shape) and channel in (None, made.asked.channel)
        )

    def _score(self, asked: Asked, at: datetime) -> int:
        score = 5
        card = self.cards.get(asked.card)
        if card is not None:
            approvals = self._approvals(asked.card)
            recent = [made.asked.amount for when, made in approvals if at - when < timedelta(days=30)]
            attempts = [when for when in card.attempts if at - when < timedelta(minutes=10)]
            score += 25 if recent and asked.amount * len(recent) > 3 * sum(recent) else 0
            score += 15 if asked.country != card.country else 0
            score += 30 if len(attempts) + 1 >= 5 else 0
            score += 0 if any(made.asked.channel == asked.channel for _, made in approvals) else 10
        score += 45 if asked.channel == "E_COMMERCE" and asked.amount >= 1_000_00 else 0
        score += 25 if asked.category in HIGH_RISK else 0
        score += 5 if at.hour < 5 else 0
        return min(score, 100)

    def complete(self, number: int, result: str, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None:
            return "authorization_not_found"
        self.expire_challenge(number, at)
        if made.decision != "CHALLENGE":
            return "not_awaiting_challenge"
        reason = "CHALLENGE_FAILED" if result == "FAILURE" else self._failure(made.asked, at, None)
        made.decision, made.reason = (
            ("DECLINED", reason) if reason is not None else ("APPROVED", "APPROVED_TRANSACTION")
        )
        if made.decision == "APPROVED":
            self._approve(made, at)
        return made.reply

    def expire_challenge(self, number: int, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None or made.decision != "CHALLENGE" or at - made.decided_at < timedelta(minutes=10):
            return None
        made.decision, made.reason = "DECLINED", "CHALLENGE_EXPIRED"
        return made.decision

    def reverse(self, number: int, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None:
            return "authorization_not_found"
        self.expire_hold(number, at)
        if made.decision != "APPROVED" or made.hold != "ACTIVE" or made.captured:
            return "authorization_not_reversible"
        self._end(made, "RELEASED")
        made.decision, made.reason = "DECLINED", "AUTHORIZATION_REVERSED"
        return made.reply

    # Holds

    def _end(self, made: ModelAuthorization, status: str) -> None:
        self.account_of(made.asked.card).held -= made.left
        made.hold = status

    def capture(self, number: int, amount: int, currency: str, is_final: bool, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None or made.hold is None:
            return "hold_not_found"
        self.expire_hold(number, at)
        if made.hold != "ACTIVE":
            return "hold_not_active"
        if currency != "USD":
            return "capture_currency_mismatch"
        if amount > made.left:
            return "capture_exceeds_hold"
        account = self.account_of(made.asked.card)
        account.held -= amount
        account.posted -= amount
        self.bank.outside += amount
        made.captured += amount
        if is_final or made.left == 0:
            self._end(made, "CAPTURED")
        return made.hold, made.captured

    def release(self, number: int, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None or made.hold is None:
            return "hold_not_found"
        self.expire_hold(number, at)
        if made.hold != "ACTIVE":
            return "hold_not_active"
        self._end(made, "RELEASED")
        account = self.account_of(made.asked.card)
        return account.available, account.held, account.posted

    def expire_hold(self, number: int, at: datetime) -> Reply:
        made = self.asked.get(number)
        if made is None or made.hold != "ACTIVE" or made.approved_at is None:
            return None
        if at - made.approved_at < timedelta(days=7):
            return None
        self._end(made, "EXPIRED")
        return "EXPIRED"

    # Limits

    def change_limits(self, card: str, change: dict[str, int], channels: dict[str, Any]) -> Reply:
        known = self.cards[card]
        limits = {**known.limits, **change}
        named = {name: each for name, each in {**known.channels, **channels}.items() if each is not None}
        for each in (limits, *named.values()):
            values = [each[kind] for kind in KINDS if kind in each]
            if values != sorted(values) or min(values, default=1) <= 0:
                return "invalid_card_limits"
        known.limits, known.channels = limits, named
        return limits, named

    def override(
        self, card: str, number: int, limits: dict[str, int], until: datetime, at: datetime
    ) -> Reply:
        values = [limits[kind] for kind in KINDS if kind in limits]
        if not values or values != sorted(values) or min(values) <= 0:
            return "invalid_card_limits"
        if until <= at:
            return "override_expires_too_early"
        self.cards[card].overrides[number] = ModelOverride(limits, until)
        return number

    def delete_override(self, number: int) -> Reply:
        for card in self.cards.values():
            if card.overrides.pop(number, None) is not None:
                return number
        return "limit_override_not_found"

    def expire_override(self, number: int, at: datetime) -> None:
        for card in self.cards.values():
            if number in card.overrides and card.overrides[number].expires_at <= at:
                del card.overrides[number]
