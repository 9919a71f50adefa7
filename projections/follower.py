"""Follows the log in batches and keeps the read models up to date with it, each event exactly once.

A batch is two round trips: one to read the events, one pipeline that moves the positions on, writes all read
models and the certificate, and commits. Positions and writes are one transaction, so a follower may be killed
anywhere. Several may follow one tenant: whoever comes second is refused by `advance_read_models`.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg.rows import TupleRow

from projections import certificates
from projections.batches import Batch, BatchWriter, LogReader, read_back
from projections.catalogue import MODELS
from projections.read_model import ReadModel, Recorded
from projections.sql import bind, register_arrays

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
BACKOFF_SECONDS_MIN, BACKOFF_SECONDS_MAX = 0.1, 5.0
# After a batch the follower rests in proportion to what the batch took, but never long enough to be seen in
# the lag: under load more events gather for the next batch, which then costs less for each of them. With
# little load batches are quick and the rest is nothing. A full batch is a backlog: no rest.
REST_FACTOR = 2.0
REST_SECONDS_MAX = 0.025

_POSITIONS = """
select application_name, notification_id from {schema}.tracking where application_name = any(%b::text[])
"""


class Follower:
    """One tenant's follower: `step` in a loop of one's own, or `run` in a thread.

    `connect` gives a connection of the service role in autocommit mode. `read_schema` is where the read
    models live when that is not the tenant's schema (a rebuild's shadow). What is public without a method is
    for metrics: `position` of the last event applied to all models, `head` the last position heard of,
    `batches`, `events`, and
    `failure`, the error that the follower is trying to get over.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[TupleRow]],
        schema: str,
        models: Sequence[ReadModel] = MODELS,
        *,
        batch_size: int = 5_000,
        read_schema: str | None = None,
    ) -> None:
        self._connect = connect
        self._schema = schema
        self._read_schema = read_schema or schema
        # What was known when is part of every batch, so certificates are always kept.
        self._models = {model.name: model for model in (certificates.MODEL, *models)}
        self._batch_size = batch_size
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._positions: dict[str, int] = {}
        self._last = certificates.EMPTY
        self._reader = LogReader(schema)
        self._writer = BatchWriter(self._read_schema)
        self.position = 0
        self.head = 0
        self.batches = 0
        self.events = 0
        self.failure: BaseException | None = None

    def run(self, stop: threading.Event) -> None:
        """Follows until `stop` is set, through any loss of the database."""
        backoff_seconds = BACKOFF_SECONDS_MIN
        while not stop.is_set():
            try:
                self._follow(stop)
            except Exception as error:
                # Nothing may end the follower: what cannot be applied now is tried again, and seen in
                # the metrics and the log until it can.
                logger.warning("follower of %s stopped at %d: %s", self._schema, self.position, error)
                self.failure = error
                self.close()
                stop.wait(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, BACKOFF_SECONDS_MAX)
            else:
                backoff_seconds = BACKOFF_SECONDS_MIN
        self.close()

    def _follow(self, stop: threading.Event) -> None:
        connection = self._connected()
        connection.execute(bind("listen {schema}", self._schema).encode())
        looks_in_vain = 0
        while not stop.is_set():
            started = time.monotonic()
            count = self.step()
            self.failure = None
            looks_in_vain = 0 if count else looks_in_vain + 1
            if count == 0:
                if looks_in_vain > 1:
                    # A sandbox that starts over, or a model made anew, sets positions back: read them again.
                    self._positions.clear()
                # A notification is only a hint, so the log is looked at even when none comes.
                for hint in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    self.head = max(self.head, int(hint.payload))
            elif count < self._batch_size:
                took_seconds = time.monotonic() - started
                stop.wait(min(REST_FACTOR * took_seconds, REST_SECONDS_MAX))

    def step(self) -> int:
        """Applies the next batch and gives the number of its events; 0 when there is nothing to do.

        Models that are behind the others (just made anew) are brought up to them first.
        """
        connection = self._connected()
        if not self._positions:
            self._load_positions(connection)
        start, until = self._next_range()
        limit = self._batch_size if until is None else min(self._batch_size, until - start)
        events = self._reader.read(connection, start, limit)
        if not events:
            return 0
        members = [name for name, position in self._positions.items() if position == start]
        if self._last.position != start or (not self._last.digest and certificates.MODEL.name in members):
            self._last = self._reader.certificate_at(connection, self._read_schema, start)
        batch = Batch(events, read_back(events, self._last.known_at))
        try:
            models = [self._models[name] for name in members]
            self._last = self._writer.apply(connection, models, self._last, batch)
        except psycopg.errors.SerializationFailure:
            # Another follower was first. Nothing of this batch was written.
            self._positions.clear()
            return 0
        self._note_applied(members, batch.recorded)
        return len(events)

    def close(self) -> None:
        """Drops the connection and what was believed about positions; the next step starts anew."""
        connection, self._connection = self._connection, None
        self._positions.clear()
        if connection is not None:
            connection.close()

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._positions.clear()
            self._connection = self._connect()
            register_arrays(self._connection)
        return self._connection

    def _load_positions(self, connection: psycopg.Connection[TupleRow]) -> None:
        statement = bind(_POSITIONS, self._read_schema).encode()
        self._positions = dict(connection.execute(statement, (list(self._models),)).fetchall())
        missing = self._models.keys() - self._positions.keys()
        if missing:
            raise LookupError(f"no tables for {', '.join(sorted(missing))}: create_tables has not run")
        self._last = certificates.EMPTY
        self.position = min(self._positions.values())

    def _next_range(self) -> tuple[int, int | None]:
        """After which position to read, and up to which one where other models are ahead."""
        positions = sorted(set(self._positions.values()))
        return positions[0], positions[1] if len(positions) > 1 else None

    def _note_applied(self, members: Sequence[str], recorded: Sequence[Recorded]) -> None:
        reached = recorded[-1]
        for name in members:
            self._positions[name] = reached.position
        self.position = min(self._positions.values())
        self.head = max(self.head, reached.position)
        self.batches += 1
        self.events += len(recorded)
