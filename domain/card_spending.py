"""What a card has been used for, as far as limits and risk rules look back.

It is part of the card's own state, so that a decision needs no query, and two racing authorizations can never
both pass a limit that has room for one. Amounts are minor units of the account's currency.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

AVERAGE_WINDOW = timedelta(days=30)
ATTEMPTS_WINDOW = timedelta(minutes=10)

# The fifth attempt is the one that counts, so four before it are enough to know.
ATTEMPTS_KEPT = 4
# A card that is used more often than this in 30 days is averaged a little more coarsely: the two oldest
# entries become one, dated as the later of them.
APPROVALS_KEPT = 32
# A month's limit and what is given back for any day of it.
DAYS_KEPT = timedelta(days=31)


class Approvals(msgspec.Struct, frozen=True, array_like=True):
    """Approved authorizations of about one instant."""

    at: datetime
    count: int
    amount: int


class Spending(msgspec.Struct, frozen=True, omit_defaults=True):
    """`days` is what counts against limits, by UTC day and channel. `channels` were used at least once."""

    days: Mapping[date, Mapping[str, int]] = {}
    approvals: tuple[Approvals, ...] = ()
    attempts: tuple[datetime, ...] = ()
    channels: tuple[str, ...] = ()

    def on(self, day: date) -> int:
        return sum(self.days.get(day, {}).values())

    def in_channel_on(self, channel: str, day: date) -> int:
        return self.days.get(day, {}).get(channel, 0)

    def in_month_of(self, day: date) -> int:
        return sum(
            sum(by_channel.values())
            for spent_on, by_channel in self.days.items()
            if spent_on.month == day.month and spent_on.year == day.year
        )

    def approved_since(self, start: datetime) -> tuple[int, int]:
        """How many were approved after `start`, and their amounts together."""
        count = amount = 0
        for approvals in reversed(self.approvals):
            if approvals.at <= start:
                break
            count += approvals.count
            amount += approvals.amount
        return count, amount

    def attempts_since(self, start: datetime) -> int:
        """How many attempts there were after `start`, as far as they are remembered."""
        return sum(attempted_at > start for attempted_at in self.attempts)


NOTHING = Spending()


def with_attempt(spending: Spending, at: datetime) -> Spending:
    attempts = (*spending.attempts[1 - ATTEMPTS_KEPT :], at)
    return Spending(spending.days, spending.approvals, attempts, spending.channels)


def with_approval(spending: Spending, channel: str, amount: int, at: datetime) -> Spending:
    day = at.date()
    days = dict(spending.days)
    by_channel = dict(days.get(day, {}))
    by_channel[channel] = by_channel.get(channel, 0) + amount
    if day not in days:
        days = {kept: spent for kept, spent in days.items() if day - kept <= DAYS_KEPT}
    days[day] = by_channel
    used = spending.channels
    return Spending(
        days,
        _with_newest(spending.approvals, Approvals(at, 1, amount)),
        spending.attempts,
        used if channel in used else (*used, channel),
    )


def without(spending: Spending, channel: str, amount: int, approved_at: datetime) -> Spending:
    """Gives back what was approved at `approved_at`: it no longer counts on that day."""
    day = approved_at.date()
    by_channel = spending.days.get(day)
    if by_channel is None:
        # Of a month that nobody counts any more.
        return spending
    days = {**spending.days, day: {**by_channel, channel: by_channel.get(channel, 0) - amount}}
    return Spending(days, spending.approvals, spending.attempts, spending.channels)


def _with_newest(approvals: tuple[Approvals, ...], newest: Approvals) -> tuple[Approvals, ...]:
    kept = approvals
    while kept and newest.at - kept[0].at >= AVERAGE_WINDOW:
        kept = kept[1:]
    if len(kept) >= APPROVALS_KEPT:
        first, second, *others = kept
        merged = Approvals(second.at, first.count + second.count, first.amount + second.amount)
        kept = (merged, *others)
    return (*kept, newest)
