"""Webhooks put into a ledger by their own commands, through services of the test's own."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from application.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    Requeue,
    UpdateWebhook,
    create_webhook,
    delete_webhook,
    requeue,
    update_webhook,
)
from domain.webhooks import BACK_OFFICE, EVENT_TYPES, webhook_id
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.runtime import Services
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.settings import Settings
from projections import webhook_delivery_pages as pages
from projections.webhook_delivery_pages import DeliveryView

T = TypeVar("T")

PATIENCE_SECONDS = 60
SECRET = "a-secret-of-the-receiver"
TRANSFER_EVENTS = tuple(each for each in EVENT_TYPES[BACK_OFFICE] if each.startswith("transfer."))

_numbers = itertools.count(time.time_ns() // 1_000_000)


async def caught_up(ledger: Ledger) -> None:
    """Patiently: a worker that was started just now follows the log only after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            await ledger.caught_up()
        except NotCaughtUp:
            assert time.monotonic() < deadline, "nobody follows the log"
        else:
            return


class Bank:
    """A tenant as the service's own code reaches it; `dsn` where the database is not the embedded one."""

    def __init__(self, data: Path, tenant: str = SANDBOX_TENANT, dsn: str | None = None) -> None:
        self._settings = Settings(data=data, sandbox=True)
        self._tenant = tenant
        self._dsn = dsn

    @property
    def dsn(self) -> str:
        return self._dsn or EmbeddedPostgres(self._settings.data).dsn

    async def work(self, work: Callable[[Services, Ledger], Awaitable[T]]) -> T:
        services = Services(self._settings, self.dsn, self.dsn, observer=None)
        await services.start()
        try:
            return await work(services, await services.ledger(self._tenant))
        finally:
            await services.close()

    def do(self, work: Callable[[Services, Ledger], Awaitable[T]]) -> T:
        return asyncio.run(self.work(work))

    def subscribe(self, url: str, events: Sequence[str] = TRANSFER_EVENTS, surface: str = BACK_OFFICE) -> str:
        """Gives the new webhook's id."""

        async def create(services: Services, ledger: Ledger) -> str:
            new = webhook_id(next(_numbers))
            sealed = services.seal.close(SECRET, new)
            await ledger.execute(create_webhook, CreateWebhook(new, surface, url, tuple(events), sealed))
            await caught_up(ledger)
            return new

        return self.do(create)

    def update(self, webhook: str, *, url: str | None = None, active: bool | None = None) -> None:
        async def change(_: Services, ledger: Ledger) -> None:
            await ledger.execute(update_webhook, UpdateWebhook(webhook, BACK_OFFICE, url=url, active=active))
            await caught_up(ledger)

        self.do(change)

    def delete(self, webhook: str) -> None:
        async def delete(_: Services, ledger: Ledger) -> None:
            await ledger.execute(delete_webhook, DeleteWebhook(webhook, BACK_OFFICE))
            await caught_up(ledger)

        self.do(delete)

    def requeue(self, delivery_ids: Sequence[str]) -> None:
        async def send_again(_: Services, ledger: Ledger) -> None:
            for delivery_id in delivery_ids:
                await ledger.execute(requeue, Requeue(delivery_id))
            await caught_up(ledger)

        self.do(send_again)

    def deliveries(self, webhook: str) -> list[DeliveryView]:
        """All of them, the oldest event first."""

        async def read(_: Services, ledger: Ledger) -> list[DeliveryView]:
            await caught_up(ledger)
            return (await pages.of_webhook(ledger.fetch, webhook, limit=100_000)).deliveries[::-1]

        return self.do(read)

    def dead_letters(self) -> list[DeliveryView]:
        async def read(_: Services, ledger: Ledger) -> list[DeliveryView]:
            await caught_up(ledger)
            return (await pages.dead_letters(ledger.fetch, limit=100_000)).deliveries[::-1]

        return self.do(read)
