"""What is done with cards, as commands of the service: for whatever bank of the tests can run them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from application import authorizations, cards, holds
from application.decision import Command, Handler
from domain.authorization_checks import Terms
from domain.authorizations import Ruling
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits, ChannelLimits, LimitsChange
from domain.money import Money

LIMITS = CardLimits(
    transaction=2_000_00,
    daily=5_000_00,
    monthly=20_000_00,
    channels={"ATM": ChannelLimits(500_00, 1_000_00)},
)
NUMBERS_PER_BLOCK = 4


class Bank(Protocol):
    now: datetime

    def run(self, handler: Handler[Any, Any], command: Command) -> Any: ...


class CardDesk:
    """Cards of one bank. Blocks of numbers are counted up from `first_block`."""

    def __init__(self, bank: Bank, first_block: int = 1_000_000) -> None:
        self.bank = bank
        self._block = first_block

    def block(self) -> int:
        self._block += NUMBERS_PER_BLOCK
        return self._block

    def issue(self, account_id: str, expiry: str = "12/35", limits: CardLimits = LIMITS) -> int:
        """Gives the number of the card, whose number's hash is `pan-` and that number."""
        card_id = self.block()
        masked_pan = f"411111******{card_id % 10_000:04}"
        command = cards.IssueCard(
            card_id, account_id, self.block(), of_pan_hash(f"pan-{card_id}"), masked_pan, expiry, limits
        )
        self.bank.run(cards.issue_card, command)
        return card_id

    def change_status(self, card_id: int, status: Any) -> None:
        self.bank.run(cards.change_card_status, cards.ChangeCardStatus(card_id, status, "lost"))

    def change_limits(self, card_id: int, **limits: Any) -> None:
        command = cards.ChangeCardLimits(card_id, LimitsChange(**limits))
        self.bank.run(cards.change_card_limits, command)

    def override(self, card_id: int, lasts: timedelta = timedelta(days=1), **limits: Any) -> int:
        override_id = self.block()
        expires_at = self.bank.now + lasts
        command = cards.OverrideCardLimits(card_id, override_id, "travel", "admin", expires_at, **limits)
        self.bank.run(cards.override_card_limits, command)
        return override_id

    def delete_override(self, override_id: int) -> None:
        self.bank.run(cards.delete_override, cards.EndOverride(override_id))

    def expire_override(self, override_id: int) -> None:
        self.bank.run(cards.expire_override, cards.EndOverride(override_id))

    def authorize(
        self,
        card_id: int,
        minor: int,
        channel: str = "POS",
        category: str = "5411",
        transaction_type: str = "PURCHASE",
        country: str = "USA",
        expiry: str = "12/35",
    ) -> Ruling:
        terms = Terms(
            transaction_type, Money(minor, "USD"), channel, category, country, "MERCH1", "Green Grocer"
        )
        command = authorizations.Authorize(self.block(), of_pan_hash(f"pan-{card_id}"), expiry, terms)
        ruling: Ruling = self.bank.run(authorizations.authorize, command)
        return ruling

    def hold(self, card_id: int, minor: int, channel: str = "POS", category: str = "5411") -> int:
        """The number of the hold that an approved authorization places."""
        ruling = self.authorize(card_id, minor, channel, category)
        assert ruling.hold_id is not None, ruling.reason
        return ruling.hold_id

    def challenge(self, card_id: int, minor: int = 1_000_00) -> Ruling:
        """Needs a card that was not used in e-commerce."""
        ruling = self.authorize(card_id, minor, "E_COMMERCE", category="7995")
        assert ruling.decision == "CHALLENGE", ruling.reason
        return ruling

    def complete_challenge(self, request_id: int, result: Any = "SUCCESS") -> Any:
        command = authorizations.CompleteChallenge(request_id, self.block() + 1, result)
        return self.bank.run(authorizations.complete_challenge, command)

    def expire_challenge(self, request_id: int) -> None:
        self.bank.run(authorizations.expire_challenge, authorizations.ExpireChallenge(request_id))

    def reverse(self, request_id: int) -> Any:
        command = authorizations.Reverse(request_id, self.block() + 1, "by the merchant")
        return self.bank.run(authorizations.reverse, command)

    def capture(self, hold_id: int, minor: int, *, is_final: bool = True) -> None:
        command = holds.CaptureHold(hold_id, Money(minor, "USD"), "SETTLEMENT", is_final)
        self.bank.run(holds.capture_hold, command)

    def release(self, hold_id: int) -> None:
        self.bank.run(holds.release_hold, holds.ReleaseHold(hold_id, "by the merchant"))

    def expire_hold(self, hold_id: int) -> None:
        self.bank.run(holds.expire_hold, holds.ExpireHold(hold_id))


def be_challenged(desk: CardDesk, account_id: str) -> None:
    """Challenges that are completed and reversed, failed, expired, and still open."""
    completed, failed, expired, _ = (desk.challenge(desk.issue(account_id)).request_id for _ in range(4))
    desk.complete_challenge(completed)
    desk.complete_challenge(failed, "FAILURE")
    desk.bank.now += timedelta(minutes=10)
    desk.expire_challenge(expired)
    desk.reverse(completed)


def use_busily(desk: CardDesk, cards_in_use: Sequence[int], number: int) -> None:
    """One authorization, the `number`th, and what becomes of it: every kind of end comes up in turn."""
    card_id = cards_in_use[number % len(cards_in_use)]
    minor = 100 + number % 900
    ruling = desk.authorize(card_id, minor, "POS" if number % 2 else "CONTACTLESS", f"{5_000 + number % 7}")
    if ruling.hold_id is None:
        return
    match number % 11:
        case 0:
            desk.capture(ruling.hold_id, minor)
        case 1:
            desk.capture(ruling.hold_id, minor // 2)
        case 2:
            desk.capture(ruling.hold_id, minor // 3, is_final=False)
            desk.capture(ruling.hold_id, minor // 3)
        case 3:
            desk.capture(ruling.hold_id, minor // 3, is_final=False)
            desk.release(ruling.hold_id)
        case 4:
            desk.release(ruling.hold_id)
        case 5:
            desk.reverse(ruling.request_id)
        case 6:
            desk.authorize(card_id, minor, transaction_type="REFUND")
        case 7:
            desk.override(card_id, transaction=3_000_00)
        case 8:
            desk.change_limits(card_id, transaction=1_000_00 + number)
        case 9:
            desk.authorize(card_id, minor, expiry="01/30")
