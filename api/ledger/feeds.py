"""Answers that are longer than a page: lines of JSON, events as they happen, tables as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any

from litestar.response import Stream

from api.context import HttpRequest
from api.exchange import encode
from api.ledger import bodies
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from projections import event_log
from projections.event_log import EventFilter

JSON, CSV, NDJSON, SERVER_SENT = (
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "text/event-stream",
)


def wanted_type(request: HttpRequest, *offers: str) -> str:
    """The first of the offered media types that the caller accepts; JSON where none is named."""
    for accepted in request.headers.get("accept", "").split(","):
        media_type = accepted.partition(";")[0].strip().lower()
        if media_type in offers:
            return media_type
    return JSON


async def event_lines(ledger: Ledger, wanted: EventFilter, after: int, limit: int) -> AsyncIterator[bytes]:
    async for logged in event_log.every(ledger.fetch, wanted, after, limit):
        yield encode(bodies.event(logged)) + b"\n"


async def live_events(
    ledger: Ledger, wanted: EventFilter, after: int, expires_at: int
) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML): what is there, then what is recorded, until the token expires."""
    while ledger.clock.now().timestamp() < expires_at:
        found = await event_log.page(ledger.fetch, wanted, after, event_log.CHUNK)
        for logged in found.events:
            data = encode(bodies.event(logged)).decode()
            yield f"id: {logged.position}\nevent: {logged.topic}\ndata: {data}\n\n".encode()
        after = max(after, found.scanned_to)
        if found.is_last:
            try:
                await ledger.caught_up(after + 1)
            except NotCaughtUp:
                # A comment now and then shows both sides that the other is still there.
                yield b": waiting\n\n"


def stream(content: AsyncIterator[bytes], media_type: str) -> Stream:
    return Stream(content, media_type=media_type, headers={"cache-control": "no-store"})


def csv_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """RFC 4180."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
