"""Where a command finds the ledger: in the database it is given, or in the data folder's own Postgres.

A data folder that a running service owns is used beside it, over the same socket. One that nobody owns is
started for the time of the command, which then brings the read models up to date itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import psycopg

from api.command_line.exits import CommandFailed, Exit
from infrastructure.database import connect_service
from infrastructure.embedded_postgres import DataDirectoryInUse, EmbeddedPostgres
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.runtime import Services
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.settings import Settings
from infrastructure.tenants import UnknownTenant, list_tenants, prepare_database
from projections.follower import Follower

R = TypeVar("R")

SANDBOX_CLOCK = "sandbox-clock"
# How long a service that has just been started may take to bring its Postgres up.
STARTING_SECONDS_MAX = 15.0
# How long the service's follower gets before the command helps it: longer than a batch under load takes.
FOLLOWER_SECONDS_MAX = 0.3


class Opened(NamedTuple):
    """A database that answers. `settings` are those of the service that lives in it.

    `is_ours`: this command started it, so no service can be running on it.
    """

    dsn: str
    owner_dsn: str
    settings: Settings
    is_ours: bool = False


@contextmanager
def open_database(settings: Settings, *, create: bool = False) -> Iterator[Opened]:
    """The database that the settings name; a data folder's own is made anew only with `create`.

    With `create` the caller brings it up to date, else that is done here where no service has done it.
    """
    if settings.database_url is not None:
        owner_dsn = settings.migrations_url or settings.database_url
        yield Opened(settings.database_url, owner_dsn, settings)
        return
    if not create and not (settings.data / "postgres").exists():
        raise CommandFailed(
            f"there is no database in {settings.data}: give --data or --database-url, or start one with "
            "`daybook serve`",
            Exit.UNAVAILABLE,
        )
    postgres = EmbeddedPostgres(settings.data)
    try:
        postgres.start()
    except DataDirectoryInUse:
        _await_answer(postgres.dsn)
        yield Opened(postgres.dsn, postgres.dsn, _as_found(settings))
        return
    try:
        if not create:
            prepare_database(postgres.dsn)
        yield Opened(postgres.dsn, postgres.dsn, _as_found(settings), is_ours=True)
    finally:
        postgres.stop()


def _as_found(settings: Settings) -> Settings:
    """A sandbox has left its clock in the folder: commands on it live in its time."""
    if not is_sandbox(settings.data):
        return settings
    return Settings(data=settings.data, sandbox=True)


def is_sandbox(data: Path) -> bool:
    return (data / SANDBOX_CLOCK).exists()


def _await_answer(dsn: str) -> None:
    deadline = time.monotonic() + STARTING_SECONDS_MAX
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def choose_tenant(opened: Opened, wanted: str | None) -> tuple[str, str]:
    """The tenant and its schema: the one that is wanted, a sandbox's own, or the only one."""
    tenants = list_tenants(opened.dsn)
    if wanted is None and opened.settings.sandbox and SANDBOX_TENANT in tenants:
        wanted = SANDBOX_TENANT
    if wanted is None and len(tenants) == 1:
        wanted = next(iter(tenants))
    if wanted is None and not tenants:
        raise CommandFailed(
            "there is no tenant yet: `daybook migrate --tenant NAME` makes one", Exit.WRONG_USAGE
        )
    if wanted is None:
        raise CommandFailed(f"--tenant is needed: one of {', '.join(tenants)}", Exit.WRONG_USAGE)
    if wanted not in tenants:
        raise UnknownTenant(wanted)
    return wanted, tenants[wanted]


@asynccontextmanager
async def open_services(opened: Opened) -> AsyncIterator[Services]:
    services = Services(opened.settings, opened.dsn, opened.owner_dsn, observer=None)
    await services.start()
    try:
        yield services
    finally:
        await services.close()


@asynccontextmanager
async def open_ledger(opened: Opened, tenant: str | None) -> AsyncIterator[Ledger]:
    name, _ = choose_tenant(opened, tenant)
    async with open_services(opened) as services:
        yield await services.ledger(name)


async def bring_up_to_date(opened: Opened, ledger: Ledger) -> None:
    """Waits until reads show everything in the log; follows the log itself where no service does."""
    if not opened.is_ours:
        try:
            await asyncio.wait_for(ledger.caught_up(), FOLLOWER_SECONDS_MAX)
        except (NotCaughtUp, TimeoutError):
            pass
        else:
            return
    await asyncio.to_thread(_follow_to_end, opened.dsn, ledger.schema)
    await ledger.caught_up()


def _follow_to_end(dsn: str, schema: str) -> None:
    # Two followers are harmless: whoever comes second to a batch is refused.
    follower = Follower(partial(connect_service, dsn), schema)
    try:
        while follower.step():
            pass
    finally:
        follower.close()


def with_ledger(settings: Settings, tenant: str | None, work: Callable[[Ledger], Awaitable[R]]) -> R:
    """Runs `work` on the tenant's ledger once reads show all of it."""

    async def run(opened: Opened) -> R:
        async with open_ledger(opened, tenant) as ledger:
            await bring_up_to_date(opened, ledger)
            return await work(ledger)

    with open_database(settings) as opened:
        return asyncio.run(run(opened))
