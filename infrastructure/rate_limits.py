"""Rate limits: fixed windows of the ledger clock, counted exactly across all processes.

Hits that arrive together are counted in one statement, one at a time per process, as in a group commit: while
one is under way the next group gathers. So the round trips a second stay bounded however many requests come.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import psycopg
import structlog
from psycopg.rows import TupleRow

from application.store import StoreUnavailable
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.tasks import end_task

log = structlog.get_logger()

_GROUP_HITS_MAX = 1_000
_WAITING_HITS_MAX = 20_000
_ANSWER_SECONDS_MAX = 2.0
_PAUSE_SECONDS = 1.0
_SWEEP_INTERVAL_SECONDS = 10.0
_SWEEP_ROWS_MAX = 10_000

# The rows are sorted by the caller: two processes that lock them in one order cannot deadlock.
_COUNT = bind(
    """
    insert into {schema}.rate_counters as c (counter, window_end, requests)
    select * from unnest(%b::text[], %b::bigint[], %b::bigint[])
    on conflict (counter, window_end) do update set requests = c.requests + excluded.requests
    returning counter, window_end, requests
    """,
    CONTROL_SCHEMA,
).encode()

_SWEEP = bind(
    """
    delete from {schema}.rate_counters where (counter, window_end) in (
        select counter, window_end from {schema}.rate_counters
        where window_end <= %b::bigint limit %b::bigint for update skip locked
    )
    """,
    CONTROL_SCHEMA,
).encode()

_CLEAR = bind("delete from {schema}.rate_counters", CONTROL_SCHEMA).encode()

_Window = tuple[str, int]  # the counter, and the Unix second that its window ends at


class Limit(NamedTuple):
    name: str
    requests: int
    window_seconds: int


class Verdict(NamedTuple):
    """`reset` is the Unix second that the window ends at; `retry_after` is in seconds, 0 where allowed."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    retry_after: int


class _Hit(NamedTuple):
    windows: list[_Window]
    counts: asyncio.Future[list[int] | None]


class RateLimiter:
    """Counts requests. `uncounted` is how many were let through because they could not be counted.

    A limiter that cannot count lets everything pass: limits protect the service from its callers, and to
    turn all of them away is the very outage that they are meant to prevent. What moves money needs the same
    database and answers 503 by itself.
    """

    def __init__(self, dsn: str) -> None:
        # Nothing is sent twice: a group whose answer was lost may have been counted.
        self._session = Session(dsn, patience_seconds=0.0)
        self._sweeps = Session(dsn, patience_seconds=0.0)
        self._waiting: list[_Hit] = []
        self._counter: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._next_sweep = time.monotonic() + _SWEEP_INTERVAL_SECONDS
        self._paused_until = 0.0
        self.uncounted = 0

    async def hit(self, key: str, limits: Sequence[Limit], now: datetime) -> Verdict:
        """Counts one request of `key` against each of `limits` (one at least), refused ones too.

        The verdict shows the limit that is used up, else the one that has least left.
        """
        seconds = now.timestamp()
        # Postgres has no NUL in texts; a key that has one is a hostile caller's own.
        plain = key.replace("\0", "\ufffd")
        windows = [
            (
                f"{limit.name}/{limit.window_seconds}:{plain}",
                int(seconds // limit.window_seconds + 1) * limit.window_seconds,
            )
            for limit in limits
        ]
        counts = await self._counts(windows)
        self._sweep_now_and_then(int(seconds))
        return _verdict(limits, windows, counts or [1] * len(windows), seconds)

    async def clear(self) -> None:
        """Forgets every count, as the sandbox's reset does."""

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            await connection.execute(_CLEAR)

        await self._session.run(work)

    async def close(self) -> None:
        """Hits that wait are still answered."""
        if self._counter is not None:
            await self._counter
        if self._sweeper is not None:
            await end_task(self._sweeper)
        await self._session.close()
        await self._sweeps.close()

    async def _counts(self, windows: list[_Window]) -> list[int] | None:
        """This hit's own place in each window, from 1; None where it could not be counted."""
        if len(self._waiting) >= _WAITING_HITS_MAX or time.monotonic() < self._paused_until:
            self.uncounted += 1
            return None
        hit = _Hit(windows, asyncio.get_running_loop().create_future())
        self._waiting.append(hit)
        if self._counter is None:
            self._counter = asyncio.create_task(self._count_groups())
        return await hit.counts

    async def _count_groups(self) -> None:
        try:
            while self._waiting:
                group = self._waiting[:_GROUP_HITS_MAX]
                del self._waiting[:_GROUP_HITS_MAX]
                await self._count(group)
        finally:
            self._counter = None

    async def _count(self, group: list[_Hit]) -> None:
        added = Counter(window for hit in group for window in hit.windows)
        counts: dict[_Window, int] | None = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                counts = await self._add(added)
        except (StoreUnavailable, TimeoutError, psycopg.Error) as error:
            # A connection that was given up in the middle is of no more use.
            await self._session.close()
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            self.uncounted += len(group)
            log.warning("requests pass uncounted", requests=len(group), reason=type(error).__name__)
        finally:
            _answer(group, added, counts)

    async def _add(self, added: Counter[_Window]) -> dict[_Window, int]:
        ordered = sorted(added)
        counters = [counter for counter, _ in ordered]
        ends = [end for _, end in ordered]
        requests = [added[window] for window in ordered]

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> list[TupleRow]:
            cursor = connection.cursor(binary=True)
            await cursor.execute(_COUNT, (counters, ends, requests), prepare=True)
            return await cursor.fetchall()

        rows = await self._session.run(work)
        return {(counter, end): count for counter, end, count in rows}

    def _sweep_now_and_then(self, now_seconds: int) -> None:
        if time.monotonic() >= self._next_sweep and (self._sweeper is None or self._sweeper.done()):
            self._next_sweep = time.monotonic() + _SWEEP_INTERVAL_SECONDS
            self._sweeper = asyncio.create_task(self._sweep(now_seconds))

    async def _sweep(self, now_seconds: int) -> None:
        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            await connection.execute(_SWEEP, (now_seconds, _SWEEP_ROWS_MAX))

        with suppress(StoreUnavailable, psycopg.Error):
            await self._sweeps.run(work)


def _answer(group: list[_Hit], added: Counter[_Window], counts: dict[_Window, int] | None) -> None:
    """Tells each hit of the group its own place, counted on from what was there before."""
    before = {window: counts[window] - number for window, number in added.items()} if counts else {}
    for hit in group:
        places: list[int] = []
        for window in hit.windows if counts else ():
            before[window] += 1
            places.append(before[window])
        if not hit.counts.done():  # its caller may have gone away
            hit.counts.set_result(places or None)


def _verdict(
    limits: Sequence[Limit], windows: list[_Window], counts: list[int], now_seconds: float
) -> Verdict:
    exceeded: Verdict | None = None
    tightest: Verdict | None = None
    for limit, (_, end), count in zip(limits, windows, counts, strict=True):
        remaining = max(0, limit.requests - count)
        if count > limit.requests:
            # Of several that are used up, the one that has to be waited for longest.
            if exceeded is None or end > exceeded.reset:
                retry_after = max(1, int(end - now_seconds + 0.999_999))
                exceeded = Verdict(False, limit.requests, 0, end, retry_after)
        elif tightest is None or remaining < tightest.remaining:
            tightest = Verdict(True, limit.requests, remaining, end, 0)
    verdict = exceeded or tightest
    assert verdict is not None, "a hit needs a limit"
    return verdict
