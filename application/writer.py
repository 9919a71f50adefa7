"""The writer: one per tenant and process, on the event loop. It turns commands into committed facts.

Commands gather while the previous group is being written. Their handlers run one after another against
committed states plus what the group has staged; one append writes the whole group; then the staged states
become the committed ones and all callers get their answers, refusals too, since a refusal was decided on
staged states.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from application.clock import Clock
from application.decision import ABSENT, Command, Decision, Handler, Known, Staged, StreamsMissing
from application.state_cache import StateCache
from application.store import (
    Conflict,
    EventStore,
    HistoryReplaced,
    StoredFact,
    StoreUnavailable,
    Unobserved,
    WriterObserver,
    snapshot_due,
)
from domain.catalogue import SNAPSHOT_TYPES, category, encode
from domain.errors import DomainError
from domain.events import Envelope

C = TypeVar("C", bound=Command)
A = TypeVar("A")


class QueueFull(Exception):
    """More commands are waiting than the writer's bound: try again later."""


class WriterClosed(Exception):
    """The service is stopping and takes no more commands."""


class Origin(NamedTuple):
    """Who asked, and what for: goes into the envelope of every event that the command records."""

    actor: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    effective_at: datetime | None = None


NOBODY = Origin()


class Outcome(NamedTuple):
    """A handler's answer, and the position of the last event it recorded (None: it recorded nothing).

    A refusal that was recorded as a fact is an answer too: a DomainError, returned instead of raised.
    """

    answer: Any
    position: int | None


class _Pending:
    """A command on its way through the writer."""

    __slots__ = ("awaits_load", "command", "future", "handler", "is_settled", "origin")

    def __init__(
        self, handler: Handler[Any, Any], command: Command, origin: Origin, future: asyncio.Future[Outcome]
    ) -> None:
        self.handler = handler
        self.command = command
        self.origin = origin
        self.future = future
        self.is_settled = False
        self.awaits_load = False


class _Decided(NamedTuple):
    pending: _Pending
    answer: Any
    refusal: Exception | None
    last_fact: int | None  # index in the group's facts of the last one it recorded


class _Group:
    """What is being decided together: states staged so far, facts to append, answers to give."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.states: dict[str, Known] = {}
        self.facts: list[StoredFact] = []
        self.decided: list[_Decided] = []
        self.reads: dict[str, int] = {}
        self.missing: list[tuple[_Pending, tuple[str, ...]]] = []

    def read_only(self) -> dict[str, int]:
        """The streams that were decided on and are not written: a written one is checked by its version."""
        return {stream: version for stream, version in self.reads.items() if stream not in self.states}


# After a conflict the streams of this many groups are refreshed before they are decided.
REFRESHED_GROUPS_AFTER_CONFLICT = 64
# A group that conflicted this often is decided one command at a time.
ROUNDS_TOGETHER = 3


class Writer:
    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        *,
        queue_bound: int = 4096,
        group_bound: int = 256,
        cache_bound: int = 100_000,
        snapshot_every: int = 200,
        observer: WriterObserver | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue_bound = queue_bound
        self._group_bound = group_bound
        self._snapshot_every = snapshot_every
        self._observer: WriterObserver = observer or Unobserved()
        self._states = StateCache(cache_bound)
        self._ready: deque[_Pending] = deque()
        self._unloaded: deque[tuple[_Pending, tuple[str, ...]]] = deque()
        self._work = asyncio.Event()
        self._loads = asyncio.Event()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._refresh_left = 0
        self._snapshots: dict[str, Known] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def depth(self) -> int:
        """Commands accepted and not yet answered."""
        return self._in_flight

    @property
    def cached(self) -> int:
        return len(self._states)

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._write(), name="writer"),
            asyncio.create_task(self._load(), name="writer-loads"),
        ]

    async def close(self) -> None:
        """Refuses new commands, answers all accepted ones, then stops."""
        self._closed = True
        await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save_snapshots()

    def submit(self, handler: Handler[C, A], command: C, origin: Origin = NOBODY) -> asyncio.Future[Outcome]:
        """Queues the command; the future gives the outcome once it is on disk, or raises its refusal.

        Raises QueueFull or WriterClosed at once. The future raises a DomainError where the handler
        refused, StoreUnavailable where the database is gone.
        """
        if self._closed:
            raise WriterClosed
        if self._in_flight >= self._queue_bound:
            raise QueueFull
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._in_flight += 1
        self._idle.clear()
        self._route(_Pending(handler, command, origin, future))
        return future

    async def execute(self, handler: Handler[C, A], command: C, origin: Origin = NOBODY) -> Outcome:
        """Submits and waits. A caller that goes away does not take its command back."""
        return await self.submit(handler, command, origin)

    def _route(self, pending: _Pending) -> None:
        missing = self._states.missing(pending.command.streams())
        if missing:
            self._unloaded.append((pending, missing))
            self._loads.set()
        else:
            self._ready.append(pending)
            self._work.set()

    def _settle(self, pending: _Pending, outcome: Outcome | None, error: BaseException | None = None) -> None:
        if pending.is_settled:
            return
        pending.is_settled = True
        if not pending.future.done():
            if error is not None:
                pending.future.set_exception(error)
                # A caller that went away never asks: the error is not lost news to anyone.
                pending.future.exception()
            else:
                pending.future.set_result(outcome)  # type: ignore[arg-type]  # one of the two is given
        self._in_flight -= 1
        if self._in_flight == 0:
            self._idle.set()

    # Loading

    async def _load(self) -> None:
        while True:
            await self._loads.wait()
            self._loads.clear()
            waiting = [entry for entry in self._unloaded if not entry[0].is_settled]
            self._unloaded.clear()
            if not waiting:
                continue
            await self._load_for(waiting)

    async def _load_for(self, waiting: list[tuple[_Pending, tuple[str, ...]]]) -> None:
        try:
            await self._bring_in({stream: ABSENT for _, streams in waiting for stream in streams})
        except Exception as error:
            if len(waiting) > 1 and not isinstance(error, StoreUnavailable):
                # One of them asks for what cannot be read: it must not take the others with it.
                for entry in waiting:
                    await self._load_for([entry])
                return
            for pending, _ in waiting:
                self._settle(pending, None, error)
            return
        for pending, _ in waiting:
            pending.awaits_load = False
            self._ready.append(pending)
        self._work.set()

    async def _bring_in(self, wanted: Mapping[str, Known]) -> None:
        loaded = await self._store.load(wanted)
        self._observer.streams_loaded(len(loaded))
        self._states.learn(loaded)

    # Deciding and writing

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._ready:
                size = min(len(self._ready), self._group_bound)
                await self._handle([self._ready.popleft() for _ in range(size)])
                await self._save_snapshots()
                self._states.evict()

    async def _handle(self, commands: list[_Pending]) -> None:
        """Decides and writes the commands; leaves none of them unanswered but those set aside to load."""
        try:
            for _ in range(ROUNDS_TOGETHER):
                if self._refresh_left:
                    self._refresh_left -= 1
                    await self._refresh(commands)
                remaining = await self._attempt(commands)
                if not remaining:
                    return
                commands = remaining
            for command in commands:
                alone = [command]
                while alone:
                    await self._refresh(alone)
                    alone = await self._attempt(alone, looks_before_creating=True)
        except StoreUnavailable as error:
            # In doubt: what this process believes may be wrong, so it starts from the disk again.
            self._states.clear()
            for pending in _unanswered(commands):
                self._settle(pending, None, error)
        except Exception as error:
            # One of them asks for what cannot be written: it must not take the others with it.
            unanswered = _unanswered(commands)
            for pending in unanswered:
                if len(unanswered) > 1:
                    await self._handle([pending])
                else:
                    self._settle(pending, None, error)

    async def _attempt(
        self, commands: list[_Pending], *, looks_before_creating: bool = False
    ) -> list[_Pending]:
        """Decides the commands as one group and writes it. Returns those to decide again: a conflict's."""
        group = _Group(self._clock.now())
        for pending in commands:
            self._decide(group, pending, looks_before_creating)
        self._set_aside(group.missing)
        if not group.decided:
            return []
        started = time.perf_counter()
        try:
            last = await self._store.append(group.facts, group.read_only())
        except Conflict as conflict:
            self._observer.conflict_seen()
            if isinstance(conflict, HistoryReplaced):
                self._states.clear()
            self._refresh_left = REFRESHED_GROUPS_AFTER_CONFLICT
            # What was decided on may be old: also streams that the commands do not name themselves.
            self._states.forget(group.states)
            self._states.forget(group.reads)
            return [decided.pending for decided in group.decided]
        self._observer.group_committed(len(group.decided), len(group.facts), time.perf_counter() - started)
        self._commit(group.states)
        first = last - len(group.facts) + 1
        for decided in group.decided:
            position = None if decided.last_fact is None else first + decided.last_fact
            self._settle(decided.pending, Outcome(decided.answer, position), decided.refusal)
        return []

    def _decide(self, group: _Group, pending: _Pending, looks_before_creating: bool) -> None:
        at = pending.origin.effective_at or group.now
        decision = Decision(at, self._states.known, group.states, looks_before_creating=looks_before_creating)
        answer: Any = None
        refusal: Exception | None = None
        facts: list[StoredFact] = []
        try:
            answer = pending.handler(decision, pending.command)
            facts = _facts(decision.recorded, group.now, pending.origin)
        except StreamsMissing as missing:
            group.missing.append((pending, missing.streams))
            return
        except DomainError as error:
            refusal = error
        except Exception as error:
            # A defect in one handler must not take the group's other commands with it.
            refusal = error
        group.reads.update(decision.reads)
        if refusal is None and facts:
            group.facts.extend(facts)
            group.states.update(decision.staged())
            group.decided.append(_Decided(pending, answer, None, len(group.facts) - 1))
        else:
            group.decided.append(_Decided(pending, answer, refusal, None))

    def _set_aside(self, missing: Iterable[tuple[_Pending, tuple[str, ...]]]) -> None:
        for entry in missing:
            entry[0].awaits_load = True
            self._unloaded.append(entry)
            self._loads.set()

    async def _refresh(self, commands: list[_Pending]) -> None:
        streams = {stream for pending in commands for stream in pending.command.streams()}
        await self._bring_in({stream: self._states.known.get(stream, ABSENT) for stream in streams})

    def _commit(self, states: Mapping[str, Known]) -> None:
        for stream, known in states.items():
            before = self._states.known.get(stream, ABSENT).version
            if category(stream) in SNAPSHOT_TYPES and snapshot_due(
                before, known.version, self._snapshot_every
            ):
                self._snapshots[stream] = known
        self._states.put(states)

    async def _save_snapshots(self) -> None:
        # Snapshots only make loading faster: written when nobody waits, dropped when they cannot be.
        if self._snapshots and not self._ready:
            due, self._snapshots = self._snapshots, {}
            try:
                await self._store.save_snapshots(due)
            except Exception:
                return


def _unanswered(commands: Iterable[_Pending]) -> list[_Pending]:
    """Those that wait for nothing but being written."""
    return [pending for pending in commands if not (pending.is_settled or pending.awaits_load)]


def _facts(recorded: list[Staged], now: datetime, origin: Origin) -> list[StoredFact]:
    actor, correlation_id, causation_id, effective_at = origin
    return [
        StoredFact(
            stream,
            version,
            event.TOPIC,
            encode(Envelope(now, event, dated or effective_at, actor, correlation_id, causation_id)),
        )
        for stream, version, event, dated in recorded
    ]
