"""The store as the writer needs it: append a group, load states, keep snapshots."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from application.decision import Known


class StoredFact(NamedTuple):
    """One event as it goes to disk. `state` is the envelope as JSON."""

    stream: str
    version: int
    topic: str
    state: bytes


class Conflict(Exception):
    """Another process wrote one of the group's streams first: nothing of the group was written."""


class HistoryReplaced(Conflict):
    """The sandbox was started over: nothing that was known of any stream holds any more."""


class StoreUnavailable(Exception):
    """The database cannot be reached. What was being appended is in doubt until it is tried again."""


class EventStore(Protocol):
    async def append(self, facts: Sequence[StoredFact], reads: Mapping[str, int]) -> int:
        """Writes all facts in one transaction and returns the position of the last, or raises Conflict.

        `reads` are streams that were decided on and not written, with the version each is expected to have
        still. Without facts they are only checked, and the answer is 0.
        Positions are gapless and in commit order, so the first fact's is `last - len(facts) + 1`.
        Returns only when the facts are on disk. Raises StoreUnavailable after a bounded number of tries.
        """
        ...

    async def load(self, wanted: Mapping[str, Known]) -> dict[str, Known]:
        """Brings each wanted stream up to date from the version and state given (`ABSENT`: from nothing).

        Every wanted stream is in the answer, those that do not exist as `ABSENT`.
        """
        ...

    async def save_snapshots(self, snapshots: Mapping[str, Known]) -> None:
        """Keeps the states so that loading them later reads no event before them."""
        ...


class WriterObserver(Protocol):
    """Told by the writer what happens in it, for metrics."""

    def group_committed(self, commands: int, facts: int, append_seconds: float) -> None: ...
    def conflict_seen(self) -> None: ...
    def streams_loaded(self, count: int) -> None: ...


class Unobserved:
    def group_committed(self, commands: int, facts: int, append_seconds: float) -> None: ...
    def conflict_seen(self) -> None: ...
    def streams_loaded(self, count: int) -> None: ...


def snapshot_due(before: int, after: int, every: int) -> bool:
    """Whether a stream that grew from one version to another has passed a multiple of `every`."""
    return before // every != after // every


State = Any
