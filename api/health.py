"""Whether the service lives, whether it can serve, and what it counts."""

from litestar import Response, get

from api.context import HttpRequest, JsonResponse, respond, services_of, unavailable
from application.store import StoreUnavailable


@get("/health/live")
async def live() -> JsonResponse:
    """The process answers. Says nothing of the database."""
    return respond({"status": "live"})


@get("/health/ready")
async def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, so money can move."""
    try:
        await services_of(request).reads.ping()
    except StoreUnavailable:
        raise unavailable() from None
    return respond({"status": "ready"})


@get("/metrics")
async def metrics(request: HttpRequest) -> Response[bytes]:
    return Response(
        request.app.state.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


ROUTES = (live, ready, metrics)
