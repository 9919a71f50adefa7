"""The log for auditors: events a page at a time, as lines, or live; one stream and what it folds to."""

from litestar import Response, get
from litestar.response import Stream

from api.context import HttpRequest, JsonResponse, respond
from api.exchange import ApiError
from api.ledger import bodies, feeds, parameters
from api.ledger.admission import admit_reader
from projections import event_log

STREAM_EVENTS_DEFAULT = 1_000
EVERYTHING = 2**62


@get("/ledger/v1/events")
async def events(request: HttpRequest) -> Response[bytes] | Stream:
    claims, ledger = await admit_reader(request)
    query = request.query_params
    wanted, after = parameters.event_filter(query), parameters.after(query)
    media_type = feeds.wanted_type(request, feeds.JSON, feeds.NDJSON, feeds.SERVER_SENT)
    if media_type == feeds.NDJSON:
        limit = parameters.limit(query, EVERYTHING)
        return feeds.stream(feeds.event_lines(ledger, wanted, after, limit), media_type)
    if media_type == feeds.SERVER_SENT:
        # A browser that lost its connection says where it was.
        seen = {"after": request.headers.get("last-event-id", "")}
        after = max(after, parameters.after(seen))
        return feeds.stream(feeds.live_events(ledger, wanted, after, claims.expires_at), media_type)
    found = await event_log.page(ledger.fetch, wanted, after, parameters.limit(query))
    return respond(bodies.event_page(found))


@get("/ledger/v1/streams/{stream:str}")
async def stream(request: HttpRequest, stream: str) -> JsonResponse:
    _, ledger = await admit_reader(request)
    query = request.query_params
    at_version = parameters.whole_number(query, "at_version", 0, least=1)
    at = parameters.instant(query, "at")
    after = parameters.after(query)
    limit = parameters.limit(query, STREAM_EVENTS_DEFAULT)
    folded = None
    if stream.isprintable():
        folded = await event_log.folded_stream(ledger.fetch, stream, at_version or None, at, after, limit)
    if folded is None:
        raise ApiError(404, "not_found", "Stream not found")
    return respond(bodies.folded_stream(folded))


ROUTES = (events, stream)
