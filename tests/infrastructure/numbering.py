"""What tests of identifiers share: a clock that stands still, a generator that is closed, and its rows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from application.store import StoreUnavailable
from infrastructure.identifiers import EPOCH_MS, UNIT_MS, Identifiers
from infrastructure.tasks import end_task

NOW_MS = 1_682_951_400_000  # 2023-05-01T14:30:00Z, a whole unit
NOW_UNIT = (NOW_MS - EPOCH_MS) // UNIT_MS
MINUTE_MS = 60_000
NOBODY_LISTENS = "host=127.0.0.1 port=1 dbname=none user=none"

USED_UNTIL = "select max(used_until) from daybook.identifier_nodes"


class Clock:
    """Stands still until it is told to jump."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@asynccontextmanager
async def numbering(dsn: str, now: Callable[[], int]) -> AsyncIterator[Identifiers]:
    numbers = Identifiers(dsn, now)
    try:
        await numbers.start()
        yield numbers
    finally:
        await numbers.close()


@asynccontextmanager
async def crashing(dsn: str, now: Callable[[], int]) -> AsyncIterator[Identifiers]:
    """Leaves its claim behind, as a process that was killed does."""
    numbers = Identifiers(dsn, now)
    try:
        await numbers.start()
        yield numbers
    finally:
        if numbers._renewer is not None:
            await end_task(numbers._renewer)
        await numbers._session.close()


def execute(dsn: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters)


def rows(dsn: str, statement: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return [value for (value,) in connection.execute(statement.encode()).fetchall()]


async def until(happened: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


def is_numbering(numbers: Identifiers) -> bool:
    try:
        numbers.next_block()
    except StoreUnavailable:
        return False
    return True


def unit_of(number: int) -> int:
    return number >> 15


def node_of(number: int) -> int:
    return number >> 8 & 127
