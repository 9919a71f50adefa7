"""The sandbox: fixtures in an empty ledger, a clock that jumps, and starting over."""

import asyncio
import contextlib
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from application.access import ALL_ROLES, ALL_SCOPES
from application.chart_of_accounts import AddAccountCodes, add_account_codes
from application.rates import SetRate, initial, set_rate
from application.sandbox import ADMINISTERED_USERS, PASSWORD_HASH, fixtures
from application.writer import Origin
from domain.catalogue import decode
from domain.chart_of_accounts import INITIAL
from domain.clients import GRANT_TYPES, ClientSettings
from domain.errors import AccountExists
from domain.rates import Rate
from infrastructure import timekeeper
from infrastructure.clocks import SandboxClock
from infrastructure.ledgers import Ledger
from infrastructure.personal_data import Person
from infrastructure.reads import NotCaughtUp
from infrastructure.tasks import set_within
from infrastructure.tenants import empty_tenant, list_tenants, off_the_loop
from projections import webhook_dispatch

if TYPE_CHECKING:
    from infrastructure.runtime import Services

SANDBOX_TENANT = "test-bank-001"
ORIGIN = Origin("sandbox", "fixtures")

log = structlog.get_logger()

# Published in the documentation: it opens nothing but a sandbox.
CLIENT_SECRET = "sandbox-secret"
CLIENTS = {
    "sandbox": ClientSettings(
        "Sandbox",
        tuple(sorted(ALL_SCOPES)),
        GRANT_TYPES,
        ("http://127.0.0.1/callback", "http://localhost/callback"),
        roles=tuple(sorted(ALL_ROLES)),
    ),
    "stablecoin-platform": ClientSettings(
        "Stablecoin platform", ("accounts.read", "accounts.write", "customers.read", "gl.write")
    ),
}

_IS_EMPTY = "select last_id = 0 as is_empty from {schema}.log_head where k = 1"
_LAST_EVENT = "select topic, state from {schema}.events order by notification_id desc limit 1"


async def fill(services: "Services", ledger: Ledger) -> None:
    """Puts what a new tenant starts with into an empty ledger."""
    rows = await ledger.fetch(_IS_EMPTY, {})
    if rows[0]["is_empty"]:
        await _put_what_it_starts_with(services, ledger)


async def _put_what_it_starts_with(services: "Services", ledger: Ledger) -> None:
    """Running it twice changes nothing: each command finds what it would do done."""
    await ledger.execute(add_account_codes, AddAccountCodes(INITIAL), ORIGIN)
    for command in initial():
        await ledger.execute(set_rate, command, ORIGIN)
    if ledger.tenant == SANDBOX_TENANT:
        for user in ADMINISTERED_USERS:
            person = Person(user.name, user.email, user.phone)
            with contextlib.suppress(AccountExists):
                await services.users.register_fixture(ledger, user.registered, person, PASSWORD_HASH, ORIGIN)
        for handler, fixture in fixtures():
            with contextlib.suppress(AccountExists):
                await ledger.execute(handler, fixture, ORIGIN)


async def register_clients(services: "Services", ledger: Ledger) -> None:
    """The sandbox's own OAuth clients. Running it twice changes nothing."""
    for client_id, settings in CLIENTS.items():
        await services.client_registration.register_fixture(
            ledger, services.seal, client_id, settings, CLIENT_SECRET, ORIGIN
        )


async def last_recorded(ledger: Ledger) -> datetime | None:
    """When the newest event was recorded, by the ledger's clock."""
    rows = await ledger.fetch(_LAST_EVENT, {})
    return decode(rows[0]["topic"], bytes(rows[0]["state"])).recorded_at if rows else None


# Timers of one instant come in batches, and the background process may fire some of them, too.
TRIES_PER_INSTANT = 1_000
# A receiver that hangs may take minutes for what is a day by the sandbox's clock; whoever moved it has a
# time-out, too.
DELIVERIES_SECONDS_MAX = 25.0
DELIVERIES_LOOK_SECONDS = 0.05


class Sandbox:
    def __init__(self, services: "Services", clock: SandboxClock) -> None:
        self._services = services
        self._clock = clock
        self._lock = asyncio.Lock()

    async def ensure_tenant(self, tenant: str) -> Ledger:
        """The tenant's ledger; named for the first time, it comes into being with its chart of accounts."""
        ledger = await self._services.create_tenant(tenant)
        await fill(self._services, ledger)
        return ledger

    async def move_clock(self, target: datetime) -> None:
        """Moves the clock to `target`; what falls due on the way runs in due order at its own due time."""
        async with self._lock:
            ledgers = await self._all_ledgers()
            tries: Counter[datetime] = Counter()
            while (instant := await self._next_due(ledgers, target)) is not None:
                tries[instant] += 1
                if tries[instant] > TRIES_PER_INSTANT:
                    log.error("timers that cannot fire are left behind", due_at=instant.isoformat())
                    break
                self._move_forward(instant)
                for ledger in ledgers:
                    fallen_due = await timekeeper.due(ledger, instant)
                    await timekeeper.fire(ledger, fallen_due, self._services.timer_rules)
            self._move_forward(target)
        await self._await_deliveries(ledgers, target)

    async def _await_deliveries(self, ledgers: list[Ledger], until: datetime) -> None:
        """Waits until the background process has delivered, or failed to, what was due by then."""
        try:
            async with asyncio.timeout(DELIVERIES_SECONDS_MAX):
                for ledger in ledgers:
                    await ledger.caught_up()
                    while await webhook_dispatch.is_anything_due(ledger.fetch, until):
                        await set_within(ledger.next_move(), DELIVERIES_LOOK_SECONDS)
        except (TimeoutError, NotCaughtUp):
            log.warning("webhook deliveries are left behind", due_at=until.isoformat())

    async def _next_due(self, ledgers: list[Ledger], until: datetime) -> datetime | None:
        for ledger in ledgers:
            await ledger.caught_up()
        upcoming = [await timekeeper.earliest(ledger) for ledger in ledgers]
        return min((at for at in upcoming if at is not None and at <= until), default=None)

    async def set_rate(self, command: SetRate) -> Rate:
        """Sets the rate at every tenant: they share the sandbox's one source of rates."""
        ledgers = await self._all_ledgers()
        outcomes = [await ledger.execute(set_rate, command, ORIGIN) for ledger in ledgers]
        rate: Rate = outcomes[0].answer
        return rate

    def _move_forward(self, instant: datetime) -> None:
        if instant > self._clock.now():
            self._clock.move_to(instant)

    async def reset(self) -> None:
        """Back to the fixtures: every tenant is emptied, the clock runs on, tokens stay valid."""
        async with self._lock:
            for schema in (await off_the_loop(list_tenants, self._services.dsn)).values():
                await off_the_loop(empty_tenant, self._services.owner_dsn, schema)
            await self._services.rate_limiter.clear()
            await self._services.report_jobs.forget_all()
            await self._services.oauth_clients.forget_revisions()
            for ledger in await self._all_ledgers():
                # Whether or not it is still empty: a request may have come in between.
                await _put_what_it_starts_with(self._services, ledger)
                if ledger.tenant == SANDBOX_TENANT:
                    await register_clients(self._services, ledger)
                await ledger.caught_up()
            await self._services.oauth_clients.forget_others()
            await self._services.revocations.restore_all()

    async def _all_ledgers(self) -> list[Ledger]:
        tenants = await off_the_loop(list_tenants, self._services.dsn)
        return [await self._services.ledger(tenant) for tenant in tenants]
