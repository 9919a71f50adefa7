"""A bank in which card holds, authorizations, cards and overrides came to every end there is."""

from datetime import timedelta
from typing import NamedTuple

from application import users
from domain.users import UserRegistered
from tests.projections.bank_decisions import Bank
from tests.projections.card_commands import CardDesk


class Outcomes(NamedTuple):
    """`holds` by what became of them; `challenges` likewise, by the number of the request."""

    bank: Bank
    desk: CardDesk
    card_id: int
    other_card_id: int
    holds: dict[str, int]
    challenges: dict[str, int]
    overrides: dict[str, int]


def every_card_outcome() -> Outcomes:
    bank = Bank()
    bank.run(users.register_user, users.RegisterUser(UserRegistered("ann", "customer", "USA")))
    bank.open("acct_ann", "ann", 50_000_00)
    bank.open("acct_bob", "bob", 5_000_00, card_account_id=321_654_987, card_account_space_id=77)
    desk = CardDesk(bank)
    card_id, other_card_id = desk.issue("acct_ann"), desk.issue("acct_bob")
    holds = {name: _hold(bank, desk, card_id) for name in _HOLDS}
    desk.capture(holds["captured"], 100_00)
    desk.capture(holds["captured in part"], 40_00)
    desk.capture(holds["still active"], 30_00, is_final=False)
    desk.capture(holds["captured twice"], 30_00, is_final=False)
    desk.capture(holds["captured twice"], 70_00, is_final=False)
    desk.capture(holds["captured and released"], 20_00, is_final=False)
    desk.release(holds["captured and released"])
    desk.release(holds["released"])
    desk.reverse(holds["reversed"] - 2)
    desk.capture(holds["expired in part"], 10_00, is_final=False)
    holds["another's"] = _hold(bank, desk, other_card_id)
    desk.authorize(card_id, 25_00, transaction_type="REFUND")
    desk.authorize(card_id, 9_000_00)
    overrides = {
        "active": desk.override(card_id, transaction=3_000_00),
        "expiring": desk.override(card_id, timedelta(hours=1), daily=6_000_00),
        "deleted": desk.override(card_id, monthly=60_000_00),
    }
    desk.delete_override(overrides["deleted"])
    desk.change_limits(card_id, daily=5_500_00, channels={"ATM": None})
    desk.change_status(other_card_id, "BLOCKED")
    desk.authorize(other_card_id, 1_00)
    challenges = {name: desk.challenge(desk.issue("acct_ann")).request_id for name in _CHALLENGES}
    desk.complete_challenge(challenges["approved"])
    desk.complete_challenge(challenges["failed"], "FAILURE")
    bank.now += timedelta(hours=2)
    desk.expire_override(overrides["expiring"])
    desk.expire_challenge(challenges["expired"])
    desk.reverse(challenges["approved"])
    bank.now += timedelta(days=7)
    for name in ("expired", "expired in part"):
        desk.expire_hold(holds[name])
    challenges["asked"] = desk.challenge(desk.issue("acct_ann")).request_id
    holds["active"] = _hold(bank, desk, card_id)
    return Outcomes(bank, desk, card_id, other_card_id, holds, challenges, overrides)


def _hold(bank: Bank, desk: CardDesk, card_id: int) -> int:
    # Apart in time, or the risk rules would take it for fraud.
    bank.now += timedelta(minutes=5)
    return desk.hold(card_id, 100_00)


_HOLDS = (
    "captured",
    "captured in part",
    "captured twice",
    "captured and released",
    "released",
    "reversed",
    "expired",
    "expired in part",
    "still active",
)
_CHALLENGES = ("approved", "failed", "expired")
