"""What ended before its time: tokens, all that came of an authorization, everything of a user or a client.

Every process keeps what ended in memory, so that checking a token asks nobody. It is written before whoever
ended it is answered, and is known to the other processes as soon as they hear of it (`access_news`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from application.access import ACCESS_TOKEN_SECONDS, Claims
from application.clock import Clock
from infrastructure.access_news import NEXT_CHANGE
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind

TOKEN: Final = "token"
FAMILY: Final = "family"
SUBJECT: Final = "subject"
CLIENT: Final = "client"

# Beyond the longest life of what it ends, by a wide margin for clocks.
_KEPT = timedelta(seconds=2 * ACCESS_TOKEN_SECONDS)
_SWEEP_EVERY = 500

_NEWS = bind(
    """
    select kind, tenant, name, change, is_in_force, expires_at from {schema}.revocations
    where change > %b order by change
    """,
    CONTROL_SCHEMA,
).encode()

_NEXT_CHANGE = NEXT_CHANGE.encode()

_PUT = bind(
    """
    insert into {schema}.revocations (kind, tenant, name, change, is_in_force, expires_at)
    values (%b, %b, %b, %b, %b, %b)
    on conflict (kind, tenant, name) do update
    set change = excluded.change, is_in_force = excluded.is_in_force, expires_at = excluded.expires_at
    """,
    CONTROL_SCHEMA,
).encode()

_END_FAMILIES = bind(
    """
    with ended as (
        update {schema}.refresh_families set is_ended = true
        where tenant = %b and not is_ended
            and (family = %b or subject = %b or client_id = %b)
        returning family
    )
    insert into {schema}.revocations (kind, tenant, name, change, is_in_force, expires_at)
    select 'family', %b, family, %b, true, %b from ended
    on conflict (kind, tenant, name) do update set change = excluded.change, expires_at = excluded.expires_at
    """,
    CONTROL_SCHEMA,
).encode()

_FORGET_CODES = bind(
    "delete from {schema}.authorization_codes where tenant = %b and (subject = %b or client_id = %b)",
    CONTROL_SCHEMA,
).encode()

_FORGET_SESSIONS = bind(
    "delete from {schema}.sign_in_sessions where tenant = %b and subject = %b", CONTROL_SCHEMA
).encode()

_SWEEP = bind("delete from {schema}.revocations where expires_at < %b", CONTROL_SCHEMA).encode()

# Users and clients are whole again; what was signed stays ended.
_RESTORE_ALL = bind(
    """
    update {schema}.revocations set is_in_force = false, change = %b
    where kind in ('subject', 'client') and is_in_force
    """,
    CONTROL_SCHEMA,
).encode()

_Connection = psycopg.AsyncConnection[TupleRow]


class Revocations:
    """`version` changes whenever what `ends` says may have changed."""

    def __init__(self, dsn: str, clock: Clock) -> None:
        self._session = Session(dsn, patience_seconds=5.0)
        self._clock = clock
        self._seen = 0
        self._in_force: dict[str, dict[tuple[str, str], datetime | None]] = {
            kind: {} for kind in (TOKEN, FAMILY, SUBJECT, CLIENT)
        }
        self._until_sweep = _SWEEP_EVERY
        self.version = 0

    def ends(self, claims: Claims) -> bool:
        """Whether what the token says no longer counts, although it has not expired."""
        tenant = claims.tenant
        return (
            (tenant, claims.token_id) in self._in_force[TOKEN]
            or (tenant, claims.client_id) in self._in_force[CLIENT]
            or (tenant, claims.subject) in self._in_force[SUBJECT]
            or (bool(claims.family) and (tenant, claims.family) in self._in_force[FAMILY])
        )

    async def end_token(self, tenant: str, token_id: str, expires_at: datetime) -> None:
        async def change(connection: _Connection, number: int) -> None:
            await connection.execute(_PUT, (TOKEN, tenant, token_id, number, True, expires_at))

        await self._change(change)

    async def end_family(self, tenant: str, family: str) -> None:
        """All tokens that came from one authorization, access and refresh tokens."""

        async def change(connection: _Connection, number: int) -> None:
            # Also where nothing was refreshed yet: an access token may be on its way.
            await connection.execute(_PUT, (FAMILY, tenant, family, number, True, self._kept_until()))
            await self._end_families(connection, number, tenant, family=family)

        await self._change(change)

    async def end_subject(self, tenant: str, subject: str) -> None:
        """Everything of a user, until the user is restored; what was delegated to clients, for good."""

        async def change(connection: _Connection, number: int) -> None:
            await connection.execute(_PUT, (SUBJECT, tenant, subject, number, True, None))
            await self._end_families(connection, number, tenant, subject=subject)
            await connection.execute(_FORGET_CODES, (tenant, subject, None))
            await connection.execute(_FORGET_SESSIONS, (tenant, subject))

        await self._change(change)

    async def end_delegations(self, tenant: str, subject: str) -> None:
        """What a user delegated to clients, and wherever they are signed in. They may sign in again."""

        async def change(connection: _Connection, number: int) -> None:
            await self._end_families(connection, number, tenant, subject=subject)
            await connection.execute(_FORGET_CODES, (tenant, subject, None))
            await connection.execute(_FORGET_SESSIONS, (tenant, subject))

        await self._change(change)

    async def restore_subject(self, tenant: str, subject: str) -> None:
        async def change(connection: _Connection, number: int) -> None:
            await connection.execute(_PUT, (SUBJECT, tenant, subject, number, False, self._kept_until()))

        await self._change(change)

    async def end_client(self, tenant: str, client_id: str) -> None:
        """Everything that a client holds, for itself and for users."""

        async def change(connection: _Connection, number: int) -> None:
            await connection.execute(_PUT, (CLIENT, tenant, client_id, number, True, None))
            await self._end_families(connection, number, tenant, client_id=client_id)
            await connection.execute(_FORGET_CODES, (tenant, None, client_id))

        await self._change(change)

    async def restore_all(self) -> None:
        """Every user and client may come back, as after a sandbox's reset."""

        async def change(connection: _Connection, number: int) -> None:
            await connection.execute(_RESTORE_ALL, (number,))

        await self._change(change)

    async def look(self) -> None:
        """Reads what is new."""

        async def work(connection: _Connection) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_NEWS, (self._seen,), prepare=True)).fetchall()

        self._take_in(await self._session.run(work))

    async def close(self) -> None:
        await self._session.close()

    def _take_in(self, rows: Sequence[TupleRow]) -> None:
        for kind, tenant, name, change, is_in_force, expires_at in rows:
            self._seen = max(self._seen, change)
            if is_in_force:
                self._in_force[kind][tenant, name] = expires_at
            else:
                self._in_force[kind].pop((tenant, name), None)
        if rows:
            self.version += 1

    async def _change(self, work: Any) -> None:
        """Runs `work` with the number of the change, in one transaction; this process knows it at once."""

        async def run(connection: _Connection) -> None:
            async with connection.transaction():
                # A statement of its own: those that follow see all that was committed before this one got
                # the lock, so that no family or code can slip by.
                row = await (await connection.execute(_NEXT_CHANGE)).fetchone()
                assert row is not None
                await work(connection, int(row[0]))

        await self._session.run(run)
        await self.look()
        await self._sweep_now_and_then()

    async def _end_families(
        self,
        connection: _Connection,
        number: int,
        tenant: str,
        *,
        family: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
    ) -> None:
        which = (tenant, family, subject, client_id)
        await connection.execute(_END_FAMILIES, (*which, tenant, number, self._kept_until()))

    def _kept_until(self) -> datetime:
        return self._clock.now() + _KEPT

    async def _sweep_now_and_then(self) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        self._until_sweep = _SWEEP_EVERY
        now = self._clock.now()
        for ended in self._in_force.values():
            for name in [name for name, expires_at in ended.items() if expires_at and expires_at < now]:
                del ended[name]

        async def work(connection: _Connection) -> None:
            await connection.execute(_SWEEP, (now,))

        await self._session.run(work)
