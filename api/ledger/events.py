"""The log for auditors: events a page at a time, as lines, or live; one stream and what it folds to."""

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.context import HttpRequest, JsonResponse, exchange_of, respond
from api.exchange import ApiError
from api.ledger import bodies, feeds, operations, parameters
from api.ledger.admission import admit_reader
from projections import event_log, event_pages

STREAM_EVENTS_DEFAULT = 1_000
EVERYTHING = 2**62


@get("/ledger/v1/events", operation=operations.EVENTS)
async def events(request: HttpRequest) -> ASGIApp:
    claims, ledger = await admit_reader(request)
    query = parameters.query_of(request, "after", "limit", "stream", "category", "topic", "from", "to")
    wanted, after = parameters.wanted_events(query), parameters.after(query)
    recorded_from, recorded_to = parameters.recorded_between(query)
    media_type = feeds.wanted_type(request, feeds.JSON, feeds.NDJSON, feeds.SERVER_SENT)
    if media_type == feeds.NDJSON:
        limit = parameters.limit(query, EVERYTHING)
        head = await event_log.head(ledger.fetch)
        first, until = await event_log.positions_between(ledger.fetch, recorded_from, recorded_to, head)
        lines = feeds.event_lines(ledger, wanted, after=max(after, first), until=until, limit=limit)
        return feeds.StreamedResponse(lines, media_type)
    if media_type == feeds.SERVER_SENT:
        # A browser that lost its connection says where it was.
        seen = {"after": exchange_of(request).header(b"last-event-id") or ""}
        after = max(after, parameters.after(seen))
        live = feeds.live_events(ledger, wanted, after=after, expires_at=claims.expires_at)
        return feeds.StreamedResponse(live, media_type)
    limit = parameters.limit(query)
    found = await event_pages.page(ledger.fetch, wanted, recorded_from, recorded_to, after=after, limit=limit)
    return respond(bodies.events(found))


@get("/ledger/v1/streams/{stream:str}", operation=operations.STREAM)
async def stream(request: HttpRequest, stream: FromPath[str]) -> JsonResponse:
    _, ledger = await admit_reader(request)
    query = parameters.query_of(request, "at_version", "at", "after", "limit")
    at_version = parameters.at_version(query)
    at = parameters.instant(query, "at")
    after = parameters.after(query)
    limit = parameters.limit(query, STREAM_EVENTS_DEFAULT)
    folded = None
    if stream.isprintable():
        folded = await event_pages.folded_stream(
            ledger.fetch, stream, at_version, at, after=after, limit=limit
        )
    if folded is None:
        raise ApiError(404, "not_found", "Stream not found")
    return respond(bodies.stream(folded))


ROUTES = (events, stream)
