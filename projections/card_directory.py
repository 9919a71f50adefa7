"""The card directory: which cards there are, what each may spend, and what overrides its limits.

A row has what changes and where in the log the rest is: the card's issue, and the last change of its limits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.card_limits import CardLimits, Override
from domain.cards import (
    ACTIVE,
    BLOCKED,
    CardIssued,
    CardUnblocked,
    CardWasBlocked,
    LimitsChanged,
    LimitsOverridden,
    OverrideDeleted,
)
from domain.catalogue import decode
from projections.read_model import Fetch, ReadModel, Recorded, Write

# What an override says is in the log, at its position. One that has expired stays: it is shown on request.
_TABLES = """
create table {schema}.card_directory (
    card_id bigint primary key,
    position bigint not null,
    limits_position bigint not null,
    account_id text collate "C" not null,
    status text collate "C" not null
) with (fillfactor = 90);
create index card_directory_account_id_idx on {schema}.card_directory (account_id, position);
create table {schema}.card_overrides (
    override_id bigint primary key,
    position bigint not null,
    card_id bigint not null,
    expires_at timestamptz not null
);
create index card_overrides_card_id_idx on {schema}.card_overrides (card_id, expires_at);
"""

_ISSUE = """
insert into {schema}.card_directory (card_id, position, limits_position, account_id, status)
select * from unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[])
"""

_CHANGE = """
update {schema}.card_directory d
set limits_position = coalesce(c.limits_position, d.limits_position), status = coalesce(c.status, d.status)
from unnest(%b::bigint[], %b::bigint[], %b::text[]) as c (card_id, limits_position, status)
where d.card_id = c.card_id
"""

_OVERRIDE = """
insert into {schema}.card_overrides (override_id, position, card_id, expires_at)
select * from unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::timestamptz[])
"""

_DELETE_OVERRIDES = "delete from {schema}.card_overrides where override_id = any(%b::bigint[])"

_CARD = len("card-")
_LIMITS_POSITION, _STATUS = 2, 4


def apply(batch: Sequence[Recorded], write: Write) -> None:
    cards: list[Recorded] = []
    overrides: list[Recorded] = []
    for fact in batch:
        kind = type(fact.event)
        if kind in _OF_CARDS:
            cards.append(fact)
        elif kind in _OF_OVERRIDES:
            overrides.append(fact)
    if cards:
        _apply_to_cards(cards, write)
    if overrides:
        _apply_to_overrides(overrides, write)


_OF_CARDS = frozenset((CardIssued, CardWasBlocked, CardUnblocked, LimitsChanged))
_OF_OVERRIDES = frozenset((LimitsOverridden, OverrideDeleted))


def _apply_to_cards(facts: Sequence[Recorded], write: Write) -> None:
    issued: dict[int, list[Any]] = {}
    changed: dict[int, list[Any]] = {}
    for fact in facts:
        card_id, event = int(fact.stream[_CARD:]), fact.event
        if isinstance(event, CardIssued):
            issued[card_id] = [card_id, fact.position, fact.position, event.account_id, ACTIVE]
            continue
        row = issued.get(card_id)
        if row is None:
            row = changed.setdefault(card_id, [card_id, None, None, None, None])
        if isinstance(event, LimitsChanged):
            row[_LIMITS_POSITION] = fact.position
        else:
            row[_STATUS] = BLOCKED if isinstance(event, CardWasBlocked) else ACTIVE
    if issued:
        write(_ISSUE, list(zip(*issued.values(), strict=True)))
    if changed:
        columns = list(zip(*changed.values(), strict=True))
        write(_CHANGE, (list(changed), columns[_LIMITS_POSITION], columns[_STATUS]))


def _apply_to_overrides(facts: Sequence[Recorded], write: Write) -> None:
    made: dict[int, tuple[Any, ...]] = {}
    deleted: list[int] = []
    for fact in facts:
        event: Any = fact.event
        if isinstance(event, LimitsOverridden):
            override = event.override
            card_id = int(fact.stream[_CARD:])
            made[override.override_id] = (override.override_id, fact.position, card_id, override.expires_at)
        elif made.pop(event.override_id, None) is None:
            deleted.append(event.override_id)
    if made:
        write(_OVERRIDE, list(zip(*made.values(), strict=True)))
    if deleted:
        write(_DELETE_OVERRIDES, (deleted,))


class CardView(NamedTuple):
    """Limits are minor units of `currency`, that of the card's account. `expiry` is MM/YY."""

    card_id: int
    account_id: str
    card_account_id: int
    card_account_space_id: int
    masked_pan: str
    expiry: str
    status: str
    limits: CardLimits
    currency: str
    created_at: datetime
    limits_updated_at: datetime


class CardPage(NamedTuple):
    """`total` counts all of the account's cards, on whatever page."""

    cards: list[CardView]
    total: int


class OverridePage(NamedTuple):
    """`total` counts all that were asked for, on whatever page."""

    overrides: list[Override]
    total: int


_CARDS = """
select d.card_id, d.account_id, a.card_account_id, a.card_account_space_id, d.status, a.currency,
       issued.topic as issued_topic, issued.state as issued_state,
       limited.topic as limited_topic, limited.state as limited_state
from {schema}.card_directory d
join {schema}.account_directory a on a.account_id = d.account_id
join {schema}.events issued on issued.notification_id = d.position
join {schema}.events limited on limited.notification_id = d.limits_position
"""

_BY_ID = f"{_CARDS} where d.card_id = %(card_id)s::bigint"

_OF_ACCOUNT = f"""
{_CARDS}
where d.account_id = %(account_id)s
order by d.position desc offset %(offset)s limit %(limit)s
"""

_TOTAL_OF_ACCOUNT = "select count(*) as total from {schema}.card_directory where account_id = %(account_id)s"

_OVERRIDES = """
select e.topic, e.state
from {schema}.card_overrides o join {schema}.events e on e.notification_id = o.position
where o.card_id = %(card_id)s::bigint and o.expires_at > %(expires_after)s
order by o.position desc offset %(offset)s limit %(limit)s
"""

_TOTAL_OVERRIDES = """
select count(*) as total from {schema}.card_overrides
where card_id = %(card_id)s::bigint and expires_at > %(expires_after)s
"""


async def by_id(fetch: Fetch, card_id: int) -> CardView | None:
    """None where there is no such card."""
    rows = await fetch(_BY_ID, {"card_id": card_id})
    return _card(rows[0]) if rows else None


async def of_account(fetch: Fetch, account_id: str, *, offset: int = 0, limit: int = 20) -> CardPage:
    """The account's cards, the one issued last first."""
    parameters = {"account_id": account_id, "offset": offset, "limit": limit}
    rows = await fetch(_OF_ACCOUNT, parameters)
    totals = await fetch(_TOTAL_OF_ACCOUNT, {"account_id": account_id})
    return CardPage([_card(row) for row in rows], totals[0]["total"])


async def overrides_of(
    fetch: Fetch, card_id: int, *, include_expired: bool, at: datetime, offset: int = 0, limit: int = 20
) -> OverridePage:
    """The card's overrides, newest first: those that are active at `at`, or the expired ones too."""
    expires_after = datetime.min.replace(tzinfo=at.tzinfo) if include_expired else at
    parameters = {"card_id": card_id, "expires_after": expires_after}
    rows = await fetch(_OVERRIDES, {**parameters, "offset": offset, "limit": limit})
    totals = await fetch(_TOTAL_OVERRIDES, parameters)
    overrides = [decode(row["topic"], row["state"]).data.override for row in rows]
    return OverridePage(overrides, totals[0]["total"])


def _card(row: dict[str, Any]) -> CardView:
    issue = decode(row["issued_topic"], row["issued_state"])
    limited = decode(row["limited_topic"], row["limited_state"])
    issued: CardIssued = issue.data
    return CardView(
        row["card_id"],
        row["account_id"],
        row["card_account_id"],
        row["card_account_space_id"],
        issued.masked_pan,
        issued.expiry,
        row["status"],
        limited.data.limits,
        row["currency"],
        issue.counts_from,
        limited.counts_from,
    )


MODEL = ReadModel("card_directory", 1, _TABLES, ("card_directory", "card_overrides"), apply)
