"""Card spending: what was approved on each UTC day by channel and merchant category, and not given back.

It counts what the limits count, on the day of approval, also where it is given back on a later one.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from domain.cards import CardSpent, SpendingReturned
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.card_spending (
    card_id bigint not null,
    day date not null,
    authorizations integer not null,
    amount numeric not null,
    channel text collate "C" not null,
    category text collate "C" not null,
    primary key (card_id, day, channel, category)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
"""

_ADD = """
insert into {schema}.card_spending as s (card_id, day, channel, category, amount, authorizations)
select * from unnest(%b::bigint[], %b::date[], %b::text[], %b::text[], %b::numeric[], %b::integer[])
on conflict (card_id, day, channel, category) do update
set amount = s.amount + excluded.amount, authorizations = s.authorizations + excluded.authorizations
"""

# Each row sums up one channel, one category, one day, or all.
_SUMMARY = """
select channel, category, day, sum(amount) as amount, sum(authorizations) as authorizations
from {schema}.card_spending
where card_id = %(card_id)s::bigint and day >= %(first_day)s and day <= %(last_day)s and authorizations > 0
group by grouping sets ((channel), (category), (day), ())
"""

_CARD = len("card-")


def apply(batch: Sequence[Recorded], write: Write) -> None:
    sums: dict[tuple[str, date, str, str], list[int]] = {}
    for fact in batch:
        kind = type(fact.event)
        if kind is not CardSpent and kind is not SpendingReturned:
            continue
        event: Any = fact.event
        key = (fact.stream, event.approved_at.date(), event.channel, event.category)
        spent = sums.get(key)
        if spent is None:
            spent = sums[key] = [0, 0]
        if kind is CardSpent:
            spent[0] += event.amount
            spent[1] += 1
        else:
            spent[0] -= event.amount
            spent[1] -= event.left == 0
    if sums:
        streams, days, channels, categories = zip(*sums, strict=True)
        amounts, counts = zip(*sums.values(), strict=True)
        card_ids = [int(stream[_CARD:]) for stream in streams]
        write(_ADD, (card_ids, days, channels, categories, amounts, counts))


class Spent(msgspec.Struct, frozen=True):
    """`amount` in minor units of the currency of the card's account; `count` of authorizations."""

    amount: int
    count: int


class Summary(NamedTuple):
    """Only what was spent in and on is in the parts; they are in order."""

    total: Spent
    by_channel: dict[str, Spent]
    by_category: dict[str, Spent]
    by_day: dict[date, Spent]


async def summary(fetch: Fetch, card_id: int, first_day: date, last_day: date) -> Summary:
    """The card's spending from one UTC day to another, both included."""
    total = Spent(0, 0)
    by_channel: dict[str, Spent] = {}
    by_category: dict[str, Spent] = {}
    by_day: dict[date, Spent] = {}
    parameters = {"card_id": card_id, "first_day": first_day, "last_day": last_day}
    for row in await fetch(_SUMMARY, parameters):
        spent = Spent(int(row["amount"] or 0), int(row["authorizations"] or 0))
        if row["channel"] is not None:
            by_channel[row["channel"]] = spent
        elif row["category"] is not None:
            by_category[row["category"]] = spent
        elif row["day"] is not None:
            by_day[row["day"]] = spent
        else:
            total = spent
    return Summary(total, _sorted(by_channel), _sorted(by_category), dict(sorted(by_day.items())))


def _sorted(parts: dict[str, Spent]) -> dict[str, Spent]:
    return dict(sorted(parts.items()))


MODEL = ReadModel("card_spending", 1, _TABLES, ("card_spending",), apply)
