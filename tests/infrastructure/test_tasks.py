"""A task that works for ever is ended, also one that does not listen the first time."""

import asyncio

from infrastructure.tasks import end_task, set_within


def test_a_task_that_takes_a_cancellation_for_something_else_is_ended() -> None:
    heard = 0

    async def deaf_once() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard += 1
                if heard > 1:
                    raise

    async def run() -> bool:
        task = asyncio.create_task(deaf_once())
        await asyncio.sleep(0)
        await asyncio.wait_for(end_task(task), 60)
        return task.cancelled()

    assert asyncio.run(run())
    assert heard == 2


def test_a_task_that_failed_long_ago_is_no_failure_at_the_end() -> None:
    async def run() -> None:
        async def fail() -> None:
            raise ConnectionError

        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await end_task(task)

    asyncio.run(run())


def test_an_event_is_waited_for_no_longer_than_told() -> None:
    async def run() -> tuple[bool, bool, bool]:
        event = asyncio.Event()
        before = await set_within(event, 0.01)
        asyncio.get_running_loop().call_later(0.01, event.set)
        return before, await set_within(event, 60), await set_within(event, 0)

    assert asyncio.run(run()) == (False, True, True)
