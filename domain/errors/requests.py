"""What is refused whatever a request is about."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import DomainError


@dataclass
class InvalidValue(DomainError):
    """What a request gives as `field` cannot be: only the ledger could tell. `constraint` says what it
    breaks."""

    code: ClassVar[str] = "invalid_value"
    field: str
    constraint: str


@dataclass
class DeliveryNotDeadLettered(DomainError):
    """Only what was given up can be sent again."""

    code: ClassVar[str] = "delivery_not_dead_lettered"
    status: str


@dataclass
class IdempotencyConflict(DomainError):
    """The key was used before for something else."""

    code: ClassVar[str] = "idempotency_conflict"
