"""Claims of a node: no two processes ever share one at the same time, through restarts, losses and sleep."""

import asyncio
import multiprocessing
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from application.store import StoreUnavailable
from infrastructure import identifiers
from infrastructure.identifiers import CLAIM_UNITS, EPOCH_MS, NODES, UNIT_MS, Identifiers
from tests.control_database import control_database
from tests.infrastructure.lossy_proxy import LossyProxy
from tests.infrastructure.numbering import (
    MINUTE_MS,
    NOBODY_LISTENS,
    NOW_UNIT,
    USED_UNTIL,
    Clock,
    crashing,
    execute,
    is_numbering,
    node_of,
    numbering,
    rows,
    unit_of,
    until,
)

_TAKE_ALL_BUT = """
update daybook.identifier_nodes set holder = 'another', expires_at = 'infinity'
where node <> %s and holder is null
"""
_EXPIRE = "update daybook.identifier_nodes set expires_at = '-infinity' where holder is not null"
_FREE_ONE = "update daybook.identifier_nodes set holder = null, expires_at = null where node = %s"
_HELD = "select node from daybook.identifier_nodes where holder is not null order by 1"
_DISCONNECT = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"


@pytest.fixture
def control_dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(identifiers, "_PAUSE_SECONDS", 0.01)


def test_a_restart_goes_on_after_the_last_number_though_the_clock_was_set_back(control_dsn: str) -> None:
    """Released or not: what was used is known, and nothing below it is made."""

    async def story() -> None:
        clock, last = Clock(), 0
        for restart in range(6):
            run = crashing if restart % 2 else numbering
            async with run(control_dsn, clock) as numbers:
                for _ in range(200):
                    number = numbers.next_block()
                    assert number > last
                    last = number
            execute(control_dsn, _EXPIRE)
            clock.now_ms -= 10 * MINUTE_MS

    asyncio.run(story())


def test_a_restart_soon_after_a_crash_starts_no_earlier_than_what_was_last_renewed(control_dsn: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with crashing(control_dsn, clock) as crashed:
            number = crashed.next_block()
        clock.now_ms -= 60 * MINUTE_MS
        async with numbering(control_dsn, clock) as numbers:
            later = numbers.next_block()
            assert unit_of(later) == unit_of(number)
            assert node_of(later) != node_of(number)

    asyncio.run(story())


def test_a_node_that_was_given_back_is_used_again_with_what_was_left_of_its_time(control_dsn: str) -> None:
    """However often a process restarts, it neither uses up the nodes nor runs ahead of the clock."""

    async def story() -> None:
        clock = Clock()
        seen: set[int] = set()
        for restart in range(NODES + 10):
            async with numbering(control_dsn, clock) as numbers:
                number = numbers.next_block()
                assert unit_of(number) == NOW_UNIT + restart
                seen.add(number)
        assert len(seen) == NODES + 10
        # One that made no number leaves no trace.
        for _ in range(3):
            async with numbering(control_dsn, clock):
                pass
        assert rows(control_dsn, USED_UNTIL) == [NOW_UNIT + NODES + 9]
        assert rows(control_dsn, _HELD) == []

    asyncio.run(story())


def test_two_in_one_process_share_nothing(control_dsn: str) -> None:
    """At one and the same time, with the clock standing still."""

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as one, numbering(control_dsn, clock) as other:
            made = [numbers.next_block() for _ in range(500) for numbers in (one, other)]
            assert len(set(made)) == 1000
            assert len({node_of(number) for number in made}) == 2

    asyncio.run(story())


async def _make(dsn: str, restarts: int, count: int) -> list[int]:
    made: list[int] = []
    for _ in range(restarts):
        async with numbering(dsn, Clock()) as numbers:
            made += [numbers.next_block() for _ in range(count)]
    return made


def _make_in_process(dsn: str, restarts: int, count: int) -> list[int]:
    return asyncio.run(_make(dsn, restarts, count))


def test_processes_never_make_the_same_number(control_dsn: str) -> None:
    """Three processes that all see the same standing clock, and start and stop at once."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = pool.starmap(_make_in_process, [(control_dsn, 20, 150)] * 3)
    assert all(each == sorted(each) for each in made)
    assert len({number for each in made for number in each}) == 9000


def test_a_node_left_behind_is_the_last_choice(control_dsn: str) -> None:
    """Its holder may only be slow: as long as others are free, it keeps what it has."""

    async def story() -> None:
        clock = Clock()
        async with crashing(control_dsn, clock) as slow:
            left = node_of(slow.next_block())
            execute(control_dsn, _EXPIRE)
            async with numbering(control_dsn, clock) as numbers:
                assert node_of(numbers.next_block()) != left
                execute(control_dsn, _TAKE_ALL_BUT, left)
                async with numbering(control_dsn, clock) as last:
                    assert node_of(last.next_block()) == left

    asyncio.run(story())


def test_a_renewal_never_takes_back_what_was_claimed(control_dsn: str) -> None:
    """The clock jumped far ahead for a moment: what was claimed then may be in use, and stays claimed."""

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            clock.now_ms += 60 * MINUTE_MS
            await numbers._renew()
            claimed = rows(control_dsn, USED_UNTIL)
            clock.now_ms -= 60 * MINUTE_MS
            await numbers._renew()
            assert rows(control_dsn, USED_UNTIL) == claimed
            assert unit_of(numbers.next_block()) == NOW_UNIT

    asyncio.run(story())


async def _later_than(dsn: str, seen: list[int]) -> list[int]:
    await until(lambda: rows(dsn, USED_UNTIL) > seen)
    return rows(dsn, USED_UNTIL)


def test_a_claim_is_renewed_before_it_lapses(control_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "RENEW_SECONDS", 0.01)

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            seen = rows(control_dsn, USED_UNTIL)
            for _ in range(3):
                clock.now_ms += MINUTE_MS
                seen = await _later_than(control_dsn, seen)
            assert seen == [(clock.now_ms - EPOCH_MS) // UNIT_MS + CLAIM_UNITS]
            await until(lambda: is_numbering(numbers))

    asyncio.run(story())


def test_a_process_that_slept_refuses_and_then_goes_on_with_its_node(control_dsn: str) -> None:
    """Its claim lapsed and nobody took it: the first refusal has it renewed at once."""

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            before = numbers.next_block()
            execute(control_dsn, _EXPIRE)
            clock.now_ms += MINUTE_MS + UNIT_MS
            with pytest.raises(StoreUnavailable):
                numbers.next_block()
            await until(lambda: is_numbering(numbers))
            assert node_of(numbers.next_block()) == node_of(before)

    asyncio.run(story())


@pytest.mark.usefixtures("impatient")
def test_a_process_whose_node_was_taken_meanwhile_claims_another(control_dsn: str) -> None:
    """Both go on at once without meeting: the new holder starts after all that the old one may still use."""

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            before = numbers.next_block()
            execute(control_dsn, _TAKE_ALL_BUT, node_of(before))
            execute(control_dsn, _EXPIRE.replace("is not null", "<> 'another'"))
            async with numbering(control_dsn, clock) as taker:
                taken = taker.next_block()
                assert node_of(taken) == node_of(before)
                assert unit_of(taken) == NOW_UNIT + CLAIM_UNITS + 1
                assert numbers.next_block() == before + 4
                clock.now_ms += 2 * MINUTE_MS
                with capture_logs() as logs:
                    assert not is_numbering(numbers)
                    await until(lambda: logs)
                assert "128 nodes" in logs[0]["reason"]
                assert not is_numbering(numbers)
                free = (node_of(before) + 1) % NODES
                execute(control_dsn, _FREE_ONE, free)
                await until(lambda: is_numbering(numbers))
                after = numbers.next_block()
                assert node_of(after) == free
                assert after > before

    asyncio.run(story())


def test_when_all_nodes_are_taken_a_process_does_not_start(control_dsn: str) -> None:
    """Until one of them is given back."""

    async def story() -> None:
        execute(control_dsn, _TAKE_ALL_BUT, -1)
        with pytest.raises(StoreUnavailable, match="all 128 nodes"):
            async with numbering(control_dsn, Clock()):
                pass
        execute(control_dsn, _FREE_ONE, 77)
        async with numbering(control_dsn, Clock()) as numbers:
            assert node_of(numbers.next_block()) == 77

    asyncio.run(story())


@pytest.mark.usefixtures("impatient")
def test_numbers_are_made_while_the_database_is_away_and_the_claim_lasts(
    postgres_dsn: str, control_dsn: str
) -> None:
    """Then they are refused, and made again when it is back."""

    async def story() -> None:
        clock = Clock()
        (name,) = rows(control_dsn, "select current_database()")
        async with numbering(control_dsn, clock) as numbers:
            last = numbers.next_block()
            execute(postgres_dsn, f"alter database {name} with allow_connections false")
            execute(postgres_dsn, _DISCONNECT, name)
            clock.now_ms += MINUTE_MS
            assert numbers.next_block() > last
            clock.now_ms += UNIT_MS
            with capture_logs() as logs:
                assert not is_numbering(numbers)
                await until(lambda: len(logs) >= 3)
            assert not is_numbering(numbers)
            execute(postgres_dsn, f"alter database {name} with allow_connections true")
            await until(lambda: is_numbering(numbers))
            assert numbers.next_block() > last

    asyncio.run(story())


@pytest.mark.usefixtures("impatient")
def test_a_database_that_hangs_is_given_up_and_asked_again(
    control_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            with psycopg.connect(control_dsn) as blocker, monkeypatch.context() as hurried:
                blocker.execute("select 1 from daybook.identifier_nodes for update")
                hurried.setattr(identifiers, "_ANSWER_SECONDS_MAX", 0.1)
                clock.now_ms += 2 * MINUTE_MS
                with capture_logs() as logs:
                    assert not is_numbering(numbers)
                    await until(lambda: logs)
                assert logs[0]["reason"] == "the database does not answer"
            await until(lambda: is_numbering(numbers))

    asyncio.run(story())


def test_a_claim_whose_answer_was_lost_is_made_anew(control_dsn: str) -> None:
    """The first claim is there and nobody knows of it: it is never used, and expires."""

    async def story() -> None:
        clock = Clock()
        with LossyProxy(control_dsn) as proxy:
            numbers = Identifiers(proxy.dsn, clock)
            await numbers._session.run(_nothing)
            proxy.lose_next_answer()
            try:
                await numbers.start()
                held = rows(control_dsn, _HELD)
                assert len(held) == 2
                made = numbers.next_block()
                async with numbering(control_dsn, clock) as others:
                    assert len({*held, node_of(others.next_block())}) == 3
            finally:
                await numbers.close()
            assert rows(control_dsn, _HELD) == [node for node in held if node != node_of(made)]

    asyncio.run(story())


async def _nothing(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """Only connects."""


def test_without_a_database_there_is_no_start_and_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "_PATIENCE_SECONDS", 0.0)

    async def story() -> None:
        numbers = Identifiers(NOBODY_LISTENS)
        with pytest.raises(StoreUnavailable):
            await numbers.start()
        with pytest.raises(StoreUnavailable):
            numbers.next_block()
        await numbers.close()

    asyncio.run(story())


def test_a_claim_that_no_standby_has_is_none(control_dsn: str) -> None:
    """The commit's warning that replication was not waited for: after a failover others could claim it."""
    execute(
        control_dsn,
        "create function warn() returns trigger language plpgsql as"
        " $$ begin raise warning 'canceling wait for synchronous replication'; return null; end $$;"
        " create trigger warn after update on daybook.identifier_nodes execute function warn()",
    )

    async def story() -> None:
        with pytest.raises(StoreUnavailable, match="replication"):
            async with numbering(control_dsn, Clock()):
                pass

    asyncio.run(story())
