"""The route of the audit log as the OpenAPI document describes it."""

from typing import Annotated, Any

from msgspec import Meta

from api.back_office import documents as shared
from api.back_office.audit_log.documents import AuditedCall
from api.back_office.documents import MIN_POSITION
from api.operations import Operation, Parameter

TAG = "Back office audit log"
AUDIT_LOG = "/backoffice/v1/audit-log"
TEXT_LENGTH_MAX = 255
STATUS_LEAST, STATUS_MOST = 100, 599
FILTERS = ("client_id", "subject", "request_id", "status", "date_from", "date_to")

_TEXT: Any = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
_STATUS: Any = Annotated[int, Meta(ge=STATUS_LEAST, le=STATUS_MOST)]
_CALL = {
    "id": "aud_5f0c1b9e22d70000000001",
    "timestamp": "2024-01-01T12:00:00.125000Z",
    "client_id": "client_9c1f0f2a7d3b4e5f6a7b",
    "subject": "client_9c1f0f2a7d3b4e5f6a7b",
    "surface": "back_office",
    "method": "POST",
    "path": "/backoffice/v1/accounts",
    "status": 201,
    "outcome": "success",
    "request_id": "unique-request-identifier",
}

LIST = Operation(
    TAG,
    "List calls",
    shared.listed("Calls of the bank's own clients and users.", AuditedCall, _CALL),
    description=(
        "Every call on every surface is here within two seconds, the refused ones too. Calls whose caller did"
        " not become known belong to no bank and are not listed. In ascending order pages never shift."
    ),
    parameters=(
        Parameter("client_id", "query", "Only calls of that client.", _TEXT),
        Parameter("subject", "query", "Only calls on behalf of that user or client.", _TEXT),
        Parameter("request_id", "query", "Only the call with that `X-Request-ID`.", _TEXT),
        Parameter("status", "query", "Only calls that were answered with that status.", _STATUS),
        Parameter("date_from", "query", "A UTC day or an instant, included.", str),
        Parameter("date_to", "query", "A UTC day or an instant, included.", str),
        *(each for each in shared.page_parameters() if each is not MIN_POSITION),
    ),
    scopes=("audit.read",),
)
