"""Closing periods, and keeping what comes late out of those that are closed."""

from datetime import UTC, date, datetime, time

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import periods
from domain.errors import DomainError
from domain.periods import PeriodClosed, Periods


class ClosePeriod(msgspec.Struct, frozen=True):
    """`period` is a month as `2025-10`; those before it are closed with it."""

    period: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return (periods.STREAM,) if self.key is None else (periods.STREAM, self.key.stream)


class ClosedPeriod(msgspec.Struct, frozen=True):
    """`closed_through` is the month whose closing closed it: itself, or a later one."""

    period: str
    closed_at: datetime
    closed_through: str


def close_period(decision: Decision, command: ClosePeriod) -> ClosedPeriod | DomainError:
    """Refuses with PeriodNotOver; closed again, it stays as it was closed first."""
    return once(decision, command.key, ClosedPeriod, lambda: _close(decision, command))


def _close(decision: Decision, command: ClosePeriod) -> ClosedPeriod:
    known: Periods = decision.load(periods.STREAM) or Periods()
    closing: PeriodClosed | None = periods.close(known, command.period, decision.at)
    if closing is not None:
        decision.record(periods.STREAM, closing)
    else:
        closing = known.closing_of(command.period)
        assert closing is not None, "what is not closed now was closed before"
    return ClosedPeriod(command.period, closing.closed_at, closing.period)


def first_open_instant(decision: Decision) -> datetime | None:
    """From when a posting counts that was due in a period which was closed in the meantime: from the first
    instant after all that is closed. None where it counts from when it was due."""
    known: Periods | None = decision.load(periods.STREAM)
    if known is None or periods.period_of(decision.at.date()) > known.closed_through:
        return None
    year, month = int(known.closed_through[:4]), int(known.closed_through[5:])
    following = date(year + month // 12, month % 12 + 1, 1)
    return datetime.combine(following, time(), UTC)
