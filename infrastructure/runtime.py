"""The composition root: what a process of the service consists of, and in what order it starts and stops."""

import asyncio
import contextlib
from functools import cached_property

from application.access import SignInUsers
from application.clock import Clock
from application.sandbox import FAILING_ROUTING_NUMBERS
from application.store import StoreUnavailable, WriterObserver
from application.timers import Rules
from infrastructure.access_news import AccessNews
from infrastructure.audit_log import AuditLog
from infrastructure.authorization_codes import AuthorizationCodes
from infrastructure.caller_addresses import CallerAddresses
from infrastructure.client_directory import ClientDirectory
from infrastructure.client_registration import ClientRegistration
from infrastructure.client_secrets import ClientSecrets
from infrastructure.clocks import SandboxClock, SystemClock
from infrastructure.event_store import Session
from infrastructure.external_issuers import read_issuers
from infrastructure.identifiers import Identifiers
from infrastructure.ledgers import Ledger
from infrastructure.nonces import Nonces
from infrastructure.oauth_clients import OAuthClients
from infrastructure.personal_data import PersonalData
from infrastructure.rate_limits import RateLimiter
from infrastructure.reads import Database, Freshness
from infrastructure.refresh_tokens import RefreshTokens
from infrastructure.report_jobs import ReportJobs
from infrastructure.report_reads import ReportReads
from infrastructure.revocations import Revocations
from infrastructure.sandbox import Sandbox
from infrastructure.sealing import Seal, load_key
from infrastructure.second_factor import SecondFactor
from infrastructure.secret_hashes import SecretHashes
from infrastructure.settings import Settings
from infrastructure.sign_in import SignIn
from infrastructure.sign_in_sessions import SignInSessions
from infrastructure.tasks import end_task
from infrastructure.tenants import UnknownTenant, create_tenant, list_tenants, off_the_loop
from infrastructure.tokens import Tokens
from infrastructure.user_factors import UserFactors
from infrastructure.users import Users


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
        self.report_reads = ReportReads(settings.reads_url or dsn)
        self.report_jobs = ReportJobs(self.primary)
        self.freshness = Freshness(dsn, self.primary, self.reads)
        self.revocations = Revocations(dsn, self.clock)
        issuers = read_issuers(settings.external_issuers)
        self.tokens = Tokens(dsn, revoked=self.revocations, issuers=issuers)
        self.identifiers = Identifiers(dsn)
        self.audit_log = AuditLog(dsn, self.clock)
        self.client_directory = ClientDirectory(dsn, lambda: self.seal)
        self.access_news = AccessNews(
            dsn, self.revocations.look, self.client_directory.look, self.tokens.keys.look
        )
        self.secret_hashes = SecretHashes()
        self.oauth_clients = OAuthClients(dsn, self.secret_hashes, self.client_directory)
        self.client_registration = ClientRegistration(
            self.primary, self.oauth_clients, self.revocations, self.secret_hashes
        )
        self._grants = Session(dsn, patience_seconds=5.0)
        self.authorization_codes = AuthorizationCodes(self._grants)
        self.refresh_tokens = RefreshTokens(self._grants)
        self.sign_in_sessions = SignInSessions(self._grants)
        self.caller_addresses = CallerAddresses(settings.trusted_networks)
        self.nonces = Nonces(self.primary)
        self.rate_limiter = RateLimiter(dsn)
        self.second_factor = SecondFactor(self.nonces, is_sandbox=settings.sandbox)
        self.personal_data = PersonalData(self.primary, lambda: self.master_key)
        self.users = Users(self.ledger, self.personal_data, self.revocations, self.secret_hashes)
        self.sign_in_users: SignInUsers = self.users
        self.user_factors = UserFactors(self.users, self.second_factor)
        self.sign_in = SignIn(
            self.sign_in_users,
            self.secret_hashes,
            self.rate_limiter,
            self.second_factor,
            lambda: self.master_key,
            10 if settings.sandbox and settings.rate_limits != "documented" else 1,
        )
        self.timer_rules = Rules(FAILING_ROUTING_NUMBERS if settings.sandbox else frozenset())
        self._master_key: bytes | None = None
        self._making_good: asyncio.Task[None] | None = None
        self._ledgers: dict[str, Ledger] = {}
        self._opening = asyncio.Lock()

    @property
    def sandbox(self) -> Sandbox:
        assert self._sandbox is not None, "the sandbox's endpoints exist only in the sandbox"
        return self._sandbox

    @property
    def master_key(self) -> bytes:
        """Read, or made, when it is needed first."""
        if self._master_key is None:
            self._master_key = load_key(self.settings.data, self.settings.master_key)
        return self._master_key

    @cached_property
    def seal(self) -> Seal:
        """Seals and opens secrets."""
        return Seal(self.master_key)

    @cached_property
    def client_secrets(self) -> ClientSecrets:
        return ClientSecrets(self.master_key)

    async def start(self) -> None:
        await self.primary.start()
        await self.reads.start()
        await self.report_reads.start()
        self.freshness.start()
        await self.tokens.start()
        await self.access_news.start()
        await self.identifiers.start()
        self.audit_log.start()
        self._making_good = asyncio.create_task(self._make_good(), name="clients-made-good")

    async def _make_good(self) -> None:
        """Finishes what a crash left out between an event of a client and the directory."""
        with contextlib.suppress(StoreUnavailable):
            tenants = await off_the_loop(list_tenants, self.dsn)
            await self.client_registration.make_good(tenants, self.ledger)

    async def close(self) -> None:
        """Commands that were accepted are answered first."""
        if self._making_good is not None:
            await end_task(self._making_good)
        await asyncio.gather(*(ledger.close() for ledger in self._ledgers.values()))
        await self.audit_log.close()
        await self.rate_limiter.close()
        await self.nonces.close()
        await self.oauth_clients.close()
        await self._grants.close()
        await self.identifiers.close()
        await self.access_news.close()
        await self.client_directory.close()
        await self.revocations.close()
        await self.secret_hashes.close()
        await self.tokens.close()
        await self.freshness.close()
        await self.report_reads.close()
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
