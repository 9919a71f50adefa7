"""What every request of a client must keep to, and whose an API key is: asked for every request.

The part of the clients' directory that each process keeps in memory, so that a request costs no query.
"""

import secrets
from collections.abc import Callable

import msgspec
import psycopg
import structlog
from psycopg.rows import TupleRow

from application.access import CallRules, Claims
from domain.clients import Client
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.sealing import CannotOpen, Seal

_NEWS = bind(
    """
    select client_id, tenant, settings::text, change from {schema}.oauth_clients
    where change > %b order by change
    """,
    CONTROL_SCHEMA,
).encode()

log = structlog.get_logger()

# API keys end when they are rotated, not by themselves.
_NEVER = 253_402_300_799

_decoder = msgspec.json.Decoder(Client)


class ClientDirectory:
    """Implements the port `application.access.ClientDirectory`.

    `seal` opens what clients sign with; it is asked for only where a client has to sign.
    """

    def __init__(self, dsn: str, seal: Callable[[], Seal]) -> None:
        self._session = Session(dsn, patience_seconds=5.0)
        self._seal = seal
        self._seen = 0
        self._rules: dict[str, CallRules] = {}
        self._keys_of: dict[str, tuple[str, ...]] = {}
        self._by_key_hash: dict[str, Claims] = {}

    def rules(self, client_id: str) -> CallRules | None:
        return self._rules.get(client_id)

    async def find_api_key(self, key_hash: str) -> Claims | None:
        return self._by_key_hash.get(key_hash)

    async def look(self) -> None:
        """Reads what is new. Raises StoreUnavailable."""

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(_NEWS, (self._seen,), prepare=True)).fetchall()

        for client_id, tenant, settings, change in await self._session.run(work):
            self._take_in(client_id, tenant, _decoder.decode(settings))
            self._seen = max(self._seen, change)

    async def close(self) -> None:
        await self._session.close()

    def _take_in(self, client_id: str, tenant: str, client: Client) -> None:
        for key_hash in self._keys_of.pop(client_id, ()):
            self._by_key_hash.pop(key_hash, None)
        self._rules.pop(client_id, None)
        if client.is_deleted:
            return
        owners = _owners(tenant, client)
        self._by_key_hash.update(owners)
        self._keys_of[client_id] = tuple(owners)
        settings = client.settings
        if settings.require_signing or settings.ip_allowlist:
            secret = self._signing_secret(client) if settings.require_signing else None
            self._rules[client_id] = CallRules(settings.ip_allowlist, secret)

    def _signing_secret(self, client: Client) -> str:
        try:
            return self._seal().open(client.signing_secret, client.client_id)
        except CannotOpen:
            log.exception("sealed under another master key", client_id=client.client_id)
            # Nobody can sign with it, so that the client is refused instead of let in without signing.
            return secrets.token_urlsafe(32)


def _owners(tenant: str, client: Client) -> dict[str, Claims]:
    """The client's API keys by their hashes. A key never has more than its client has now."""
    return {
        api_key.key_hash: Claims(
            subject=client.client_id,
            client_id=client.client_id,
            scopes=frozenset(client.settings.scopes).intersection(api_key.scopes),
            roles=frozenset(client.settings.roles),
            tenant=tenant,
            issued_at=0,
            expires_at=_NEVER,
            token_id=f"{kind}-api-key",
        )
        for kind, api_key in client.api_keys.items()
    }
