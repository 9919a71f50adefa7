"""An event store in memory, and the ways in which it can be told to go wrong.

`MemoryLog` is the disk: it survives when a process is thrown away. A `MemoryEventStore` is one process's
way to it. All chance comes from one seeded generator, and nothing waits for real time, so that a run with
the same seed is the same run.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from application.decision import ABSENT, Known
from application.store import Conflict, HistoryReplaced, StoredFact, StoreUnavailable
from domain.catalogue import decode, evolve_for


class MemoryLog:
    """What is on disk. `groups` are the sizes of the appends, in order."""

    def __init__(self) -> None:
        self.epoch = 1
        self.facts: list[StoredFact] = []
        self.groups: list[int] = []
        self.snapshots: dict[str, Known] = {}
        self._streams: defaultdict[str, list[StoredFact]] = defaultdict(list)

    def append(self, facts: Sequence[StoredFact], reads: Mapping[str, int], epoch: int) -> int:
        if epoch != self.epoch:
            raise HistoryReplaced
        if any(len(self._streams[stream]) > version for stream, version in reads.items()):
            raise Conflict
        grown = {fact.stream: len(self._streams[fact.stream]) for fact in facts}
        for fact in facts:
            if fact.version <= grown[fact.stream]:
                raise Conflict
            assert fact.version == grown[fact.stream] + 1, f"{fact.stream} would get a gap"
            grown[fact.stream] += 1
        for fact in facts:
            self._streams[fact.stream].append(fact)
            self.facts.append(fact)
        if facts:
            self.groups.append(len(facts))
        return len(self.facts) if facts else 0

    def since(self, stream: str, version: int) -> list[StoredFact]:
        return self._streams[stream][version:]

    def start_over(self) -> None:
        self.epoch += 1
        self.facts.clear()
        self.groups.clear()
        self.snapshots.clear()
        self._streams.clear()


class Faults:
    """How likely each mishap is, for each call. All zero: a store that never fails."""

    def __init__(
        self,
        chance: random.Random,
        *,
        slow: float = 0,
        conflict: float = 0,
        refused: float = 0,
        answer_lost: float = 0,
        late: float = 0,
        load_fails: float = 0,
    ) -> None:
        self._chance = chance
        self.slow = slow
        self.conflict = conflict
        self.refused = refused
        self.answer_lost = answer_lost
        self.late = late
        self.load_fails = load_fails

    def strikes(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability

    async def delay(self) -> None:
        """At least one turn of the event loop, as for any real store; sometimes many."""
        for _ in range(self._chance.randint(5, 60) if self.strikes(self.slow) else 1):
            await asyncio.sleep(0)

    def some_turns(self) -> int:
        return self._chance.randint(1, 40)


class MemoryEventStore:
    """One process's store. `before_append` is called with the streams about to be written: a rival."""

    def __init__(
        self,
        log: MemoryLog,
        faults: Faults | None = None,
        before_append: Callable[[set[str]], None] | None = None,
    ) -> None:
        self._log = log
        self._faults = faults or Faults(random.Random(0))
        self._before_append = before_append
        self._epoch = log.epoch
        self._late: set[asyncio.Task[None]] = set()

    async def append(self, facts: Sequence[StoredFact], reads: Mapping[str, int]) -> int:
        faults = self._faults
        await faults.delay()
        if self._before_append is not None:
            self._before_append({fact.stream for fact in facts} | set(reads))
        if faults.strikes(faults.conflict):
            raise Conflict
        if faults.strikes(faults.refused):
            raise StoreUnavailable("refused before anything was written")
        if faults.strikes(faults.late):
            self._append_later(facts, reads)
            raise StoreUnavailable("the server is still at it")
        try:
            last = self._log.append(facts, reads, self._epoch)
        except HistoryReplaced:
            self._epoch = self._log.epoch
            raise
        if faults.strikes(faults.answer_lost):
            raise StoreUnavailable("written, but the answer was lost")
        await faults.delay()
        return last

    def _append_later(self, facts: Sequence[StoredFact], reads: Mapping[str, int]) -> None:
        epoch, turns = self._epoch, self._faults.some_turns()

        async def append() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            try:
                self._log.append(facts, reads, epoch)
            except Conflict:
                return

        task = asyncio.get_running_loop().create_task(append())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def load(self, wanted: Mapping[str, Known]) -> dict[str, Known]:
        faults = self._faults
        await faults.delay()
        if faults.strikes(faults.load_fails):
            raise StoreUnavailable("cannot be read")
        loaded = {stream: self._up_to_date(stream, known) for stream, known in wanted.items()}
        await faults.delay()
        return loaded

    def _up_to_date(self, stream: str, known: Known) -> Known:
        snapshot = self._log.snapshots.get(stream, ABSENT)
        version, state = snapshot if snapshot.version > known.version else known
        for fact in self._log.since(stream, version):
            state = evolve_for(stream)(state, decode(fact.topic, fact.state).data)
            version = fact.version
        return Known(version, state) if version else ABSENT

    async def save_snapshots(self, snapshots: Mapping[str, Known]) -> None:
        await self._faults.delay()
        if self._faults.strikes(self._faults.refused):
            raise StoreUnavailable("snapshots were refused")
        for stream, known in snapshots.items():
            if known.version > self._log.snapshots.get(stream, ABSENT).version:
                self._log.snapshots[stream] = known

    async def settle(self) -> None:
        """Waits for what the server was still at."""
        while self._late:
            await asyncio.gather(*self._late)
