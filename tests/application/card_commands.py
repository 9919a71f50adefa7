"""What clients of the cards surface send in a simulation, from the simulation's own chance."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from application import authorizations, cards, holds
from application.authorizations import Authorize, CompleteChallenge, ExpireChallenge, Reverse
from application.cards import ChangeCardLimits, ChangeCardStatus, EndOverride, IssueCard, OverrideCardLimits
from application.decision import Command, Handler
from application.holds import CaptureHold, ExpireHold, ReleaseHold
from application.idempotency import RequestKey
from domain.authorization_checks import Terms
from domain.authorizations import ChallengeResult, Ruling
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits, ChannelLimits, LimitsChange
from domain.money import Money

EXPIRY = "12/35"
LIMITS = CardLimits(80_00, 120_00, 200_00, {"E_COMMERCE": ChannelLimits(60_00, 90_00)})
CHANGES = (
    LimitsChange(transaction=30_00),
    LimitsChange(transaction=100_00, channels={"E_COMMERCE": None}),
    LimitsChange(daily=150_00, monthly=150_00, channels={"ATM": ChannelLimits(20_00, 30_00)}),
)


class Sent(NamedTuple):
    """`effective_at` is a timer's due time."""

    handler: Handler[Any, Any]
    command: Command
    effective_at: datetime | None = None


class CardCommands:
    def __init__(self, chance: random.Random, start: datetime) -> None:
        self._chance = chance
        self._start = start
        # Two on the first account, so that they also meet there.
        self._cards = {4: "acct_0", 8: "acct_0", 12: "acct_1"}
        self._numbers = 1_000
        self._asked: list[Ruling] = []
        self._overrides: list[int] = []
        self._keys = 0

    def issue(self) -> Iterator[IssueCard]:
        for card_id, account in self._cards.items():
            yield IssueCard(
                card_id,
                account,
                self._number(),
                of_pan_hash(str(card_id)),
                "411111******1111",
                EXPIRY,
                LIMITS,
            )

    def saw(self, answer: Any) -> None:
        """What was decided is what clients go on with."""
        if isinstance(answer, Ruling):
            self._asked.append(answer)

    def again(self, command: Command) -> Command:
        """The same request once more: it takes fresh numbers, as any request does."""
        match command:
            case Authorize():
                return msgspec.structs.replace(command, request_id=self._number())
            case CompleteChallenge() | Reverse():
                return msgspec.structs.replace(command, decision_id=self._number() + 1)
            case OverrideCardLimits():
                return msgspec.structs.replace(command, override_id=self._number())
            case _:
                return command

    def any(self) -> Sent:
        kind = self._chance.choices(("authorize", "change", "timer", "administer"), weights=(8, 8, 2, 2))[0]
        if kind == "administer":
            return self._administration()
        if kind == "authorize" or not self._asked:
            return self._authorization()
        # Mostly of late, where something can still happen.
        ruling = self._chance.choice(self._asked[-5:] if self._chance.random() < 0.8 else self._asked)
        return self._change(ruling) if kind == "change" else self._timer(ruling.request_id)

    def _number(self) -> int:
        self._numbers += 4
        return self._numbers

    def _key(self) -> RequestKey | None:
        self._keys += 1
        return RequestKey(f"card-request-{self._keys}", "hash") if self._chance.random() < 0.7 else None

    def _authorization(self) -> Sent:
        choice = self._chance.choice
        terms = Terms(
            choice(("PURCHASE", "PURCHASE", "PURCHASE", "PURCHASE", "CASH_WITHDRAWAL", "REFUND")),
            Money(choice((1_00, 2_00, 10_00, 20_00, 40_00, 60_01, 90_00)), "USD"),
            choice(("POS", "ATM", "E_COMMERCE", "E_COMMERCE")),
            choice(("5411", "7995")),
            choice(("USA", "GBR")),
            "MERCH",
            "Merchant",
        )
        pan_hash = choice((*map(str, self._cards), *map(str, self._cards), "nobody"))
        expiry = EXPIRY if self._chance.random() < 0.95 else "11/35"
        command = Authorize(self._number(), of_pan_hash(pan_hash), expiry, terms, self._key())
        return Sent(authorizations.authorize, command)

    def _change(self, ruling: Ruling) -> Sent:
        """Mostly what the ruling lets one do."""
        request_id = ruling.request_id
        weights = (1, 1, 1, 9) if ruling.decision == "CHALLENGE" else (4, 2, 2, 1)
        kinds = ("capture", "release", "reverse", "complete")
        match self._chance.choices(kinds, weights)[0]:
            case "capture":
                amount = Money(self._chance.choice((1_00, 2_00, 10_00, 40_00)), "USD")
                is_final = self._chance.random() < 0.5
                capture = CaptureHold(request_id + 2, amount, "S", is_final=is_final, key=self._key())
                return Sent(holds.capture_hold, capture)
            case "release":
                return Sent(holds.release_hold, ReleaseHold(request_id + 2, "reason", self._key()))
            case "reverse":
                reversal = Reverse(request_id, self._number() + 1, "reason", self._key())
                return Sent(authorizations.reverse, reversal)
            case _:
                results: tuple[ChallengeResult, ...] = ("SUCCESS", "SUCCESS", "FAILURE")
                result = self._chance.choice(results)
                completion = CompleteChallenge(request_id, self._number() + 1, result, self._key())
                return Sent(authorizations.complete_challenge, completion)

    def _timer(self, request_id: int) -> Sent:
        """When they are due, and before."""
        minutes = self._chance.choice((0, 11))
        if self._chance.random() < 0.5:
            due_at = self._start + timedelta(minutes=minutes)
            return Sent(authorizations.expire_challenge, ExpireChallenge(request_id), due_at)
        due_at = self._start + timedelta(days=7, minutes=minutes)
        return Sent(holds.expire_hold, ExpireHold(request_id + 2), due_at)

    def _administration(self) -> Sent:
        card_id = self._chance.choice(tuple(self._cards))
        kind = self._chance.choice(("limits", "override", "override", "end", "status"))
        if kind == "limits":
            change = ChangeCardLimits(card_id, self._chance.choice(CHANGES), self._key())
            return Sent(cards.change_card_limits, change)
        if kind == "status":
            status = ChangeCardStatus(card_id, self._chance.choice(("ACTIVE", "ACTIVE", "BLOCKED")))
            return Sent(cards.change_card_status, status)
        if kind == "end" and self._overrides:
            ended = EndOverride(self._chance.choice(self._overrides), self._key())
            is_timer = self._chance.random() < 0.3
            due_at = self._start + timedelta(days=1) if is_timer else None
            return Sent(cards.expire_override if is_timer else cards.delete_override, ended, due_at)
        override = OverrideCardLimits(
            card_id,
            self._number(),
            "travel",
            "admin",
            self._start + timedelta(hours=1),
            transaction=self._chance.choice((None, 5_00, 100_00)),
            daily=self._chance.choice((110_00, 300_00)),
            key=self._key(),
        )
        self._overrides.append(override.override_id)
        return Sent(cards.override_card_limits, override)
