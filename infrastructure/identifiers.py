"""Whole numbers for what is shown with a numeric id: unique everywhere, ordered by time, safe in JavaScript.

Each is the first of a block of four. From the highest bit: 38 bits of time in units of 8 ms since 2020 (until
2089), 7 of the node, 6 that count the blocks within the unit, and two for the place within the block.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping

import psycopg
import structlog
from psycopg.rows import TupleRow

from application.store import StoreUnavailable
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.tasks import end_task

log = structlog.get_logger()

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00Z
UNIT_MS = 8
BLOCK_BITS, SEQUENCE_BITS, NODE_BITS, UNIT_BITS = 2, 6, 7, 38
NODES = 1 << NODE_BITS
UNIT_MAX = (1 << UNIT_BITS) - 1

CLAIM_SECONDS = 60
CLAIM_UNITS = CLAIM_SECONDS * 1000 // UNIT_MS
RENEW_SECONDS = 15.0

_SEQUENCE_MAX = (1 << SEQUENCE_BITS) - 1
_PATIENCE_SECONDS = 5.0
_ANSWER_SECONDS_MAX = 10.0
_RELEASE_SECONDS_MAX = 2.0
_PAUSE_SECONDS = 1.0

# Starts after all that was used, also where the clock was set back since. Of a claim that is alive only its
# last renewal is known, about a claim's length before its end: to start after that end, too, would move every
# newcomer further into the future. Rows that are locked are being claimed by somebody else this instant.
_CLAIM = bind(
    """
    with floor as (
        select max(case when holder is null or expires_at < clock_timestamp() then used_until + 1
                        else used_until - %(length)s::bigint end) as unit
        from {schema}.identifier_nodes
    ), free as (
        select node, used_until from {schema}.identifier_nodes
        where holder is null or expires_at < clock_timestamp()
        order by holder is not null, used_until limit 1
        for update skip locked
    )
    update {schema}.identifier_nodes as n set
        holder = %(holder)s,
        used_until = greatest(%(unit)s::bigint, floor.unit, free.used_until + 1) + %(length)s::bigint,
        expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
    from floor, free where n.node = free.node
    returning n.node, n.used_until
    """,
    CONTROL_SCHEMA,
).encode()

# An expired claim that nobody took is still this process's own.
_RENEW = bind(
    """
    update {schema}.identifier_nodes set
        used_until = greatest(used_until, %(unit)s::bigint + %(length)s::bigint),
        expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
    where node = %(node)s and holder = %(holder)s
    returning node, used_until
    """,
    CONTROL_SCHEMA,
).encode()

_RELEASE = bind(
    """
    update {schema}.identifier_nodes set holder = null, expires_at = null, used_until = %(unit)s
    where node = %(node)s and holder = %(holder)s
    returning node, used_until
    """,
    CONTROL_SCHEMA,
).encode()


def machine_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def block_number(slot: int, node: int) -> int:
    """The first number of a block; `slot` counts the blocks of one node: unit, then sequence."""
    unit, sequence = slot >> SEQUENCE_BITS, slot & _SEQUENCE_MAX
    return ((unit << NODE_BITS | node) << SEQUENCE_BITS | sequence) << BLOCK_BITS


class Identifiers:
    """One process's numbers. `now` is in milliseconds since 1970; it may jump in either direction."""

    def __init__(self, dsn: str, now: Callable[[], int] = machine_clock_ms) -> None:
        self._session = Session(dsn, _PATIENCE_SECONDS)
        self._now = now
        # One for each instance: two in one process must not take each other's claim for their own.
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"
        # Guards what follows: with it, other threads may ask for numbers, too.
        self._lock = threading.Lock()
        self._node: int | None = None
        self._last_slot = -1
        self._last_slot_claimed = -1
        self._is_renewal_wanted = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted = asyncio.Event()
        self._renewer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claims a node. Raises StoreUnavailable."""
        await self._claim()
        self._loop = asyncio.get_running_loop()
        self._renewer = asyncio.create_task(self._keep_claim())

    async def close(self) -> None:
        """Gives the node back, with all the time that was claimed and not used."""
        if self._renewer is not None:
            await end_task(self._renewer)
        with self._lock:
            self._loop = None
            node, self._node = self._node, None
            unit = self._last_slot >> SEQUENCE_BITS
        if node is not None:
            # What is not given back expires.
            with contextlib.suppress(StoreUnavailable, psycopg.Error):
                await self._change(_RELEASE, {"node": node, "unit": unit}, _RELEASE_SECONDS_MAX)
        await self._session.close()

    def next_block(self) -> int:
        """A multiple of 4 below 2**53, greater than every one before. Takes about a microsecond.

        Where a unit's blocks are used up, or the clock went back, it goes on from the last one used. Raises
        StoreUnavailable where that would be beyond what is claimed.
        """
        with self._lock:
            unit = (self._now() - EPOCH_MS) // UNIT_MS
            slot = max(unit << SEQUENCE_BITS, self._last_slot + 1)
            node = self._node
            if node is None or slot > self._last_slot_claimed:
                self._want_renewal()
                raise StoreUnavailable("no time is claimed to make identifiers in")
            self._last_slot = slot
        return block_number(slot, node)

    def _want_renewal(self) -> None:
        if self._loop is not None and not self._is_renewal_wanted:
            self._is_renewal_wanted = True
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def _keep_claim(self) -> None:
        """Renews in time, and at once where a number was refused, through any loss of the database."""
        is_claimed = True
        while True:
            if is_claimed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), RENEW_SECONDS)
            else:
                await asyncio.sleep(_PAUSE_SECONDS)
            self._wanted.clear()
            with self._lock:
                self._is_renewal_wanted = False
            is_claimed = await self._renewed()

    async def _renewed(self) -> bool:
        try:
            await self._renew()
        except (StoreUnavailable, psycopg.Error) as error:
            log.warning("no claim to make identifiers", reason=str(error))
            return False
        except Exception:
            # Nothing may end this task: nobody else would claim anew.
            log.exception("no claim to make identifiers, by a defect")
            return False
        return True

    async def _renew(self) -> None:
        unit = self._next_unit()
        row = await self._change(_RENEW, {"node": self._node, "unit": unit, **_LENGTH}, _ANSWER_SECONDS_MAX)
        if row is None:
            # Expired, and taken by another process. What was claimed of it is used up first: the other one
            # starts after it.
            await self._claim()
            return
        with self._lock:
            self._last_slot_claimed = _last_slot_of(row[1])

    async def _claim(self) -> None:
        # Tried again after a lost answer, this may claim two nodes. The first is never used, and expires.
        parameters = {"unit": self._next_unit(), **_LENGTH}
        row = await self._change(_CLAIM, parameters, _ANSWER_SECONDS_MAX)
        if row is None:
            raise StoreUnavailable(f"all {NODES} nodes that identifiers are made with are taken")
        node, used_until = row
        with self._lock:
            # Not in the middle of a unit: this node may be lower than the one before.
            first_slot = (used_until - CLAIM_UNITS) << SEQUENCE_BITS
            self._last_slot = max(first_slot - 1, self._last_slot | _SEQUENCE_MAX)
            self._node = node
            self._last_slot_claimed = _last_slot_of(used_until)

    def _next_unit(self) -> int:
        with self._lock:
            unit = max((self._now() - EPOCH_MS) // UNIT_MS, (self._last_slot >> SEQUENCE_BITS) + 1)
        # Checked before it is on disk, where it would hold for every process and for good.
        if unit + CLAIM_UNITS > UNIT_MAX:
            raise StoreUnavailable("the clock shows a time that identifiers have no room for")
        return unit

    async def _change(
        self, statement: bytes, parameters: Mapping[str, object], seconds_max: float
    ) -> TupleRow | None:
        """Runs one of the statements above in a transaction of its own. Raises StoreUnavailable."""

        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> TupleRow | None:
            cursor = await connection.execute(statement, {**parameters, "holder": self._holder})
            row = await cursor.fetchone()
            # A claim that a failover can undo is none.
            self._session.refuse_unreplicated()
            return row

        try:
            async with asyncio.timeout(seconds_max):
                return await self._session.run(work)
        except TimeoutError as error:
            # A connection that was given up in the middle is of no more use.
            await self._session.close()
            raise StoreUnavailable("the database does not answer") from error


_LENGTH = {"length": CLAIM_UNITS, "seconds": CLAIM_SECONDS}


def _last_slot_of(unit: int) -> int:
    return unit << SEQUENCE_BITS | _SEQUENCE_MAX
