"""The library's own recorder cases on our tables, and that its readers never pass over an event."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from infrastructure.database import connect_service
from infrastructure.migrator import bind
from infrastructure.recorder import (
    EventRecorder,
    ProcessRecorder,
    Recorders,
    SnapshotRecorder,
    TrackingRecorder,
)

NewTenant = Callable[[], str]
R = TypeVar("R")


@pytest.fixture
def recorders(postgres_dsn: str, new_tenant: NewTenant) -> Iterator[Recorders]:
    with Recorders(postgres_dsn, new_tenant()) as recorders:
        yield recorders


class OnATenant:
    """Gives the library's cases a fresh tenant each, and text for identifiers."""

    recorders: Recorders

    @pytest.fixture(autouse=True)
    def _take_recorders(self, recorders: Recorders) -> None:
        self.recorders = recorders

    def new_originator_id(self) -> str:
        return f"account-{uuid4()}"


class TestEventRecorder(OnATenant, ApplicationRecorderTestCase[EventRecorder]):
    def create_recorder(self) -> EventRecorder:
        return self.recorders.events()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnATenant, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> EventRecorder:
        return self.recorders.events()


class TestTrackingRecorder(OnATenant, TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.recorders.tracking()


class TestProcessRecorder(OnATenant, ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.recorders.process()


class TestSnapshotRecorder(OnATenant, AggregateRecorderTestCase):
    def create_recorder(self) -> SnapshotRecorder:
        return self.recorders.snapshots()


# The abstract cases themselves are not to be collected from here.
del (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)


def stored(stream: str, version: int) -> StoredEvent:
    return StoredEvent(stream, version, "account.frozen", b"{}")


class HeldOpen:
    """A transaction that has appended an event and has not committed."""

    def __init__(self, dsn: str, schema: str, stream: str) -> None:
        self.connection: psycopg.Connection[Any] = connect_service(dsn)
        self.connection.autocommit = False
        statement = (
            "select {schema}.append_events(array[%b]::text[], array[1]::bigint[], array['account.frozen'],"
            " array['{}'::bytea], array[]::text[], array[]::bigint[], 1::bigint)"
        )
        row = self.connection.execute(bind(statement, schema).encode(), (stream,)).fetchone()
        assert row is not None
        self.position: int = row[0]


def in_thread(work: Callable[[], R]) -> tuple[threading.Thread, list[R]]:
    results: list[R] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def wait_until_blocked(dsn: str, schema: str) -> None:
    """Until somebody waits for the tenant's head of the log."""
    query = (
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position(%s in query) > 0"
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        deadline = time.monotonic() + 60
        while connection.execute(query, (f"{schema}.log_head",)).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.005)


def test_readers_wait_for_a_transaction_that_is_held_open_and_pass_over_nothing(
    postgres_dsn: str, new_tenant: NewTenant
) -> None:
    schema = new_tenant()
    with Recorders(postgres_dsn, schema) as recorders:
        recorder = recorders.events()
        with recorder.subscribe(gt=0) as subscription:
            recorder.insert_events([stored("account-first", 1)])
            assert next(subscription).originator_id == "account-first"
            slow = HeldOpen(postgres_dsn, schema, "account-slow")
            writer, positions = in_thread(lambda: recorder.insert_events([stored("account-fast", 1)]))
            wait_until_blocked(postgres_dsn, schema)
            assert [each.id for each in recorder.select_notifications(1, 10)] == [1]
            slow.connection.commit()
            slow.connection.close()
            writer.join()
            seen = [next(subscription), next(subscription)]
        assert positions == [[3]]
        assert [(each.id, each.originator_id) for each in seen] == [(2, "account-slow"), (3, "account-fast")]


def test_a_transaction_that_is_rolled_back_leaves_no_gap(postgres_dsn: str, new_tenant: NewTenant) -> None:
    schema = new_tenant()
    with Recorders(postgres_dsn, schema) as recorders:
        recorder = recorders.events()
        given_up = HeldOpen(postgres_dsn, schema, "account-slow")
        writer, positions = in_thread(lambda: recorder.insert_events([stored("account-fast", 1)]))
        wait_until_blocked(postgres_dsn, schema)
        given_up.connection.rollback()
        given_up.connection.close()
        writer.join()
        assert positions == [[1]]
        with pytest.raises(IntegrityError):
            recorder.insert_events([stored("account-new", 1), stored("account-fast", 1)])
        assert recorder.insert_events([stored("account-new", 1)]) == [2]
