"""Whether the service lives, whether it can serve, and what it counts."""

from litestar import Response, get

from api import service_operations as operations
from api.context import HttpRequest, JsonResponse, respond, services_of, unavailable
from application.store import StoreUnavailable


@get("/health/live", operation=operations.LIVE)
async def live() -> JsonResponse:
    """The process answers. Says nothing of the database."""
    return respond({"status": "live"})


@get("/health/ready", operation=operations.READY)
async def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, so money can move."""
    try:
        await services_of(request).reads.ping()
    except StoreUnavailable:
        raise unavailable() from None
    return respond({"status": "ready"})


@get("/metrics", operation=operations.METRICS)
async def metrics(request: HttpRequest) -> Response[bytes]:
    return Response(
        request.app.state.metrics.exposition(), media_type="text/plain; version=0.0.4"
    )


ROUTES = (live, ready, metrics)
