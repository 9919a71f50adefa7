"""The audit log as a bank reads it: its own calls, page by page."""

from datetime import datetime
from typing import NamedTuple

from infrastructure.audit_log import Call
from projections.read_model import Fetch

_COLUMNS = "at, tenant, id, client_id, subject, surface, method, path, status, request_id"
_WANTED = """
from {schema}.audit_log
where tenant = %(tenant)s and at >= %(start)s and at < %(end)s
  and (%(client_id)s::text is null or client_id = %(client_id)s)
  and (%(subject)s::text is null or subject = %(subject)s)
  and (%(request_id)s::text is null or request_id = %(request_id)s)
  and (%(status)s::smallint is null or status = %(status)s)
"""
_NEWEST_FIRST = f"select {_COLUMNS} {_WANTED} order by at desc, id desc limit %(limit)s offset %(offset)s"
_OLDEST_FIRST = f"select {_COLUMNS} {_WANTED} order by at, id limit %(limit)s offset %(offset)s"
_TOTAL = f"select count(*) as total {_WANTED}"


class Sought(NamedTuple):
    """Calls from an instant on and before another; None: any."""

    start: datetime
    end: datetime
    client_id: str | None = None
    subject: str | None = None
    request_id: str | None = None
    status: int | None = None


class AuditPage(NamedTuple):
    calls: list[Call]
    total: int


async def page(
    fetch: Fetch, tenant: str, sought: Sought, *, limit: int, offset: int = 0, is_newest_first: bool = True
) -> AuditPage:
    """Those of the tenant, and how many there are in all. From the oldest on, pages never shift: what is new
    comes last."""
    parameters = {"tenant": tenant, **sought._asdict()}
    query = _NEWEST_FIRST if is_newest_first else _OLDEST_FIRST
    rows = await fetch(query, {**parameters, "limit": limit, "offset": offset})
    total = await fetch(_TOTAL, parameters)
    return AuditPage([Call(**row) for row in rows], int(total[0]["total"]))
