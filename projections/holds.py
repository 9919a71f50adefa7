"""Holds: money set aside on an account, until it is captured or released. Card holds are elsewhere.

A batch adds up what it placed, captured and released under each hold id; one statement adds the sums to the
rows. So it makes no difference where batches are cut, and a hold may be raised, or captured in parts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.accounts import HoldCaptured, HoldPlaced, HoldReleased
from domain.transfers import hold_id_of
from projections.read_model import Fetch, ReadModel, Recorded, Write

ACTIVE, CAPTURED, RELEASED = "active", "captured", "released"

# The status is not stored: it follows from the columns. Nor is a reference from which the hold's id is made,
# a transfer's: it is null. Only active holds are in the account's index, so that ended ones take no space.
_TABLES = """
create table {schema}.holds (
    position bigint not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    hold_id text collate "C" primary key,
    account_id text collate "C" not null,
    reference text collate "C",
    amount numeric not null,
    captured numeric not null,
    released numeric not null
) with (autovacuum_vacuum_scale_factor = 0.1);
create index holds_active_idx on {schema}.holds (account_id, position) where ended_at is null;
"""

_ADD = """
insert into {schema}.holds as h (
    hold_id, account_id, reference, position, created_at, ended_at, amount, captured, released)
select * from unnest(
    %b::text[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[], %b::timestamptz[],
    %b::numeric[], %b::numeric[], %b::numeric[])
on conflict (hold_id) do update
set amount = h.amount + excluded.amount, captured = h.captured + excluded.captured,
    released = h.released + excluded.released,
    ended_at = case when h.amount + excluded.amount
                         <= h.captured + excluded.captured + h.released + excluded.released
                    then excluded.ended_at end
"""

_COLUMNS = "hold_id, account_id, reference, amount, captured, created_at, ended_at"

_ACTIVE_OF_ACCOUNT = f"""
select {_COLUMNS} from {{schema}}.holds
where account_id = %(account_id)s and ended_at is null order by position desc limit %(limit)s
"""

_BY_ID = f"select {_COLUMNS} from {{schema}}.holds where hold_id = %(hold_id)s"

_ACCOUNT = len("account-")


class Hold(NamedTuple):
    """Amounts in minor units of the account's currency; `reference` names what the money is held for.

    `captured` is the part that was taken. A hold ends when nothing of it is left.
    """

    hold_id: str
    account_id: str
    reference: str
    amount: int
    captured: int
    created_at: datetime
    ended_at: datetime | None

    @property
    def status(self) -> str:
        if self.ended_at is None:
            return ACTIVE
        return CAPTURED if self.captured else RELEASED


class _Sums:
    """What a batch did under one hold id."""

    __slots__ = ("captured", "first", "last_at", "placed", "reference", "released")

    def __init__(self, first: Recorded, reference: str) -> None:
        self.first = first
        self.reference = reference
        self.last_at = first.effective_at
        self.placed = 0
        self.captured = 0
        self.released = 0

    def row(self, hold_id: str) -> tuple[Any, ...]:
        is_used_up = self.placed <= self.captured + self.released
        return (
            hold_id,
            self.first.stream[_ACCOUNT:],
            None if self.reference == _transfer_id_of_hold(hold_id) else self.reference,
            self.first.position,
            self.first.effective_at,
            self.last_at if is_used_up else None,
            self.placed,
            self.captured,
            self.released,
        )


def apply(batch: Sequence[Recorded], write: Write) -> None:
    sums_by_hold: dict[str, _Sums] = {}
    for fact in batch:
        event = fact.event
        kind = type(event)
        if kind not in _KINDS:
            continue
        assert isinstance(event, HoldPlaced | HoldCaptured | HoldReleased)
        if event.hold_id.isdecimal():
            # A card's: it has a stream of its own, and `projections/card_holds.py` shows it.
            continue
        sums = sums_by_hold.get(event.hold_id)
        if sums is None:
            sums = sums_by_hold[event.hold_id] = _Sums(fact, event.reference)
        else:
            sums.last_at = fact.effective_at
        if kind is HoldPlaced:
            sums.placed += event.amount.minor
        elif kind is HoldCaptured:
            sums.captured += event.amount.minor
        else:
            sums.released += event.amount.minor
    if sums_by_hold:
        rows = [sums.row(hold_id) for hold_id, sums in sums_by_hold.items()]
        write(_ADD, list(zip(*rows, strict=True)))


_KINDS = frozenset((HoldPlaced, HoldCaptured, HoldReleased))


async def active_of_account(fetch: Fetch, account_id: str, limit: int = 100) -> list[Hold]:
    """The account's active holds, newest first, no more than `limit` of them."""
    rows = await fetch(_ACTIVE_OF_ACCOUNT, {"account_id": account_id, "limit": limit})
    return [_hold(row) for row in rows]


async def of_transfer(fetch: Fetch, transfer_id: str) -> list[Hold]:
    """A transfer has one hold at most, named after it; none before its second factor was given."""
    rows = await fetch(_BY_ID, {"hold_id": hold_id_of(transfer_id)})
    return [hold for hold in map(_hold, rows) if hold.reference == transfer_id]


def _transfer_id_of_hold(hold_id: str) -> str:
    return "tx_" + hold_id.removeprefix("hold_")


def _hold(row: dict[str, Any]) -> Hold:
    return Hold(
        row["hold_id"],
        row["account_id"],
        row["reference"] or _transfer_id_of_hold(row["hold_id"]),
        int(row["amount"]),
        int(row["captured"]),
        row["created_at"],
        row["ended_at"],
    )


MODEL = ReadModel("holds", 2, _TABLES, ("holds",), apply)
