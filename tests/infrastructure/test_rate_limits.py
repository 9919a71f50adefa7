"""Rate limits: exactly as many as allowed in a window, however many processes count."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from infrastructure import rate_limits
from infrastructure.rate_limits import Limit, RateLimiter, Verdict
from tests.control_database import control_database

NOW = datetime(2023, 5, 1, 14, 30, 12, tzinfo=UTC)
MINUTE_END = int(datetime(2023, 5, 1, 14, 31, tzinfo=UTC).timestamp())
HOUR_END = int(datetime(2023, 5, 1, 15, tzinfo=UTC).timestamp())
MINUTE = Limit("transfers", 3, 60)
HOUR = Limit("transfers", 5, 3600)
NOBODY_LISTENS = "host=127.0.0.1 port=1 dbname=none user=none"


@pytest.fixture
def control_dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@asynccontextmanager
async def limiting(dsn: str) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(dsn)
    try:
        yield limiter
    finally:
        await limiter.close()


def rows(dsn: str) -> list[tuple[str, int, int]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "select counter, window_end, requests from daybook.rate_counters order by 1, 2"
        ).fetchall()


def test_a_limit_allows_its_number_and_counts_down(control_dsn: str) -> None:
    """The answer shows what is left; what is too much is told how long to wait."""

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            for remaining in (2, 1, 0):
                verdict = await limiter.hit("user_demo", [MINUTE], NOW)
                assert verdict == Verdict(True, 3, remaining, MINUTE_END, 0)
            assert await limiter.hit("user_demo", [MINUTE], NOW) == Verdict(False, 3, 0, MINUTE_END, 48)
            later = NOW + timedelta(seconds=47.5)
            assert (await limiter.hit("user_demo", [MINUTE], later)).retry_after == 1
            assert (await limiter.hit("user_other", [MINUTE], NOW)).allowed

    asyncio.run(story())


def test_windows_are_those_of_the_ledger_clock(control_dsn: str) -> None:
    """A minute begins at its full second, also when the clock jumps there."""

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            for _ in range(4):
                last = await limiter.hit("user_demo", [MINUTE], NOW)
            assert not last.allowed
            next_minute = datetime.fromtimestamp(MINUTE_END, UTC)
            assert not (
                await limiter.hit("user_demo", [MINUTE], next_minute - timedelta(microseconds=1))
            ).allowed
            fresh = await limiter.hit("user_demo", [MINUTE], next_minute)
            assert fresh == Verdict(True, 3, 2, MINUTE_END + 60, 0)

    asyncio.run(story())


def test_the_tightest_limit_is_shown_and_the_exceeded_one_reported(control_dsn: str) -> None:
    """Refused requests count, too: they use the hour up although the minute refused them."""

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            both = [MINUTE, HOUR]
            shown = [await limiter.hit("user_demo", both, NOW) for _ in range(6)]
            assert [(verdict.limit, verdict.remaining) for verdict in shown[:3]] == [(3, 2), (3, 1), (3, 0)]
            assert shown[3] == shown[4] == Verdict(False, 3, 0, MINUTE_END, 48)
            assert shown[5] == Verdict(False, 5, 0, HOUR_END, HOUR_END - int(NOW.timestamp()))

    asyncio.run(story())


def test_simultaneous_hits_get_a_place_each(control_dsn: str) -> None:
    """Hits that are counted in one statement are still told apart, in their order."""

    async def story() -> None:
        limit = Limit("burst", 40, 60)
        async with limiting(control_dsn) as limiter:
            verdicts = await asyncio.gather(*(limiter.hit("user_demo", [limit], NOW) for _ in range(100)))
            assert [verdict.allowed for verdict in verdicts] == [True] * 40 + [False] * 60
            assert [verdict.remaining for verdict in verdicts[:40]] == list(range(39, -1, -1))
        assert rows(control_dsn) == [("burst/60:user_demo", MINUTE_END, 100)]

    asyncio.run(story())


async def _hammer(dsn: str, number: int) -> int:
    limits = [Limit("shared", 300, 60), Limit("shared", 100_000, 3600)]
    async with limiting(dsn) as limiter:
        allowed = 0
        for _ in range(number // 20):
            verdicts = await asyncio.gather(*(limiter.hit("everybody", limits, NOW) for _ in range(20)))
            allowed += sum(verdict.allowed for verdict in verdicts)
        assert limiter.uncounted == 0
    return allowed


def _hammer_in_process(dsn: str, number: int) -> int:
    return asyncio.run(_hammer(dsn, number))


def test_processes_together_allow_exactly_the_limit(control_dsn: str) -> None:
    """Three processes hammer one counter: the limit's number passes, no more and no less."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        allowed = pool.starmap(_hammer_in_process, [(control_dsn, 300)] * 3)
    assert sum(allowed) == 300
    assert {requests for _, _, requests in rows(control_dsn)} == {900}


def test_processes_that_count_many_keys_do_not_deadlock(control_dsn: str) -> None:
    """Two limiters count the same keys in opposite orders at the same time."""

    async def story() -> None:
        limit = Limit("many", 50, 60)
        keys = [f"user_{number}" for number in range(50)]
        async with limiting(control_dsn) as one, limiting(control_dsn) as other:
            for _ in range(20):
                await asyncio.gather(
                    *(one.hit(key, [limit], NOW) for key in keys),
                    *(other.hit(key, [limit], NOW) for key in reversed(keys)),
                )
            assert one.uncounted == other.uncounted == 0
        assert {requests for _, _, requests in rows(control_dsn)} == {40}

    asyncio.run(story())


def test_a_lost_database_lets_requests_pass() -> None:
    """Uncounted, counted as such, and without a wait for each of them."""

    async def story() -> None:
        async with limiting(NOBODY_LISTENS) as limiter:
            for number in range(1, 20):
                verdict = await limiter.hit("user_demo", [MINUTE, HOUR], NOW)
                assert verdict == Verdict(True, 3, 2, MINUTE_END, 0)
                assert limiter.uncounted == number

    asyncio.run(story())


def test_counting_goes_on_when_the_database_is_back(
    control_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was killed costs one uncounted group, then the limit holds again."""
    monkeypatch.setattr(rate_limits, "_PAUSE_SECONDS", 0.0)

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            await limiter.hit("user_demo", [MINUTE], NOW)
            with psycopg.connect(control_dsn, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            assert (await limiter.hit("user_demo", [MINUTE], NOW)).allowed
            assert limiter.uncounted == 1
            assert (await limiter.hit("user_demo", [MINUTE], NOW)).remaining == 1

    asyncio.run(story())


def test_a_database_that_hangs_is_given_up(control_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that does not come back lets its request pass, and the next one is tried anew."""
    monkeypatch.setattr(rate_limits, "_PAUSE_SECONDS", 0.0)

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            await limiter.hit("user_demo", [MINUTE], NOW)
            with psycopg.connect(control_dsn) as blocker:
                blocker.execute("lock table daybook.rate_counters")
                with monkeypatch.context() as impatient:
                    impatient.setattr(rate_limits, "_ANSWER_SECONDS_MAX", 0.1)
                    assert (await limiter.hit("user_demo", [MINUTE], NOW)).allowed
            assert limiter.uncounted == 1
            assert (await limiter.hit("user_demo", [MINUTE], NOW)).remaining == 1

    asyncio.run(story())


def test_cleared_counts_start_again(control_dsn: str) -> None:
    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            for _ in range(4):
                await limiter.hit("user_demo", [MINUTE], NOW)
            await limiter.clear()
            assert (await limiter.hit("user_demo", [MINUTE], NOW)).remaining == 2

    asyncio.run(story())


def test_ended_windows_are_swept(control_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has ended by the ledger clock goes; open windows stay."""
    monkeypatch.setattr(rate_limits, "_SWEEP_INTERVAL_SECONDS", 0.0)

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            for now in (NOW, NOW + timedelta(minutes=1)):
                await limiter.hit("user_demo", [MINUTE, HOUR], now)
                assert limiter._sweeper is not None
                await limiter._sweeper
        assert [end for _, end, _ in rows(control_dsn)] == [HOUR_END, MINUTE_END + 60]

    asyncio.run(story())


def test_a_hostile_key_is_only_a_key(control_dsn: str) -> None:
    """NUL, quotes and length do no harm."""

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            for key in ("\0", "a\0b", "'; drop table", "%s{schema}", "ü" * 255, ""):
                assert (await limiter.hit(key, [MINUTE], NOW)).remaining == 2
            assert limiter.uncounted == 0

    asyncio.run(story())


def test_a_caller_that_goes_away_takes_nobody_with_it(control_dsn: str) -> None:
    """Its request is counted, and the others of its group get their answers."""

    async def story() -> None:
        async with limiting(control_dsn) as limiter:
            hits = [asyncio.create_task(limiter.hit("user_demo", [MINUTE], NOW)) for _ in range(3)]
            await asyncio.sleep(0)
            hits[0].cancel()
            answers = await asyncio.gather(*hits, return_exceptions=True)
            assert isinstance(answers[0], asyncio.CancelledError)
            assert [getattr(answer, "remaining", None) for answer in answers[1:]] == [1, 0]

    asyncio.run(story())
