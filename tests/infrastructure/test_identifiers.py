"""Numbers for ids: ordered by time whatever the clock does, blocks of four, below 2**53."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.store import StoreUnavailable
from infrastructure.identifiers import (
    CLAIM_UNITS,
    EPOCH_MS,
    NODES,
    UNIT_MAX,
    UNIT_MS,
    Identifiers,
    block_number,
)
from tests.control_database import control_database
from tests.infrastructure.numbering import (
    MINUTE_MS,
    NOBODY_LISTENS,
    NOW_MS,
    NOW_UNIT,
    USED_UNTIL,
    Clock,
    is_numbering,
    node_of,
    numbering,
    rows,
    unit_of,
    until,
)

slots = st.integers(0, (UNIT_MAX << 6) | 63)
nodes = st.integers(0, NODES - 1)


@pytest.fixture
def control_dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@given(slots, nodes)
def test_a_number_is_a_block_of_four_that_javascript_can_hold(slot: int, node: int) -> None:
    number = block_number(slot, node)
    assert number % 4 == 0
    assert 0 <= number <= number + 3 < 2**53


@given(st.tuples(slots, nodes), st.tuples(slots, nodes))
def test_numbers_differ_and_are_ordered_by_unit_then_node_then_sequence(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    def key(made: tuple[int, int]) -> tuple[int, int, int]:
        slot, node = made
        return (slot >> 6, node, slot & 63)

    assert (block_number(*one) < block_number(*other)) == (key(one) < key(other))
    assert (block_number(*one) == block_number(*other)) == (one == other)


def test_the_largest_number_is_of_the_year_2089() -> None:
    assert block_number((UNIT_MAX << 6) | 63, NODES - 1) == 2**53 - 4
    assert time.gmtime((EPOCH_MS + UNIT_MAX * UNIT_MS) / 1000).tm_year == 2089


@given(st.lists(st.integers(-3 * UNIT_MS, 3 * UNIT_MS), max_size=300))
def test_numbers_grow_whatever_the_clock_does(jumps: list[int]) -> None:
    """Forward in small steps or back: always the next one, and never more than demand ahead of the clock."""
    clock = Clock()
    numbers = Identifiers(NOBODY_LISTENS, clock)
    numbers._node, numbers._last_slot_claimed = 5, (NOW_UNIT + CLAIM_UNITS) << 6
    last, latest_ms = 0, NOW_MS
    for made, jump in enumerate(jumps):
        clock.now_ms += jump
        latest_ms = max(latest_ms, clock.now_ms)
        number = numbers.next_block()
        assert number > last
        assert unit_of(number) <= (latest_ms - EPOCH_MS) // UNIT_MS + made // 64
        last = number


def test_numbers_are_those_of_the_clock(control_dsn: str) -> None:
    """A number tells when it was made, to 8 ms; within a unit the blocks count up."""

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            first, second = numbers.next_block(), numbers.next_block()
            assert (unit_of(first), second - first) == (NOW_UNIT, 4)
            clock.now_ms += UNIT_MS
            assert unit_of(numbers.next_block()) == NOW_UNIT + 1

    asyncio.run(story())


def test_a_unit_that_is_used_up_is_followed_by_the_next(control_dsn: str) -> None:
    """The clock stands still and the generator does not wait for it; as far as the claim goes."""

    async def story() -> None:
        async with numbering(control_dsn, Clock()) as numbers:
            first = [numbers.next_block() for _ in range(65)]
            assert [unit_of(number) for number in first] == [NOW_UNIT] * 64 + [NOW_UNIT + 1]
            made = 65
            while is_numbering(numbers):
                made += 1
            assert made == (CLAIM_UNITS + 1) * 64
            # The refusal asked for more.
            await until(lambda: is_numbering(numbers))
            assert unit_of(numbers.next_block()) == NOW_UNIT + CLAIM_UNITS + 1

    asyncio.run(story())


def test_a_clock_that_goes_back_changes_nothing(control_dsn: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            last = numbers.next_block()
            clock.now_ms -= 60 * MINUTE_MS
            assert numbers.next_block() == last + 4
            clock.now_ms = 0
            assert numbers.next_block() == last + 8

    asyncio.run(story())


def test_threads_that_share_a_generator_never_get_the_same_number(control_dsn: str) -> None:
    async def story() -> None:
        async with numbering(control_dsn, Clock()) as numbers:
            made: list[list[int]] = [[] for _ in range(4)]

            def work(own: list[int]) -> None:
                own.extend(numbers.next_block() for _ in range(20_000))

            threads = [threading.Thread(target=work, args=(own,)) for own in made]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            assert all(own == sorted(own) for own in made)
            assert len({number for own in made for number in own}) == 80_000

    asyncio.run(story())


def test_another_node_never_continues_a_unit(control_dsn: str) -> None:
    """Within one unit a lower node makes lower numbers, so a change of nodes begins a new one.

    Also where the old node went on while the new one was being claimed.
    """

    async def story() -> None:
        clock = Clock()
        async with numbering(control_dsn, clock) as numbers:
            for made_meanwhile in (0, 100):
                before = numbers.next_block()
                claiming = asyncio.create_task(numbers._claim())
                await asyncio.sleep(0)
                for _ in range(made_meanwhile):
                    before = numbers.next_block()
                await claiming
                after = numbers.next_block()
                assert node_of(after) != node_of(before)
                assert unit_of(after) == unit_of(before) + 1

    asyncio.run(story())


def test_what_was_closed_makes_no_number(control_dsn: str) -> None:
    async def story() -> None:
        async with numbering(control_dsn, Clock()) as numbers:
            numbers.next_block()
        with pytest.raises(StoreUnavailable):
            numbers.next_block()

    asyncio.run(story())


def test_a_clock_beyond_the_last_unit_is_refused_before_it_is_on_disk(control_dsn: str) -> None:
    """One machine with a wrong clock must not end the numbers of all."""

    async def story() -> None:
        clock = Clock(EPOCH_MS + UNIT_MAX * UNIT_MS)
        with pytest.raises(StoreUnavailable, match="no room"):
            async with numbering(control_dsn, clock):
                pass
        assert rows(control_dsn, USED_UNTIL) == [-1]

    asyncio.run(story())
