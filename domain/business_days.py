"""Business days of the US Federal Reserve, on which transfers settle.

Dates are the calendar's own; what time zone an instant is seen in is the caller's to decide.

The rules are those of the Reserve Banks: a holiday that falls on a Sunday is kept on the Monday,
one that falls on a Saturday is not kept at all, so that the Friday before it is a business day.
Only the holidays of today's law are known; Juneteenth counts from 2022, the first year in which
the Reserve Banks closed for it.
"""

from datetime import date, timedelta
from functools import lru_cache

_ONE_DAY = timedelta(days=1)
_FIRST_JUNETEENTH_YEAR = 2022

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6

_JANUARY, _FEBRUARY, _MAY, _JUNE, _JULY = 1, 2, 5, 6, 7
_SEPTEMBER, _OCTOBER, _NOVEMBER, _DECEMBER = 9, 10, 11, 12


def is_business_day(day: date) -> bool:
    return day.weekday() < _SATURDAY and day not in _closed_days(day.year)


def next_business_day(day: date) -> date:
    """The first business day strictly after the day."""
    return business_day_on_or_after(day + _ONE_DAY)


def business_day_on_or_after(day: date) -> date:
    while not is_business_day(day):
        day += _ONE_DAY
    return day


def settlement_date(created: date, business_days: int) -> date:
    """The given number of business days after creation.

    What is created on a non-business day counts as created on the next business day.
    """
    if business_days < 0:
        raise ValueError("a settlement cannot lie before its creation")
    day = business_day_on_or_after(created)
    for _ in range(business_days):
        day = next_business_day(day)
    return day


# A ledger looks at the few years around now; the bound holds when a caller walks through centuries.
@lru_cache(maxsize=64)
def _closed_days(year: int) -> frozenset[date]:
    """The weekdays of the year on which the Reserve Banks are closed.

    No holiday moves into another year: only 1 January could leave its own, and it moves forward.
    """
    fixed = [
        date(year, _JANUARY, 1),  # New Year's Day
        date(year, _JULY, 4),  # Independence Day
        date(year, _NOVEMBER, 11),  # Veterans Day
        date(year, _DECEMBER, 25),  # Christmas Day
    ]
    if year >= _FIRST_JUNETEENTH_YEAR:
        fixed.append(date(year, _JUNE, 19))  # Juneteenth
    floating = [
        _nth_weekday(year, _JANUARY, _MONDAY, 3),  # Martin Luther King Jr. Day
        _nth_weekday(year, _FEBRUARY, _MONDAY, 3),  # Presidents' Day
        _last_monday_of_may(year),  # Memorial Day
        _nth_weekday(year, _SEPTEMBER, _MONDAY, 1),  # Labor Day
        _nth_weekday(year, _OCTOBER, _MONDAY, 2),  # Columbus Day
        _nth_weekday(year, _NOVEMBER, _THURSDAY, 4),  # Thanksgiving Day
    ]
    return frozenset(floating + [_kept_on(day) for day in fixed])


def _kept_on(holiday: date) -> date:
    # A Saturday needs no rule: the day is closed as it is, and nothing else closes for it.
    return holiday + _ONE_DAY if holiday.weekday() == _SUNDAY else holiday


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, _MAY, 31)
    return last - timedelta(days=last.weekday())
