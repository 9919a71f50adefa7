"""The account directory: which accounts there are, whose they are, and what they are called by whom.

Money is not here: what an account holds is in the balances.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.accounts import (
    ACTIVE,
    CLOSED,
    FROZEN,
    AccountFroze,
    AccountNumberedForCards,
    AccountOpened,
    AccountUnfroze,
    AccountWasClosed,
    NicknameChanged,
    OverdraftLimitChanged,
)
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.account_directory (
    position bigint not null,
    opened_at timestamptz not null,
    updated_at timestamptz not null,
    account_id text collate "C" primary key,
    account_number text collate "C" not null,
    card_account_id bigint,
    card_account_space_id bigint,
    owner_id text collate "C" not null,
    account_type text collate "C" not null,
    currency text collate "C" not null,
    nickname text,
    status text collate "C" not null,
    overdraft_limit numeric not null,
    closed_at timestamptz
) with (fillfactor = 90);
create unique index account_directory_account_number_idx on {schema}.account_directory (account_number);
create unique index account_directory_card_account_id_idx on {schema}.account_directory (card_account_id)
where card_account_id is not null;
create index account_directory_owner_id_idx on {schema}.account_directory (owner_id, position);
create index account_directory_position_idx on {schema}.account_directory (position);
"""

_OPEN = """
insert into {schema}.account_directory (
    position, opened_at, updated_at, account_id, account_number, card_account_id, card_account_space_id,
    owner_id, account_type, currency, nickname, status, overdraft_limit, closed_at)
select * from unnest(
    %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::bigint[], %b::bigint[],
    %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::numeric[], %b::timestamptz[])
"""

_CHANGE = """
update {schema}.account_directory a
set updated_at = c.updated_at, status = coalesce(c.status, a.status),
    overdraft_limit = coalesce(c.overdraft_limit, a.overdraft_limit),
    card_account_id = coalesce(c.card_account_id, a.card_account_id),
    card_account_space_id = coalesce(c.card_account_space_id, a.card_account_space_id),
    nickname = case when c.has_nickname then c.nickname else a.nickname end,
    closed_at = coalesce(c.closed_at, a.closed_at)
from unnest(%b::text[], %b::timestamptz[], %b::text[], %b::numeric[], %b::bigint[], %b::bigint[],
            %b::boolean[], %b::text[], %b::timestamptz[])
    as c (account_id, updated_at, status, overdraft_limit, card_account_id, card_account_space_id,
          has_nickname, nickname, closed_at)
where a.account_id = c.account_id
"""

_COLUMNS = """
account_id, account_number, card_account_id, card_account_space_id, owner_id, account_type, currency,
nickname, status, overdraft_limit, opened_at, updated_at
"""

_RESOLVE = f"""
select {_COLUMNS} from (
    select 1 as preference, a.* from {{schema}}.account_directory a where account_id = %(identifier)s
    union all
    select 2, a.* from {{schema}}.account_directory a where account_number = %(identifier)s
    union all
    select 3, a.* from {{schema}}.account_directory a where card_account_id = %(card_account_id)s::bigint
) found order by preference limit 1
"""

_BY_IDS = f"""
select {_COLUMNS} from {{schema}}.account_directory
where account_id = any(%(account_ids)s::text[]) order by position
"""

_OF_OWNER = f"""
select {_COLUMNS} from {{schema}}.account_directory
where owner_id = %(owner_id)s order by position limit %(limit)s
"""

_ACCOUNT = len("account-")
_BIGINT_MAX = 2**63 - 1

_STATUS_AFTER = {AccountFroze: FROZEN, AccountUnfroze: ACTIVE, AccountWasClosed: CLOSED}
_KINDS = frozenset(
    (AccountOpened, OverdraftLimitChanged, NicknameChanged, AccountNumberedForCards, *_STATUS_AFTER)
)


class DirectoryEntry(NamedTuple):
    """`overdraft_limit` is in minor units of the currency. `updated_at` leaves movements of money out."""

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


class _Change:
    """What a batch changes in an account: None is what stays, but for a nickname that is taken away."""

    __slots__ = (
        "card_account_id",
        "card_account_space_id",
        "closed_at",
        "has_nickname",
        "nickname",
        "overdraft_limit",
        "status",
        "updated_at",
    )

    def __init__(self) -> None:
        self.card_account_id: int | None = None
        self.card_account_space_id: int | None = None
        self.overdraft_limit: int | None = None
        self.has_nickname = False
        self.nickname: str | None = None
        self.status: str | None = None
        self.closed_at: datetime | None = None
        self.updated_at: datetime | None = None

    def take(self, fact: Recorded) -> None:
        event = fact.event
        self.updated_at = fact.effective_at
        if isinstance(event, OverdraftLimitChanged):
            self.overdraft_limit = event.overdraft_limit
        elif isinstance(event, NicknameChanged):
            self.has_nickname, self.nickname = True, event.nickname
        elif isinstance(event, AccountNumberedForCards):
            self.card_account_id = event.card_account_id
            self.card_account_space_id = event.card_account_space_id
        else:
            self.status = _STATUS_AFTER[type(event)]
            if isinstance(event, AccountWasClosed):
                self.closed_at = fact.effective_at

    def row(self, account_id: str) -> tuple[Any, ...]:
        return (
            account_id,
            self.updated_at,
            self.status,
            self.overdraft_limit,
            self.card_account_id,
            self.card_account_space_id,
            self.has_nickname,
            self.nickname,
            self.closed_at,
        )


class _Opened(_Change):
    """An account opened in this batch, as it is at the batch's end."""

    __slots__ = ("fact",)

    def __init__(self, fact: Recorded, opened: AccountOpened) -> None:
        super().__init__()
        self.fact = fact
        self.overdraft_limit = opened.overdraft_limit
        self.card_account_id = opened.card_account_id
        self.card_account_space_id = opened.card_account_space_id
        self.nickname = opened.nickname
        self.status = ACTIVE
        self.updated_at = fact.effective_at

    def first_row(self) -> tuple[Any, ...]:
        opened: Any = self.fact.event
        return (
            self.fact.position,
            self.fact.effective_at,
            self.updated_at,
            opened.account_id,
            opened.account_number,
            self.card_account_id,
            self.card_account_space_id,
            opened.owner_id,
            opened.account_type,
            opened.currency,
            self.nickname,
            self.status,
            self.overdraft_limit,
            self.closed_at,
        )


def apply(batch: Sequence[Recorded], write: Write) -> None:
    opened: dict[str, _Opened] = {}
    changes: dict[str, _Change] = {}
    for fact in batch:
        event = fact.event
        if type(event) not in _KINDS:
            continue
        if isinstance(event, AccountOpened):
            opened[event.account_id] = _Opened(fact, event)
            continue
        account_id = fact.stream[_ACCOUNT:]
        row: _Change | None = opened.get(account_id) or changes.get(account_id)
        if row is None:
            row = changes[account_id] = _Change()
        row.take(fact)
    if opened:
        write(_OPEN, list(zip(*(account.first_row() for account in opened.values()), strict=True)))
    if changes:
        rows = [change.row(account_id) for account_id, change in changes.items()]
        write(_CHANGE, list(zip(*rows, strict=True)))


async def resolve(fetch: Fetch, identifier: str) -> DirectoryEntry | None:
    """The account that goes by `identifier`: its opaque id, else its number, else its card accountId."""
    if not identifier.isprintable():
        # No identifier has such characters, and Postgres takes neither NUL nor lone surrogates.
        return None
    parameters = {"identifier": identifier, "card_account_id": _card_account_id(identifier)}
    rows = await fetch(_RESOLVE, parameters)
    return _entry(rows[0]) if rows else None


async def by_ids(fetch: Fetch, account_ids: Sequence[str]) -> dict[str, DirectoryEntry]:
    """The accounts with these opaque ids, those that there are."""
    rows = await fetch(_BY_IDS, {"account_ids": list(account_ids)})
    return {row["account_id"]: _entry(row) for row in rows}


async def of_owner(fetch: Fetch, owner_id: str, limit: int = 1000) -> list[DirectoryEntry]:
    """The owner's accounts, in the order in which they were opened."""
    return [_entry(row) for row in await fetch(_OF_OWNER, {"owner_id": owner_id, "limit": limit})]


def _card_account_id(identifier: str) -> int | None:
    if not (identifier.isascii() and identifier.isdecimal() and len(identifier) <= len(str(_BIGINT_MAX))):
        return None
    number = int(identifier)
    # Written in one way only: "007" is nobody's accountId.
    return number if number <= _BIGINT_MAX and str(number) == identifier else None


def _entry(row: dict[str, Any]) -> DirectoryEntry:
    return DirectoryEntry(**{**row, "overdraft_limit": int(row["overdraft_limit"])})


MODEL = ReadModel("account_directory", 3, _TABLES, ("account_directory",), apply)
