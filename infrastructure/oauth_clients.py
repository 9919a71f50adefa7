"""OAuth clients: who may ask for tokens, with secrets that are kept only as Argon2 hashes."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.rows import TupleRow

from application.access import InvalidClient, OAuthClient, TooManySecretChecks
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.recently_used import RecentlyUsed

CLIENT_ID_LENGTH_MAX = 255
SECRET_LENGTH_MAX = 255
_REMEMBERED = 1_000
_WAITING_MAX = 64

_FIND = bind(
    """
    select client_id, tenant, scopes, roles, secret_hash from {schema}.oauth_clients where client_id = %s
    """,
    CONTROL_SCHEMA,
).encode()

_PUT = bind(
    """
    insert into {schema}.oauth_clients (client_id, tenant, secret_hash, scopes, roles)
    values (%s, %s, %s, %s, %s)
    on conflict (client_id) do update
    set tenant = excluded.tenant, secret_hash = excluded.secret_hash,
        scopes = excluded.scopes, roles = excluded.roles
    """,
    CONTROL_SCHEMA,
).encode()

# 19 MiB and two passes: OWASP's choice for Argon2id where several may be checked at once.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# An unknown client costs the same time as a wrong secret, so that nobody learns which clients there are.
_NOBODYS_HASH = _hasher.hash("nobody knows this secret and it would not help")


class OAuthClients:
    """The clients in Postgres. Each check reads the client, so that a change holds at once everywhere."""

    def __init__(self, dsn: str) -> None:
        self._session = Session(dsn, patience_seconds=5.0)
        # One thread: secrets that are guessed must not take the machine from everything else.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="argon2")
        self._waiting = 0
        # Pairs of hash and secret that were found to match, as digests. A new secret has a new hash.
        self._matched: RecentlyUsed[bytes, bool] = RecentlyUsed(_REMEMBERED)

    async def authenticate(self, client_id: str, secret: str) -> OAuthClient:
        """Raises InvalidClient, TooManySecretChecks or StoreUnavailable."""
        if not (_is_plain(client_id, CLIENT_ID_LENGTH_MAX) and _is_plain(secret, SECRET_LENGTH_MAX)):
            raise InvalidClient
        row = await self._find(client_id)
        secret_hash = row[4] if row else _NOBODYS_HASH
        if not await self._matches(secret_hash, secret) or row is None:
            raise InvalidClient
        return _client(row)

    async def put(self, client: OAuthClient, secret: str) -> None:
        """Creates the client, or gives the one that is there these settings and this secret."""
        row = await self._find(client.client_id)
        if row is not None and _client(row) == client and await self._matches(row[4], secret):
            return
        secret_hash = await self._in_thread(secret)
        scopes, roles = " ".join(sorted(client.scopes)), " ".join(sorted(client.roles))

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            await connection.execute(_PUT, (client.client_id, client.tenant, secret_hash, scopes, roles))

        await self._session.run(work)

    async def close(self) -> None:
        await self._session.close()
        await asyncio.to_thread(self._thread.shutdown)

    async def _find(self, client_id: str) -> TupleRow | None:
        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> TupleRow | None:
            return await (await connection.execute(_FIND, (client_id,), prepare=True)).fetchone()

        return await self._session.run(work)

    async def _matches(self, secret_hash: str, secret: str) -> bool:
        digest = hashlib.sha256(f"{secret_hash}\n{secret}".encode()).digest()
        if self._matched.get(digest):
            return True
        if self._waiting >= _WAITING_MAX:
            raise TooManySecretChecks
        self._waiting += 1
        try:
            matches = await asyncio.get_running_loop().run_in_executor(
                self._thread, _is_match, secret_hash, secret
            )
        finally:
            self._waiting -= 1
        if matches:
            self._matched.put(digest, True)
        return matches

    async def _in_thread(self, secret: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _hasher.hash, secret)


def _is_match(secret_hash: str, secret: str) -> bool:
    with suppress(VerificationError, InvalidHashError):
        return _hasher.verify(secret_hash, secret)
    return False


def _is_plain(text: str, length_max: int) -> bool:
    # RFC 6749 appendix A: identifiers and secrets are visible ASCII and blanks.
    return 0 < len(text) <= length_max and text.isascii() and text.isprintable()


def _client(row: TupleRow) -> OAuthClient:
    client_id, tenant, scopes, roles, _ = row
    return OAuthClient(client_id, tenant, frozenset(scopes.split()), frozenset(roles.split()))
