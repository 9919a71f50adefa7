"""Query parameters of the ledger's surface: read exactly, or refused with a 400 that names the parameter."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from api import query_string
from api.context import HttpRequest
from api.exchange import invalid
from api.instants import MICROSECOND, Period, is_date, read_day_or_instant, read_period
from domain.catalogue import EVOLVE
from projections.event_log import Wanted

LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
POSITION_MAX = 10**18 - 1
TEXT_LENGTH_MAX = 255

Query = Mapping[str, str]


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
    _, end = read_day_or_instant(given, name)
    return end - MICROSECOND if is_date(given) else end


def period(query: Query) -> Period:
    """`from` and `to`, both inclusive: instants or UTC days."""
    return read_period(query, "from", "to")


def days(query: Query) -> tuple[date, date]:
    """`from` and `to` as the first day and the day after the last one."""
    given = period(query)
    last = (given.end - MICROSECOND).date()
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
        given.end - MICROSECOND if query.get("to") else None,
    )
