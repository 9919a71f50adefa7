"""What a card was used for, between two days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from litestar import get

from api.cards.administration import access, bodies, operations
from api.context import HttpRequest, JsonResponse, exchange_of, respond
from api.exchange import invalid
from api.instants import SECOND, is_date, read_day_or_instant
from api.query_string import query_of
from projections import card_spending


class SpendingPeriod(NamedTuple):
    """Both inclusive. What was spent counts by its UTC day, so whole days are summed up."""

    first: datetime
    last: datetime


def read_period(query: Mapping[str, str], now: datetime) -> SpendingPeriod:
    """Without dates: the current month, to its last second. Without the first: from the beginning of the
    last one's month. Without the last: to the end of the current month, or of the first one's, if that is
    later."""
    given_first, given_last = query.get("fromDate"), query.get("toDate")
    first = read_day_or_instant(given_first, "fromDate")[0] if given_first else None
    last = _last(given_last) if given_last else None
    if first is None:
        first = _month_begins(now if last is None else last)
    if last is None:
        last = _month_ends(max(first, now))
    if first > last:
        raise invalid("fromDate", "must not be after toDate", "Invalid date range")
    return SpendingPeriod(first, last)


def _last(given: str) -> datetime:
    start, end = read_day_or_instant(given, "toDate")
    return end - SECOND if is_date(given) else start


def _month_begins(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _month_ends(at: datetime) -> datetime:
    return _month_begins(_month_begins(at) + timedelta(days=31)) - SECOND


@get(access.CARD + "/spending-summary", operation=operations.SPENDING_SUMMARY)
async def summary(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card_id = access.card_id(request)
    period = read_period(query_of(request, "fromDate", "toDate"), exchange_of(request).now)
    card = await access.read_card(request, ledger, card_id)
    spent = await card_spending.summary(ledger.fetch, card_id, period.first.date(), period.last.date())
    return respond(bodies.spending_summary(card, period.first, period.last, spent))


ROUTES = (summary,)
