"""The rows of the audit log: answers are made of this struct, and the OpenAPI document is."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Timestamp = Annotated[
    str, Meta(description="UTC, with microseconds.", extra_json_schema={"format": "date-time"})
]
Outcome = Literal["success", "refused", "error"]


class AuditedCall(Struct):
    """A call that was answered. `path` is without the query, and with `***` where there was a secret or what
    may be personal. The outcome is `refused` for statuses from 400, `error` for those from 500."""

    id: str
    timestamp: Timestamp
    client_id: str
    subject: str
    surface: str
    method: str
    path: str
    status: int
    outcome: Outcome
    request_id: str
