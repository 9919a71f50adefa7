"""Rebuilds read models out of the log beside the live ones, proves both equal, and switches.

The rebuilt tables grow in a shadow schema while the live follower goes on. When they have caught up, the live
follower is held at one position for a moment, and both are compared as they are at that position, row by row
and whatever the order, in a snapshot that lets the follower go on meanwhile. Equal ones are switched in one
transaction. Live tables that are lost, or that nobody brings forward, have nothing to be compared with: they
are replaced.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from queue import Full, Queue
from typing import NamedTuple

import psycopg

from projections import certificates
from projections.batches import Batch, BatchWriter, Connection, LogReader, read_back
from projections.catalogue import MODELS, are_tables_intact
from projections.certificates import Certificate
from projections.comparison import TableComparison, compare
from projections.read_model import ReadModel
from projections.shadow import Shadow
from projections.sql import bind, register_arrays

Progress = Callable[[int, int], None]

BATCH_SIZE = 10_000
# How long the live follower may take to get where the rebuilt tables are.
LIVE_PATIENCE_SECONDS = 10.0
# Rounds of catching up before the lock, so that what is left to do under it is next to nothing.
CATCH_UP_ROUNDS_MAX = 20
SWITCH_ATTEMPTS = 10
# Any constant will do, as long as all versions of the service agree on it.
_REBUILD_LOCK = 7_316_007

_HEAD = "select last_id from {schema}.log_head where k = 1"

_POSITIONS = """
select application_name, notification_id from {schema}.tracking where application_name = any(%s)
order by application_name
"""


class RebuildRunning(Exception):
    """Another process is rebuilding read models of this database."""


class RebuildReport(NamedTuple):
    """`comparisons` is empty where the live tables were lost or stood still behind the rebuilt ones."""

    position: int
    events: int
    seconds: float
    comparisons: tuple[TableComparison, ...]
    is_switched: bool

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def differences(self) -> tuple[TableComparison, ...]:
        return tuple(comparison for comparison in self.comparisons if not comparison.is_equal)


def unheard(_position: int, _head: int) -> None:
    """Progress that nobody follows."""


def rebuild(
    owner_connect: Callable[[], psycopg.Connection],
    schema: str,
    models: Sequence[ReadModel] = MODELS,
    progress: Progress = unheard,
    *,
    switch_if_different: bool = False,
) -> RebuildReport:
    """Rebuilds the models of one tenant. `owner_connect` gives connections of the owner in autocommit mode.

    What differs is reported and not switched, unless told to. Raises RebuildRunning, LogHasGap.
    """
    with (
        closing(owner_connect()) as connection,
        closing(owner_connect()) as second,
        _alone(connection),
        _uncollected(),
    ):
        return _Rebuild(connection, second, schema, models, progress).run(switch_if_different)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    row = connection.execute("select pg_try_advisory_lock(%s)", (_REBUILD_LOCK,)).fetchone()
    if row is None or not row[0]:
        raise RebuildRunning
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (_REBUILD_LOCK,))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: batches hold no cycles, and looking for some takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Rebuild:
    def __init__(
        self,
        connection: Connection,
        second: Connection,
        schema: str,
        models: Sequence[ReadModel],
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._second = second
        self._schema = schema
        self._models = tuple(models)
        self._names = sorted(model.name for model in models)
        self._progress = progress
        self._shadow = Shadow(schema, self._models)
        self._reader = LogReader(schema)
        self._writer = BatchWriter(self._shadow.schema)
        self._at = certificates.EMPTY
        for each in (connection, second):
            register_arrays(each)
            # The shadow is thrown away when the server stops half way, so its commits need not wait.
            each.execute("set synchronous_commit = off")

    def run(self, switch_if_different: bool) -> RebuildReport:
        started = time.monotonic()
        self._shadow.create(self._connection)
        try:
            self._fold_until(self._target())
            self._shadow.finish(self._connection)
            events, seconds = self._at.position, time.monotonic() - started
            for _ in range(CATCH_UP_ROUNDS_MAX):
                if self._fold_until(self._target()) < BATCH_SIZE // 10:
                    break
            comparisons = self._compare()
            is_switched = switch_if_different or all(table.is_equal for table in comparisons)
            if is_switched:
                self._switch()
        finally:
            if not self._connection.closed:
                self._shadow.drop(self._connection)
        return RebuildReport(self._at.position, events, seconds, comparisons, is_switched)

    def _target(self) -> int:
        """How far to go: never beyond live tables that may be compared, else to the end of the log."""
        live = self._live_position(self._connection)
        if live:
            return live
        row = self._connection.execute(bind(_HEAD, self._schema).encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _live_position(self, connection: Connection, *, lock: bool = False) -> int:
        """Where all live models are; 0 where tables are lost or the models are not all at one position."""
        query = _POSITIONS + (" for update" if lock else "")
        rows = connection.execute(bind(query, self._schema).encode(), (self._names,)).fetchall()
        positions = {position for _, position in rows}
        is_whole = len(rows) == len(self._names) and len(positions) == 1
        if not is_whole or not are_tables_intact(connection, self._schema, self._models):
            return 0
        return int(positions.pop())

    def _fold_until(self, target: int) -> int:
        """Applies the events up to `target` to the shadow, reading and decoding ahead of the writing."""
        first = self._at.position
        for batch in _read_ahead(self._second, self._reader, self._at, target):
            self._at = self._writer.apply(self._connection, self._shadow.models, self._at, batch)
            self._progress(self._at.position, target)
        return self._at.position - first

    def _compare(self) -> tuple[TableComparison, ...]:
        deadline = time.monotonic() + LIVE_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self._second.transaction():
                # Whoever holds these rows holds the live follower where it is.
                live = self._live_position(self._second, lock=True)
                if live == 0:
                    return ()
                if live > self._at.position:
                    self._fold_while_locked(live)
                is_level = live == self._at.position
                if is_level:
                    self._connection.execute("begin isolation level repeatable read, read only")
                    self._connection.execute("select 1")
            # The follower has its rows back: the comparing itself, in the snapshot taken, holds nobody.
            if is_level:
                try:
                    return compare(self._connection, self._schema, self._shadow.schema, self._models)
                finally:
                    self._connection.execute("rollback")
            time.sleep(0.05)
        return ()

    def _fold_while_locked(self, target: int) -> None:
        events = self._reader.read(self._connection, self._at.position, target - self._at.position)
        batch = Batch(events, read_back(events, self._at.known_at))
        self._at = self._writer.apply(self._connection, self._shadow.models, self._at, batch)

    def _switch(self) -> None:
        for _ in range(SWITCH_ATTEMPTS - 1):
            try:
                self._try_to_switch()
            except psycopg.errors.LockNotAvailable:
                # Somebody reads a live table for long: everybody else must not wait behind us.
                time.sleep(1)
            else:
                return
        self._try_to_switch()

    def _try_to_switch(self) -> None:
        self._fold_until(self._target())
        with self._second.transaction():
            self._second.execute("set local lock_timeout = '2s'")
            live = self._live_position(self._second, lock=True)
            if live > self._at.position:
                self._fold_while_locked(live)
            self._shadow.switch(self._second, self._at.position)


def _read_ahead(
    connection: Connection, reader: LogReader, after: Certificate, target: int
) -> Iterator[Batch]:
    """The batches up to `target`; two of them are read and decoded while one is being written."""
    batches: Queue[Batch | BaseException | None] = Queue(maxsize=2)
    is_abandoned = threading.Event()

    def offer(item: Batch | BaseException | None) -> None:
        while not is_abandoned.is_set():
            with suppress(Full):
                batches.put(item, timeout=0.1)
                return

    def produce() -> None:
        position, known_at = after.position, after.known_at
        try:
            while position < target and not is_abandoned.is_set():
                events = reader.read(connection, position, min(BATCH_SIZE, target - position))
                if not events:
                    break
                batch = Batch(events, read_back(events, known_at))
                position, known_at = batch.recorded[-1].position, batch.recorded[-1].recorded_at
                offer(batch)
            offer(None)
        except Exception as error:
            offer(error)

    producer = threading.Thread(target=produce, name="rebuild-reader")
    producer.start()
    try:
        while (item := batches.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        is_abandoned.set()
        producer.join()
