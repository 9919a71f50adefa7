"""An account's statement: opening balance, every posting with the balance after it, closing balance.

In order of the instants that the postings count from, as far as they were known at one position. Made from
the journal and the balances; it has no table of its own.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.chart_of_accounts import CUSTOMER_DEPOSITS
from projections import balances
from projections.read_model import Fetch

_MICROSECOND = timedelta(microseconds=1)


class StatementLine(NamedTuple):
    """A posting: exactly one of `debit` (money out) and `credit` is not 0. Amounts are minor units."""

    position: int
    effective_at: datetime
    recorded_at: datetime
    kind: str
    reference: str
    description: str
    debit: int
    credit: int
    balance: int


class Statement(NamedTuple):
    """`position` is the last event that it knows of; `is_complete` whether the lines reach its end."""

    account_id: str
    currency: str
    opening_balance: int
    closing_balance: int
    position: int
    lines: list[StatementLine]
    is_complete: bool


_LINES = """
select position, effective_at, recorded_at, kind, reference, description, amount,
       credit_code = %(deposits)s as is_credit
from {schema}.journal
where account_id = %(account_id)s and position <= %(known_position)s::bigint
  and effective_at >= %(effective_from)s and effective_at < %(effective_before)s
  and (effective_at, position) > (%(after_effective_at)s, %(after_position)s::bigint)
order by effective_at, position limit %(limit)s
"""

_SUM_BEFORE = """
select coalesce(sum(case when credit_code = %(deposits)s then amount else -amount end), 0) as moved
from {schema}.journal
where account_id = %(account_id)s and position <= %(known_position)s::bigint
  and effective_at >= %(effective_from)s
  and (effective_at, position) <= (%(after_effective_at)s, %(after_position)s::bigint)
"""

Cursor = tuple[datetime, int]
"""The effective instant and position of the last line that was seen."""


async def statement(
    fetch: Fetch,
    account_id: str,
    effective_from: datetime,
    effective_before: datetime,
    *,
    known_position: int,
    after: Cursor | None = None,
    limit: int = 1_000,
) -> Statement | None:
    """The postings that count from an instant on and before another, `limit` lines at most after a cursor.

    None where there is no such account.
    """
    opening = await balances.balance_at_position(
        fetch, account_id, effective_from - _MICROSECOND, effective_from, known_position
    )
    closing = await balances.balance_at_position(
        fetch, account_id, effective_before - _MICROSECOND, effective_before, known_position
    )
    if opening is None or closing is None:
        return None
    after_effective_at, after_position = after or (effective_from, 0)
    parameters = {
        "account_id": account_id,
        "deposits": CUSTOMER_DEPOSITS,
        "known_position": known_position,
        "effective_from": effective_from,
        "effective_before": effective_before,
        "after_effective_at": after_effective_at,
        "after_position": after_position,
        "limit": limit + 1,
    }
    balance = opening.posted
    if after is not None:
        balance += int((await fetch(_SUM_BEFORE, parameters))[0]["moved"])
    rows = await fetch(_LINES, parameters)
    lines: list[StatementLine] = []
    for row in rows[:limit]:
        amount, is_credit = int(row["amount"]), row["is_credit"]
        balance += amount if is_credit else -amount
        lines.append(
            StatementLine(
                row["position"],
                row["effective_at"],
                row["recorded_at"],
                row["kind"],
                row["reference"],
                row["description"],
                0 if is_credit else amount,
                amount if is_credit else 0,
                balance,
            )
        )
    return Statement(
        account_id,
        opening.currency,
        opening.posted,
        closing.posted,
        closing.position,
        lines,
        len(rows) <= limit,
    )
