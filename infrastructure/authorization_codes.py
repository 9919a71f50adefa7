"""Authorization codes: what a user allowed a client, for ten minutes and for one use. Kept as hashes."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from application.access import REFRESH_TOKEN_SECONDS
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind

LIFETIME = timedelta(minutes=10)
# What was used or has expired stays for a while, so that a second use is noticed.
_KEPT = timedelta(days=1)
_SWEEP_EVERY = 100

_ISSUE = bind(
    """
    insert into {schema}.authorization_codes
        (code_hash, family, tenant, client_id, subject, scope, redirect_uri, code_challenge, expires_at)
    values (%b, %b, %b, %b, %b, %b, %b, %b, %b) on conflict do nothing
    """,
    CONTROL_SCHEMA,
).encode()

_FIND = bind(
    """
    select family, tenant, client_id, subject, scope, redirect_uri, code_challenge, expires_at, used_by
    from {schema}.authorization_codes where code_hash = %b
    """,
    CONTROL_SCHEMA,
).encode()

# Whoever revokes holds the head's lock: then the code is gone when this gets on. Of two who redeem one code
# the second finds it used.
_REDEEM = bind(
    """
    with head as materialized (
        select k from {schema}.access_head where k = 1 for share
    ), used as (
        update {schema}.authorization_codes c set used_by = %(attempt)s from head h
        where h.k = 1 and c.code_hash = %(code_hash)s and c.used_by is null and c.expires_at > %(now)s
        returning c.family, c.tenant, c.client_id, c.subject
    ), granted as (
        insert into {schema}.refresh_families (family, tenant, client_id, subject, scope, expires_at)
        select family, tenant, client_id, subject, %(scope)s, %(refresh_until)s from used
        returning family
    ), refreshable as (
        insert into {schema}.refresh_tokens (token_hash, family, expires_at)
        select %(refresh_hash)s::bytea, family, %(refresh_until)s from granted
        where %(refresh_hash)s::bytea is not null
        returning family
    )
    select family from granted
    """,
    CONTROL_SCHEMA,
).encode()

_USED_BY = bind(
    "select used_by from {schema}.authorization_codes where code_hash = %s", CONTROL_SCHEMA
).encode()

_SWEEP = bind("delete from {schema}.authorization_codes where expires_at < %s", CONTROL_SCHEMA).encode()

_Connection = psycopg.AsyncConnection[TupleRow]


class AuthorizationCode(NamedTuple):
    """`redirect_uri` is None where the request for it named none."""

    family: str
    tenant: str
    client_id: str
    subject: str
    scope: str
    redirect_uri: str | None
    code_challenge: str
    expires_at: datetime
    used_by: str | None = None


def hashed(text: str) -> bytes:
    """Codes and tokens have 256 random bits, so a plain hash keeps them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class AuthorizationCodes:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._until_sweep = _SWEEP_EVERY

    async def issue(
        self,
        *,
        tenant: str,
        client_id: str,
        subject: str,
        scope: str,
        redirect_uri: str | None,
        code_challenge: str,
        now: datetime,
    ) -> str:
        """A new code."""
        code, family = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        what = (family, tenant, client_id, subject, scope, redirect_uri, code_challenge, now + LIFETIME)

        async def work(connection: _Connection) -> None:
            await connection.cursor(binary=True).execute(_ISSUE, (hashed(code), *what))

        await self._session.run(work)
        await self._sweep_now_and_then(now)
        return code

    async def find(self, code: str) -> AuthorizationCode | None:
        """Whether it is still good is for whoever redeems it."""

        async def work(connection: _Connection) -> TupleRow | None:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_FIND, (hashed(code),))).fetchone()

        row = await self._session.run(work)
        return None if row is None else AuthorizationCode(*row)

    async def redeem(self, code: str, scope: str, refresh_token: str | None, now: datetime) -> bool:
        """Uses the code up, and makes what comes of it; False where somebody else did, or it has ended.

        `scope` is what is granted.
        """
        attempt = secrets.token_hex(16)
        parameters = {
            "attempt": attempt,
            "code_hash": hashed(code),
            "scope": scope,
            "refresh_hash": None if refresh_token is None else hashed(refresh_token),
            "refresh_until": now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
            "now": now,
        }

        async def work(connection: _Connection) -> bool:
            if await (await connection.execute(_REDEEM, parameters)).fetchone() is not None:
                return True
            # The answer to a first try may have been lost.
            row = await (await connection.execute(_USED_BY, (hashed(code),))).fetchone()
            return row is not None and row[0] == attempt

        return await self._session.run(work)

    async def _sweep_now_and_then(self, now: datetime) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        self._until_sweep = _SWEEP_EVERY

        async def work(connection: _Connection) -> None:
            await connection.execute(_SWEEP, (now - _KEPT,))

        await self._session.run(work)
