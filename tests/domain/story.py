"""`given(events).when(decision).then(events)`, or `.refused(error)`: how decisions are tested.

What was given is folded with the subject's own `evolve`. The decision gets the folded state first, and what
it answers may be one event, several, or none.
"""

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import DomainError
from domain.events import Event

Evolve = Callable[[Any, Any], Any]


def fold(evolve: Evolve, *events: Event) -> Any:
    state = None
    for event in events:
        state = evolve(state, event)
    return state


class Given:
    def __init__(self, evolve: Evolve, events: tuple[Event, ...]) -> None:
        self._state = fold(evolve, *events)

    def when(self, decision: Callable[..., Any], *arguments: Any, **named: Any) -> "When":
        return When(lambda: decision(self._state, *arguments, **named))


class When:
    def __init__(self, decide: Callable[[], Any]) -> None:
        self._decide = decide

    def then(self, *expected: Event) -> None:
        decided = self._decide()
        events = decided if isinstance(decided, tuple) else (decided,)
        assert events == expected

    def refused(self, error: DomainError) -> None:
        with pytest.raises(type(error)) as refusal:
            self._decide()
        assert refusal.value == error


def subject(evolve: Evolve) -> Callable[..., Given]:
    """`given` for the streams that `evolve` folds."""
    return lambda *events: Given(evolve, events)
