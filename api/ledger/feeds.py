"""Answers that are longer than a page: lines of JSON, events as they happen, tables as CSV."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any

from litestar.types import Receive, Scope, Send

from api.context import HttpRequest, exchange_of
from api.exchange import encode
from infrastructure.ledgers import Ledger
from infrastructure.reads import NotCaughtUp
from infrastructure.tasks import end_task
from projections import event_log, event_pages
from projections.event_log import Wanted

JSON, CSV, NDJSON, SERVER_SENT = (
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "text/event-stream",
)
Feed = AsyncGenerator[bytes, None]


class StreamedResponse:
    """An answer of unknown length, sent as it is made, until its end or until the caller is gone."""

    def __init__(self, feed: Feed, media_type: str) -> None:
        self._feed = feed
        self._media_type = media_type

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self._media_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.create_task(self._send_all(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, gone):
                await end_task(task)
            await self._feed.aclose()

    async def _send_all(self, send: Send) -> None:
        async for chunk in self._feed:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def wanted_type(request: HttpRequest, *offers: str) -> str:
    """The first of the offered media types that the caller accepts; JSON where none is named."""
    for accepted in (exchange_of(request).header(b"accept") or "").split(","):
        media_type = accepted.partition(";")[0].strip().lower()
        if media_type in offers:
            return media_type
    return JSON


async def event_lines(ledger: Ledger, wanted: Wanted, *, after: int, until: int, limit: int) -> Feed:
    """Newline-delimited JSON."""
    async for event in event_log.events(ledger.fetch, wanted, after=after, until=until, limit=limit):
        yield encode(event) + b"\n"


async def live_events(ledger: Ledger, wanted: Wanted, *, after: int, expires_at: int) -> Feed:
    """Server-sent events (WHATWG HTML): what is there, then what is recorded, until the token expires."""
    while ledger.clock.now().timestamp() < expires_at:
        found = await event_pages.page(ledger.fetch, wanted, None, None, after=after, limit=event_pages.CHUNK)
        for event in found.events:
            yield b"id: %d\nevent: %b\ndata: %b\n\n" % (event.position, event.topic.encode(), encode(event))
        after = max(after, found.scanned_to)
        if found.is_last:
            try:
                await ledger.caught_up(after + 1)
            except NotCaughtUp:
                # A comment now and then shows both sides that the other is still there.
                yield b": waiting\n\n"


def csv_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """RFC 4180."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
