"""The background process: follows every tenant's log, and fires what falls due.

Several may run, on as many machines as wanted: each tenant's work is a lease, and the work of one that died
is taken over when its lease has run out.
"""

import asyncio
import contextlib
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import structlog

from application.store import StoreUnavailable
from application.writer import QueueFull
from infrastructure import timekeeper
from infrastructure.database import connect_service
from infrastructure.leases import RENEW_SECONDS, Lease
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.runtime import Services
from infrastructure.tenants import list_tenants, off_the_loop
from projections.follower import Follower

log = structlog.get_logger()

LOOK_FOR_TENANTS_SECONDS = 0.5
LOOK_FOR_TIMERS_SECONDS = 1.0


class Background:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, through any loss of the database."""
        tasks: dict[str, asyncio.Task[None]] = {}
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error, StoreUnavailable):
                for tenant in await off_the_loop(list_tenants, self._services.dsn):
                    if stop.is_set():
                        break
                    if tenant not in tasks or tasks[tenant].done():
                        ledger = await self._services.ledger(tenant)
                        tasks[tenant] = asyncio.create_task(self._serve(ledger, stop), name=tenant)
            await _wait(stop, LOOK_FOR_TENANTS_SECONDS)
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _serve(self, ledger: Ledger, stop: asyncio.Event) -> None:
        """Does one tenant's work while its lease can be held; otherwise waits for the lease."""
        lease = Lease(self._services.primary, ledger.schema, "background", self._holder)
        while not stop.is_set():
            try:
                if await lease.acquire():
                    await self._work(ledger, lease, stop)
            except StoreUnavailable as error:
                log.warning("background work paused", tenant=ledger.tenant, reason=str(error))
            await _wait(stop, RENEW_SECONDS)

    async def _work(self, ledger: Ledger, lease: Lease, stop: asyncio.Event) -> None:
        lost, over = threading.Event(), asyncio.Event()
        follower = Follower(partial(connect_service, self._services.dsn), ledger.schema)
        # A thread of its own: followers never end, so a shared pool would run out of threads for others.
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"follower-{ledger.tenant}")
        following = asyncio.get_running_loop().run_in_executor(thread, follower.run, lost)
        firing = asyncio.create_task(self._fire_timers(ledger, over))
        try:
            while not stop.is_set() and await lease.acquire():
                await _wait(stop, RENEW_SECONDS)
            await lease.release()
        finally:
            lost.set()
            over.set()
            await asyncio.gather(following, firing, return_exceptions=True)
            thread.shutdown(wait=False)

    async def _fire_timers(self, ledger: Ledger, over: asyncio.Event) -> None:
        while not over.is_set():
            try:
                fallen_due = await timekeeper.due(ledger, ledger.clock.now())
                if fallen_due and await timekeeper.fire(ledger, fallen_due, self._services.timer_rules):
                    continue
            except (StoreUnavailable, NotCaughtUp, QueueFull):
                log.warning("timers paused", tenant=ledger.tenant)
            except Exception:
                # Nothing may end this task while the lease is held: nobody else would fire the timers.
                log.exception("timers paused by a defect", tenant=ledger.tenant)
            await _wait(over, LOOK_FOR_TIMERS_SECONDS)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
