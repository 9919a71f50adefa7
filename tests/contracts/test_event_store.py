"""What every event store promises, asked of the one in memory and of the one on Postgres."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import pytest

from application.decision import ABSENT, Decision, Known, StreamTaken
from application.store import Conflict, EventStore, HistoryReplaced, StoredFact
from application.writer import Writer
from domain import accounts
from domain.accounts import Account, AccountCredited, AccountOpened
from domain.catalogue import encode
from domain.events import Envelope, Event
from domain.money import Money
from infrastructure.clocks import SystemClock
from infrastructure.event_store import PostgresEventStore
from infrastructure.tenants import empty_tenant
from tests.application.memory_store import MemoryEventStore, MemoryLog

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)


class Disk(Protocol):
    def open(self) -> EventStore: ...
    def start_over(self) -> None: ...


class MemoryDisk:
    def __init__(self) -> None:
        self._log = MemoryLog()

    def open(self) -> MemoryEventStore:
        return MemoryEventStore(self._log)

    def start_over(self) -> None:
        self._log.start_over()


class PostgresDisk:
    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema

    def open(self) -> PostgresEventStore:
        return PostgresEventStore(self._dsn, self._schema)

    def start_over(self) -> None:
        empty_tenant(self._dsn, self._schema)


@pytest.fixture(params=["memory", "postgres"])
def disk(request: pytest.FixtureRequest) -> Disk:
    if request.param == "memory":
        return MemoryDisk()
    dsn: str = request.getfixturevalue("postgres_dsn")
    new_tenant: Callable[[], str] = request.getfixturevalue("new_tenant")
    return PostgresDisk(dsn, new_tenant())


def with_stores(disk: Disk, story: Callable[[EventStore, EventStore], Awaitable[None]]) -> None:
    """Runs the story with two stores on one log, as two processes would have."""

    async def run() -> None:
        stores = (disk.open(), disk.open())
        try:
            await story(*stores)
        finally:
            for store in stores:
                if isinstance(store, PostgresEventStore):
                    await store.close()

    asyncio.run(run())


def fact(stream: str, version: int, event: Event) -> StoredFact:
    return StoredFact(stream, version, event.TOPIC, encode(Envelope(AT, event)))


def open_event(name: str) -> AccountOpened:
    return AccountOpened(name, "0000000001", "owner", "checking", "USD")


def opened(name: str) -> StoredFact:
    return fact(f"account-{name}", 1, open_event(name))


def credited(name: str, version: int, posted: int) -> StoredFact:
    amount = Money(posted, "USD")
    return fact(f"account-{name}", version, AccountCredited(amount, "1000-CASH", "cash", "ref", posted, 0))


def state(name: str, posted: int) -> Account:
    return Account(name, "0000000001", "owner", "checking", "USD", posted)


def test_positions_are_gapless_over_groups_and_processes(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        assert await one.append([opened("a"), opened("b")], {}) == 2
        assert await other.append([opened("c")], {}) == 3
        assert await one.append([credited("a", 2, 5), credited("c", 2, 5), opened("d")], {}) == 6

    with_stores(disk, story)


def test_a_version_that_is_taken_writes_nothing_of_the_group(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a")], {})
        with pytest.raises(Conflict):
            await other.append([opened("b"), opened("a")], {})
        assert await one.load({"account-b": ABSENT}) == {"account-b": ABSENT}
        assert await one.append([opened("b")], {}) == 2, "a refused group leaves no gap"

    with_stores(disk, story)


def test_a_stream_that_was_read_and_has_grown_is_a_conflict(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a")], {"account-unknown": 0})
        await other.append([credited("a", 2, 5)], {"account-a": 1})
        with pytest.raises(Conflict):
            await one.append([opened("b")], {"account-a": 1})
        assert await one.append([opened("b")], {"account-a": 2}) == 3

    with_stores(disk, story)


def test_without_facts_only_what_was_read_is_checked(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        assert await one.append([], {"account-a": 0}) == 0
        await other.append([opened("a")], {})
        with pytest.raises(Conflict):
            await one.append([], {"account-a": 0})
        assert await one.append([], {"account-a": 1, "account-b": 0}) == 0
        assert await one.append([], {}) == 0

    with_stores(disk, story)


def test_loading_starts_from_nothing_or_from_what_is_known(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a"), credited("a", 2, 5), opened("b")], {})
        wanted = {"account-a": ABSENT, "account-unknown": ABSENT, "account-b": Known(1, state("b", 0))}
        assert await other.load(wanted) == {
            "account-a": Known(2, state("a", 5)),
            "account-unknown": ABSENT,
            "account-b": Known(1, state("b", 0)),
        }
        await one.append([credited("a", 3, 9)], {})
        known = Known(2, state("a", 5))
        assert await other.load({"account-a": known}) == {"account-a": Known(3, state("a", 9))}
        assert await other.load({}) == {}

    with_stores(disk, story)


def test_snapshots_give_the_same_states(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a"), credited("a", 2, 5)], {})
        await one.save_snapshots({"account-a": Known(2, state("a", 5))})
        assert await other.load({"account-a": ABSENT}) == {"account-a": Known(2, state("a", 5))}
        await one.append([credited("a", 3, 9)], {})
        await one.save_snapshots({"account-a": Known(2, state("a", 5))})
        assert await other.load({"account-a": ABSENT}) == {"account-a": Known(3, state("a", 9))}
        await one.save_snapshots({"account-a": Known(3, state("a", 9))})
        assert await other.load({"account-a": Known(1, state("a", 0))}) == {
            "account-a": Known(3, state("a", 9))
        }

    with_stores(disk, story)


def test_states_are_taken_from_a_snapshot_where_there_is_one(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a"), credited("a", 2, 5)], {})
        recognisable = Known(2, state("a", 77))
        await one.save_snapshots({"account-a": recognisable})
        assert await other.load({"account-a": ABSENT}) == {"account-a": recognisable}
        assert (await other.load({"account-a": Known(2, state("a", 5))}))["account-a"].state.posted == 5

    with_stores(disk, story)


def test_after_a_new_start_every_process_is_told_once(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a")], {})
        await other.append([opened("b")], {"account-a": 1})
        disk.start_over()
        with pytest.raises(HistoryReplaced):
            await one.append([credited("a", 2, 5)], {})
        with pytest.raises(HistoryReplaced):
            await other.append([], {"account-a": 1})
        assert await one.append([opened("c")], {}) == 1
        assert await other.append([opened("d")], {"account-a": 0}) == 2

    with_stores(disk, story)


def test_a_process_that_read_before_a_new_start_is_told_with_its_first_append(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a")], {})
        assert (await other.load({"account-a": ABSENT}))["account-a"].version == 1
        disk.start_over()
        with pytest.raises(HistoryReplaced):
            await other.append([credited("a", 2, 5)], {})

    with_stores(disk, story)


def test_names_that_no_stream_can_have_are_absent(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        nul = "account-\x00"
        assert await one.load({nul: ABSENT, "account-a": ABSENT}) == {nul: ABSENT, "account-a": ABSENT}
        assert await one.append([], {nul: 0}) == 0

    with_stores(disk, story)


def test_many_processes_at_once_lose_nothing_and_double_nothing(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        async def write(store: EventStore, name: str) -> list[int]:
            return [await store.append([opened(f"{name}{index}")], {}) for index in range(20)]

        written = await asyncio.gather(write(one, "a"), write(other, "b"))
        assert sorted(written[0] + written[1]) == list(range(1, 41))
        assert all(positions == sorted(positions) for positions in written)

    with_stores(disk, story)


def test_one_of_two_rivals_for_a_version_wins(disk: Disk) -> None:
    async def story(one: EventStore, other: EventStore) -> None:
        await one.append([opened("a")], {})
        for version in range(2, 12):
            rivals = (store.append([credited("a", version, 5)], {}) for store in (one, other))
            outcomes = await asyncio.gather(*rivals, return_exceptions=True)
            assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False, True]
        assert (await one.load({accounts.stream("a"): ABSENT}))["account-a"].version == 11

    with_stores(disk, story)


def test_a_stream_whose_number_was_given_out_twice_is_refused_to_the_second_alone(disk: Disk) -> None:
    """Nothing is loaded for it, so only the store's unique key can know, and the writer must find out."""

    class Create(msgspec.Struct, frozen=True):
        name: str
        needed: tuple[str, ...] = ()

        def streams(self) -> tuple[str, ...]:
            return self.needed

    def create(decision: Decision, command: Create) -> str:
        decision.need(*command.needed)
        decision.create(f"account-{command.name}", open_event(command.name))
        return command.name

    async def story(one: EventStore, other: EventStore) -> None:
        writers = [Writer(store, SystemClock()) for store in (one, other)]
        for writer in writers:
            writer.start()
        assert (await writers[0].execute(create, Create("a"))).answer == "a"
        # The first of these must be loaded for, so that it comes back to the writer by another way.
        names = (Create("a", ("account-x",)), Create("b"), Create("a"), Create("c"), Create("b"))
        outcomes = await asyncio.wait_for(
            asyncio.gather(*(writers[1].submit(create, each) for each in names), return_exceptions=True), 30
        )
        answers = [type(each) if isinstance(each, BaseException) else each.answer for each in outcomes]
        assert answers[0] == answers[2] == StreamTaken
        assert answers[3] == "c"
        # Which of two in one group is the first may change when they are decided again.
        assert Counter([answers[1], answers[4]]) == Counter(["b", StreamTaken])
        for writer in writers:
            await writer.close()
        loaded = await one.load({f"account-{name}": ABSENT for name in "abc"})
        assert [known.version for known in loaded.values()] == [1, 1, 1]

    with_stores(disk, story)
