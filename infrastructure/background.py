"""The background process: follows every tenant's log, fires what falls due, delivers to webhooks, and makes
the reports that take long.

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
from application.webhooks import Messages
from application.writer import QueueFull
from infrastructure import timekeeper
from infrastructure.database import connect_service
from infrastructure.leases import RENEW_SECONDS, Lease
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.report_jobs import ReportWorker
from infrastructure.runtime import Services
from infrastructure.tasks import set_within
from infrastructure.tenants import list_tenants, off_the_loop
from infrastructure.webhook_dispatcher import IN_FLIGHT_MAX, Dispatcher
from infrastructure.webhook_sender import WebhookSender
from projections.follower import Follower

log = structlog.get_logger()

LOOK_FOR_TENANTS_SECONDS = 0.5
LOOK_FOR_TIMERS_SECONDS = 1.0


class Background:
    """Without `messages` nothing is delivered to webhooks."""

    def __init__(self, services: Services, messages: Messages | None = None) -> None:
        self._services = services
        self._messages = messages
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._sender = WebhookSender(allows_private_addresses=services.settings.sandbox)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, through any loss of the database."""
        try:
            await self._serve_all(stop)
        finally:
            await self._sender.close()

    async def _serve_all(self, stop: asyncio.Event) -> None:
        tasks: dict[str, asyncio.Task[None]] = {}
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error, StoreUnavailable):
                for tenant in await off_the_loop(list_tenants, self._services.dsn):
                    if stop.is_set():
                        break
                    if tenant not in tasks or tasks[tenant].done():
                        ledger = await self._services.ledger(tenant)
                        tasks[tenant] = asyncio.create_task(self._serve(ledger, stop), name=tenant)
            await set_within(stop, LOOK_FOR_TENANTS_SECONDS)
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
            await set_within(stop, RENEW_SECONDS)

    async def _work(self, ledger: Ledger, lease: Lease, stop: asyncio.Event) -> None:
        lost, over = threading.Event(), asyncio.Event()
        follower = Follower(partial(connect_service, self._services.dsn), ledger.schema)
        # A thread of its own: followers never end, so a shared pool would run out of threads for others.
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"follower-{ledger.tenant}")
        following = asyncio.get_running_loop().run_in_executor(thread, follower.run, lost)
        firing = asyncio.create_task(self._fire_timers(ledger, over))
        delivering = asyncio.create_task(self._deliver(ledger, lease, over))
        reports = ReportWorker(ledger, self._services.primary, self._services.report_reads)
        reporting = asyncio.create_task(reports.run(over))
        try:
            while not stop.is_set() and await lease.acquire():
                await set_within(stop, RENEW_SECONDS)
        finally:
            lost.set()
            over.set()
            await asyncio.gather(following, firing, delivering, reporting, return_exceptions=True)
            thread.shutdown(wait=False)
        # Only now: whoever takes it over must find nothing under way.
        await lease.release()

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
            await set_within(over, LOOK_FOR_TIMERS_SECONDS)

    async def _deliver(self, ledger: Ledger, lease: Lease, over: asyncio.Event) -> None:
        if self._messages is None:
            return
        dispatcher = Dispatcher(
            ledger,
            self._services.seal,
            self._messages,
            self._sender,
            self._slots,
            may_send=lambda: lease.is_fresh,
            is_clock_movable=self._services.settings.sandbox,
        )
        await dispatcher.run(over)
