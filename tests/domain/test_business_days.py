"""Settlement falls on days on which the US Federal Reserve is open."""

from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.business_days import (
    business_day_on_or_after,
    is_business_day,
    next_business_day,
    settlement_date,
)

ONE_DAY = timedelta(days=1)
SUNDAY = 6

# As the holidays package names them.
FEDERAL_HOLIDAYS = {
    "New Year's Day",
    "Martin Luther King Jr. Day",
    "Washington's Birthday",
    "Memorial Day",
    "Juneteenth National Independence Day",
    "Independence Day",
    "Labor Day",
    "Columbus Day",
    "Veterans Day",
    "Thanksgiving Day",
    "Christmas Day",
}

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 12, 31))


def closed_by_holiday(year: int) -> set[date]:
    """The independent answer: the package's calendar dates, those on a Sunday kept on Monday."""
    federal = {
        day: name
        for day, name in holidays.country_holidays("US", years=year, observed=False).items()
        if name in FEDERAL_HOLIDAYS
    }
    assert set(federal.values()) == FEDERAL_HOLIDAYS
    return {day + ONE_DAY if day.weekday() == SUNDAY else day for day in federal}


@pytest.mark.parametrize("year", range(2022, 2041))
def test_every_day_agrees_with_an_independent_calendar(year: int) -> None:
    closed = closed_by_holiday(year)
    first = date(year, 1, 1)
    for offset in range((date(year + 1, 1, 1) - first).days):
        day = first + timedelta(days=offset)
        expected = day.weekday() < 5 and day not in closed
        assert is_business_day(day) is expected, day


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2025, 10, 13), False),  # Columbus Day
        (date(2025, 10, 14), True),
        (date(2023, 1, 1), False),  # New Year's Day on a Sunday ...
        (date(2023, 1, 2), False),  # ... is kept on the Monday
        (date(2023, 1, 3), True),
        (date(2021, 12, 31), True),  # New Year's Day on a Saturday is not kept at all
        (date(2022, 1, 1), False),
        (date(2022, 1, 3), True),
        (date(2026, 7, 3), True),  # the Friday before Independence Day on a Saturday
        (date(2020, 6, 19), True),  # Juneteenth was a business day ...
        (date(2021, 6, 18), True),
        (date(2022, 6, 20), False),  # ... until 2022, when it fell on a Sunday
        (date(2025, 10, 18), False),  # Saturday
        (date(2025, 10, 19), False),  # Sunday
        (date(2025, 11, 28), True),  # the Friday after Thanksgiving
    ],
)
def test_known_days_are_open_or_closed(day: date, is_open: bool) -> None:
    assert is_business_day(day) is is_open


@pytest.mark.parametrize(
    ("created", "business_days", "settles"),
    [
        (date(2025, 10, 20), 0, date(2025, 10, 20)),
        (date(2025, 10, 20), 1, date(2025, 10, 21)),
        (date(2025, 10, 19), 0, date(2025, 10, 20)),
        (date(2025, 10, 19), 3, date(2025, 10, 23)),  # a Sunday counts as the Monday
        (date(2025, 10, 10), 1, date(2025, 10, 14)),  # over a weekend and Columbus Day
        (date(2025, 10, 13), 1, date(2025, 10, 15)),  # Columbus Day counts as the Tuesday
        (date(2025, 12, 31), 1, date(2026, 1, 2)),  # over the end of a year
        (date(2021, 12, 31), 1, date(2022, 1, 3)),
    ],
)
def test_settlement_counts_business_days_only(created: date, business_days: int, settles: date) -> None:
    assert settlement_date(created, business_days) == settles


def test_settlement_before_creation_is_refused() -> None:
    with pytest.raises(ValueError, match="before its creation"):
        settlement_date(date(2025, 10, 20), -1)


@given(days)
def test_next_business_day_is_the_first_open_day_after(day: date) -> None:
    found = next_business_day(day)
    assert found > day
    assert is_business_day(found)
    assert not any(is_business_day(day + n * ONE_DAY) for n in range(1, (found - day).days))


@given(days)
def test_an_open_day_is_its_own_business_day(day: date) -> None:
    found = business_day_on_or_after(day)
    assert found == (day if is_business_day(day) else next_business_day(day))


@given(days, st.integers(0, 30))
def test_settlement_leaves_exactly_that_many_business_days_between(created: date, business_days: int) -> None:
    start = business_day_on_or_after(created)
    settles = settlement_date(created, business_days)
    passed = [start + n * ONE_DAY for n in range(1, (settles - start).days + 1)]
    assert is_business_day(settles)
    assert sum(map(is_business_day, passed)) == business_days
