"""The composition root: what a process of the service consists of, and in what order it starts and stops."""

import asyncio

from application.clock import Clock
from application.sandbox import FAILING_ROUTING_NUMBERS
from application.store import WriterObserver
from application.timers import Rules
from infrastructure.clocks import SandboxClock, SystemClock
from infrastructure.identifiers import Identifiers
from infrastructure.ledgers import Ledger
from infrastructure.oauth_clients import OAuthClients
from infrastructure.rate_limits import RateLimiter
from infrastructure.reads import Database, Freshness
from infrastructure.sandbox import Sandbox
from infrastructure.sealing import Seal, load_key
from infrastructure.second_factor import SecondFactor
from infrastructure.settings import Settings
from infrastructure.tenants import UnknownTenant, create_tenant, list_tenants, off_the_loop
from infrastructure.tokens import Tokens


class Services:
    """All that the ways in need. `start` and `close` are the order of things."""

    def __init__(self, settings: Settings, dsn: str, owner_dsn: str, observer: WriterObserver | None) -> None:
        self.settings = settings
        self.dsn = dsn
        self.owner_dsn = owner_dsn
        self.observer = observer
        self.clock: Clock
        self._sandbox: Sandbox | None = None
        if settings.sandbox:
            self.clock = sandbox_clock = SandboxClock(settings.data / "sandbox-clock")
            self._sandbox = Sandbox(self, sandbox_clock)
        else:
            self.clock = SystemClock()
        self.primary = Database(dsn)
        self.reads = Database(settings.reads_url) if settings.reads_url else self.primary
        self.freshness = Freshness(dsn, self.primary, self.reads)
        self.tokens = Tokens(dsn)
        self.identifiers = Identifiers(dsn)
        self.oauth_clients = OAuthClients(dsn)
        self.rate_limiter = RateLimiter(dsn)
        self.second_factor = SecondFactor(is_sandbox=settings.sandbox)
        self.timer_rules = Rules(FAILING_ROUTING_NUMBERS if settings.sandbox else frozenset())
        self._seal: Seal | None = None
        self._ledgers: dict[str, Ledger] = {}
        self._opening = asyncio.Lock()

    @property
    def sandbox(self) -> Sandbox:
        assert self._sandbox is not None, "the sandbox's endpoints exist only in the sandbox"
        return self._sandbox

    @property
    def seal(self) -> Seal:
        """Seals and opens secrets. The key is read, or made, when it is needed first."""
        if self._seal is None:
            self._seal = Seal(load_key(self.settings.data, self.settings.master_key))
        return self._seal

    async def start(self) -> None:
        await self.primary.start()
        await self.reads.start()
        self.freshness.start()
        await self.tokens.start()
        await self.identifiers.start()

    async def close(self) -> None:
        """Commands that were accepted are answered first."""
        await asyncio.gather(*(ledger.close() for ledger in self._ledgers.values()))
        await self.rate_limiter.close()
        await self.oauth_clients.close()
        await self.identifiers.close()
        await self.tokens.close()
        await self.freshness.close()
        await self.reads.close()
        await self.primary.close()

    def open_ledgers(self) -> tuple[Ledger, ...]:
        return tuple(self._ledgers.values())

    async def ledger(self, tenant: str) -> Ledger:
        """The tenant's ledger. Raises UnknownTenant or StoreUnavailable."""
        known = self._ledgers.get(tenant)
        if known is not None:
            return known
        async with self._opening:
            if tenant not in self._ledgers:
                schemas = await off_the_loop(list_tenants, self.dsn)
                if tenant not in schemas:
                    raise UnknownTenant(tenant)
                self._ledgers[tenant] = self._open(tenant, schemas[tenant])
        return self._ledgers[tenant]

    def _open(self, tenant: str, schema: str) -> Ledger:
        return Ledger(
            tenant,
            schema,
            dsn=self.dsn,
            clock=self.clock,
            settings=self.settings,
            reads=self.reads,
            freshness=self.freshness,
            observer=self.observer,
        )

    async def create_tenant(self, tenant: str) -> Ledger:
        """Makes the tenant where there is none yet."""
        if tenant not in self._ledgers:
            await off_the_loop(create_tenant, self.owner_dsn, tenant)
        return await self.ledger(tenant)
