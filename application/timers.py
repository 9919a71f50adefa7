"""What fell due becomes an ordinary command. Firing one twice is harmless: see the handlers."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from application import authorizations, cards, holds, settlement
from application.decision import Command, Handler
from application.settlement import TransferStep

EXPIRE_CHALLENGE = "authorization.expire_challenge"
EXPIRE_HOLD = "hold.expire"
EXPIRE_OVERRIDE = "override.expire"
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


class _Timer(NamedTuple):
    """The handler, and the command for a subject."""

    handler: Handler[Any, Any]
    command: Callable[[str, Rules], Command]


def _transfer_step(subject: str, rules: Rules) -> TransferStep:
    return TransferStep(subject, rules.failing_routing_numbers)


def _number(subject: str) -> int:
    """Of a subject that is named by its stream: `hold-…`, `authorization-…`, `override-…`."""
    return int(subject.rpartition("-")[2])


_TIMERS: Mapping[str, _Timer] = {
    START_PROCESSING: _Timer(settlement.start_processing, _transfer_step),
    SETTLE: _Timer(settlement.settle, _transfer_step),
    EXPIRE_MFA: _Timer(settlement.expire_mfa, _transfer_step),
    EXPIRE_CHALLENGE: _Timer(
        authorizations.expire_challenge,
        lambda subject, _: authorizations.ExpireChallenge(_number(subject)),
    ),
    EXPIRE_HOLD: _Timer(holds.expire_hold, lambda subject, _: holds.ExpireHold(_number(subject))),
    EXPIRE_OVERRIDE: _Timer(cards.expire_override, lambda subject, _: cards.EndOverride(_number(subject))),
}


def command_for(timer: DueTimer, rules: Rules) -> tuple[Handler[Any, Any], Command]:
    """The handler and the command that the timer stands for."""
    known = _TIMERS[timer.kind]
    return known.handler, known.command(timer.subject, rules)
