"""Transfers: each with its status as it is now, a user's newest first, and what is on its way to an account.

A row has what changes and what is filtered by. The terms are read from the log itself, by the position of the
transfer's creation: nothing is copied, and what is shown is what was recorded.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.catalogue import decode
from domain.transfers import (
    CANCELLED,
    FAILED,
    INITIATED,
    PENDING,
    PROCESSING,
    REVERSED,
    SETTLED,
    MfaVerified,
    ProcessingStarted,
    TransferCancelled,
    TransferCreated,
    TransferFailed,
    TransferReversed,
    TransferSettled,
    hold_id_of,
)
from projections.read_model import Fetch, ReadModel, Recorded, Write

# Columns are in the order that wastes no bytes on alignment. The spare space in each page is for the changes
# of status, which touch no index. Sums towards an account are kept, because an account may be the payee of
# any number of transfers at once.
_TABLES = """
create table {schema}.transfers (
    position bigint not null,
    changed_position bigint not null,
    updated_at timestamptz not null,
    transfer_id text collate "C" primary key,
    user_id text collate "C" not null,
    to_account_id text collate "C",
    status text collate "C" not null,
    transfer_type text collate "C" not null,
    failure_reason text,
    amount numeric not null,
    mfa_verified boolean not null
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.1);
create index transfers_user_id_idx on {schema}.transfers (user_id, position);
create table {schema}.incoming_transfers (
    account_id text collate "C" primary key,
    amount numeric not null
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1);
"""

_CREATE = """
insert into {schema}.transfers (
    position, changed_position, updated_at, transfer_id, user_id, to_account_id, status, transfer_type,
    failure_reason, amount, mfa_verified)
select * from unnest(
    %b::bigint[], %b::bigint[], %b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::numeric[], %b::boolean[])
"""

_ADD_INCOMING = """
insert into {schema}.incoming_transfers as i (account_id, amount)
select * from unnest(%b::text[], %b::numeric[])
on conflict (account_id) do update set amount = i.amount + excluded.amount
where excluded.amount <> 0
"""

# The payee's sum follows from the statuses before and after. Its row was made with the transfer's.
_CHANGE = """
with changed as (
    select t.transfer_id, t.to_account_id, c.changed_position, c.updated_at, c.status, c.failure_reason,
           c.mfa_verified,
           t.amount * ((c.status in ('pending', 'processing'))::int
                       - (t.status in ('pending', 'processing'))::int) as incoming
    from unnest(%b::text[], %b::bigint[], %b::timestamptz[], %b::text[], %b::text[], %b::boolean[])
         as c (transfer_id, changed_position, updated_at, status, failure_reason, mfa_verified)
    join {schema}.transfers t on t.transfer_id = c.transfer_id
), updated as (
    update {schema}.transfers t
    set changed_position = c.changed_position, updated_at = c.updated_at, status = c.status,
        failure_reason = c.failure_reason, mfa_verified = t.mfa_verified or c.mfa_verified
    from changed c where t.transfer_id = c.transfer_id
), sums as (
    select to_account_id as account_id, sum(incoming) as amount from changed
    where to_account_id is not null and incoming <> 0 group by to_account_id
)
update {schema}.incoming_transfers i set amount = i.amount + s.amount
from sums s where i.account_id = s.account_id
"""

_COLUMNS = """
t.position, t.changed_position, t.updated_at, t.transfer_id, t.status, t.failure_reason, t.mfa_verified,
e.topic, e.state
"""

_OF_USER = f"""
select {_COLUMNS}
from {{schema}}.transfers t join {{schema}}.events e on e.notification_id = t.position
where t.user_id = %(user_id)s and t.position < %(before)s::bigint
  and (%(status)s::text is null or t.status = %(status)s::text)
  and (%(transfer_type)s::text is null or t.transfer_type = %(transfer_type)s::text)
order by t.position desc limit %(limit)s
"""

_ONE = f"""
select {_COLUMNS}
from {{schema}}.transfers t join {{schema}}.events e on e.notification_id = t.position
where t.transfer_id = %(transfer_id)s and t.user_id = %(user_id)s
"""

_INCOMING = "select amount from {schema}.incoming_transfers where account_id = %(account_id)s"

_TRANSFER = len("transfer-")
_POSITION_MAX = 2**63 - 1

# What each fact after the first makes of a transfer; facts that are not here leave its status as it is.
STATUS_AFTER: dict[type[Any], str] = {
    MfaVerified: PENDING,
    ProcessingStarted: PROCESSING,
    TransferSettled: SETTLED,
    TransferCancelled: CANCELLED,
    TransferFailed: FAILED,
    TransferReversed: REVERSED,
}
_INCOMING_STATUSES = (PENDING, PROCESSING)


class InvalidCursor(ValueError):
    """Not a cursor that this list gave."""

    def __init__(self) -> None:
        super().__init__("cursor is not one that this list gave")


class TransferView(NamedTuple):
    """A transfer as it is now. `terms` are those it was created with; `created_at` is when that counts from.

    `position` is that of its creation, `changed_position` that of the last fact known here.
    """

    transfer_id: str
    terms: TransferCreated
    status: str
    created_at: datetime
    updated_at: datetime
    mfa_verified: bool
    failure_reason: str | None
    position: int
    changed_position: int

    @property
    def requires_mfa(self) -> bool:
        return self.terms.mfa_expires_at is not None

    @property
    def hold_id(self) -> str | None:
        """Its hold's id, None where no hold was ever placed."""
        if self.mfa_verified or not self.terms.awaits_mfa:
            return hold_id_of(self.transfer_id)
        return None


class TransferPage(NamedTuple):
    """`next_cursor` is None on the last page."""

    transfers: list[TransferView]
    next_cursor: str | None


# Applying. A row created in this batch is folded in place; of an earlier one only the last change counts.

_CHANGED_POSITION, _UPDATED_AT, _STATUS, _FAILURE_REASON, _MFA_VERIFIED = 1, 2, 6, 8, 10


def apply(batch: Sequence[Recorded], write: Write) -> None:
    created: dict[str, list[Any]] = {}
    changed: dict[str, list[Any]] = {}
    for fact in batch:
        event = fact.event
        kind = type(event)
        if kind is TransferCreated:
            created[fact.stream[_TRANSFER:]] = _row(fact)
            continue
        status = STATUS_AFTER.get(kind)
        if status is None:
            continue
        transfer_id = fact.stream[_TRANSFER:]
        row = created.get(transfer_id)
        if row is None:
            row = changed.get(transfer_id)
            if row is None:
                row = changed[transfer_id] = [None] * 10 + [False]
        row[_CHANGED_POSITION], row[_UPDATED_AT], row[_STATUS] = fact.position, fact.effective_at, status
        if kind is MfaVerified:
            row[_MFA_VERIFIED] = True
        elif isinstance(event, TransferFailed):
            row[_FAILURE_REASON] = event.reason
    if created:
        _write_created(list(created.values()), write)
    if changed:
        columns = list(zip(*changed.values(), strict=True))
        picked = [
            columns[i] for i in (_CHANGED_POSITION, _UPDATED_AT, _STATUS, _FAILURE_REASON, _MFA_VERIFIED)
        ]
        write(_CHANGE, (list(changed), *picked))


def _row(fact: Recorded) -> list[Any]:
    created: Any = fact.event
    return [
        fact.position,
        fact.position,
        fact.effective_at,
        created.transfer_id,
        created.user_id,
        created.to_account_id,
        INITIATED if created.awaits_mfa else PENDING,
        created.transfer_type,
        None,
        created.amount.minor,
        False,
    ]


def _write_created(rows: Sequence[Sequence[Any]], write: Write) -> None:
    write(_CREATE, list(zip(*rows, strict=True)))
    incoming: dict[str, int] = {}
    for _, _, _, _, _, to_account_id, status, _, _, amount, _ in rows:
        if to_account_id is not None:
            # Every payee gets a row, also with nothing on its way, so that later changes find one.
            on_its_way = amount if status in _INCOMING_STATUSES else 0
            incoming[to_account_id] = incoming.get(to_account_id, 0) + on_its_way
    if incoming:
        write(_ADD_INCOMING, (list(incoming), list(incoming.values())))


# Queries


async def of_user(
    fetch: Fetch,
    user_id: str,
    *,
    status: str | None = None,
    transfer_type: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> TransferPage:
    """The user's transfers, newest first. Raises InvalidCursor."""
    parameters = {
        "user_id": user_id,
        "before": _POSITION_MAX if cursor is None else _position_of(cursor),
        "status": status,
        "transfer_type": transfer_type,
        # One more than asked for tells whether there is a next page.
        "limit": limit + 1,
    }
    found = [_view(row) for row in await fetch(_OF_USER, parameters)]
    page = found[:limit]
    return TransferPage(page, _cursor_at(page[-1].position) if len(found) > limit else None)


async def one_of_user(fetch: Fetch, user_id: str, transfer_id: str) -> TransferView | None:
    """The user's transfer; None also where it is somebody else's."""
    if not transfer_id.isprintable():
        # No identifier has such characters, and Postgres takes neither NUL nor lone surrogates.
        return None
    rows = await fetch(_ONE, {"user_id": user_id, "transfer_id": transfer_id})
    return _view(rows[0]) if rows else None


async def incoming_total(fetch: Fetch, account_id: str) -> int:
    """In minor units: the internal transfers pending or processing towards the account."""
    rows = await fetch(_INCOMING, {"account_id": account_id})
    return int(rows[0]["amount"]) if rows else 0


def _cursor_at(position: int) -> str:
    return base64.urlsafe_b64encode(f"transfers:{position}".encode()).decode().rstrip("=")


def _position_of(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        position = int(text.removeprefix("transfers:"))
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    if not 0 < position <= _POSITION_MAX or _cursor_at(position) != cursor:
        raise InvalidCursor
    return position


def _view(row: dict[str, Any]) -> TransferView:
    created = decode(row["topic"], row["state"])
    return TransferView(
        transfer_id=row["transfer_id"],
        terms=created.data,
        status=row["status"],
        created_at=created.counts_from,
        updated_at=row["updated_at"],
        mfa_verified=row["mfa_verified"],
        failure_reason=row["failure_reason"],
        position=row["position"],
        changed_position=row["changed_position"],
    )


MODEL = ReadModel("transfers", 1, _TABLES, ("transfers", "incoming_transfers"), apply)
