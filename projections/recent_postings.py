"""Recent postings: the last lines of an account, as its holder sees them. Read from the journal's tables."""

from datetime import datetime
from typing import Any, NamedTuple

from domain.chart_of_accounts import CUSTOMER_DEPOSITS
from domain.money import Money
from projections.read_model import Fetch

_LAST_OF_ACCOUNT = """
select position, effective_at, debit_code, amount, currency, kind, description from {schema}.journal
where account_id = %(account_id)s order by effective_at desc, position desc limit %(limit)s
"""


class RecentPosting(NamedTuple):
    """Money that came in or went out. `kind` is what it was for: transfer, fee, reversal and so on."""

    id: str
    amount: Money
    is_debit: bool
    kind: str
    description: str
    created_at: datetime


async def last_of_account(fetch: Fetch, account_id: str, limit: int = 10) -> list[RecentPosting]:
    """The account's last postings, newest first."""
    return [
        _recent_posting(row)
        for row in await fetch(_LAST_OF_ACCOUNT, {"account_id": account_id, "limit": limit})
    ]


def _recent_posting(row: dict[str, Any]) -> RecentPosting:
    kind: str = row["kind"]
    return RecentPosting(
        id=f"txn_{row['position']}",
        amount=Money(int(row["amount"]), row["currency"]),
        # What leaves an account lowers the bank's deposits: they are the side that is debited.
        is_debit=row["debit_code"] == CUSTOMER_DEPOSITS,
        kind=kind,
        description=row["description"] or kind.replace("_", " ").capitalize(),
        created_at=row["effective_at"],
    )
