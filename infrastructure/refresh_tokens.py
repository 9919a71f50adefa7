"""Refresh tokens: each is used once and replaced; one that is used again ends all that came of its code.

Kept as hashes. Which family a token belongs to never changes.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from application.access import REFRESH_TOKEN_SECONDS
from infrastructure.authorization_codes import hashed
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind

_SWEEP_EVERY = 100

_FIND = bind(
    """
    select f.family, f.tenant, f.client_id, f.subject, f.scope, f.is_ended, t.expires_at, t.used_by
    from {schema}.refresh_tokens t join {schema}.refresh_families f on f.family = t.family
    where t.token_hash = %b
    """,
    CONTROL_SCHEMA,
).encode()

# Locks the family's row, as whoever ends the family does: of two who use one token, or of one who uses it
# and one who ends the family, the second sees what the first did.
_ROTATE = bind(
    """
    with head as materialized (
        select k from {schema}.access_head where k = 1 for share
    ), living as (
        update {schema}.refresh_families f set expires_at = %(refresh_until)s from head h
        where h.k = 1 and f.family = %(family)s and not f.is_ended
        returning f.family
    ), used as (
        update {schema}.refresh_tokens t set used_by = %(attempt)s from living l
        where t.family = l.family and t.token_hash = %(token_hash)s and t.used_by is null
            and t.expires_at > %(now)s
        returning t.family
    )
    insert into {schema}.refresh_tokens (token_hash, family, expires_at)
    select %(new_hash)s, family, %(refresh_until)s from used
    returning family
    """,
    CONTROL_SCHEMA,
).encode()

_USED_BY = bind("select used_by from {schema}.refresh_tokens where token_hash = %s", CONTROL_SCHEMA).encode()

_SWEEP_TOKENS = bind("delete from {schema}.refresh_tokens where expires_at < %s", CONTROL_SCHEMA).encode()
_SWEEP_FAMILIES = bind("delete from {schema}.refresh_families where expires_at < %s", CONTROL_SCHEMA).encode()

_Connection = psycopg.AsyncConnection[TupleRow]


class RefreshToken(NamedTuple):
    """`scope` is what the user granted."""

    family: str
    tenant: str
    client_id: str
    subject: str
    scope: str
    is_ended: bool
    expires_at: datetime
    used_by: str | None


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


class RefreshTokens:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._until_sweep = _SWEEP_EVERY

    async def find(self, token: str) -> RefreshToken | None:
        """Whether it is still good is for whoever rotates it."""

        async def work(connection: _Connection) -> TupleRow | None:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_FIND, (hashed(token),))).fetchone()

        row = await self._session.run(work)
        return None if row is None else RefreshToken(*row)

    async def rotate(self, token: str, family: str, new_token: str, now: datetime) -> bool:
        """Replaces the token with the new one; False where it was used before, or has ended."""
        attempt = secrets.token_hex(16)
        parameters = {
            "attempt": attempt,
            "token_hash": hashed(token),
            "family": family,
            "new_hash": hashed(new_token),
            "refresh_until": now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
            "now": now,
        }

        async def work(connection: _Connection) -> bool:
            if await (await connection.execute(_ROTATE, parameters)).fetchone() is not None:
                return True
            # The answer to a first try may have been lost.
            row = await (await connection.execute(_USED_BY, (hashed(token),))).fetchone()
            return row is not None and row[0] == attempt

        is_rotated = await self._session.run(work)
        await self._sweep_now_and_then(now)
        return is_rotated

    async def _sweep_now_and_then(self, now: datetime) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        self._until_sweep = _SWEEP_EVERY

        async def work(connection: _Connection) -> None:
            await connection.execute(_SWEEP_TOKENS, (now,))
            await connection.execute(_SWEEP_FAMILIES, (now,))

        await self._session.run(work)
