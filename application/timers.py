"""What fell due becomes an ordinary command. Firing one twice is harmless: see the handlers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from application import settlement
from application.decision import Command, Handler
from application.settlement import TransferStep

START_PROCESSING = "transfer.start_processing"
SETTLE = "transfer.settle"
EXPIRE_MFA = "transfer.expire_mfa"


class DueTimer(NamedTuple):
    kind: str
    subject: str
    due_at: datetime


class Rules(NamedTuple):
    """What differs between sandbox and production in what timers do."""

    failing_routing_numbers: frozenset[str] = frozenset()


_HANDLERS: Mapping[str, Handler[Any, Any]] = {
    START_PROCESSING: settlement.start_processing,
    SETTLE: settlement.settle,
    EXPIRE_MFA: settlement.expire_mfa,
}


def command_for(timer: DueTimer, rules: Rules) -> tuple[Handler[Any, Any], Command]:
    """The handler and the command that the timer stands for."""
    return _HANDLERS[timer.kind], TransferStep(timer.subject, rules.failing_routing_numbers)
