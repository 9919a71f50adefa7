"""Cards that are issued, limited, overridden and blocked in any order, beside their model."""

from datetime import timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import rule

from application import cards
from domain import card_aliases
from domain.card_limits import CardLimits, ChannelLimits, LimitsChange
from tests.properties.account_machine import AccountMachine
from tests.properties.card_choices import (
    CARD_IDS,
    CARDS,
    COUNTRIES,
    NOBODYS_NUMBER,
    START,
    as_choices,
    channel_limits,
    own_cards,
    picks,
    some_limits,
    waits,
)
from tests.properties.card_model import CardModel, ModelCard
from tests.properties.ledger_machine import Disk


class CardLimitsMachine(AccountMachine):
    def __init__(self, disk: Disk | None = None) -> None:
        super().__init__(disk, START)
        self.model = CardModel(self.bank)
        self.overrides: list[int] = []
        for name in CARDS:
            self._issue(name)

    def _issue(self, name: str) -> None:
        account, expiry, limits, own = CARDS[name]
        command = cards.IssueCard(
            CARD_IDS[name],
            account,
            self.number(),
            card_aliases.of_pan_hash(name),
            "411111******1111",
            expiry,
            CardLimits(**limits, channels={channel: ChannelLimits(**each) for channel, each in own.items()}),
        )
        assert self.answer(cards.issue_card, command).card_id == CARD_IDS[name]
        self.model.cards[name] = ModelCard(account, expiry, COUNTRIES[account], dict(limits), dict(own))

    def as_model(self, answer: Any) -> Any:
        match answer:
            case cards.ChangedLimits():
                return as_choices(answer.limits)
            case cards.OverriddenLimits():
                return answer.override.override_id
            case cards.EndedOverride():
                return answer.override_id
            case cards.ChangedCard():
                return answer.status
            case _:
                return super().as_model(answer)

    @rule(seconds=waits)
    def clock_moves(self, seconds: int) -> None:
        self.clock.instant += timedelta(seconds=seconds)

    @rule(card=own_cards, change=some_limits, channel=st.sampled_from(("ATM", "POS")), own=channel_limits)
    def change_limits(
        self, card: str, change: dict[str, int], channel: str, own: dict[str, int] | None
    ) -> None:
        named = {channel: None if own is None else ChannelLimits(**own)}
        command = cards.ChangeCardLimits(CARD_IDS[card], LimitsChange(**change, channels=named))
        expected = self.model.change_limits(card, change, {channel: own})
        assert self.run(cards.change_card_limits, command) == expected

    @rule(card=own_cards, limits=some_limits, seconds=st.one_of(waits, st.just(0)))
    def override(self, card: str, limits: dict[str, int], seconds: int) -> None:
        number, at = self.number(), self.clock.instant
        until = at + timedelta(seconds=seconds)
        command = cards.OverrideCardLimits(
            card_id=CARD_IDS[card],
            override_id=number,
            reason="travel",
            created_by="admin",
            expires_at=until,
            transaction=limits.get("transaction"),
            daily=limits.get("daily"),
            monthly=limits.get("monthly"),
        )
        expected = self.model.override(card, number, limits, until, at)
        assert self.run(cards.override_card_limits, command) == expected
        self.overrides.append(number)

    @rule(pick=picks)
    def delete_override(self, pick: int) -> None:
        number = self.overrides[-1 - pick] if pick < len(self.overrides) else NOBODYS_NUMBER
        expected = self.model.delete_override(number)
        assert self.run(cards.delete_override, cards.EndOverride(number)) == expected

    @rule(card=own_cards, status=st.sampled_from(("ACTIVE", "ACTIVE", "ACTIVE", "BLOCKED")))
    def change_card_status(self, card: str, status: Literal["ACTIVE", "BLOCKED"]) -> None:
        self.model.cards[card].status = status
        assert self.run(cards.change_card_status, cards.ChangeCardStatus(CARD_IDS[card], status)) == status

    def timers_of_overrides_fire(self) -> None:
        for number in self.overrides:
            self.model.expire_override(number, self.clock.instant)
            assert self.run(cards.expire_override, cards.EndOverride(number)) is None
