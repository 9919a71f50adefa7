"""Card commands in any order beside their model: authorize, challenge, capture, release, reverse, limit."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from application import authorizations, holds
from application.decision import Command, Handler
from application.idempotency import RequestKey
from domain import card_aliases
from domain.accounts import Account
from domain.authorization_checks import Terms
from domain.authorizations import Authorization, Ruling
from domain.cards import Card
from domain.holds import Hold
from domain.money import Money
from tests.audit import audit
from tests.properties.card_choices import (
    CARD_IDS,
    CARDS,
    CHANNELS,
    NOBODYS_NUMBER,
    OVERRIDES,
    amounts,
    as_choices,
    challenged,
    channels,
    held,
    keys,
    own_cards,
    picks,
)
from tests.properties.card_limits_machine import CardLimitsMachine
from tests.properties.card_model import Asked, ModelAuthorization
from tests.properties.ledger_machine import Disk


class CardMachine(CardLimitsMachine):
    def __init__(self, disk: Disk | None = None) -> None:
        super().__init__(disk)
        self.sent: dict[int, tuple[Asked, str | None]] = {}

    def as_model(self, answer: Any) -> Any:
        match answer:
            case Ruling():
                return answer.decision, answer.reason, answer.risk_score, answer.approved.minor
            case holds.ChangedHold():
                return answer.hold.status, answer.hold.captured
            case holds.ReleasedHold():
                return answer.available, answer.held, answer.posted
            case _:
                return super().as_model(answer)

    def _pick(self, pick: int, wish: str) -> int:
        """One of the newest authorizations of which the wish holds, or else of any."""
        fulfils: Callable[[ModelAuthorization], bool] = {
            "held": lambda made: made.hold == "ACTIVE",
            "challenged": lambda made: made.decision == "CHALLENGE",
            "any": lambda made: True,
            "nobody's": lambda made: False,
        }[wish]
        numbers = [number for number, made in self.model.asked.items() if fulfils(made)]
        if not numbers and wish != "nobody's":
            numbers = list(self.model.asked)
        return numbers[-1 - pick % len(numbers)] if numbers else NOBODYS_NUMBER

    # Authorizations

    @rule(
        card=own_cards,
        amount=amounts,
        channel=channels,
        category=st.sampled_from(("5411", "5411", "7995")),
        country=st.sampled_from(("USA", "USA", "GBR")),
        is_keyed=st.booleans(),
    )
    def authorize(
        self, card: str, amount: int, channel: str, category: str, country: str, is_keyed: bool
    ) -> None:
        self._authorize(Asked(card, "PURCHASE", amount, channel, category, country, "USD", ""), is_keyed)

    @rule(
        card=st.sampled_from(("wide", "foreign")),
        channel=st.sampled_from(("E_COMMERCE", "E_COMMERCE", "E_COMMERCE", "POS")),
        amount=st.sampled_from((1_000_00, 1_400_00)),
        risks=st.permutations((("7995", "USA"), ("7995", "GBR"), ("5411", "GBR"))),
        seconds=st.sampled_from((0, 0, 599, 600)),
        meanwhile=st.sampled_from(("nothing", "nothing", "blocked", "frozen", "limited", "asked again")),
        result=st.sampled_from(("SUCCESS", "SUCCESS", "FAILURE", None)),
    )
    def authorize_at_risk(
        self,
        card: str,
        channel: str,
        amount: int,
        risks: list[tuple[str, str]],
        seconds: int,
        meanwhile: str,
        result: Literal["SUCCESS", "FAILURE"] | None,
    ) -> None:
        """Until there is a challenge, which is completed after some time or left to its timer.

        At noon of the next day: at night and after many attempts it would mostly be suspected fraud.
        """
        noon = self.clock.instant.replace(hour=12, minute=0, second=0)
        self.clock.instant = noon + timedelta(days=1)
        for category, country in risks:
            self.authorize(card, amount, channel, category, country, True)
            if self.model.asked[self._pick(0, "any")].decision == "CHALLENGE":
                break
        self.clock_moves(seconds)
        match meanwhile:
            case "blocked":
                self.change_card_status(card, "BLOCKED")
            case "frozen":
                self.change_status(CARDS[card][0], "frozen")
            case "limited":
                self.change_limits(card, {"transaction": 400_00}, "ATM", None)
            case "asked again":
                self.authorize(card, 30_00, channel, "5411", "USA", False)
        if result is None:
            self.timers_fire(True)
        else:
            self.complete(0, "challenged", result, None)
        self.change_card_status(card, "ACTIVE")
        self.change_status(CARDS[card][0], "active")

    @rule(
        card=own_cards,
        channel=channels,
        overrides=st.lists(st.sampled_from(OVERRIDES), min_size=1, max_size=3),
        seconds=st.sampled_from((60, 600)),
    )
    def authorize_under_overrides(
        self, card: str, channel: str, overrides: list[dict[str, int]], seconds: int
    ) -> None:
        """Until and after they end, all at one instant."""
        for limits in overrides:
            self.override(card, limits, seconds)
        for wait in (0, seconds - 1, 1):
            self.clock_moves(wait)
            for amount in (400_00, 150_00):
                self.authorize(card, amount, channel, "5411", "USA", False)

    @rule(card=own_cards, is_frozen=st.booleans())
    def refund(self, card: str, is_frozen: bool) -> None:
        """Also to an account that is frozen."""
        self.change_status(CARDS[card][0], "frozen" if is_frozen else "active")
        self._authorize(Asked(card, "REFUND", 30_00, "POS", expiry=""), True)
        self.change_status(CARDS[card][0], "active")

    @rule(card=own_cards, channel=channels, count=st.integers(2, 4))
    def authorize_day_after_day(self, card: str, channel: str, count: int) -> None:
        """Enough for the limits of a month."""
        for _ in range(count):
            self.authorize(card, 400_00, channel, "5411", "USA", False)
            self.clock_moves(86_400)

    @rule(card=own_cards, amount=amounts, channel=channels, count=st.integers(2, 6))
    def authorize_in_a_row(self, card: str, amount: int, channel: str, count: int) -> None:
        """Enough of them for limits of days and for rapid attempts."""
        for _ in range(count):
            self.authorize(card, amount, channel, "5411", "USA", False)

    @rule(
        asked=st.sampled_from(
            (
                Asked("unknown", "PURCHASE", 1, "POS"),
                Asked("wide", "PURCHASE", 1, "POS", currency="EUR"),
                Asked("wide", "CASH_WITHDRAWAL", 1, "ATM", expiry="11/25"),
                Asked("wide", "REFUND", 5_000_00, "E_COMMERCE", "7995", "GBR"),
                Asked("foreign", "REFUND", 700_00, "POS"),
                Asked("narrow", "REFUND", 1, "POS", expiry="06/24"),
                Asked("wide", "PRE_AUTHORIZATION", 700_00, "E_COMMERCE", "7995", "GBR"),
            )
        )
    )
    def authorize_something_else(self, asked: Asked) -> None:
        self._authorize(asked, True)

    @rule(pick=picks)
    def authorize_again(self, pick: int) -> None:
        number = self._pick(pick, "any")
        if number in self.sent:
            self._send(*self.sent[number])

    @rule(pick=picks)
    def authorize_something_else_under_the_same_key(self, pick: int) -> None:
        number = self._pick(pick, "any")
        if number in self.sent:
            asked, key = self.sent[number]
            self._send(asked._replace(amount=asked.amount + 1), key)

    def _authorize(self, asked: Asked, is_keyed: bool) -> None:
        """Without an expiry date it is the card's own."""
        key = f"authorize {self.numbers}" if is_keyed else None
        self._send(asked if asked.expiry else asked._replace(expiry=CARDS[asked.card][1]), key)

    def _send(self, asked: Asked, key: str | None) -> None:
        number = self.number()
        terms = Terms(
            asked.kind,
            Money(asked.amount, asked.currency),
            asked.channel,
            asked.category,
            asked.country,
            "MERCH",
            "Merchant",
        )
        request_key = None if key is None else RequestKey(key, repr(asked))
        pan_hash_stream = card_aliases.of_pan_hash(asked.card)
        command = authorizations.Authorize(number, pan_hash_stream, asked.expiry, terms, request_key)
        at = self.clock.instant
        expected = self.model.once(key, repr(asked), lambda: self.model.authorize(number, asked, at))
        assert self.run(authorizations.authorize, command) == expected
        if number in self.model.asked:
            self.sent[number] = (asked, key)

    def _change(
        self,
        key: str | None,
        content: str,
        handler: Handler[Any, Any],
        command: Callable[[RequestKey | None], Command],
        predict: Callable[[], Any],
    ) -> None:
        """Any change of an authorization or a hold, perhaps under a key that was used for it before."""
        expected = self.model.once(key, content, predict)
        assert self.run(handler, command(None if key is None else RequestKey(key, content))) == expected

    @rule(pick=picks, wish=challenged, result=st.sampled_from(("SUCCESS", "SUCCESS", "FAILURE")), key=keys)
    def complete(self, pick: int, wish: str, result: Literal["SUCCESS", "FAILURE"], key: str | None) -> None:
        number, decision_id = self._pick(pick, wish), self.number() + 1
        self._change(
            key and f"complete {number} {key}",
            result,
            authorizations.complete_challenge,
            lambda known: authorizations.CompleteChallenge(number, decision_id, result, known),
            lambda: self.model.complete(number, result, self.clock.instant),
        )

    @rule(pick=picks, wish=held, key=keys)
    def reverse(self, pick: int, wish: str, key: str | None) -> None:
        number, decision_id = self._pick(pick, wish), self.number() + 1
        self._change(
            key and f"reverse {number} {key}",
            "",
            authorizations.reverse,
            lambda known: authorizations.Reverse(number, decision_id, "reason", known),
            lambda: self.model.reverse(number, self.clock.instant),
        )

    @rule(
        pick=picks,
        wish=held,
        quarters=st.sampled_from((1, 2, 3, 4, 5)),
        currency=st.sampled_from(("USD", "USD", "USD", "EUR")),
        is_final=st.booleans(),
        key=keys,
    )
    def capture(
        self, pick: int, wish: str, quarters: int, currency: str, is_final: bool, key: str | None
    ) -> None:
        """Quarters of what is left, or else of what was asked for; five of them are too much."""
        number = self._pick(pick, wish)
        made = self.model.asked.get(number)
        amount = max(1, (made.left or made.asked.amount) * quarters // 4 if made else quarters)
        taken = Money(amount, currency)
        self._change(
            key and f"capture {number} {key}",
            f"{taken} {is_final}",
            holds.capture_hold,
            lambda known: holds.CaptureHold(number + 2, taken, "S", is_final=is_final, key=known),
            lambda: self.model.capture(number, amount, currency, is_final, self.clock.instant),
        )

    @rule(pick=picks, wish=held, key=keys)
    def release(self, pick: int, wish: str, key: str | None) -> None:
        number = self._pick(pick, wish)
        self._change(
            key and f"release {number} {key}",
            "",
            holds.release_hold,
            lambda known: holds.ReleaseHold(number + 2, "reason", known),
            lambda: self.model.release(number, self.clock.instant),
        )

    @rule(pick=picks, then=st.sampled_from(("capture", "release", "reverse", "wait")))
    def capture_a_part(self, pick: int, then: str) -> None:
        """And what comes after it."""
        self.capture(pick, "held", 1, "USD", False, None)
        match then:
            case "capture":
                self.capture(pick, "held", 2, "USD", True, None)
            case "release":
                self.release(pick, "held", None)
            case "reverse":
                self.reverse(pick, "held", None)
            case _:
                self.clock_moves(7 * 86_400)
                self.timers_fire(True)

    # What time brings

    @rule(is_due=st.booleans())
    def timers_fire(self, is_due: bool) -> None:
        """All that wait, or once more those of authorizations that are done with."""
        at = self.clock.instant
        for number, made in self.model.asked.items():
            if is_due == (made.hold == "ACTIVE" or made.decision == "CHALLENGE"):
                expected = self.model.expire_challenge(number, at)
                command = authorizations.ExpireChallenge(number)
                assert self.run(authorizations.expire_challenge, command) == expected
                expected = self.model.expire_hold(number, at)
                assert self.run(holds.expire_hold, holds.ExpireHold(number + 2)) == expected
        self.timers_of_overrides_fire()

    # What always holds

    @invariant()
    def the_log_says_what_the_model_says(self) -> None:
        states = audit(self.disk.facts())
        self.check_states(states)
        for name, account in self.bank.accounts.items():
            state: Account = states[f"account-{name}"].state
            assert (state.posted, state.held, state.status) == (account.posted, account.held, account.status)
            assert account.available >= 0
        for name, known in self.model.cards.items():
            card: Card = states[f"card-{CARD_IDS[name]}"].state
            assert (card.status, *as_choices(card.limits)) == (
                known.status,
                known.limits,
                known.channels,
            )
            for channel in (None, *CHANNELS, "POS"):
                spent = self.model.spent(name, "daily", channel, self.clock.instant)
                today, spending = self.clock.instant.date(), card.spending
                assert spent == (
                    spending.on(today) if channel is None else spending.in_channel_on(channel, today)
                )
        for number, made in self.model.asked.items():
            authorization: Authorization = states[f"authorization-{number}"].state
            ruling = authorization.ruling
            assert made.reply == (
                ruling.decision,
                ruling.reason,
                ruling.risk_score,
                ruling.approved.minor,
            )
            hold: Hold | None = states[f"hold-{number + 2}"].state if made.hold else None
            assert made.hold is None or hold is not None
            if hold is not None:
                assert (hold.status, hold.captured, hold.left.minor) == (made.hold, made.captured, made.left)

    @invariant()
    def no_money_appears_or_disappears(self) -> None:
        accounts = self.bank.accounts.values()
        assert sum(account.posted for account in accounts) + self.bank.outside == 0
