"""Who is signed in at the authorization endpoint, by a cookie of which only the hash is kept."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from infrastructure.authorization_codes import hashed
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind

SIGNED_IN = timedelta(hours=1)
# Between the password and the code.
OWING_CODE = timedelta(minutes=5)
_SWEEP_EVERY = 100

_PUT = bind(
    """
    insert into {schema}.sign_in_sessions (session_hash, tenant, subject, owes_code, expires_at)
    values (%b, %b, %b, %b, %b) on conflict do nothing
    """,
    CONTROL_SCHEMA,
).encode()

_FIND = bind(
    """
    select tenant, subject, owes_code from {schema}.sign_in_sessions
    where session_hash = %b and expires_at > %b
    """,
    CONTROL_SCHEMA,
).encode()

_END = bind("delete from {schema}.sign_in_sessions where session_hash = %s", CONTROL_SCHEMA).encode()
_SWEEP = bind("delete from {schema}.sign_in_sessions where expires_at < %s", CONTROL_SCHEMA).encode()

_Connection = psycopg.AsyncConnection[TupleRow]


class SignedIn(NamedTuple):
    """`owes_code`: the password was right, the second factor is still to come."""

    tenant: str
    subject: str
    owes_code: bool


class SignInSessions:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._until_sweep = _SWEEP_EVERY

    async def begin(self, who: SignedIn, now: datetime) -> str:
        """The text of a new cookie."""
        cookie = secrets.token_urlsafe(32)
        expires_at = now + (OWING_CODE if who.owes_code else SIGNED_IN)

        async def work(connection: _Connection) -> None:
            await connection.cursor(binary=True).execute(_PUT, (hashed(cookie), *who, expires_at))

        await self._session.run(work)
        await self._sweep_now_and_then(now)
        return cookie

    async def find(self, cookie: str, now: datetime) -> SignedIn | None:
        async def work(connection: _Connection) -> TupleRow | None:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_FIND, (hashed(cookie), now))).fetchone()

        row = await self._session.run(work)
        return None if row is None else SignedIn(*row)

    async def end(self, cookie: str) -> None:
        async def work(connection: _Connection) -> None:
            await connection.execute(_END, (hashed(cookie),))

        await self._session.run(work)

    async def _sweep_now_and_then(self, now: datetime) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        self._until_sweep = _SWEEP_EVERY

        async def work(connection: _Connection) -> None:
            await connection.execute(_SWEEP, (now,))

        await self._session.run(work)
