"""`daybook events`: the log as JSON lines, filtered, once or as it grows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from cyclopts import Parameter

from api.command_line.database import Opened, bring_up_to_date, open_database, open_ledger
from api.command_line.exits import Exit
from api.command_line.options import ANY_TENANT, OfTenant, instant, settings_from, start_of
from api.command_line.printing import print_json
from infrastructure.ledgers import Ledger
from projections import event_log
from projections.event_log import LoggedEvent, Wanted

POLL_SECONDS = 0.1
_NO_LIMIT = 2**62


def events(
    *,
    stream: Annotated[
        str | None, Parameter(help="only this stream, such as account-test_checking_123")
    ] = None,
    category: Annotated[str | None, Parameter(help="only streams of this category, such as account")] = None,
    topic: Annotated[str | None, Parameter(help="only this topic, such as account.debited")] = None,
    from_: Annotated[str | None, Parameter(name="--from", help="recorded at this instant or later")] = None,
    to: Annotated[str | None, Parameter(help="recorded at this instant or earlier")] = None,
    after: Annotated[int, Parameter(help="only events after this position")] = 0,
    limit: Annotated[int | None, Parameter(help="at most so many events")] = None,
    follow: Annotated[bool, Parameter(negative="", help="go on with new events until interrupted")] = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Print events as JSON lines, oldest first."""
    wanted = Wanted(stream, category, topic)
    recorded_from = start_of(from_) if from_ else None
    recorded_to = instant(to) if to else None

    async def run(opened: Opened) -> int:
        async with open_ledger(opened, of.tenant) as ledger:
            await bring_up_to_date(opened, ledger)
            newest = await event_log.head(ledger.fetch)
            first, until = await event_log.positions_between(ledger.fetch, recorded_from, recorded_to, newest)
            found = _events(ledger, wanted, max(after, first), until, limit, is_followed=follow and not to)
            async for event in found:
                print_json(event, flush=follow)
        return Exit.OK

    with open_database(settings_from(of)) as opened:
        try:
            return asyncio.run(run(opened))
        except KeyboardInterrupt:
            if not follow:
                raise
            return Exit.OK


async def _events(
    ledger: Ledger, wanted: Wanted, after: int, until: int, limit: int | None, *, is_followed: bool
) -> AsyncIterator[LoggedEvent]:
    left = _NO_LIMIT if limit is None else limit
    while left > 0:
        async for event in event_log.events(ledger.fetch, wanted, after=after, until=until, limit=left):
            left -= 1
            yield event
        if not is_followed:
            return
        after = max(after, until)
        until = await _grown_beyond(ledger, after)


async def _grown_beyond(ledger: Ledger, position: int) -> int:
    """Waits until the log is longer, and gives its new end. Notifications are hints: it is looked at."""
    while True:
        newest = await event_log.head(ledger.fetch)
        if newest > position:
            return newest
        await asyncio.sleep(POLL_SECONDS)
