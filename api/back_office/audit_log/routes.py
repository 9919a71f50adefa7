"""The route of the audit log: decode, one query, encode."""

from collections.abc import Mapping
from datetime import UTC, datetime

from litestar import get

from api.back_office.answers import answer_page
from api.back_office.audit_log import operations
from api.back_office.audit_log.documents import AuditedCall, Outcome
from api.back_office.audit_log.operations import (
    AUDIT_LOG,
    FILTERS,
    STATUS_LEAST,
    STATUS_MOST,
    TEXT_LENGTH_MAX,
)
from api.back_office.pages import read_list_wish
from api.back_office.requests import admit
from api.context import HttpRequest, JsonResponse, services_of
from api.exchange import ApiError, invalid, unavailable
from api.instants import read_period
from api.query_string import whole_number
from application.store import StoreUnavailable
from infrastructure import audit_log_pages
from infrastructure.audit_log import Call
from infrastructure.audit_log_pages import Sought
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.report_reads import TakesTooLong

SECONDS_MAX = 5.0


@get(AUDIT_LOG, operation=operations.LIST)
async def list_calls(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, "audit.read")
    wish = read_list_wish(request, filters=FILTERS)
    sought = _sought(wish.given)
    try:
        async with services_of(request).report_reads.snapshot(CONTROL_SCHEMA, SECONDS_MAX) as snapshot:
            found = await audit_log_pages.page(
                snapshot.fetch,
                ledger.tenant,
                sought,
                limit=wish.limit,
                offset=wish.offset,
                is_newest_first=wish.is_descending,
            )
    except TakesTooLong:
        raise ApiError(
            503, "unavailable", "This takes too long: narrow it down by date_from and date_to"
        ) from None
    except StoreUnavailable:
        raise unavailable() from None
    return answer_page(request, wish, [_shown(call) for call in found.calls], found.total)


def _sought(given: Mapping[str, str]) -> Sought:
    period = read_period(given, "date_from", "date_to")
    status = None
    if "status" in given:
        status = whole_number(given, "status", least=STATUS_LEAST, most=STATUS_MOST, default=0)
    return Sought(
        period.start,
        period.end,
        _text(given, "client_id"),
        _text(given, "subject"),
        _text(given, "request_id"),
        status,
    )


def _text(given: Mapping[str, str], name: str) -> str | None:
    text = given.get(name)
    if text is not None and not (text.isprintable() and 1 <= len(text) <= TEXT_LENGTH_MAX):
        raise invalid(name, f"must be 1 to {TEXT_LENGTH_MAX} printable characters")
    return text


def _shown(call: Call) -> AuditedCall:
    return AuditedCall(
        call.id,
        _timestamp(call.at),
        call.client_id,
        call.subject,
        call.surface,
        call.method,
        call.path,
        call.status,
        _outcome(call.status),
        call.request_id,
    )


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "success"
    return "refused" if status < 500 else "error"


ROUTES = (list_calls,)
