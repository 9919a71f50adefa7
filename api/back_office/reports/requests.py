"""What callers ask of reports: a day, a month, or one made to order."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from api.back_office.requests import Members, is_null, is_sent, nested_members, require
from api.exchange import invalid
from api.instants import is_date, read_day_or_instant
from api.members import read_text, read_word
from domain.money import CURRENCIES
from projections.custom_reports import FILTERS, Wish

MEMBERS = ("type", "date_from", "date_to", "group_by", "filters", "format")
KINDS = ("transactions", "movements", "balances", "fees", "trial_balance")
GROUPS = ("type", "account", "currency", "day")
FORMATS = ("json", "csv")
TEXT_LENGTH_MAX = 255

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


def read_wish(members: Members) -> Wish:
    """A report made to order. `account_id` is as it was sent: any of an account's identifiers."""
    require(members, "type", "date_from", "date_to")
    kind: Any = read_word(members["type"], "type", KINDS)
    date_from, date_to = (
        read_day(read_text(members[name], name, TEXT_LENGTH_MAX), name) for name in ("date_from", "date_to")
    )
    if date_from > date_to:
        raise invalid("date_from", "must not be after date_to")
    group_by: Any = _word(members["group_by"], "group_by", GROUPS)
    format: Any = _word(members["format"], "format", FORMATS)
    filters = _read_filters(members["filters"], FILTERS[kind])
    if kind == "balances" and group_by == "day" and filters.keys() - {"currency"}:
        raise invalid("filters", "can only have currency where balances are grouped by day")
    return Wish(kind, date_from, date_to, group_by, format or "json", **filters)


def _word(raw: msgspec.Raw, field: str, words: tuple[str, ...]) -> str | None:
    return read_word(raw, field, words) if is_sent(raw) and not is_null(raw) else None


def _read_filters(raw: msgspec.Raw, known: tuple[str, ...]) -> dict[str, str]:
    if not is_sent(raw) or is_null(raw):
        return {}
    given = nested_members(raw, "filters", *known)
    found = {
        name: read_text(given[name], f"filters.{name}", TEXT_LENGTH_MAX)
        for name in known
        if is_sent(given[name]) and not is_null(given[name])
    }
    if found.get("currency", "USD") not in CURRENCIES:
        raise invalid("filters.currency", "must be a currency's code, such as USD")
    return found
