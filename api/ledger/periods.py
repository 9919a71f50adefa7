"""Closing accounting periods: what counts from them never changes afterwards."""

import re

from litestar import post

from api.context import HttpRequest, JsonResponse, exchange_of, execute, ledger_of, require_scope, respond
from api.exchange import invalid
from api.idempotency_keys import read_key
from api.instants import whole_seconds
from api.ledger import operations
from api.ledger.admission import WRITE_SCOPE
from api.ledger.documents import PeriodShown
from application.idempotency import RequestKey
from application.periods import ClosedPeriod, ClosePeriod, close_period

PERIOD = re.compile(r"(19[7-9]\d|[2-8]\d{3})-(0[1-9]|1[0-2])", re.ASCII)


@post("/ledger/v1/periods/{period:str}/close", status_code=200, operation=operations.CLOSE_PERIOD)
async def close(request: HttpRequest) -> JsonResponse:
    exchange = exchange_of(request)
    require_scope(exchange.caller, WRITE_SCOPE)
    period: str = request.path_params["period"]
    if not PERIOD.fullmatch(period):
        raise invalid("period", "must be a month such as 2025-10")
    ledger = await ledger_of(request, exchange.caller)
    command = ClosePeriod(period, _key(request, period))
    closed: ClosedPeriod = await execute(request, ledger, close_period, command)
    body = PeriodShown(closed.period, "closed", whole_seconds(closed.closed_at), closed.closed_through)
    return respond(body)


def _key(request: HttpRequest, period: str) -> RequestKey | None:
    exchange = exchange_of(request)
    operation = f"POST /ledger/v1/periods/{period}/close"
    return read_key(exchange.header(b"idempotency-key"), exchange.caller.client_id, operation)


ROUTES = (close,)
