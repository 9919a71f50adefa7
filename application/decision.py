"""What a handler sees: the states of streams as committed and as staged so far, and a place to record."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from domain.catalogue import evolve_for
from domain.events import Event


class Known(NamedTuple):
    """A stream's state and the version it was folded to; (0, None) is a stream that does not exist."""

    version: int
    state: Any


ABSENT = Known(0, None)


class Staged(NamedTuple):
    """One event that a handler recorded, with its place in its stream."""

    stream: str
    version: int
    event: Event


class StreamsMissing(Exception):
    """The handler asked for streams that are not in memory: load them and run it again."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(streams)
        self.streams = streams


class StreamTaken(Exception):
    """A stream that was to be new exists: a number was given out twice."""


class Command(Protocol):
    """A frozen struct that says what is asked."""

    def streams(self) -> tuple[str, ...]:
        """The streams that its handler is known to read, so that they can be loaded beforehand."""
        ...


C = TypeVar("C", bound=Command)
A = TypeVar("A")

Handler = Callable[["Decision", C], A]
"""A plain synchronous function. It may run more than once for one command, so it must be pure but for
what it records. It raises a DomainError to refuse without recording anything."""


class Decision:
    """One command's view: its own records over those of the group over what is committed."""

    __slots__ = ("_committed", "_group", "_looks_before_creating", "_own", "at", "reads", "recorded")

    def __init__(
        self,
        at: datetime,
        committed: Mapping[str, Known],
        group: Mapping[str, Known],
        *,
        looks_before_creating: bool = False,
    ) -> None:
        self.at = at
        self.recorded: list[Staged] = []
        # Versions of the committed states that were looked at: the store checks that they still hold, so
        # that a decision is right also where another process wrote a stream that this one only read.
        self.reads: dict[str, int] = {}
        self._committed = committed
        self._group = group
        self._own: dict[str, Known] = {}
        self._looks_before_creating = looks_before_creating

    def load(self, stream: str) -> Any:
        """The stream's state, or None where the stream does not exist."""
        return self._known(stream).state

    def need(self, *streams: str) -> None:
        """Makes sure that all of them can be loaded, so that they are brought in by one query."""
        missing = tuple(
            stream
            for stream in streams
            if stream not in self._committed and stream not in self._group and stream not in self._own
        )
        if missing:
            raise StreamsMissing(missing)

    def record(self, stream: str, *events: Event) -> None:
        """Stages `events` at the end of `stream`; later loads see them."""
        version, state = self._known(stream)
        evolve = evolve_for(stream)
        for event in events:
            version += 1
            state = evolve(state, event)
            self.recorded.append(Staged(stream, version, event))
        self._own[stream] = Known(version, state)

    def create(self, stream: str, *events: Event) -> None:
        """Stages the first events of a stream that nobody else can have: it is named by a fresh number.

        So nothing is loaded for it. Raises StreamTaken where it exists all the same: the store's unique key
        would refuse it, and the second time this looks before it writes.
        """
        if self._looks_before_creating:
            self.load(stream)
        known = self._own.get(stream) or self._group.get(stream) or self._committed.get(stream)
        if known is not None and known.version:
            raise StreamTaken(stream)
        self._own[stream] = ABSENT
        self.record(stream, *events)

    def staged(self) -> Mapping[str, Known]:
        """The states of the streams that this command wrote."""
        return self._own

    def _known(self, stream: str) -> Known:
        known = self._own.get(stream) or self._group.get(stream)
        if known is None:
            known = self._committed.get(stream)
            if known is None:
                raise StreamsMissing((stream,))
            self.reads[stream] = known.version
        return known
