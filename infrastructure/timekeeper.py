"""Fires what fell due: reads the timers read model, and sends each timer's ordinary command."""

import asyncio
from datetime import datetime

import structlog

from application.timers import DueTimer, Rules, command_for
from application.writer import Origin
from domain.errors import DomainError
from infrastructure.ledgers import Ledger
from projections import timers

log = structlog.get_logger()

BATCH = 500
ACTOR = "timekeeper"


async def due(ledger: Ledger, until: datetime) -> list[DueTimer]:
    """The timers due by then, the earliest first; 500 at most."""
    return [DueTimer(*row) for row in await timers.due(ledger.fetch, until, BATCH)]


async def fire(ledger: Ledger, fallen_due: list[DueTimer], rules: Rules) -> bool:
    """Runs the timers' commands, each effective at its own due time, and waits until reads show it.

    False where none of them recorded anything, so that firing the same ones again at once is vain.
    """
    positions = await asyncio.gather(*(_fire(ledger, timer, rules) for timer in fallen_due))
    last = max(positions, default=0)
    await ledger.caught_up(last)
    return last > 0


async def _fire(ledger: Ledger, timer: DueTimer, rules: Rules) -> int:
    handler, command = command_for(timer, rules)
    origin = Origin(ACTOR, f"{timer.kind}:{timer.subject}", effective_at=timer.due_at)
    try:
        outcome = await ledger.execute(handler, command, origin)
    except DomainError as refusal:
        # One step that the ledger refuses must not keep the others waiting; it is tried again, and seen.
        log.warning("timer refused", kind=timer.kind, subject=timer.subject, reason=str(refusal))
        return 0
    return outcome.position or 0


async def earliest(ledger: Ledger) -> datetime | None:
    """When the next timer falls due."""
    return await timers.earliest(ledger.fetch)
