"""Every call on every surface: who, what, when, and how it ended."""

from datetime import date, datetime

from msgspec import Struct

from daybook_client.back_office.envelope import PREFIX, sorted_listing
from daybook_client.calls import Listing

AUDIT_LOG = f"{PREFIX}/audit-log"


class AuditedCall(Struct):
    id: str
    timestamp: datetime
    client_id: str
    subject: str
    surface: str
    method: str
    path: str
    status: int
    outcome: str
    request_id: str


def list_calls(
    *,
    client_id: str | None = None,
    subject: str | None = None,
    request_id: str | None = None,
    status: int | None = None,
    date_from: date | datetime | None = None,
    date_to: date | datetime | None = None,
    sort: str | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> Listing[AuditedCall]:
    query = {
        "client_id": client_id,
        "subject": subject,
        "request_id": request_id,
        "status": status,
        "date_from": date_from,
        "date_to": date_to,
    }
    return sorted_listing(AUDIT_LOG, AuditedCall, query, sort=sort, order=order, limit=limit)
