"""An event is a fact that was decided; the envelope around it says when, by whom and why."""

from datetime import datetime
from typing import ClassVar, Generic, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload of one fact. Knows nothing of its stream, version, time of recording or actor.

    `TOPIC` is permanent: it is stored with every event and must never change its meaning.
    """

    TOPIC: ClassVar[str] = ""


E = TypeVar("E")


class Envelope(msgspec.Struct, Generic[E], frozen=True, omit_defaults=True):
    """What is stored of an event, as JSON. Stream, version, topic and position have columns of their own.

    The short member names are what an auditor sees with psql: `at` is the time of recording, `effective`
    the instant from which the fact counts (absent: the same), `by` the actor, `request` the correlation
    id, `cause` the causation id.
    """

    recorded_at: datetime = msgspec.field(name="at")
    data: E
    effective_at: datetime | None = msgspec.field(name="effective", default=None)
    actor: str = msgspec.field(name="by", default="")
    correlation_id: str = msgspec.field(name="request", default="")
    causation_id: str = msgspec.field(name="cause", default="")

    @property
    def counts_from(self) -> datetime:
        """The effective instant: `effective_at` where it was given, else the time of recording."""
        return self.effective_at or self.recorded_at
