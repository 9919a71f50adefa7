"""Whether the service lives, whether it can serve, and what it counts."""

import contextlib

from litestar import Response, get

from api import service_operations as operations
from api.context import HttpRequest, JsonResponse, respond, services_of
from api.exchange import unavailable
from application.store import StoreUnavailable
from projections import webhook_dispatch


@get("/health/live", operation=operations.LIVE)
async def live() -> JsonResponse:
    """The process answers. Says nothing of the database."""
    return respond({"status": "live"})


@get("/health/ready", operation=operations.READY)
async def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, so money can move."""
    try:
        await services_of(request).primary.ping()
    except StoreUnavailable:
        raise unavailable() from None
    return respond({"status": "ready"})


@get("/metrics", operation=operations.METRICS)
async def metrics(request: HttpRequest) -> Response[bytes]:
    """Prometheus text format 0.0.4."""
    services, shown = services_of(request), request.app.state.metrics
    # What is counted in memory is worth showing above all when the database is gone.
    with contextlib.suppress(StoreUnavailable):
        for ledger in services.open_ledgers():
            lag = await services.freshness.lag(ledger.schema, ledger.clock.now())
            shown.lag(ledger.tenant, lag.events, lag.seconds)
            backlog = await webhook_dispatch.backlog(ledger.fetch, ledger.clock.now())
            shown.webhooks(ledger.tenant, *backlog)
    return Response(shown.exposition(), media_type="text/plain; version=0.0.4")


ROUTES = (live, ready, metrics)
