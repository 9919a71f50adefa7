"""The transfers surface's routes: decode, one command or query, encode."""

from litestar import get, patch, post
from litestar.params import FromPath

from api.context import (
    HttpRequest,
    JsonResponse,
    exchange_of,
    execute,
    json_body,
    ledger_of,
    require_scope,
    respond,
    services_of,
    wait_for_reads,
)
from api.exchange import invalid, unavailable
from api.idempotency_keys import read_key
from api.members import read_text
from api.query_string import query_of
from api.transfers import bodies, operations, reading
from api.transfers.requests import (
    MFA_CODE_LENGTH_MAX,
    change_decoder,
    create_decoder,
    is_transfer_id,
    read_change,
    read_create,
    read_list,
)
from application.access import Claims
from application.store import StoreUnavailable
from application.transfers import (
    CancelTransfer,
    ChangedAnswer,
    CreatedAnswer,
    VerifyMfa,
    cancel_transfer,
    create_transfer,
    verify_mfa,
)
from domain import errors
from projections import transfers

SCOPE = "transfers"


def _caller(request: HttpRequest) -> Claims:
    claims = exchange_of(request).caller
    require_scope(claims, SCOPE)
    return claims


@post("/api/transfers-v2", operation=operations.CREATE)
async def create(request: HttpRequest) -> JsonResponse:
    claims = _caller(request)
    body = await json_body(request, create_decoder)
    command = read_create(body, claims.subject)
    ledger = await ledger_of(request, claims)
    answer: CreatedAnswer = await execute(request, ledger, create_transfer, command)
    return respond(
        bodies.created_answer(answer.transfer, is_replay=answer.is_replay), 200 if answer.is_replay else 201
    )


@get("/api/transfers-v2", operation=operations.LIST)
async def list_transfers(request: HttpRequest) -> JsonResponse:
    claims = _caller(request)
    wanted = read_list(query_of(request, "status", "type", "limit", "cursor"))
    ledger = await ledger_of(request, claims)
    await wait_for_reads(request, ledger)
    try:
        page = await transfers.of_user(ledger.fetch, claims.subject, **wanted)
    except transfers.InvalidCursor as error:
        raise invalid("cursor", str(error), str(error)) from None
    return respond(bodies.transfer_list(page))


@get("/api/transfers-v2/{transfer_id:str}", operation=operations.DETAIL)
async def detail(request: HttpRequest, transfer_id: FromPath[str]) -> JsonResponse:
    claims = _caller(request)
    ledger = await ledger_of(request, claims)
    await wait_for_reads(request, ledger)
    return respond(await reading.transfer_detail(ledger.fetch, claims.subject, transfer_id))


@get("/api/accounts/{account_id:str}/balance", operation=operations.BALANCE)
async def balance(request: HttpRequest, account_id: FromPath[str]) -> JsonResponse:
    claims = _caller(request)
    ledger = await ledger_of(request, claims)
    await wait_for_reads(request, ledger)
    return respond(await reading.account_balance(ledger.fetch, claims.subject, account_id))


@patch("/api/transfers-v2/{transfer_id:str}", operation=operations.CHANGE)
async def change(request: HttpRequest, transfer_id: FromPath[str]) -> JsonResponse:
    claims = _caller(request)
    body = await json_body(request, change_decoder)
    action = read_change(body)
    if not is_transfer_id(transfer_id):
        raise errors.TransferNotFound(transfer_id)
    operation = f"PATCH /api/transfers-v2/{transfer_id}"
    header = exchange_of(request).header(b"idempotency-key")
    ledger = await ledger_of(request, claims)
    answer: ChangedAnswer
    if action == "cancel":
        key = read_key(header, claims.subject, operation, "cancel")
        cancel = CancelTransfer(transfer_id, claims.subject, key)
        answer = await execute(request, ledger, cancel_transfer, cancel)
        return respond(bodies.cancelled_answer(answer))
    code = read_text(body.mfa_code, "mfa_code", MFA_CODE_LENGTH_MAX)
    key = read_key(header, claims.subject, operation, "verify_mfa", code)
    is_valid = await _is_right(request, ledger.tenant, code)
    verify = VerifyMfa(transfer_id, claims.subject, is_valid, key)
    answer = await execute(request, ledger, verify_mfa, verify)
    return respond(bodies.verified_answer(answer))


async def _is_right(request: HttpRequest, tenant: str, code: str) -> bool:
    """Whether the code is the caller's own second factor now."""
    services, exchange = services_of(request), exchange_of(request)
    user_id = exchange.caller.subject
    try:
        if services.second_factor.is_fixed(code):
            return True
        user = await services.sign_in_users.find(tenant, user_id)
        secret = None if user is None else user.totp_secret
        return await services.second_factor.is_right(tenant, user_id, secret, code, exchange.now)
    except StoreUnavailable:
        raise unavailable() from None


ROUTES = (create, list_transfers, detail, change, balance)
