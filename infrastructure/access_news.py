"""How this process hears of changes in who may call: told by NOTIFY, and asking whenever nobody would tell.

Revocations, clients' settings and keys are kept in memory, so that a request costs no query. Every change has
a number (see the migration), and each memory reads what is newer than the last number it has seen.
"""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import structlog
from psycopg.rows import TupleRow

from application.store import StoreUnavailable
from infrastructure.database import service_conninfo
from infrastructure.event_store import Session
from infrastructure.migrator import CONTROL_SCHEMA, bind
from infrastructure.tasks import end_task

CHANNEL = "daybook_access"
# While nobody listens for this process. Revocations count at once, so this is how late they may be.
_POLL_SECONDS = 0.25
# A notification is only a hint: what it should have told is seen no later than this.
_LISTENING_POLL_SECONDS = 1.0

# Part of each change, in its own statement: takes the next number and tells everybody at commit.
NEXT_CHANGE = bind(
    """
    update {schema}.access_head set last_change = last_change + 1 where k = 1
    returning last_change, pg_notify('daybook_access', last_change::text)
    """,
    CONTROL_SCHEMA,
)

_HEAD = bind("select last_change from {schema}.access_head where k = 1", CONTROL_SCHEMA).encode()

log = structlog.get_logger()

Look = Callable[[], Awaitable[None]]


class AccessNews:
    """Calls each of `looks` when something has changed. They read what is new and raise StoreUnavailable or
    psycopg.Error where they cannot."""

    def __init__(self, dsn: str, *looks: Look) -> None:
        self._conninfo = service_conninfo(dsn)
        self._session = Session(dsn, patience_seconds=0.0)
        self._looks = looks
        self._seen = -1
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False

    async def start(self) -> None:
        """Returns when the memories are filled. What changes meanwhile is heard of as soon as it listens."""
        await self._look()
        self._task = asyncio.create_task(self._follow(), name="access-news")

    async def close(self) -> None:
        if self._task is not None:
            await end_task(self._task)
        await self._session.close()

    async def _look(self) -> None:
        async def work(connection: psycopg.AsyncConnection[TupleRow]) -> int:
            row = await (await connection.execute(_HEAD, prepare=True)).fetchone()
            assert row is not None
            return int(row[0])

        # Before what it counts: what is changed meanwhile is read twice rather than never.
        head = await self._session.run(work)
        if head == self._seen:
            return
        for look in self._looks:
            await look()
        self._seen = head

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, StoreUnavailable) as error:
                log.warning("access news by polling", reason=type(error).__name__)
            except Exception:
                # Nothing may end this task: what is revoked would go on working here.
                log.exception("access news stopped by a defect")
            finally:
                self.is_listening = False
            await self._poll()

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(f"listen {CHANNEL}".encode())
            self.is_listening = True
            while True:
                # Also right after LISTEN: what changed before was told to nobody here.
                await self._look()
                async for _ in connection.notifies(timeout=_LISTENING_POLL_SECONDS, stop_after=1):
                    pass

    async def _poll(self) -> None:
        try:
            await self._look()
        except (psycopg.Error, StoreUnavailable):
            pass
        except Exception:
            log.exception("access news stopped by a defect")
        await asyncio.sleep(_POLL_SECONDS)
