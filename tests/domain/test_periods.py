"""Closed months stay closed, with all before them."""

from datetime import UTC, date, datetime

import pytest

from domain import errors, periods
from domain.periods import PeriodClosed, Periods
from tests.domain.story import fold, subject

given = subject(periods.evolve)

AT = datetime(2025, 11, 1, tzinfo=UTC)
SEPTEMBER, OCTOBER = PeriodClosed("2025-09", AT), PeriodClosed("2025-10", AT)


def closed(*events: PeriodClosed) -> Periods:
    return fold(periods.evolve, *events) if events else Periods()


def test_a_month_is_closed_when_it_is_over() -> None:
    assert periods.close(closed(), "2025-10", AT) == OCTOBER
    with pytest.raises(errors.PeriodNotOver):
        periods.close(closed(), "2025-11", AT)
    with pytest.raises(errors.PeriodNotOver):
        periods.close(closed(), "2025-10", datetime(2025, 10, 31, 23, 59, 59, tzinfo=UTC))


def test_closing_a_month_closes_all_before_it() -> None:
    known = closed(OCTOBER)
    for period in ("2025-10", "2025-09", "1970-01"):
        assert periods.close(known, period, AT) is None
        assert known.closing_of(period) == OCTOBER
    assert known.closing_of("2025-11") is None


def test_a_month_was_closed_by_the_first_closing_that_reached_it() -> None:
    known = closed(SEPTEMBER, OCTOBER)
    assert known.closing_of("2025-09") == known.closing_of("2024-12") == SEPTEMBER
    assert known.closing_of("2025-10") == OCTOBER
    assert known.closed_through == "2025-10"


def test_nothing_counts_from_a_day_of_a_closed_month_any_more() -> None:
    known = closed(OCTOBER)
    for day in (date(2025, 10, 31), date(2025, 10, 1), date(1999, 12, 31)):
        with pytest.raises(errors.PeriodIsClosed, match="2025-10"):
            periods.refuse_closed(known, day)
    periods.refuse_closed(known, date(2025, 11, 1))
    periods.refuse_closed(None, date(1970, 1, 1))
