"""Query parameters of the ledger's surface: read exactly, or refused with a 400 that names the parameter."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from api import query_string
from api.context import HttpRequest
from api.exchange import ApiError
from domain.catalogue import EVOLVE
from projections.event_log import Wanted

LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
POSITION_MAX = 10**18 - 1
TEXT_LENGTH_MAX = 255

# Where a period without an end begins and ends: nothing is dated outside.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9000, 1, 1, tzinfo=UTC)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)

Query = Mapping[str, str]


class Period:
    """A half-open period of instants: from `start` on, before `end`. Dates are UTC days, inclusive."""

    __slots__ = ("end", "start")

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end


def invalid(name: str, message: str) -> ApiError:
    return ApiError(400, "validation_error", f"{name} {message}", field=name)


def query_of(request: HttpRequest, *names: str) -> Query:
    """Those of the parameters `names` that say something: an empty one is as good as none."""
    return {name: value for name, value in query_string.query_of(request, *names).items() if value}


def after(query: Query) -> int:
    """The position after which a page begins."""
    return query_string.whole_number(query, "after", 0, POSITION_MAX, 0)


def limit(query: Query, default: int = LIMIT_DEFAULT) -> int:
    return query_string.whole_number(query, "limit", 1, LIMIT_MAX, default)


def at_version(query: Query) -> int | None:
    """None where no version was named."""
    return query_string.whole_number(query, "at_version", 1, POSITION_MAX, 0) or None


def text(query: Query, name: str) -> str | None:
    given = query.get(name)
    if not given:
        return None
    if len(given) > TEXT_LENGTH_MAX or not given.isprintable():
        raise invalid(name, f"must be at most {TEXT_LENGTH_MAX} printable characters")
    return given


def instant(query: Query, name: str) -> datetime | None:
    """An instant; a bare date is the end of that UTC day."""
    given = query.get(name)
    if not given:
        return None
    _, end = _day_or_instant(name, given)
    return end - _MICROSECOND if _DATE.fullmatch(given) else end


def period(query: Query) -> Period:
    """`from` and `to`, both inclusive: instants or UTC days."""
    start, end = BEGINNING, END
    given_from, given_to = query.get("from"), query.get("to")
    if given_from:
        start, _ = _day_or_instant("from", given_from)
    if given_to:
        _, end = _day_or_instant("to", given_to)
        if not _DATE.fullmatch(given_to):
            end += _MICROSECOND
    if given_from and given_to and start >= end:
        raise invalid("from", "must not be after to")
    return Period(start, end)


def days(query: Query) -> tuple[date, date]:
    """`from` and `to` as the first day and the day after the last one."""
    given = period(query)
    last = (given.end - _MICROSECOND).date()
    return given.start.date(), last + timedelta(days=1)


def wanted_events(query: Query) -> Wanted:
    category = text(query, "category")
    if category is not None and category not in EVOLVE:
        raise invalid("category", f"must be one of {', '.join(sorted(EVOLVE))}")
    return Wanted(text(query, "stream"), category, text(query, "topic"))


def recorded_between(query: Query) -> tuple[datetime | None, datetime | None]:
    """`from` and `to` as instants, both inclusive; None where there is no such bound."""
    given = period(query)
    return (
        given.start if query.get("from") else None,
        given.end - _MICROSECOND if query.get("to") else None,
    )


def _day_or_instant(name: str, given: str) -> tuple[datetime, datetime]:
    """An instant twice, or the first instant of a UTC day and the first one after it."""
    # A plus sign that was not escaped arrives as a blank.
    given = given.replace(" ", "+")
    try:
        if _DATE.fullmatch(given):
            start = datetime.combine(date.fromisoformat(given), time(), UTC)
            return _within(name, start), start + timedelta(days=1)
        if _INSTANT.fullmatch(given):
            at = datetime.fromisoformat(given).astimezone(UTC)
            return _within(name, at), at
    except (ValueError, OverflowError):
        pass
    raise invalid(name, "must be a date such as 2025-10-20 or an instant such as 2025-10-20T15:30:00Z")


def _within(name: str, at: datetime) -> datetime:
    if not BEGINNING <= at < END:
        raise invalid(name, f"must be between {BEGINNING.year} and {END.year}")
    return at
