"""The states that the writer keeps in memory: bounded, the least recently used leave first."""

from collections.abc import Iterable, Mapping

from application.decision import Known


class StateCache:
    def __init__(self, bound: int) -> None:
        self.known: dict[str, Known] = {}
        self._bound = bound

    def __len__(self) -> int:
        return len(self.known)

    def missing(self, streams: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are not in memory. Those that are count as used now."""
        absent: list[str] = []
        for stream in streams:
            known = self.known.pop(stream, None)
            if known is None:
                absent.append(stream)
            else:
                self.known[stream] = known
        return tuple(absent)

    def learn(self, loaded: Mapping[str, Known]) -> None:
        """Takes what was read from disk, unless something newer was committed meanwhile."""
        for stream, known in loaded.items():
            present = self.known.get(stream)
            if present is None or known.version > present.version:
                self.known[stream] = known

    def put(self, states: Mapping[str, Known]) -> None:
        for stream, known in states.items():
            self.known.pop(stream, None)
            self.known[stream] = known

    def forget(self, streams: Iterable[str]) -> None:
        for stream in streams:
            self.known.pop(stream, None)

    def clear(self) -> None:
        self.known.clear()

    def evict(self) -> None:
        """Called between groups only: what a group's commands had loaded stays until it is decided."""
        excess = len(self.known) - self._bound
        if excess > 0:
            for stream in list(self.known)[:excess]:
                del self.known[stream]
