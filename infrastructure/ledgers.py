"""One tenant's ledger in this process: its writer, its reads, its place in the database."""

import asyncio
from typing import Any, TypeVar

from application.clock import Clock
from application.decision import Command, Handler
from application.store import WriterObserver
from application.writer import NOBODY, Origin, Outcome, Writer
from infrastructure.event_store import PostgresEventStore
from infrastructure.reads import Database, Freshness
from infrastructure.settings import Settings

C = TypeVar("C", bound=Command)
A = TypeVar("A")


class Ledger:
    """One tenant's ledger in this process."""

    def __init__(
        self,
        tenant: str,
        schema: str,
        *,
        dsn: str,
        clock: Clock,
        settings: Settings,
        reads: Database,
        freshness: Freshness,
        observer: WriterObserver | None,
    ) -> None:
        self.tenant = tenant
        self.schema = schema
        self.clock = clock
        self._reads = reads
        self._freshness = freshness
        self._store = PostgresEventStore(dsn, schema)
        self.writer = Writer(
            self._store,
            clock,
            queue_bound=settings.queue_bound,
            group_bound=settings.group_bound,
            cache_bound=settings.cache_bound,
            observer=observer,
        )
        self.writer.start()

    async def execute(self, handler: Handler[C, A], command: C, origin: Origin = NOBODY) -> Outcome:
        """See Writer.submit for what it raises. A caller that goes away does not take its command back."""
        return await self.writer.execute(handler, command, origin)

    async def fetch(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        return await self._reads.fetch(self.schema, query, parameters)

    async def caught_up(self, at_least: int = 0) -> int:
        """Waits until reads show every write so far; returns the position that they show."""
        return await self._freshness.wait(self.schema, at_least)

    def next_move(self) -> asyncio.Event:
        """Set when the read models move on; only a hint."""
        return self._freshness.next_move(self.schema)

    async def close(self) -> None:
        await self.writer.close()
        await self._store.close()
