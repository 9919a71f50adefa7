"""The directory of OAuth clients: whose they are, their secrets' hashes and what they may do.

What a client is was decided in its tenant's log; the directory is the one place where it is found without
knowing the tenant. It is written after the event and before the answer.
"""

import msgspec
import psycopg
from psycopg.rows import TupleRow

from application.access import CallRules, Claims, InvalidClient, OAuthClient
from domain.clients import Client
from infrastructure.access_news import NEXT_CHANGE
from infrastructure.client_directory import ClientDirectory
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.secret_hashes import SecretHashes

CLIENT_ID_LENGTH_MAX = 255
SECRET_LENGTH_MAX = 255

_FIND = bind(
    """
    select client_id, tenant, scopes, roles, secret_hash, settings::text
    from {schema}.oauth_clients where client_id = %b
    """,
    CONTROL_SCHEMA,
).encode()

_REVISIONS = bind(
    "select client_id, revision from {schema}.oauth_clients where tenant = %b", CONTROL_SCHEMA
).encode()

_OF_TENANT = bind(
    """
    select settings::text from {schema}.oauth_clients
    where tenant = %b and settings is not null order by client_id
    """,
    CONTROL_SCHEMA,
).encode()

_NEXT_CHANGE = NEXT_CHANGE.encode()

# Two processes may publish two changes of one client in either order: the newer one stays.
_PUT = bind(
    """
    insert into {schema}.oauth_clients as known
        (client_id, tenant, scopes, roles, secret_hash, settings, revision, change)
    values (%b, %b, %b, %b, %b, %b::text::jsonb, %b, %b)
    on conflict (client_id) do update
    set tenant = excluded.tenant, scopes = excluded.scopes, roles = excluded.roles,
        secret_hash = excluded.secret_hash, settings = excluded.settings,
        revision = excluded.revision, change = excluded.change
    where known.revision < excluded.revision
    """,
    CONTROL_SCHEMA,
).encode()

_FORGET_REVISIONS = bind("update {schema}.oauth_clients set revision = 0", CONTROL_SCHEMA).encode()

# What no event of the new history has made: nobody gets a token with it any more.
_FORGET_OTHERS = bind(
    """
    update {schema}.oauth_clients
    set settings = jsonb_set(settings, '{is_deleted}', 'true'), secret_hash = '', change = %b
    where revision = 0 and settings is not null
    """,
    CONTROL_SCHEMA,
).encode()

_Connection = psycopg.AsyncConnection[TupleRow]
_decoder = msgspec.json.Decoder(Client)


class OAuthClients:
    """`directory` is told of each change that is made here, so that this process knows it at once."""

    def __init__(self, dsn: str, hashes: SecretHashes, directory: ClientDirectory) -> None:
        self._session = Session(dsn, patience_seconds=5.0)
        self._hashes = hashes
        self._directory = directory

    def rules(self, client_id: str) -> CallRules | None:
        """What the client's requests must keep to, from memory; None where there is nothing."""
        return self._directory.rules(client_id)

    async def find_api_key(self, key_hash: str) -> Claims | None:
        """Whose key it is, by its hexadecimal SHA-256, from memory."""
        return await self._directory.find_api_key(key_hash)

    async def authenticate(self, client_id: str, secret: str) -> OAuthClient:
        """Raises InvalidClient, TooManySecretChecks or StoreUnavailable.

        Reads the client anew, so that a change holds at once everywhere.
        """
        if not (_is_plain(client_id, CLIENT_ID_LENGTH_MAX) and _is_plain(secret, SECRET_LENGTH_MAX)):
            raise InvalidClient
        row = await self._find(client_id)
        client = None if row is None else _client(row)
        secret_hash = None if row is None or client is None else row[4]
        if not await self._hashes.matches(secret_hash, secret) or client is None:
            raise InvalidClient
        return client

    async def find(self, client_id: str) -> OAuthClient | None:
        """The client, read anew; None where there is none, or not any more."""
        if not _is_plain(client_id, CLIENT_ID_LENGTH_MAX):
            return None
        row = await self._find(client_id)
        return None if row is None else _client(row)

    async def revisions(self, tenant: str) -> dict[str, int]:
        """Which clients of a tenant the directory knows, and how well."""

        async def work(connection: _Connection) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_REVISIONS, (tenant,))).fetchall()

        return dict(await self._session.run(work))

    async def list_of(self, tenant: str) -> list[Client]:
        """The tenant's clients that were not deleted."""

        async def work(connection: _Connection) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_OF_TENANT, (tenant,))).fetchall()

        clients = [_decoder.decode(settings) for (settings,) in await self._session.run(work)]
        return [client for client in clients if not client.is_deleted]

    async def publish(self, tenant: str, client: Client) -> None:
        """Puts what the log says about the client into the directory, unless something newer is there."""
        parameters = (
            client.client_id,
            tenant,
            " ".join(sorted(client.settings.scopes)),
            " ".join(sorted(client.settings.roles)),
            "" if client.is_deleted else client.secret_hash,
            msgspec.json.encode(client).decode(),
            client.revision,
        )

        async def work(connection: _Connection) -> None:
            async with connection.transaction():
                cursor = connection.cursor(binary=True)
                change = await (await connection.execute(_NEXT_CHANGE)).fetchone()
                assert change is not None
                await cursor.execute(_PUT, (*parameters, change[0]))

        await self._session.run(work)
        await self._directory.look()

    async def forget_revisions(self) -> None:
        """The log begins anew, as after a sandbox's reset: whatever is published next is newer."""

        async def work(connection: _Connection) -> None:
            await connection.execute(_FORGET_REVISIONS)

        await self._session.run(work)

    async def forget_others(self) -> None:
        """Ends the clients that were not published since the log began anew."""

        async def work(connection: _Connection) -> None:
            async with connection.transaction():
                change = await (await connection.execute(_NEXT_CHANGE)).fetchone()
                assert change is not None
                await connection.execute(_FORGET_OTHERS, (change[0],))

        await self._session.run(work)
        await self._directory.look()

    async def close(self) -> None:
        await self._session.close()

    async def _find(self, client_id: str) -> TupleRow | None:
        async def work(connection: _Connection) -> TupleRow | None:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_FIND, (client_id,), prepare=True)).fetchone()

        return await self._session.run(work)


def _is_plain(text: str, length_max: int) -> bool:
    # RFC 6749 appendix A: identifiers and secrets are visible ASCII and blanks.
    return 0 < len(text) <= length_max and text.isascii() and text.isprintable()


def _client(row: TupleRow) -> OAuthClient | None:
    client_id, tenant, scopes, roles, _, settings = row
    if settings is None:
        # Put there before clients had events: it has nothing but scopes and roles.
        return OAuthClient(client_id, tenant, frozenset(scopes.split()), frozenset(roles.split()))
    client = _decoder.decode(settings)
    if client.is_deleted:
        return None
    return OAuthClient(
        client_id,
        tenant,
        frozenset(client.settings.scopes),
        frozenset(client.settings.roles),
        client.settings.name,
        frozenset(client.settings.grant_types),
        client.settings.redirect_uris,
        client.settings.require_signing,
        client.settings.ip_allowlist,
        client.signing_secret,
    )
