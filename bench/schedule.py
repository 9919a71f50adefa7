"""When each request is due: an open loop follows the clock, a closed loop the answers.

Times are nanoseconds from the start of the run.
"""

from collections.abc import Iterator
from random import Random
from typing import Literal, Protocol

NANOSECONDS = 1_000_000_000

Spacing = Literal["exponential", "fixed"]


class Schedule(Protocol):
    def due(self, now_ns: int, /) -> int | None:
        """When the next request is due, possibly in the past; None when there will be no more."""

    def take(self) -> None:
        """The request that was due is being sent."""

    def overdue(self, now_ns: int, /) -> list[int]:
        """Takes every request that was due by now but never got its turn, and says when each was due."""


class ClosedLoop:
    """A request is due whenever a connection is free."""

    def __init__(self, *, duration_ns: int, count: int | None) -> None:
        self._duration_ns = duration_ns
        self._left = count

    def due(self, now_ns: int, /) -> int | None:
        return None if now_ns >= self._duration_ns or self._left == 0 else now_ns

    def take(self) -> None:
        if self._left is not None:
            self._left -= 1

    def overdue(self, _now_ns: int, /) -> list[int]:
        return []


class OpenLoop:
    """Requests are due at a fixed rate, whether or not the earlier ones have been answered.

    A request that is due while no connection is free keeps its due time, and its latency is measured from
    there: a slow server can't slow down the questions and so hide its slowness.
    """

    def __init__(
        self, *, rate: float, spacing: Spacing, duration_ns: int, count: int | None, random: Random
    ) -> None:
        self._times = _due_times(rate, spacing, duration_ns, count, random)
        self._next = next(self._times, None)

    def due(self, _now_ns: int, /) -> int | None:
        return self._next

    def take(self) -> None:
        self._next = next(self._times, None)

    def overdue(self, now_ns: int, /) -> list[int]:
        times = []
        while self._next is not None and self._next <= now_ns:
            times.append(self._next)
            self.take()
        return times


def _due_times(
    rate: float, spacing: Spacing, duration_ns: int, count: int | None, random: Random
) -> Iterator[int]:
    """Exponential spacing is how the requests of many independent callers arrive."""
    number = 0
    at_ns = 0.0
    while count is None or number < count:
        if spacing == "fixed":
            # multiplied, not summed, so that a long run does not drift
            at_ns = number * NANOSECONDS / rate
        else:
            at_ns += random.expovariate(rate) * NANOSECONDS
        if at_ns >= duration_ns:
            return
        yield int(at_ns)
        number += 1
