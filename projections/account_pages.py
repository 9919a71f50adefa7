"""Pages of accounts with their balances. Made from the directory and the balances; no table of its own.

A balance changes with each posting, so no index is kept by it: sorted by balance, the accounts that the
filters leave are sorted for each page.
"""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from domain.money import CURRENCIES
from projections.read_model import Fetch

Sort = Literal["created_at", "balance", "account_number"]
SORTS: tuple[Sort, ...] = ("created_at", "balance", "account_number")

_COLUMNS = """
a.account_id, a.account_number, a.card_account_id, a.card_account_space_id, a.owner_id, a.account_type,
a.currency, a.nickname, a.status, a.overdraft_limit, a.opened_at, a.updated_at, a.closed_at, b.posted, b.held
"""

_FILTERS = """
    (%(owner_id)s::text is null or a.owner_id = %(owner_id)s::text)
    and (%(account_type)s::text is null or a.account_type = %(account_type)s::text)
    and (%(currency)s::text is null or a.currency = %(currency)s::text)
    and (%(status)s::text is null or a.status = %(status)s::text)
"""

_ONE = f"""
select {_COLUMNS} from {{schema}}.account_directory a
join {{schema}}.balances b on b.account_id = a.account_id
where a.account_id = %(account_id)s
"""

_TOTAL = f"select count(*) as total from {{schema}}.account_directory a where {_FILTERS}"

# Balances of different currencies are compared in whole units, exactly: by a product, which is never rounded.
_COLUMN_OF_SORT: dict[Sort, str] = {
    "created_at": "a.position",
    "balance": "b.posted * u.unit::numeric",
    "account_number": "a.account_number",
}


def _page(sort: Sort, direction: str) -> str:
    return f"""
    select {_COLUMNS} from {{schema}}.account_directory a
    join {{schema}}.balances b on b.account_id = a.account_id
    join unnest(%(currencies)s::text[], %(units)s::text[]) as u (currency, unit) on u.currency = a.currency
    where {_FILTERS}
    order by {_COLUMN_OF_SORT[sort]} {direction}, a.position {direction} limit %(limit)s offset %(offset)s
    """


_PAGES = {(sort, direction): _page(sort, direction) for sort in SORTS for direction in ("asc", "desc")}
_UNITS = {"currencies": list(CURRENCIES), "units": [f"1e-{digits}" for digits in CURRENCIES.values()]}


class AccountView(NamedTuple):
    """Amounts are minor units of the currency. `updated_at` leaves movements of money out."""

    account_id: str
    account_number: str
    card_account_id: int | None
    card_account_space_id: int | None
    owner_id: str
    account_type: str
    currency: str
    nickname: str | None
    status: str
    overdraft_limit: int
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.posted - self.held + self.overdraft_limit


class Wanted(NamedTuple):
    """Which accounts: None is any."""

    owner_id: str | None = None
    account_type: str | None = None
    currency: str | None = None
    status: str | None = None


class AccountPage(NamedTuple):
    accounts: list[AccountView]
    total: int


async def one(fetch: Fetch, account_id: str) -> AccountView | None:
    rows = await fetch(_ONE, {"account_id": account_id})
    return _view(rows[0]) if rows else None


async def page(
    fetch: Fetch, wanted: Wanted, *, sort: Sort, is_descending: bool, limit: int, offset: int
) -> AccountPage:
    total = int((await fetch(_TOTAL, wanted._asdict()))[0]["total"])
    if offset >= total:
        return AccountPage([], total)
    statement = _PAGES[sort, "desc" if is_descending else "asc"]
    rows = await fetch(statement, {**wanted._asdict(), **_UNITS, "limit": limit, "offset": offset})
    return AccountPage([_view(row) for row in rows], total)


def _view(row: dict[str, Any]) -> AccountView:
    amounts = {name: int(row[name]) for name in ("overdraft_limit", "posted", "held")}
    return AccountView(**{**row, **amounts})
