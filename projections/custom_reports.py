"""Reports made to order: what they are of, what they are grouped by, and the one query that each of them is.

Periods are by effective date. `transactions`, `movements` and `fees` are of the journal's entries, `balances`
of customers' accounts, `trial_balance` of the general ledger.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple, Self

import msgspec

from domain.chart_of_accounts import CUSTOMER_DEPOSITS, FEE_REVENUE, TRANSFER_CLEARING
from domain.money import Money
from projections import custom_report_queries as queries

Kind = Literal["transactions", "movements", "balances", "fees", "trial_balance"]
Group = Literal["type", "account", "currency", "day"]
Format = Literal["json", "csv"]


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """Both days are included. A filter that is None lets everything pass; `type` is that of an entry, or of
    an account where balances are wished for."""

    kind: Kind
    date_from: date
    date_to: date
    group_by: Group | None = None
    format: Format = "json"
    account_id: str | None = None
    type: str | None = None
    currency: str | None = None
    account_code: str | None = None

    def of_account(self, account_id: str) -> Self:
        """The same of the account with that opaque id."""
        return msgspec.structs.replace(self, account_id=account_id)


Cell = str | int | Money
Row = dict[str, Any]


class Table(NamedTuple):
    """A report's columns, its query, and how a row of the query becomes one of the report.

    The parameter `limit` is how many rows are wanted; null: all.
    """

    columns: tuple[str, ...]
    query: str
    parameters: dict[str, Any]
    read: Callable[[Row], list[Cell]]


FILTERS: dict[Kind, tuple[str, ...]] = {
    "transactions": ("account_id", "type", "currency"),
    "movements": ("account_id", "type", "currency"),
    "fees": ("account_id", "type", "currency"),
    "balances": ("account_id", "type", "currency"),
    "trial_balance": ("account_code", "currency"),
}
"""Which filters each kind of report knows."""


def table(wish: Wish) -> Table:
    match wish.kind:
        case "balances":
            return _balances(wish)
        case "trial_balance":
            return _trial_balance(wish)
        case "movements":
            return _movements(wish, wish.group_by or "type")
        case _ if wish.group_by is not None:
            return _movements(wish, wish.group_by)
        case _:
            return Table(_ENTRY_COLUMNS, queries.ENTRIES, _parameters(wish), _entry)


def progress(wish: Wish, last: Row) -> int:
    """About how much is made when `last` is, in percent; known where rows come in the order of dates."""
    effective_at = last.get("effective_at")
    if effective_at is None:
        return 0
    start, days = datetime.combine(wish.date_from, time(), UTC), (wish.date_to - wish.date_from).days + 1
    return min(99, int(100 * ((effective_at - start) / timedelta(days=days))))


def _parameters(wish: Wish) -> dict[str, Any]:
    day_before = wish.date_to + timedelta(days=1)
    return {
        "date_from": wish.date_from,
        "day_before": day_before,
        "effective_from": datetime.combine(wish.date_from, time(), UTC),
        "effective_before": datetime.combine(day_before, time(), UTC),
        "group_by": wish.group_by or "",
        "account_id": wish.account_id,
        "type": wish.type,
        "currency": wish.currency,
        "account_code": wish.account_code,
        "contra": FEE_REVENUE if wish.kind == "fees" else None,
        "deposits": CUSTOMER_DEPOSITS,
        "clearing": TRANSFER_CLEARING,
        "limit": None,
    }


_ENTRY_COLUMNS = (
    "effective_date",
    "created_at",
    "reference",
    "type",
    "account_id",
    "contra_account_code",
    "direction",
    "amount",
    "currency",
    "description",
)


def _entry(row: Row) -> list[Cell]:
    return [
        row["effective_at"].astimezone(UTC).date().isoformat(),
        row["recorded_at"].astimezone(UTC).isoformat()[:19] + "Z",
        row["reference"],
        row["type"],
        row["account_id"],
        row["contra"],
        "credit" if row["is_credit"] else "debit",
        Money(int(row["amount"]), row["currency"]),
        row["currency"],
        row["description"],
    ]


_KEYS: dict[Group, tuple[str, ...]] = {
    "type": ("type",),
    "account": ("account_id",),
    "day": ("date",),
    "currency": (),
}


def _movements(wish: Wish, group_by: Group) -> Table:
    keys = _KEYS[group_by]
    # Fees are the bank's: what customers paid is what it earned.
    sign = -1 if wish.kind == "fees" else 1

    def read(row: Row) -> list[Cell]:
        currency, debits, credits = row["currency"], int(row["debits"]), int(row["credits"])
        own = [row["key"]] if keys else []
        amounts = (debits, credits, sign * (credits - debits))
        return [*own, currency, int(row["number"]), *(Money(minor, currency) for minor in amounts)]

    parameters = {**_parameters(wish), "group_by": group_by}
    is_of_days = wish.kind != "fees" and group_by != "account" and wish.account_id is None
    query = queries.MOVEMENTS_BY_DAYS if is_of_days else queries.MOVEMENTS_BY_ENTRIES
    return Table((*keys, "currency", "count", "debits", "credits", "amount"), query, parameters, read)


_BALANCES: dict[Group | None, tuple[str, ...]] = {
    None: ("account_id", "account_number", "account_type", "status"),
    "account": ("account_id", "account_number", "account_type", "status"),
    "type": ("account_type",),
    "currency": (),
    "day": ("date",),
}


def _balances(wish: Wish) -> Table:
    keys = _BALANCES[wish.group_by]

    def read(row: Row) -> list[Cell]:
        currency = row["currency"]
        opening, closing = Money(int(row["opening"]), currency), Money(int(row["closing"]), currency)
        return [*(row[key] for key in keys), currency, opening, closing]

    query = {None: queries.BALANCES, "account": queries.BALANCES, "day": queries.BALANCES_BY_DAY}.get(
        wish.group_by, queries.BALANCE_GROUPS
    )
    columns = (*keys, "currency", "opening_balance", "closing_balance")
    parameters = _parameters(wish)
    if wish.group_by == "day":
        parameters["account_code"] = CUSTOMER_DEPOSITS
    return Table(columns, query, parameters, read)


def _trial_balance(wish: Wish) -> Table:
    parameters = _parameters(wish)
    if wish.group_by == "day":
        columns = ("date", "account_code", "currency", "opening", "debits", "credits", "closing")

        def read_day(row: Row) -> list[Cell]:
            opening, debits, credits = (int(row[name]) for name in ("opening", "debits", "credits"))
            minors = (opening, debits, credits, opening + debits - credits)
            amounts = [Money(minor, row["currency"]) for minor in minors]
            return [row["date"], row["account_code"], row["currency"], *amounts]

        return Table(columns, queries.LEDGER_DAYS, parameters, read_day)
    keys: tuple[str, ...] = ("account_code", "account_name", "type")
    query = queries.TRIAL_BALANCE
    if wish.group_by in ("type", "currency"):
        keys, query = _KEYS[wish.group_by], queries.TRIAL_BALANCE_GROUPS

    def read(row: Row) -> list[Cell]:
        currency = row["currency"]
        debit, credit = Money(int(row["debit"]), currency), Money(int(row["credit"]), currency)
        return [*(row[key] for key in keys), currency, debit, credit]

    return Table((*keys, "currency", "debit", "credit"), query, parameters, read)
