"""What state machines have in common: real handlers in a real writer on a log, in memory or in Postgres."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from hypothesis.stateful import RuleBasedStateMachine, rule

from application.decision import ABSENT, Command, Handler, Known
from application.store import EventStore, StoredFact
from application.writer import Writer
from domain.catalogue import SNAPSHOT_TYPES, category
from domain.errors import DomainError
from infrastructure.database import connect_service
from infrastructure.event_store import PostgresEventStore
from tests.application.memory_store import MemoryEventStore, MemoryLog
from tests.audit import read_log

START = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)


class MovableClock:
    def __init__(self, start: datetime) -> None:
        self.instant = start

    def now(self) -> datetime:
        return self.instant


class Disk(Protocol):
    """Where a machine's log is. A store is one process's way to it."""

    def open(self) -> EventStore: ...
    async def close(self, store: EventStore) -> None: ...
    def facts(self) -> Sequence[StoredFact]: ...


class MemoryDisk:
    def __init__(self) -> None:
        self._log = MemoryLog()

    def open(self) -> EventStore:
        return MemoryEventStore(self._log)

    async def close(self, store: EventStore) -> None:
        """Memory needs no closing."""

    def facts(self) -> Sequence[StoredFact]:
        return self._log.facts


class PostgresDisk:
    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema

    def open(self) -> EventStore:
        return PostgresEventStore(self._dsn, self._schema)

    async def close(self, store: EventStore) -> None:
        assert isinstance(store, PostgresEventStore)
        await store.close()

    def facts(self) -> Sequence[StoredFact]:
        with connect_service(self._dsn) as connection:
            return read_log(connection, self._schema)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self, disk: Disk | None = None, start: datetime = START) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = MovableClock(start)
        self.disk = disk or MemoryDisk()
        self.store = self.disk.open()
        self.writer = self._start()

    def teardown(self) -> None:
        self._stop()
        self.loop.close()

    def _start(self) -> Writer:
        async def start() -> Writer:
            writer = Writer(self.store, self.clock, snapshot_every=7)
            writer.start()
            return writer

        return self.loop.run_until_complete(start())

    def _stop(self) -> None:
        self.loop.run_until_complete(self.writer.close())
        self.loop.run_until_complete(self.disk.close(self.store))

    def answer(self, handler: Handler[Any, Any], command: Command) -> Any:
        """What the command is answered; a refusal is an answer like any other."""

        async def run() -> Any:
            try:
                return (await self.writer.execute(handler, command)).answer
            except DomainError as refusal:
                return refusal

        return self.loop.run_until_complete(run())

    @rule()
    def crash(self) -> None:
        """The process is gone with all that it had in memory; a new one starts on the same log."""
        self._stop()
        self.store = self.disk.open()
        self.writer = self._start()

    def check_states(self, states: dict[str, Known]) -> None:
        """What is in memory, and what is loaded from snapshots and later events, is what the log folds to."""
        for stream, known in self.writer._states.known.items():
            assert known == states.get(stream, ABSENT), f"{stream} in memory"
        kept = {stream: states[stream] for stream in states if category(stream) in SNAPSHOT_TYPES}
        loaded = self.loop.run_until_complete(self.store.load(dict.fromkeys(kept, ABSENT)))
        assert loaded == kept
        for stream, known in kept.items():
            stored = msgspec.json.encode(known.state)
            assert msgspec.json.decode(stored, type=SNAPSHOT_TYPES[category(stream)]) == known.state
