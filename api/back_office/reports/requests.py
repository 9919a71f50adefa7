"""What callers ask of reports: a day, a month, or one made to order."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime

from api.exchange import invalid
from api.instants import is_date, read_day_or_instant

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


def read_day(text: str, field: str) -> date:
    """A UTC day. 400 where it is none."""
    if not is_date(text):
        raise invalid(field, "must be a date such as 2025-10-20")
    start, _ = read_day_or_instant(text, field)
    return start.date()


def day_wished(query: Mapping[str, str], now: datetime) -> date:
    """`date`, else today."""
    given = query.get("date")
    return now.date() if given is None else read_day(given, "date")


def month_wished(query: Mapping[str, str], now: datetime) -> tuple[date, date]:
    """First and last day of `month`, else of this one."""
    given = query.get("month")
    if given is None:
        given = f"{now.year:04}-{now.month:02}"
    if not _MONTH.fullmatch(given):
        raise invalid("month", "must be a month such as 2025-10")
    first = read_day(f"{given}-01", "month")
    return first, first.replace(day=monthrange(first.year, first.month)[1])
