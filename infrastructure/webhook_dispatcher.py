"""Delivers one tenant's outbox, while the tenant's lease is held.

Each delivery that is ready is a task of its own: one attempt, and one command that records what came of it. A
process that dies in between has recorded nothing, so its successor makes the attempt again: at least once,
under the same public id. What a task holds nobody else waits for but what comes after it in its own order.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from application.store import StoreUnavailable
from application.webhooks import Message, Messages, Notice, RecordAttempt, record_attempt
from application.writer import Origin, QueueFull, WriterClosed
from domain.announcements import event_id
from domain.deliveries import DeliveryKey
from domain.errors import DomainError
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.sealing import CannotOpen, Seal
from infrastructure.tasks import end_task, set_within
from infrastructure.webhook_sender import Result, WebhookSender
from projections import event_log, webhook_dispatch
from projections.webhook_dispatch import ReadyDelivery

log = structlog.get_logger()

ACTOR = "webhooks"
# Of one webhook, for different aggregates: a receiver that hangs holds no more than this.
IN_FLIGHT_PER_WEBHOOK_MAX = 16
# Of all tenants of the process, since each is a socket.
IN_FLIGHT_MAX = 512
# So many of a webhook's are looked at, that those that are under way hide no others.
LOOKED_AT_PER_WEBHOOK = 3 * IN_FLIGHT_PER_WEBHOOK_MAX
TICK_SECONDS = 0.1
# A notification is only a hint: without one, look again soon.
LOOK_AGAIN_SECONDS = 2.0
LOOKS_APART_SECONDS = 0.02
RECORD_AGAIN_SECONDS = 0.5
# What is under way when the work ends may end itself within this time.
FINISH_SECONDS = 2.0

NOT_COMPOSED = "message_not_composed"
NOT_SENT = "message_not_sent"
SECRET_UNREADABLE = "secret_unreadable"


class Dispatcher:
    """`may_send` says whether the lease is still surely ours; `slots` are shared by the process's tenants."""

    def __init__(
        self,
        ledger: Ledger,
        seal: Seal,
        messages: Messages,
        sender: WebhookSender,
        slots: asyncio.Semaphore,
        *,
        may_send: Callable[[], bool],
        is_clock_movable: bool,
    ) -> None:
        self._ledger = ledger
        self._seal = seal
        self._messages = messages
        self._sender = sender
        self._slots = slots
        self._may_send = may_send
        self._is_clock_movable = is_clock_movable
        self._tasks: dict[DeliveryKey, asyncio.Task[None]] = {}
        self._busy: set[tuple[int, str]] = set()
        self._in_flight: Counter[int] = Counter()
        # Where an outcome was recorded that the outbox may not show yet.
        self._recorded: dict[DeliveryKey, int] = {}
        self._shown = 0
        self._is_outbox_current = False

    @property
    def under_way(self) -> int:
        """Attempts that are being made or recorded."""
        return len(self._tasks)

    async def run(self, over: asyncio.Event) -> None:
        """Delivers until `over` is set, then lets what is under way finish, for a moment."""
        try:
            while not over.is_set():
                moved = self._ledger.next_move()
                next_due_at = None
                try:
                    next_due_at = await self._start_what_is_ready()
                except (StoreUnavailable, NotCaughtUp):
                    log.warning("webhooks paused", tenant=self._ledger.tenant)
                except Exception:
                    # Nothing may end this while the lease is held: nobody else would deliver.
                    log.exception("webhooks paused by a defect", tenant=self._ledger.tenant)
                await self._pause(over, moved, next_due_at)
        finally:
            await self._finish()

    async def _start_what_is_ready(self) -> datetime | None:
        """Gives when the next delivery falls due."""
        if not self._is_outbox_current:
            # It must show all attempts of whoever delivered before: they are not to be made again.
            await self._ledger.caught_up()
            self._is_outbox_current = True
        now = self._ledger.clock.now()
        ready = await webhook_dispatch.ready(self._ledger.fetch, now, LOOKED_AT_PER_WEBHOOK)
        self._note_shown(ready.shown)
        if self._is_outbox_current and self._may_send():
            for delivery in ready.deliveries:
                if self._is_free(delivery):
                    self._start(delivery)
        return ready.next_due_at

    def _note_shown(self, shown: int) -> None:
        if shown < self._shown:
            # The sandbox was started over, or the outbox is being made anew and shows what once was.
            self._recorded.clear()
            self._is_outbox_current = False
        self._shown = shown
        for key in [key for key, position in self._recorded.items() if position <= shown]:
            del self._recorded[key]

    def _is_free(self, delivery: ReadyDelivery) -> bool:
        return (
            delivery.key not in self._recorded
            and (delivery.key.webhook, delivery.aggregate) not in self._busy
            and self._in_flight[delivery.key.webhook] < IN_FLIGHT_PER_WEBHOOK_MAX
        )

    def _start(self, delivery: ReadyDelivery) -> None:
        self._busy.add((delivery.key.webhook, delivery.aggregate))
        self._in_flight[delivery.key.webhook] += 1
        task = asyncio.create_task(self._deliver(delivery), name=delivery.key.delivery_id)
        self._tasks[delivery.key] = task
        task.add_done_callback(lambda _: self._end(delivery))

    def _end(self, delivery: ReadyDelivery) -> None:
        del self._tasks[delivery.key]
        self._busy.discard((delivery.key.webhook, delivery.aggregate))
        self._in_flight[delivery.key.webhook] -= 1
        if not self._in_flight[delivery.key.webhook]:
            del self._in_flight[delivery.key.webhook]

    async def _pause(self, over: asyncio.Event, moved: asyncio.Event, next_due_at: datetime | None) -> None:
        """Until there may be something to do: the read models moved on, or the clock passed a due time."""
        await set_within(over, LOOKS_APART_SECONDS)
        until = time.monotonic() + LOOK_AGAIN_SECONDS
        while not (over.is_set() or moved.is_set()) and time.monotonic() < until:
            if not self._may_send():
                await self._abandon()
            if next_due_at is not None and self._ledger.clock.now() >= next_due_at:
                return
            await set_within(moved, TICK_SECONDS)

    async def _finish(self) -> None:
        if self._tasks and self._may_send():
            await asyncio.wait(list(self._tasks.values()), timeout=FINISH_SECONDS)
        await self._abandon()

    async def _abandon(self) -> None:
        """Ends all attempts at once: whether they arrived is not known, so they will be made again."""
        await asyncio.gather(*(end_task(task) for task in list(self._tasks.values())))

    async def _deliver(self, delivery: ReadyDelivery) -> None:
        async with self._slots:
            try:
                # Where the clock jumps, what fell due on the way counts as made at its own time.
                at = delivery.due_at if self._is_clock_movable else self._ledger.clock.now()
                result = await self._attempt(delivery, at)
                if result is not None:
                    await self._record(delivery, result, at)
            except StoreUnavailable:
                log.warning("webhook attempt put off", delivery=delivery.key.delivery_id)
            except Exception:
                log.exception("webhook attempt broken off by a defect", delivery=delivery.key.delivery_id)

    async def _attempt(self, delivery: ReadyDelivery, at: datetime) -> Result | None:
        """None where there is nothing to tell any more."""
        history = await webhook_dispatch.history(self._ledger.fetch, delivery.key.position)
        if not history:
            return None
        fact = history[-1]
        try:
            notice = Notice(
                delivery.surface,
                delivery.url,
                delivery.event_type,
                event_id(fact.stream, fact.version, delivery.event_type),
                history,
                self._seal.open(delivery.secret, delivery.key.webhook_id),
                at,
            )
            message: Message = self._messages.compose(notice)
        except CannotOpen:
            log.warning("webhook secret sealed with another key", webhook=delivery.key.webhook_id)
            return Result(None, SECRET_UNREADABLE)
        except Exception:
            # A defect in one kind of message: it becomes a dead letter, and can be sent when it is mended.
            log.exception("webhook message not composed", event_type=delivery.event_type)
            return Result(None, NOT_COMPOSED)
        try:
            return await self._sender.send(message)
        except Exception:
            # Otherwise it would be tried again at once, and for ever.
            log.exception("webhook message not sent", delivery=delivery.key.delivery_id)
            return Result(None, NOT_SENT)

    async def _record(self, delivery: ReadyDelivery, result: Result, at: datetime) -> None:
        """Records what came of the attempt, however long that takes: until then it is under way."""
        delivery_id = delivery.key.delivery_id
        command = RecordAttempt(
            delivery_id,
            delivery.attempts + 1,
            result.response_status,
            None if result.has_succeeded else result.error,
        )
        origin = Origin(ACTOR, delivery_id, effective_at=at if self._is_clock_movable else None)
        while True:
            try:
                outcome = await self._ledger.execute(record_attempt, command, origin)
            except (StoreUnavailable, QueueFull):
                await asyncio.sleep(RECORD_AGAIN_SECONDS)
            except (DomainError, WriterClosed):
                position = None
                break
            else:
                position = outcome.position
                break
        if position is None:
            # Somebody else recorded it, or the webhook is gone: the outbox says so soon.
            position = await event_log.head(self._ledger.fetch)
        self._recorded[delivery.key] = position
