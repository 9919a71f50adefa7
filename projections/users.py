"""Users who are administered, as they are now. What tells who they are is sealed here as it is in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.users import UserErased, UserRegistered, UserUpdated
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.users (
    position bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    user_id text collate "C" primary key,
    role text collate "C" not null,
    status text collate "C" not null,
    name text,
    email text,
    phone text
);
create index users_position_idx on {schema}.users (position);
"""

_CREATE = """
insert into {schema}.users (user_id, role, status, name, email, phone, created_at, updated_at, position)
values (%b, %b, 'active', %b, %b, %b, %b, %b, %b)
"""

_UPDATE = """
update {schema}.users
set role = %b, status = %b, updated_at = %b, name = coalesce(%b, name), email = coalesce(%b, email),
    phone = nullif(coalesce(%b, phone), '')
where user_id = %b
"""

_ERASE = """
update {schema}.users set status = 'erased', updated_at = %b, name = null, email = null, phone = null
where user_id = %b
"""

_COLUMNS = "user_id, name, email, phone, role, status, created_at, updated_at"

# People are found by the digests of their words, which are kept beside their keys and erased with these.
_FOUND = """
from {schema}.users u
where (%(role)s::text is null or u.role = %(role)s) and (%(status)s::text is null or u.status = %(status)s)
  and (not %(is_search)s or u.user_id in (
    select w.subject from {schema}.subject_words w
    where (w.field = 'name' and %(name)s::bigint[] <> '{}' and w.digests @> %(name)s::bigint[])
       or (w.field = 'email' and %(email)s::bigint[] <> '{}' and w.digests @> %(email)s::bigint[])
       or (w.field = 'phone' and %(phone)s::bigint[] <> '{}' and w.digests @> %(phone)s::bigint[])
  ))
"""

SORTS = ("created_at", "updated_at", "role", "status")

_ORDERS = {
    ("created_at", True): "u.position desc",
    ("created_at", False): "u.position",
    ("updated_at", True): "u.updated_at desc, u.position desc",
    ("updated_at", False): "u.updated_at, u.position",
    ("role", True): "u.role desc, u.position desc",
    ("role", False): "u.role, u.position",
    ("status", True): "u.status desc, u.position desc",
    ("status", False): "u.status, u.position",
}
_PAGES = {
    wish: f"select {_COLUMNS} {_FOUND} order by {order} limit %(limit)s offset %(offset)s"
    for wish, order in _ORDERS.items()
}
_TOTAL = f"select count(*) as total {_FOUND}"

_ONE = f"select {_COLUMNS} from {{schema}}.users where user_id = %(user_id)s"


class UserView(NamedTuple):
    """`name`, `email` and `phone` are sealed; None where there is none, or not any more."""

    user_id: str
    name: str | None
    email: str | None
    phone: str | None
    role: str
    status: str
    created_at: datetime
    updated_at: datetime


class UserPage(NamedTuple):
    users: list[UserView]
    total: int


class Filter(NamedTuple):
    """`searched` is, by field, what a user must have there to be found; None: everybody is.

    An empty list there finds nobody.
    """

    role: str | None = None
    status: str | None = None
    searched: Mapping[str, Sequence[int]] | None = None


def apply(batch: Sequence[Recorded], write: Write) -> None:
    # Somebody changes a user a few times in their life: a statement for each is few statements.
    for fact in batch:
        event = fact.event
        if isinstance(event, UserRegistered) and event.email is not None:
            at = event.registered_at or fact.recorded_at
            terms = (event.user_id, event.role, event.name, event.email, event.phone)
            write(_CREATE, (*terms, at, at, fact.position))
        elif isinstance(event, UserUpdated):
            sealed = (event.name, event.email, event.phone)
            write(_UPDATE, (event.role, event.status, event.updated_at, *sealed, _user_id(fact)))
        elif isinstance(event, UserErased):
            write(_ERASE, (event.erased_at, _user_id(fact)))


async def page(
    fetch: Fetch, which: Filter, *, sort: str, is_descending: bool, limit: int, offset: int = 0
) -> UserPage:
    """Those whom the filter lets pass, and how many these are in all. `sort` is one of SORTS."""
    searched = which.searched or {}
    parameters: dict[str, Any] = {
        "role": which.role,
        "status": which.status,
        "is_search": which.searched is not None,
        **{field: list(searched.get(field, ())) for field in ("name", "email", "phone")},
    }
    rows = await fetch(_PAGES[sort, is_descending], {**parameters, "limit": limit, "offset": offset})
    total = await fetch(_TOTAL, parameters)
    return UserPage([UserView(**row) for row in rows], int(total[0]["total"]))


async def one(fetch: Fetch, user_id: str) -> UserView | None:
    if "\x00" in user_id:
        return None
    rows = await fetch(_ONE, {"user_id": user_id})
    return UserView(**rows[0]) if rows else None


def _user_id(fact: Recorded) -> str:
    return fact.stream.partition("-")[2]


MODEL = ReadModel("users", 1, _TABLES, ("users",), apply)
