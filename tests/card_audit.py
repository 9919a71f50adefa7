"""What must be true of the cards in any log, found out from its events alone, by arithmetic of its own.

No approval took a card past a limit that held at that moment; a hold's money is given back once, and to all
who counted it; what an account holds for cards is what is left of their active holds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from application.decision import Known
from domain import accounts, authorizations, cards, holds
from domain.authorization_checks import REFUND, Seen, Terms
from domain.authorizations import Ruling
from domain.card_limits import CardLimits, Override
from domain.cards import Card
from domain.chart_of_accounts import CARD_SETTLEMENT
from domain.events import Event
from domain.holds import Hold

Entry = tuple[str, Event]
KEPT = timedelta(days=31)


@dataclass
class _CardBook:
    """A card's limits as they are now, and what counts against them by day and channel."""

    account_id: str
    limits: CardLimits
    is_blocked: bool = False
    overrides: dict[int, Override] = field(default_factory=dict)
    spent: Counter[tuple[date, str]] = field(default_factory=Counter)

    def limit(self, kind: str, channel: str | None, at: datetime) -> int | None:
        """Of a kind (transaction, daily, monthly), the card's own or a channel's. None: no such limit."""
        owner: Any = self.limits if channel is None else self.limits.channels.get(channel)
        own: int | None = getattr(owner, kind, None)
        active = [each for each in self.overrides.values() if each.expires_at > at]
        named = [value for each in active if (value := getattr(each, kind)) is not None]
        return named[-1] if named and own is not None else own

    def spent_on(self, day: date, channel: str | None = None) -> int:
        return sum(
            amount
            for (spent_on, spent_in), amount in self.spent.items()
            if spent_on == day and channel in (None, spent_in)
        )

    def spent_in_month_of(self, day: date) -> int:
        return sum(
            amount
            for (spent_on, _), amount in self.spent.items()
            if (spent_on.year, spent_on.month) == (day.year, day.month)
        )


@dataclass
class _HoldBook:
    placed: holds.HoldPlaced
    captured: int = 0
    given_back: int = 0
    status: str = "ACTIVE"

    @property
    def left(self) -> int:
        return self.placed.amount.minor - self.captured - self.given_back


class CardAudit:
    """Reads a log from its beginning; `finish` says what accounts hold for cards."""

    def __init__(self) -> None:
        self._cards: dict[int, _CardBook] = {}
        self._holds: dict[int, _HoldBook] = {}
        self._asked: dict[int, tuple[Terms, int | None]] = {}
        self._approved: dict[int, Ruling] = {}
        self._decision_ids: set[int] = set()
        self._spent: set[int] = set()
        self._on_accounts: Counter[tuple[str, int]] = Counter()
        self._settled: Counter[int] = Counter()
        self._inactive: set[str] = set()

    def read(self, entries: Iterable[Entry]) -> None:
        for stream, event in entries:
            match event:
                case authorizations.AuthorizationDecided():
                    self._asked[event.ruling.request_id] = (event.terms, event.card_id)
                    self._decide(event.ruling, event.seen)
                case authorizations.ChallengeCompleted():
                    self._decide(event.ruling, event.seen)
                case authorizations.ChallengeExpired():
                    self._number(event.ruling)
                case authorizations.AuthorizationReversed():
                    self._number(event.ruling)
                    hold = self._holds[authorizations.hold_id_of(event.ruling.request_id)]
                    assert (hold.status, hold.captured) == ("RELEASED", 0), f"{stream} was captured from"
                case accounts.AccountFroze() | accounts.AccountWasClosed():
                    self._inactive.add(stream.removeprefix("account-"))
                case accounts.AccountUnfroze():
                    self._inactive.discard(stream.removeprefix("account-"))
                case holds.HoldPlaced() | holds.HoldCaptured() | holds.HoldReleased() | holds.HoldExpired():
                    self._move_hold(stream, event)
                case accounts.HoldPlaced() | accounts.HoldReleased() | accounts.HoldCaptured():
                    self._move_held(stream, event)
                case accounts.AccountCredited() | accounts.AccountDebited():
                    self._post(event)
                case _:
                    self._change_card(stream, event)

    # Decisions

    def _number(self, ruling: Ruling) -> None:
        assert ruling.decision_id not in self._decision_ids, f"decision {ruling.decision_id} was made twice"
        self._decision_ids.add(ruling.decision_id)

    def _decide(self, ruling: Ruling, seen: Seen | None) -> None:
        self._number(ruling)
        terms, card_id = self._asked[ruling.request_id]
        if card_id is None:
            assert ruling.reason == "CARD_NOT_FOUND"
            return
        book, at = self._cards[card_id], ruling.decided_at
        day, channel = at.date(), terms.channel
        spent = (book.spent_on(day), book.spent_on(day, channel), book.spent_in_month_of(day))
        if seen is not None:
            assert (seen.spent_today, seen.spent_today_in_channel, seen.spent_this_month) == spent
        if ruling.decision != authorizations.APPROVED:
            return
        assert ruling.request_id not in self._approved, "approved twice"
        self._approved[ruling.request_id] = ruling
        assert not book.is_blocked, "approved on a blocked card"
        if terms.transaction_type != REFUND:
            assert book.account_id not in self._inactive, "approved on an account that is not active"
            for limit, before in (
                (book.limit("transaction", None, at), 0),
                (book.limit("transaction", channel, at), 0),
                (book.limit("daily", None, at), spent[0]),
                (book.limit("daily", channel, at), spent[1]),
                (book.limit("monthly", None, at), spent[2]),
            ):
                assert limit is None or before + terms.amount.minor <= limit, f"{ruling} is over a limit"

    # Cards

    def _change_card(self, stream: str, event: Event) -> None:
        match event:
            case cards.CardIssued():
                self._cards[event.card_id] = _CardBook(event.account_id, event.limits)
            case cards.CardWasBlocked() | cards.CardUnblocked():
                self._card(stream).is_blocked = isinstance(event, cards.CardWasBlocked)
            case cards.LimitsChanged():
                self._card(stream).limits = event.limits
            case cards.LimitsOverridden():
                self._card(stream).overrides[event.override.override_id] = event.override
            case cards.OverrideDeleted() | cards.OverrideExpired():
                del self._card(stream).overrides[event.override_id]
            case cards.CardSpent():
                assert event.request_id not in self._spent, "an approval counts twice"
                assert self._approved[event.request_id].approved.minor == event.amount
                self._spent.add(event.request_id)
                self._card(stream).spent[event.approved_at.date(), event.channel] += event.amount
            case cards.SpendingReturned():
                hold = self._holds[authorizations.hold_id_of(event.request_id)]
                assert event.left == hold.captured, "what still counts is what was captured"
                self._card(stream).spent[event.approved_at.date(), event.channel] -= event.amount

    def _card(self, stream: str) -> _CardBook:
        return self._cards[int(stream.removeprefix("card-"))]

    # Holds

    def _move_hold(self, stream: str, event: holds.HoldEvent) -> None:
        if isinstance(event, holds.HoldPlaced):
            assert event.hold_id not in self._holds
            assert self._approved[event.request_id].hold_id == event.hold_id
            self._holds[event.hold_id] = _HoldBook(event)
            return
        hold = self._holds[int(stream.removeprefix("hold-"))]
        assert hold.status == "ACTIVE", f"{stream} ended before"
        match event:
            case holds.HoldCaptured():
                assert event.amount.minor > 0
                hold.captured += event.amount.minor
                hold.given_back += event.released
                assert event.captured == hold.captured
                assert event.is_final == (hold.left == 0), "a final capture leaves nothing, and only that"
                hold.status = "CAPTURED" if event.is_final else "ACTIVE"
            case holds.HoldReleased():
                hold.given_back += event.amount.minor
                hold.status = "RELEASED"
            case holds.HoldExpired():
                hold.given_back += event.amount.minor
                hold.status = "EXPIRED"
        assert hold.left >= 0
        assert hold.status == "ACTIVE" or hold.left == 0, f"{stream} ended and holds something"

    def _move_held(
        self, stream: str, event: accounts.HoldPlaced | accounts.HoldReleased | accounts.HoldCaptured
    ) -> None:
        if event.hold_id.isdigit():
            sign = 1 if isinstance(event, accounts.HoldPlaced) else -1
            key = (stream.removeprefix("account-"), int(event.hold_id))
            self._on_accounts[key] += sign * event.amount.minor

    def _post(self, event: accounts.AccountCredited | accounts.AccountDebited) -> None:
        if event.contra == CARD_SETTLEMENT:
            sign = 1 if isinstance(event, accounts.AccountDebited) else -1
            self._settled[int(event.reference.removeprefix("authorization-"))] += sign * event.amount.minor

    # At the end

    def finish(self, states: Mapping[str, Known]) -> Counter[str]:
        """What each account holds for cards, after all books were found to agree."""
        needed: Counter[str] = Counter()
        for hold_id, hold in self._holds.items():
            state: Hold = states[holds.stream(hold_id)].state
            assert (state.captured, state.status) == (hold.captured, hold.status)
            assert state.left.minor == hold.left
            assert self._on_accounts[hold.placed.account_id, hold_id] == hold.left, f"held for {hold_id}"
            needed[hold.placed.account_id] += hold.left
        assert {hold_id for _, hold_id in self._on_accounts} == set(self._holds)
        self._check_settlement()
        self._check_spending(states)
        return needed

    def _check_settlement(self) -> None:
        expected: Counter[int] = Counter()
        for request_id, ruling in self._approved.items():
            terms, _ = self._asked[request_id]
            if terms.transaction_type == REFUND:
                assert ruling.hold_id is None
                expected[request_id] = -terms.amount.minor
            else:
                expected[request_id] = self._holds[authorizations.hold_id_of(request_id)].captured
                assert request_id in self._spent
        assert _nonzero(self._settled) == _nonzero(expected), "captures and postings differ"

    def _check_spending(self, states: Mapping[str, Known]) -> None:
        counted: dict[int, Counter[tuple[date, str]]] = {card_id: Counter() for card_id in self._cards}
        for hold in self._holds.values():
            key = (hold.placed.placed_at.date(), hold.placed.channel)
            counted[hold.placed.card_id][key] += hold.placed.amount.minor - hold.given_back
        for card_id, book in self._cards.items():
            assert +book.spent == +counted[card_id], f"spending of card {card_id}"
            card: Card = states[cards.stream(card_id)].state
            days = card.spending.days
            remembered = {
                (day, channel): amount for day, spent in days.items() for channel, amount in spent.items()
            }
            newest = max((day for day, _ in book.spent), default=date.min)
            recent = {key: amount for key, amount in book.spent.items() if newest - key[0] <= KEPT}
            assert remembered == recent, f"days of card {card_id}"


def _nonzero(amounts: Mapping[int, int]) -> dict[int, int]:
    return {name: amount for name, amount in amounts.items() if amount}
