"""What the log decides about a client reaches the directory: at once, and at start what a crash left out."""

from collections.abc import Awaitable, Callable, Mapping

import psycopg
import structlog

from application.clients import CurrentClient, RegisterClient, current_client, register_client
from application.store import StoreUnavailable
from application.writer import Origin
from domain.clients import Client, ClientSettings
from domain.errors import ClientExists
from infrastructure.ledgers import Ledger
from infrastructure.oauth_clients import OAuthClients
from infrastructure.reads import Database
from infrastructure.revocations import Revocations
from infrastructure.sealing import Seal
from infrastructure.secret_hashes import SecretHashes
from infrastructure.tenants import UnknownTenant

log = structlog.get_logger()

OpenLedger = Callable[[str], Awaitable[Ledger]]

# The collation is "C", where the dot comes right after the dash.
_IN_THE_LOG = """
select originator_id as stream, max(originator_version) as revision from {schema}.events
where originator_id >= 'client-' and originator_id < 'client.' group by originator_id
"""


class ClientRegistration:
    def __init__(
        self, primary: Database, clients: OAuthClients, revocations: Revocations, hashes: SecretHashes
    ) -> None:
        self._primary = primary
        self._clients = clients
        self._revocations = revocations
        self.hashes = hashes

    async def publish(self, ledger: Ledger, client_id: str) -> None:
        """Makes what the log says about the client hold everywhere. To be done before it is answered.

        Safe to repeat, and in any order. Raises StoreUnavailable.
        """
        client: Client | None = (await ledger.execute(current_client, CurrentClient(client_id))).answer
        if client is None:
            return
        if client.is_deleted:
            # First what it had: a client that is gone from the directory was dealt with whole.
            await self._revocations.end_client(ledger.tenant, client_id)
        await self._clients.publish(ledger.tenant, client)

    async def make_good(self, tenants: Mapping[str, str], open_ledger: OpenLedger) -> int:
        """Publishes the clients whose events somebody wrote and did not live to publish; how many.

        `tenants` are names to schemas. What the database keeps from being done now is done another time.
        """
        published = 0
        for tenant, schema in tenants.items():
            try:
                for client_id in await self._behind(tenant, schema):
                    await self.publish(await open_ledger(tenant), client_id)
                    published += 1
            except (StoreUnavailable, psycopg.Error, UnknownTenant):
                log.warning("clients not compared with the log", tenant=tenant)
        if published:
            log.info("clients published late", clients=published)
        return published

    async def _behind(self, tenant: str, schema: str) -> list[str]:
        known = await self._clients.revisions(tenant)
        return [
            client_id
            for row in await self._primary.fetch(schema, _IN_THE_LOG, {})
            if known.get(client_id := row["stream"].partition("-")[2], 0) < row["revision"]
        ]

    async def register_fixture(
        self, ledger: Ledger, seal: Seal, client_id: str, settings: ClientSettings, secret: str, by: Origin
    ) -> None:
        """A client of a fixed id and secret, as a sandbox has. Registered before: it stays as it is."""
        is_known = (await ledger.execute(current_client, CurrentClient(client_id))).answer is not None
        if not is_known:
            command = RegisterClient(
                client_id, settings, await self.hashes.hash(secret), seal.close(secret, client_id)
            )
            try:
                await ledger.execute(register_client, command, by)
            except ClientExists:
                log.info("client registered by another process", client_id=client_id)
        await self.publish(ledger, client_id)
