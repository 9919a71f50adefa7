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
    """One event that a handler recorded, with its place in its stream.

    `effective_at` is the instant that it counts from where that is not the command's own.
    """

    stream: str
    version: int
    event: Event
    effective_at: datetime | None = None


class Savepoint(NamedTuple):
    """What a decision had recorded at some moment of it."""

    recorded: int
    own: Mapping[str, Known]


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

    def record(self, stream: str, *events: Event, effective_at: datetime | None = None) -> None:
        """Stages `events` at the end of `stream`; later loads see them.

        They count from `effective_at` where it is given, else from when the command does.
        """
        version, state = self._known(stream)
        evolve = evolve_for(stream)
        for event in events:
            version += 1
            state = evolve(state, event)
            self.recorded.append(Staged(stream, version, event, effective_at))
        self._own[stream] = Known(version, state)

    def savepoint(self) -> Savepoint:
        """Where `roll_back` can return to. Costs a copy of what was written so far."""
        return Savepoint(len(self.recorded), dict(self._own))

    def roll_back(self, savepoint: Savepoint) -> None:
        """Takes back all that was recorded since. What was read stays checked: it was decided on."""
        del self.recorded[savepoint.recorded :]
        self._own = dict(savepoint.own)

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
