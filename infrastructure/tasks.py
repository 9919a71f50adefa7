"""How a task that works for ever waits, and how it is ended."""

import asyncio
import contextlib
from typing import Any

AGAIN_SECONDS = 1.0


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancels the task until it is over; what it raised by then is nobody's concern any more.

    Once is not always enough: what waits for a database connection may take the cancellation for its own
    time-out, and the task goes on as if nobody had asked.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
    with contextlib.suppress(asyncio.CancelledError, Exception):
        task.result()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Waits until the event is set, no longer than that; whether it is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
