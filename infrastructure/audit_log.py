"""The audit log: every call that was answered, written in batches by each process, and never changed.

Noting a call costs a request an append to a list. Twice a second what has gathered is written in one
statement, so a call is in the log within a second; what is killed without warning loses what it noted since.
While the database is gone, calls wait in memory, up to a bound. At the bound the way in turns callers away
before anything is done for them: what happened is in the log, or did not happen. Those that were turned away
are counted.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import psycopg
import structlog
from psycopg.rows import TupleRow

from application.clock import Clock
from application.store import StoreUnavailable
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.tasks import set_within

log = structlog.get_logger()

FLUSH_SECONDS = 0.5
BATCH_CALLS = 500
WAITING_CALLS_MAX = 50_000
# So many months beside the present one have their partitions before they begin.
MONTHS_AHEAD = 2
CLOSE_SECONDS_MAX = 5.0
TEXT_LENGTH_MAX = 512
_ANSWER_SECONDS_MAX = 10.0

# Safe to send again when it is not known whether it arrived.
_INSERT = bind(
    """
    insert into {schema}.audit_log (at, tenant, id, client_id, subject, surface, method, path, status,
                                    request_id)
    select * from unnest(%b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                         %b::text[], %b::text[], %b::smallint[], %b::text[])
    on conflict (tenant, at, id) do nothing
    """,
    CONTROL_SCHEMA,
).encode()

_MAKE_MONTH = bind("select {schema}.make_audit_month(%b::date)", CONTROL_SCHEMA).encode()


class Call(NamedTuple):
    """One call and what it was answered, at an instant by the ledger's clock. Nobody known: empty texts."""

    at: datetime
    tenant: str
    id: str
    client_id: str
    subject: str
    surface: str
    method: str
    path: str
    status: int
    request_id: str


_Work = Callable[[psycopg.AsyncConnection[TupleRow]], Awaitable[None]]
_TEXTS = tuple(place for place, name in enumerate(Call._fields) if name not in ("at", "status"))


class AuditLog:
    """`turned_away` is how many callers were told to come again because no more calls could be kept."""

    def __init__(self, dsn: str, clock: Clock, waiting_max: int = WAITING_CALLS_MAX) -> None:
        self._session = Session(dsn, patience_seconds=0.0)
        self._clock = clock
        self._waiting_max = waiting_max
        self._waiting: list[Call] = []
        self._enough = asyncio.Event()
        self._process = f"aud_{secrets.token_hex(6)}"
        self._numbers = itertools.count(1)
        self._made_for: date | None = None
        self._is_failing = False
        self._is_full = False
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None
        self.turned_away = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_on(), name="audit-log")

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def has_room(self) -> bool:
        """Whether one more call can be kept; where not, its caller has to be turned away."""
        if len(self._waiting) < self._waiting_max:
            return True
        if not self._is_full:
            self._is_full = True
            log.error("callers are turned away: the audit log cannot be written", waiting=self.waiting)
        self.turned_away += 1
        return False

    def note(
        self,
        tenant: str,
        client_id: str,
        subject: str,
        surface: str,
        method: str,
        path: str,
        status: int,
        request_id: str,
    ) -> None:
        """Of a call that has been answered. Never waits."""
        number = f"{self._process}{next(self._numbers):010x}"
        at = self._clock.now()
        self._waiting.append(
            Call(at, tenant, number, client_id, subject, surface, method, path, status, request_id)
        )
        if len(self._waiting) == BATCH_CALLS:
            self._enough.set()

    async def close(self) -> None:
        """Writes what waits; what cannot be written within a few seconds is lost, and that is logged."""
        self._is_closing = True
        self._enough.set()
        if self._task is not None:
            await self._task
        if self._waiting:
            log.error("calls are missing from the audit log", calls=len(self._waiting))
        await self._session.close()

    async def _write_on(self) -> None:
        while not self._is_closing:
            await set_within(self._enough, FLUSH_SECONDS)
            self._enough.clear()
            await self._make_months()
            await self._write_waiting()
        deadline = time.monotonic() + CLOSE_SECONDS_MAX
        while not await self._write_waiting():
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(0.1)

    async def _write_waiting(self) -> bool:
        """Whether nothing waits any more."""
        while self._waiting:
            batch = self._waiting[:BATCH_CALLS]
            if not await self._write(batch):
                return False
            # Only now: whoever asks how many wait must not forget those under way.
            del self._waiting[: len(batch)]
        return True

    async def _write(self, batch: Sequence[Call]) -> bool:
        columns: list[list[Any]] = [list(column) for column in zip(*batch, strict=True)]
        for place in _TEXTS:
            columns[place] = [_storable(text) for text in columns[place]]

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            try:
                await connection.execute(_INSERT, columns, prepare=True)
            except psycopg.errors.CheckViolation:
                # There is no partition yet: the sandbox's clock went over months.
                for month in sorted({call.at.astimezone(UTC).date().replace(day=1) for call in batch}):
                    await connection.execute(_MAKE_MONTH, (month,))
                await connection.execute(_INSERT, columns, prepare=True)

        if not await self._attempt(work):
            return False
        if self._is_failing:
            log.warning("the audit log is written again", turned_away=self.turned_away)
            self._is_failing = self._is_full = False
        return True

    async def _make_months(self) -> None:
        """The partitions of this month and of those that come."""
        month = self._clock.now().date().replace(day=1)
        if month == self._made_for:
            return
        months = list(_months_from(month, MONTHS_AHEAD + 1))

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> None:
            for month in months:
                await connection.execute(_MAKE_MONTH, (month,))

        if await self._attempt(work):
            self._made_for = month

    async def _attempt(self, work: _Work) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                await self._session.run(work)
        except (StoreUnavailable, TimeoutError, psycopg.Error) as error:
            if not self._is_failing:
                log.warning("the audit log waits in memory", reason=type(error).__name__)
            self._is_failing = True
            # A connection that was given up in the middle is of no more use.
            await self._session.close()
            return False
        return True


def _months_from(month: date, count: int) -> Iterator[date]:
    """The first days of a month and of those after it."""
    for number in range(month.month - 1, month.month - 1 + count):
        yield date(month.year + number // 12, number % 12 + 1, 1)


def _storable(text: str) -> str:
    """As Postgres takes it, and not longer than what is meant to be there."""
    if text.isascii() and "\0" not in text:
        return text[:TEXT_LENGTH_MAX]
    return text.encode(errors="replace").decode().replace("\0", "?")[:TEXT_LENGTH_MAX]
