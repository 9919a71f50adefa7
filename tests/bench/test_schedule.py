from itertools import pairwise
from random import Random

import pytest

from bench.schedule import NANOSECONDS, ClosedLoop, OpenLoop, Schedule, Spacing


def open_loop(spacing: Spacing, *, seed: int = 1, rate: float = 1000.0, count: int | None = None) -> OpenLoop:
    return OpenLoop(
        rate=rate, spacing=spacing, duration_ns=10 * NANOSECONDS, count=count, random=Random(seed)
    )


def times(schedule: Schedule) -> list[int]:
    return schedule.overdue(1_000 * NANOSECONDS)


def test_a_closed_loop_is_always_due_until_its_duration() -> None:
    schedule = ClosedLoop(duration_ns=100, count=None)
    assert schedule.due(0) == 0
    assert schedule.due(99) == 99
    assert schedule.due(100) is None


def test_a_closed_loop_ends_with_its_count() -> None:
    schedule = ClosedLoop(duration_ns=100, count=1)
    schedule.take()
    assert schedule.due(5) is None


def test_a_closed_loop_owes_nothing() -> None:
    assert ClosedLoop(duration_ns=100, count=None).overdue(1_000) == []


def test_fixed_spacing_is_due_at_exact_multiples_and_stays_due_until_taken() -> None:
    schedule = open_loop("fixed", rate=4.0)
    assert schedule.due(0) == 0
    schedule.take()
    assert schedule.due(0) == schedule.due(7 * NANOSECONDS) == NANOSECONDS // 4
    assert times(open_loop("fixed", rate=4.0)) == [number * NANOSECONDS // 4 for number in range(40)]


def test_exponential_spacing_has_the_rate_and_the_spread_of_independent_callers() -> None:
    due = times(open_loop("exponential"))
    gaps = [later - earlier for earlier, later in pairwise(due)]
    # the seed makes it one fixed sample; these are its expected values within five standard errors
    assert len(due) == pytest.approx(10_000, rel=0.05)
    assert sum(gap > NANOSECONDS / 1000 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.025)


def test_the_same_seed_is_the_same_schedule() -> None:
    assert times(open_loop("exponential", seed=3)) == times(open_loop("exponential", seed=3))
    assert times(open_loop("exponential", seed=3)) != times(open_loop("exponential", seed=4))


@pytest.mark.parametrize("spacing", ["fixed", "exponential"])
def test_an_open_loop_ends_with_its_count(spacing: Spacing) -> None:
    schedule = open_loop(spacing, count=3)
    assert len(times(schedule)) == 3
    assert schedule.due(0) is None


def test_only_what_was_due_is_overdue() -> None:
    schedule = open_loop("fixed", rate=4.0)
    schedule.take()
    assert schedule.overdue(NANOSECONDS // 2) == [NANOSECONDS // 4, NANOSECONDS // 2]
    assert schedule.due(0) == NANOSECONDS * 3 // 4
