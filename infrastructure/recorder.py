"""The eventsourcing library's recorders on a tenant's own tables, so that its tools work on our store.

Its LOCK TABLE and sequence are replaced by the row of `log_head`: positions are gapless and in commit order,
so a subscription or a projection runner never passes over an event. The tables are the migrations' and are
never created here.
"""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresProcessRecorder,
    PostgresTrackingRecorder,
)
from psycopg import Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

from infrastructure.database import service_conninfo
from infrastructure.migrator import bind

EVENTS, SNAPSHOTS, TRACKING = "events", "snapshots", "tracking"

_TAKE_POSITIONS = "update {schema}.log_head set last_id = last_id + %b where k = 1"
_NOTIFY = "select pg_notify('{schema}', last_id::text) from {schema}.log_head where k = 1"
_INSERT_EVENTS = """
insert into {schema}.events (originator_id, originator_version, topic, state, notification_id)
select e.stream, e.version, e.topic, e.state, h.last_id - %b::bigint + e.ordinal
from {schema}.log_head h,
     unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[]) with ordinality
     e (stream, version, topic, state, ordinal)
where h.k = 1
returning notification_id
"""
_INSERT_SNAPSHOTS = """
insert into {schema}.snapshots (originator_id, originator_version, topic, state)
select * from unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[])
"""


class LedgerDatastore(PostgresDatastore):
    """A pool of connections to one tenant's schema, as the service role."""

    def __init__(self, dsn: str, schema: str, *, pool_size: int = 2, max_overflow: int = 10) -> None:
        given = {name: str(value) for name, value in conninfo_to_dict(service_conninfo(dsn)).items()}
        super().__init__(
            dbname=given.pop("dbname", ""),
            host=given.pop("host", ""),
            port=given.pop("port", "5432"),
            user=given.pop("user", ""),
            password=given.pop("password", ""),
            schema=schema,
            pool_size=pool_size,
            max_overflow=max_overflow,
            originator_id_type="text",
        )
        assert isinstance(self.pool.kwargs, dict)
        self.pool.kwargs.update(given)


class _OnOurTables:
    """What differs for every recorder: the tables are there already."""

    datastore: PostgresDatastore

    def create_table(self) -> None:
        return None

    def _columns(self, stored_events: Sequence[StoredEvent]) -> tuple[list[Any], ...]:
        return (
            [event.originator_id for event in stored_events],
            [event.originator_version for event in stored_events],
            [event.topic for event in stored_events],
            [event.state for event in stored_events],
        )

    def _bound(self, statement: str) -> bytes:
        return bind(statement, self.datastore.schema).encode()


class SnapshotRecorder(_OnOurTables, PostgresAggregateRecorder):
    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = SNAPSHOTS) -> None:
        super().__init__(datastore, events_table_name=events_table_name)

    def _insert_stored_events(
        self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **_: Any
    ) -> None:
        curs.execute(self._bound(_INSERT_SNAPSHOTS), self._columns(stored_events))


class EventRecorder(_OnOurTables, PostgresApplicationRecorder):
    def __init__(
        self, datastore: PostgresDatastore, *, events_table_name: str = EVENTS, **others: Any
    ) -> None:
        super().__init__(datastore, events_table_name=events_table_name, **others)
        self.channel_name = datastore.schema

    def _insert_stored_events(
        self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **_: Any
    ) -> None:
        # Cursors of their own, because the library reads the positions from the one that it gave.
        curs.connection.execute(self._bound(_TAKE_POSITIONS), (len(stored_events),))
        curs.connection.execute(self._bound(_NOTIFY))
        count = len(stored_events)
        curs.execute(self._bound(_INSERT_EVENTS), (count, *self._columns(stored_events)))


class TrackingRecorder(_OnOurTables, PostgresTrackingRecorder):
    def __init__(
        self, datastore: PostgresDatastore, *, tracking_table_name: str = TRACKING, **others: Any
    ) -> None:
        super().__init__(datastore, tracking_table_name=tracking_table_name, **others)


class ProcessRecorder(EventRecorder, PostgresProcessRecorder):
    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = EVENTS,
        tracking_table_name: str = TRACKING,
    ) -> None:
        super().__init__(
            datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name
        )


class Recorders:
    """One tenant's recorders, for `with`: the connections are closed at its end."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._datastore = LedgerDatastore(dsn, schema)

    def __enter__(self) -> "Recorders":
        return self

    def __exit__(self, *_: object) -> None:
        self._datastore.close()

    def events(self) -> EventRecorder:
        return EventRecorder(self._datastore)

    def snapshots(self) -> SnapshotRecorder:
        return SnapshotRecorder(self._datastore)

    def tracking(self) -> TrackingRecorder:
        return TrackingRecorder(self._datastore)

    def process(self) -> ProcessRecorder:
        return ProcessRecorder(self._datastore)
