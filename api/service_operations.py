"""The service's own routes as the OpenAPI document describes them: health and metrics."""

from typing import Literal

from msgspec import Struct

from api.operations import Answer, ErrorBody, Operation, refusals

HEALTH_TAG = "Health"


class HealthStatus(Struct):
    status: Literal["live", "ready"]


LIVE = Operation(
    HEALTH_TAG, "Whether the process answers", {200: Answer("It does.", HealthStatus, {"status": "live"})}
)

READY = Operation(
    HEALTH_TAG,
    "Whether money can move",
    {
        200: Answer("It can.", HealthStatus, {"status": "ready"}),
        **refusals(ErrorBody, 503),
    },
)

METRICS = Operation(
    HEALTH_TAG,
    "Metrics for Prometheus",
    {200: Answer("The text format of Prometheus.", str, media_type="text/plain")},
)
