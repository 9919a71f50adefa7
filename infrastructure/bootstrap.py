"""What is done once before the service's processes start: migrate; in the sandbox, fill and set the clock."""

import asyncio
from datetime import UTC, datetime

from infrastructure import sandbox
from infrastructure.clocks import SandboxClock
from infrastructure.runtime import Services
from infrastructure.sealing import load_key
from infrastructure.settings import Settings
from infrastructure.tenants import create_tenant, prepare_database


def prepare(settings: Settings, dsn: str, owner_dsn: str) -> list[str]:
    """Returns the names of the migrations that ran."""
    # Before there are several processes that might need it.
    load_key(settings.data, settings.master_key)
    ran = prepare_database(owner_dsn)
    if settings.sandbox:
        create_tenant(owner_dsn, sandbox.SANDBOX_TENANT)
        asyncio.run(_prepare_sandbox(settings, dsn, owner_dsn))
    return ran


async def _prepare_sandbox(settings: Settings, dsn: str, owner_dsn: str) -> None:
    """The clock starts at the later of the setting and the newest event, then an empty ledger is filled."""
    services = Services(settings, dsn, owner_dsn, observer=None)
    await services.primary.start()
    await services.reads.start()
    try:
        ledger = await services.ledger(sandbox.SANDBOX_TENANT)
        newest = await sandbox.last_recorded(ledger)
        start = settings.clock or datetime.now(UTC)
        SandboxClock(settings.data / "sandbox-clock").move_to(max(start, newest) if newest else start)
        await sandbox.fill(services, ledger)
        await sandbox.register_clients(services, ledger)
    finally:
        await services.close()
