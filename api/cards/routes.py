"""The routes of authorizations and holds: decode, one command or query, encode.

Each is served below both prefixes of the surface (see `api.app`).
"""

from litestar import get, post

from api.cards import bodies, fields, operations, reading
from api.cards.requests import (
    authorization_decoder,
    capture_decoder,
    completion_decoder,
    read_authorization,
    read_capture,
    read_completion,
    read_holds_wish,
    read_reason,
    reason_decoder,
)
from api.context import (
    HttpRequest,
    JsonResponse,
    exchange_of,
    execute,
    ledger_of,
    new_number,
    require_scope,
    respond,
    services_of,
    wait_for_reads,
)
from api.query_string import query_of
from application.authorizations import (
    Authorize,
    CompleteChallenge,
    Reverse,
    authorize,
    complete_challenge,
    reverse,
)
from application.holds import CaptureHold, ChangedHold, ReleasedHold, ReleaseHold, capture_hold, release_hold
from domain.authorizations import Ruling, first_decision_id
from domain.card_aliases import of_pan_hash
from infrastructure.ledgers import Ledger

AUTHORIZATIONS, HOLDS = "/api/v1/authorizations", "/api/v1/holds"


@post(AUTHORIZATIONS, operation=operations.AUTHORIZE)
async def ask(request: HttpRequest) -> JsonResponse:
    exchange = exchange_of(request)
    caller = exchange.caller
    require_scope(caller, operations.WRITE_AUTHORIZATIONS)
    asked = read_authorization(await fields.body(request, authorization_decoder))
    command = Authorize(
        new_number(request),
        of_pan_hash(asked.pan_hash),
        asked.expiry,
        asked.terms,
        fields.key(exchange, *asked.content),
    )
    ledger = await ledger_of(request, caller)
    ruling: Ruling = await execute(request, ledger, authorize, command)
    return _decision(request, ruling, bodies.STATUS_OF_DECISION[ruling.decision])


def _decision(request: HttpRequest, ruling: Ruling, status: int = 200) -> JsonResponse:
    return respond(bodies.decision(ruling, services_of(request).settings.challenge_url), status)


@get(AUTHORIZATIONS + "/{decisionId:str}", operation=operations.DECISION)
async def decision(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.READ_AUTHORIZATIONS)
    decision_id = _id(request, "decisionId", "Authorization")
    await wait_for_reads(request, ledger)
    return _decision(request, await reading.decision(ledger.fetch, decision_id, exchange_of(request).now))


@get(AUTHORIZATIONS + "/request/{requestId:str}", operation=operations.LATEST_DECISION)
async def latest_decision(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.READ_AUTHORIZATIONS)
    request_id = _id(request, "requestId", "Authorization")
    await wait_for_reads(request, ledger)
    ruling = await reading.latest_decision(ledger.fetch, request_id, exchange_of(request).now)
    return _decision(request, ruling)


@post(AUTHORIZATIONS + "/{requestId:str}/reverse", status_code=200, operation=operations.REVERSE)
async def reverse_authorization(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.WRITE_AUTHORIZATIONS)
    request_id = _id(request, "requestId", "Authorization")
    reason = read_reason(await fields.body(request, reason_decoder))
    key = fields.key(exchange_of(request), reason)
    command = Reverse(request_id, _decision_number(request), reason, key)
    return _decision(request, await execute(request, ledger, reverse, command))


@post(
    AUTHORIZATIONS + "/{requestId:str}/challenge-complete",
    status_code=200,
    operation=operations.COMPLETE_CHALLENGE,
)
async def complete(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.WRITE_AUTHORIZATIONS)
    request_id = _id(request, "requestId", "Authorization")
    asked = read_completion(await fields.body(request, completion_decoder))
    key = fields.key(exchange_of(request), *asked.content)
    command = CompleteChallenge(request_id, _decision_number(request), asked.result, key)
    return _decision(request, await execute(request, ledger, complete_challenge, command))


@get(HOLDS + "/{holdId:str}", operation=operations.HOLD)
async def hold(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.READ_HOLDS)
    hold_id = _id(request, "holdId", "Hold")
    await wait_for_reads(request, ledger)
    return respond(await reading.hold(ledger.fetch, hold_id))


@get(HOLDS, operation=operations.HOLDS)
async def holds_of_account(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.READ_HOLDS)
    query = query_of(request, "accountId", "status", "fromDate", "toDate", "page", "size")
    wish = read_holds_wish(query)
    await wait_for_reads(request, ledger)
    return respond(await reading.holds(ledger.fetch, wish))


@post(HOLDS + "/{holdId:str}/capture", status_code=200, operation=operations.CAPTURE)
async def capture(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.WRITE_HOLDS)
    hold_id = _id(request, "holdId", "Hold")
    asked = read_capture(await fields.body(request, capture_decoder))
    key = fields.key(exchange_of(request), *asked.content)
    command = CaptureHold(hold_id, asked.amount, asked.reference, asked.is_final, key)
    changed: ChangedHold = await execute(request, ledger, capture_hold, command)
    return respond(bodies.changed_hold(changed))


@post(HOLDS + "/{holdId:str}/release", status_code=200, operation=operations.RELEASE)
async def release(request: HttpRequest) -> JsonResponse:
    ledger = await _ledger(request, operations.WRITE_HOLDS)
    hold_id = _id(request, "holdId", "Hold")
    reason = read_reason(await fields.body(request, reason_decoder))
    command = ReleaseHold(hold_id, reason, fields.key(exchange_of(request), reason))
    released: ReleasedHold = await execute(request, ledger, release_hold, command)
    return respond(bodies.released_balance(released))


async def _ledger(request: HttpRequest, scope: str) -> Ledger:
    """The caller's bank's, for callers who have the scope."""
    caller = exchange_of(request).caller
    require_scope(caller, scope)
    return await ledger_of(request, caller)


def _id(request: HttpRequest, parameter: str, what: str) -> int:
    return fields.path_id(request.path_params[parameter], what)


def _decision_number(request: HttpRequest) -> int:
    """A later decision has a block to itself, of which it takes the place of a first one."""
    return first_decision_id(new_number(request))


ROUTES = (
    ask,
    latest_decision,
    decision,
    reverse_authorization,
    complete,
    holds_of_account,
    hold,
    capture,
    release,
)
