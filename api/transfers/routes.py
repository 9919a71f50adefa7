"""The transfers surface's routes: decode, one command or query, encode."""

from litestar import patch, post

from api.context import (
    HttpRequest,
    JsonResponse,
    authenticate,
    count_request,
    exchange_of,
    execute,
    json_body,
    ledger_of,
    require_scope,
    respond,
    services_of,
)
from api.transfers import bodies
from api.transfers.requests import (
    change_decoder,
    create_decoder,
    invalid,
    read_create,
    read_key,
    read_text,
)
from application.access import Claims
from application.transfers import (
    CancelTransfer,
    ChangedAnswer,
    CreatedAnswer,
    VerifyMfa,
    cancel_transfer,
    create_transfer,
    verify_mfa,
)
from infrastructure.rate_limits import Limit

SCOPE = "transfers"
RATE_LIMITS = (Limit("minute", 100, 60), Limit("hour", 1000, 3600))


async def _admit(request: HttpRequest) -> Claims:
    claims = await authenticate(request)
    await count_request(request, f"transfers:{claims.tenant}:{claims.subject}", RATE_LIMITS)
    require_scope(claims, SCOPE)
    return claims


@post("/api/transfers-v2")
async def create(request: HttpRequest) -> JsonResponse:
    claims = await _admit(request)
    body = await json_body(request, create_decoder)
    command = read_create(body, claims.subject)
    ledger = await ledger_of(request, claims)
    answer: CreatedAnswer = await execute(request, ledger, create_transfer, command)
    return respond(
        bodies.created_answer(answer.transfer, is_replay=answer.is_replay), 200 if answer.is_replay else 201
    )


@patch("/api/transfers-v2/{transfer_id:str}")
async def change(request: HttpRequest, transfer_id: str) -> JsonResponse:
    claims = await _admit(request)
    body = await json_body(request, change_decoder)
    action = bytes(body.action)
    operation = f"PATCH /api/transfers-v2/{transfer_id}"
    header = exchange_of(request).header(b"idempotency-key")
    ledger = await ledger_of(request, claims)
    answer: ChangedAnswer
    if action == b'"cancel"':
        key = read_key(header, claims.subject, operation, "cancel")
        cancel = CancelTransfer(transfer_id, claims.subject, key)
        answer = await execute(request, ledger, cancel_transfer, cancel)
        return respond(bodies.cancelled_answer(answer))
    if action == b'"verify_mfa"':
        code = read_text(body.mfa_code, "mfa_code", 16)
        key = read_key(header, claims.subject, operation, "verify_mfa", code)
        is_valid = services_of(request).second_factor.is_valid(code)
        answer = await execute(
            request, ledger, verify_mfa, VerifyMfa(transfer_id, claims.subject, is_valid, key)
        )
        return respond(bodies.verified_answer(answer))
    raise invalid("action must be cancel or verify_mfa", "action")


ROUTES = (create, change)
