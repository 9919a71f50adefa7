"""Pages of the transactions: filtered, sorted, counted. Made from `projections.transactions`' tables."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple

from projections.read_model import Fetch

Sort = Literal["created_at", "effective_date", "amount"]
SORTS: tuple[Sort, ...] = ("created_at", "effective_date", "amount")

_COLUMNS = """
transaction_id, type, status, account_id, to_account_id, amount, currency, description, effective_date,
reversal_of, reversed_by, source, created_at
"""

_FILTERS = """
    and (%(type)s::text is null or type = %(type)s::text)
    and (%(status)s::text is null or status = %(status)s::text)
    and (%(currency)s::text is null or currency = %(currency)s::text)
    and (%(source)s::text is null or source = %(source)s::text)
"""
_CREATED = "created_at >= %(start)s and created_at < %(end)s"

_ONE = f"select {_COLUMNS} from {{schema}}.transactions where transaction_id = %(transaction_id)s"

_DAYS = f"""
select created_day, sum(transactions)::bigint as transactions from {{schema}}.transaction_counts
where created_day >= %(first_day)s and created_day <= %(last_day)s {_FILTERS}
group by created_day order by created_day
"""

_TOTAL_OF_ACCOUNT = f"""
select (select count(*) from {{schema}}.transactions
        where account_id = %(account_id)s and {_CREATED} {_FILTERS})
     + (select count(*) from {{schema}}.transactions
        where to_account_id = %(account_id)s and {_CREATED} {_FILTERS}) as total
"""

_COLUMN_OF_SORT: dict[Sort, str] = {
    "created_at": "created_at",
    "effective_date": "effective_date",
    "amount": "value",
}


def _order(sort: Sort, direction: str) -> str:
    return f"order by {_COLUMN_OF_SORT[sort]} {direction}, position {direction}"


def _page(sort: Sort, direction: str) -> str:
    return f"""
    select {_COLUMNS} from {{schema}}.transactions where {_CREATED} {_FILTERS}
    {_order(sort, direction)} limit %(limit)s offset %(offset)s
    """


def _page_of_account(sort: Sort, direction: str) -> str:
    """No transaction has one account on both its sides, so none comes twice."""
    side = f"""
    (select {_COLUMNS}, position, value from {{schema}}.transactions
     where %(side)s = %(account_id)s and {_CREATED} {_FILTERS}
     {_order(sort, direction)} limit %(reach)s)
    """
    sides = [side.replace("%(side)s", column) for column in ("account_id", "to_account_id")]
    return f"""
    select {_COLUMNS} from ({" union all ".join(sides)}) t
    {_order(sort, direction)} limit %(limit)s offset %(offset)s
    """


_PAGES = {(sort, direction): _page(sort, direction) for sort in SORTS for direction in ("asc", "desc")}
_PAGES_OF_ACCOUNT = {key: _page_of_account(*key) for key in _PAGES}

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(8999, 12, 31)


class TransactionView(NamedTuple):
    """`amount` is in minor units of the currency."""

    transaction_id: str
    type: str
    status: str
    account_id: str
    to_account_id: str | None
    amount: int
    currency: str
    description: str
    effective_date: date
    reversal_of: str | None
    reversed_by: str | None
    source: str
    created_at: datetime


class Wanted(NamedTuple):
    """Which transactions: None is any. `account_id` is on either side; the days are UTC days of creation,
    both inclusive."""

    account_id: str | None = None
    type: str | None = None
    status: str | None = None
    currency: str | None = None
    source: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    def parameters(self) -> dict[str, Any]:
        first, last = self.first_day or _FIRST_DAY, self.last_day or _LAST_DAY
        return {
            **self._asdict(),
            "first_day": first,
            "last_day": last,
            "start": _start_of(first),
            "end": _start_of(last + timedelta(days=1)),
        }


class TransactionPage(NamedTuple):
    transactions: list[TransactionView]
    total: int


async def one(fetch: Fetch, transaction_id: str) -> TransactionView | None:
    """Also of another surface: see `projections.transactions` for what they are called."""
    if not transaction_id.isprintable():
        # No identifier has such characters, and Postgres takes neither NUL nor lone surrogates.
        return None
    rows = await fetch(_ONE, {"transaction_id": transaction_id})
    return _view(rows[0]) if rows else None


async def page(
    fetch: Fetch, wanted: Wanted, *, sort: Sort, is_descending: bool, limit: int, offset: int
) -> TransactionPage:
    key = (sort, "desc" if is_descending else "asc")
    parameters = {**wanted.parameters(), "limit": limit, "offset": offset}
    if wanted.account_id is not None:
        total = int((await fetch(_TOTAL_OF_ACCOUNT, parameters))[0]["total"])
        if offset >= total:
            return TransactionPage([], total)
        rows = await fetch(_PAGES_OF_ACCOUNT[key], {**parameters, "reach": offset + limit})
        return TransactionPage([_view(row) for row in rows], total)
    days = [(row["created_day"], row["transactions"]) for row in await fetch(_DAYS, parameters)]
    total = sum(count for _, count in days)
    if offset >= total:
        return TransactionPage([], total)
    if sort == "created_at":
        parameters |= _days_of_page(days[::-1] if is_descending else days, offset, limit)
    rows = await fetch(_PAGES[key], parameters)
    return TransactionPage([_view(row) for row in rows], total)


def _days_of_page(days: Sequence[tuple[date, int]], offset: int, limit: int) -> dict[str, Any]:
    """The days that the page's rows are on, and how many rows of the first come before the page."""
    passed = 0
    first = last = days[0][0]
    before = 0
    for day, count in days:
        if passed <= offset:
            first, before = day, passed
        last = day
        passed += count
        if passed >= offset + limit:
            break
    start, end = min(first, last), max(first, last)
    return {
        "start": _start_of(start),
        "end": _start_of(end + timedelta(days=1)),
        "offset": offset - before,
    }


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _view(row: dict[str, Any]) -> TransactionView:
    return TransactionView(**{**row, "amount": int(row["amount"])})
