"""Instants and UTC days as callers write them, and as answers show them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from api.exchange import invalid

# Where a period without an end begins and ends: nothing is dated outside.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9000, 1, 1, tzinfo=UTC)

MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Digits beyond microseconds are read, and dropped.
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


class Period:
    """A half-open period of instants: from `start` on, before `end`. Dates are UTC days, inclusive."""

    __slots__ = ("end", "start")

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end


def whole_seconds(at: datetime) -> str:
    """As answers show it: UTC with Z, cut to whole seconds."""
    # Postgres gives times in its session's time zone, whatever that is.
    return at.astimezone(UTC).isoformat()[:19] + "Z"


def is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None


def read_instant(text: str, field: str) -> datetime:
    """An instant with its time zone, in UTC. 400 where it is none."""
    at = _instant(text)
    if at is None:
        raise invalid(field, "must be an instant such as 2025-10-20T15:30:00Z")
    return _within(at, field)


def read_day_or_instant(text: str, field: str) -> tuple[datetime, datetime]:
    """An instant twice, or the first instant of a UTC day and the first one after it. 400 where it is
    neither."""
    # A plus sign that was not escaped arrives as a blank.
    text = text.replace(" ", "+")
    day = _day(text)
    if day is not None:
        start = datetime.combine(day, time(), UTC)
        return _within(start, field), start + timedelta(days=1)
    at = _instant(text)
    if at is None:
        example = "2025-10-20 or an instant such as 2025-10-20T15:30:00Z"
        raise invalid(field, f"must be a date such as {example}")
    return _within(at, field), at


def read_period(
    query: Mapping[str, str], from_name: str, to_name: str, precision: timedelta = MICROSECOND
) -> Period:
    """The two parameters, both inclusive, each an instant or a UTC day. 400 where the period ends before it
    begins.

    An instant without a fraction lasts as long as `precision` says: where answers show whole seconds, what
    they show as 12:00:05 is meant by 12:00:05.
    """
    start, end, last = BEGINNING, END, END
    given_from, given_to = query.get(from_name), query.get(to_name)
    if given_from:
        start, _ = read_day_or_instant(given_from, from_name)
    if given_to:
        last, end = read_day_or_instant(given_to, to_name)
        if last == end:
            end += MICROSECOND if end.microsecond else precision
        else:
            last = end - MICROSECOND
    if start > last:
        raise invalid(from_name, f"must not be after {to_name}")
    return Period(start, end)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if _INSTANT.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def _within(at: datetime, field: str) -> datetime:
    if not BEGINNING <= at < END:
        raise invalid(field, f"must be between {BEGINNING.year} and {END.year}")
    return at
