"""A batch on its way from the log into the read models: read, decoded, applied in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from domain.catalogue import decode
from projections import certificates
from projections.certificates import Certificate, StoredEvent
from projections.read_model import ReadModel, Recorded
from projections.sql import bind, packed

Connection = psycopg.Connection[TupleRow]

_EVENTS = """
select notification_id, originator_id, originator_version, topic, state from {schema}.events
where notification_id > %b order by notification_id limit %b
"""


class LogHasGap(Exception):
    """The event that must come next is not there: nobody goes on rather than pass over it."""

    def __init__(self, position: int) -> None:
        super().__init__(f"event {position} is missing from the log")
        self.position = position


class Batch(NamedTuple):
    """Events as they are stored, and the same as read models take them."""

    events: Sequence[StoredEvent]
    recorded: Sequence[Recorded]


class LogReader:
    def __init__(self, schema: str) -> None:
        self._statement = bind(_EVENTS, schema).encode()

    def read(self, connection: Connection, after: int, limit: int) -> list[StoredEvent]:
        """At most `limit` events after a position. Raises LogHasGap."""
        cursor = connection.cursor(binary=True)
        events: list[Any] = cursor.execute(self._statement, (after, limit), prepare=True).fetchall()
        if events and events[-1][0] != after + len(events):
            raise LogHasGap(next(after + i for i, event in enumerate(events, 1) if event[0] != after + i))
        return events

    def certificate_at(self, connection: Connection, read_schema: str, position: int) -> Certificate:
        """That of events 1 to `position`, from the nearest one that is kept."""
        query = bind(certificates.NEAREST_BY_POSITION, read_schema).encode()
        row = connection.execute(query, {"position": position}).fetchone()
        certificate = Certificate(*row) if row else certificates.EMPTY
        while certificate.position < position:
            limit = min(position - certificate.position, certificates.CHECKPOINT_EVERY)
            for event in self.read(connection, certificate.position, limit):
                certificate = certificates.step_over(certificate, event)
        return certificate


class BatchWriter:
    """Applies batches to the read models in one schema."""

    def __init__(self, read_schema: str) -> None:
        self._read_schema = read_schema
        self._bound: dict[str, bytes] = {}

    def apply(
        self, connection: Connection, models: Sequence[ReadModel], before: Certificate, batch: Batch
    ) -> Certificate:
        """Moves the models on by the batch, in one transaction and one round trip.

        Gives the certificate after it, without a digest where certificates are not among the models. Raises
        SerializationFailure, with nothing written, where one of the models is not at `before.position`.
        """
        cursor = connection.cursor(binary=True)

        def write(statement: str, parameters: Sequence[Any] = ()) -> None:
            sql = self._bound.get(statement)
            if sql is None:
                sql = self._bound[statement] = bind(statement, self._read_schema).encode()
            cursor.execute(sql, packed(statement, parameters), prepare=True)

        last = batch.recorded[-1]
        after = Certificate(last.position, b"", last.recorded_at)
        with connection.pipeline(), connection.transaction():
            write(
                "select {schema}.advance_read_models(%b::text[], %b, %b)",
                ([model.name for model in models], before.position, after.position),
            )
            for model in models:
                if model.name == certificates.MODEL.name:
                    after = certificates.certify(before, batch.events, batch.recorded, write)
                else:
                    model.apply(batch.recorded, write)
        return after


def read_back(events: Sequence[StoredEvent], known_at: datetime) -> list[Recorded]:
    """The stored events as read models take them. `known_at` is the time that the events before reach.

    The time of recording never runs backwards along positions: processes whose clocks differ by a little
    append in turn, and what was known at an instant has to be a beginning of the log.
    """
    recorded: list[Recorded] = []
    append = recorded.append
    # Runs for every event there is: a named tuple's own constructor would take a third of the time.
    new = tuple.__new__
    for position, stream, version, topic, state in events:
        envelope = decode(topic, state)
        if envelope.recorded_at > known_at:  # noqa: PLR1730  # twice as fast as max()
            known_at = envelope.recorded_at
        fields = (
            position,
            stream,
            version,
            topic,
            known_at,
            envelope.effective_at or known_at,
            envelope.actor,
            envelope.correlation_id,
            envelope.data,
        )
        append(new(Recorded, fields))
    return recorded
