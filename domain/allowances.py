"""How much a user may still transfer: counted per UTC day, per type, and per savings account.

The counting is a stream per user, so that two simultaneous requests can never both pass a limit that has
room for one, in whichever process they are decided.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import assert_never

import msgspec

from domain import errors
from domain.events import Event

SAVINGS_WINDOW = timedelta(days=30)


class Tier(msgspec.Struct, frozen=True):
    """Limits in minor units of USD, on the amount without the fee, by transfer type."""

    per_transaction: Mapping[str, int]
    per_day: Mapping[str, int]
    transfers_per_day: int
    savings_per_window: int


STANDARD = "standard"
TREASURY = "treasury"

TIERS: Mapping[str, Tier] = {
    STANDARD: Tier(
        per_transaction={"internal": 50_000_00, "interbank": 10_000_00},
        per_day={"internal": 100_000_00, "interbank": 25_000_00},
        transfers_per_day=10,
        savings_per_window=6,
    ),
    # Businesses that pay many; also what a load test's users are.
    TREASURY: Tier(
        per_transaction={"internal": 1_000_000_00, "interbank": 1_000_000_00},
        per_day={"internal": 1_000_000_000_00, "interbank": 1_000_000_000_00},
        transfers_per_day=1_000_000,
        savings_per_window=6,
    ),
}


class TierAssigned(Event, frozen=True):
    TOPIC = "allowance.tier_assigned"
    tier: str


class AllowanceTaken(Event, frozen=True):
    """`savings_account_id` is given when the transfer leaves a savings account."""

    TOPIC = "allowance.taken"
    transfer_id: str
    transfer_type: str
    amount: int
    taken_at: datetime
    savings_account_id: str | None = None


class AllowanceReturned(Event, frozen=True):
    """The transfer was cancelled or failed: what it took at `taken_at` is free again."""

    TOPIC = "allowance.returned"
    transfer_id: str
    transfer_type: str
    amount: int
    taken_at: datetime
    savings_account_id: str | None = None


AllowanceEvent = TierAssigned | AllowanceTaken | AllowanceReturned


class SavingsUse(msgspec.Struct, frozen=True):
    account_id: str
    transfer_id: str
    taken_at: datetime


class Allowance(msgspec.Struct, frozen=True):
    """What was taken on `day`, and the savings transfers of the last 30 days (never more than a few)."""

    tier: str = STANDARD
    day: date | None = None
    count: int = 0
    used: Mapping[str, int] = {}
    savings: tuple[SavingsUse, ...] = ()


def stream(user_id: str) -> str:
    return f"allowance-{user_id}"


def take(
    allowance: Allowance,
    *,
    transfer_id: str,
    transfer_type: str,
    amount: int,
    at: datetime,
    savings_account_id: str | None,
) -> AllowanceTaken:
    """Refuses in this order: per transaction, count of the day, amount of the day, savings."""
    tier = TIERS[allowance.tier]
    if amount > tier.per_transaction[transfer_type]:
        raise errors.TransactionLimitExceeded(tier.per_transaction[transfer_type])
    is_today = allowance.day == at.date()
    count = allowance.count if is_today else 0
    if count >= tier.transfers_per_day:
        raise errors.DailyCountExceeded(tier.transfers_per_day, count)
    used = allowance.used.get(transfer_type, 0) if is_today else 0
    if used + amount > tier.per_day[transfer_type]:
        raise errors.DailyAmountExceeded(tier.per_day[transfer_type], used)
    if savings_account_id is not None:
        recent = sum(
            use.account_id == savings_account_id and at - use.taken_at < SAVINGS_WINDOW
            for use in allowance.savings
        )
        if recent >= tier.savings_per_window:
            raise errors.SavingsLimitExceeded(tier.savings_per_window, recent)
    return AllowanceTaken(transfer_id, transfer_type, amount, at, savings_account_id)


def give_back(taken: AllowanceTaken) -> AllowanceReturned:
    return AllowanceReturned(
        taken.transfer_id, taken.transfer_type, taken.amount, taken.taken_at, taken.savings_account_id
    )


def evolve(allowance: Allowance | None, event: AllowanceEvent) -> Allowance:
    known = allowance or Allowance()
    match event:
        case AllowanceTaken():
            return _taken(known, event)
        case AllowanceReturned():
            return _returned(known, event)
        case TierAssigned():
            return msgspec.structs.replace(known, tier=event.tier)
        case _:
            assert_never(event)


def _taken(known: Allowance, event: AllowanceTaken) -> Allowance:
    day = event.taken_at.date()
    if known.day is not None and day < known.day:
        # A process whose clock is behind: what it took counts on the day that has begun.
        day = known.day
    is_same_day = day == known.day
    used = dict(known.used) if is_same_day else {}
    used[event.transfer_type] = used.get(event.transfer_type, 0) + event.amount
    savings = known.savings
    if event.savings_account_id is not None:
        kept = tuple(use for use in savings if event.taken_at - use.taken_at < SAVINGS_WINDOW)
        savings = (*kept, SavingsUse(event.savings_account_id, event.transfer_id, event.taken_at))
    return Allowance(known.tier, day, known.count + 1 if is_same_day else 1, used, savings)


def _returned(known: Allowance, event: AllowanceReturned) -> Allowance:
    savings = tuple(use for use in known.savings if use.transfer_id != event.transfer_id)
    if event.taken_at.date() != known.day:
        return msgspec.structs.replace(known, savings=savings)
    used = {**known.used, event.transfer_type: known.used.get(event.transfer_type, 0) - event.amount}
    return Allowance(known.tier, known.day, known.count - 1, used, savings)
