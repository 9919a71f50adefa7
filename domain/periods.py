"""Accounting periods are months. Closing one closes all before it: what counts from them never changes again.

A balance sheet of the end of a month holds all that was posted before, so a month whose predecessors are open
could not keep its trial balance.
"""

from datetime import date, datetime

import msgspec

from domain import errors
from domain.events import Event

STREAM = "periods-main"


class PeriodClosed(Event, frozen=True):
    """`period` is the month as `2025-10`. Who closed it is the envelope's actor."""

    TOPIC = "periods.closed"
    period: str
    closed_at: datetime


class Periods(msgspec.Struct, frozen=True):
    """What was closed, in order; each closed all before it."""

    closings: tuple[PeriodClosed, ...] = ()

    @property
    def closed_through(self) -> str:
        """The last closed month; empty where none is."""
        return self.closings[-1].period if self.closings else ""

    def closing_of(self, period: str) -> PeriodClosed | None:
        """What closed the month: its own closing or a later one's, None while it is open."""
        return next((closing for closing in self.closings if closing.period >= period), None)


def period_of(day: date) -> str:
    return f"{day.year:04}-{day.month:02}"


def close(periods: Periods, period: str, at: datetime) -> PeriodClosed | None:
    """None where the month is closed already. Refuses a month that is not over: more is yet to be posted."""
    if periods.closing_of(period) is not None:
        return None
    if period >= period_of(at.date()):
        raise errors.PeriodNotOver(period)
    return PeriodClosed(period, at)


def refuse_closed(periods: Periods | None, day: date) -> None:
    """What counts from a day of a closed month cannot be posted any more."""
    if periods is not None and period_of(day) <= periods.closed_through:
        raise errors.PeriodIsClosed(periods.closed_through)


def evolve(periods: Periods | None, event: PeriodClosed) -> Periods:
    return Periods((*(periods.closings if periods else ()), event))
