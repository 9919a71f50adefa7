"""How users prove who they are: passwords that are set anew, and second factors."""

from litestar import delete, get, post

from api.back_office.answers import answer
from api.back_office.requests import admit, key, members_of
from api.back_office.users import bodies, operations
from api.back_office.users.callers import ADMIN, READ, carry_out, of_caller, seals_of, user_id_of
from api.back_office.users.documents import PasswordChanged, ResetShown
from api.back_office.users.operations import CONFIRMATION, MFA, RESET_PATH, RESET_REQUEST
from api.back_office.users.requests import read_code, read_password
from api.context import HttpRequest, JsonResponse, exchange_of, execute, services_of
from api.exchange import invalid, unavailable
from api.instants import whole_seconds
from api.webhook_terms import secret_digest
from application.store import StoreUnavailable
from application.users import (
    MfaAnswer,
    OfUser,
    RequestPasswordReset,
    ResetAnswer,
    mfa_status,
    remove_mfa,
    request_password_reset,
)
from domain import errors
from infrastructure.second_factor import WrongCode
from infrastructure.users import reset_expiry, reset_hash

_TOKEN_USE = "password reset"
_TOKEN_LENGTH_MAX = 255


@post(RESET_REQUEST, status_code=202, operation=operations.REQUEST_RESET)
async def request_reset(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    await members_of(request, is_optional=True)
    services, exchange = services_of(request), exchange_of(request)
    secrets = services.client_secrets.new(exchange.header(b"idempotency-key"))
    command = RequestPasswordReset(
        user_id_of(request), reset_expiry(exchange.now), secrets.salt, key(exchange)
    )
    asked: ResetAnswer = await execute(request, ledger, request_password_reset, command)
    token = secrets.with_salt(asked.salt).made(_TOKEN_USE)
    try:
        await services.personal_data.put_reset(
            ledger.schema, reset_hash(token), asked.user_id, asked.expires_at, exchange.now
        )
    except StoreUnavailable:
        raise unavailable() from None
    shown = ResetShown(asked.user_id, whole_seconds(asked.expires_at))
    if services.settings.sandbox:
        shown.reset_token = token
    return answer(request, shown, 202)


@post(RESET_PATH, status_code=200, operation=operations.RESET)
async def reset(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    token: str = request.path_params["token"]
    password = read_password((await members_of(request, "password"))["password"])
    exchange = exchange_of(request)
    request_key = key(exchange, secret_digest(exchange, password))
    if len(token) > _TOKEN_LENGTH_MAX:
        raise errors.PasswordResetNotFound
    setting = services_of(request).users.reset_password(
        ledger, token, password, of_caller(request), request_key
    )
    user_id: str = await carry_out(request, setting)
    return answer(request, PasswordChanged(user_id, "password_changed"))


@get(MFA, operation=operations.SHOW_MFA)
async def show_mfa(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, READ)
    user_id = user_id_of(request)
    status: MfaAnswer = await execute(request, ledger, mfa_status, OfUser(user_id))
    return answer(request, bodies.mfa(status))


@post(MFA, status_code=201, operation=operations.ENROL_MFA)
async def enrol(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    await members_of(request, is_optional=True)
    enrolling = services_of(request).user_factors.enrol(
        ledger, user_id_of(request), of_caller(request), key(exchange_of(request))
    )
    enrolled: MfaAnswer = await carry_out(request, enrolling)
    seals = await seals_of(request, ledger, [enrolled.user_id])
    return answer(request, bodies.enrolment(enrolled, seals.get(enrolled.user_id)), 201)


@post(CONFIRMATION, status_code=200, operation=operations.CONFIRM_MFA)
async def confirm(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    code = read_code((await members_of(request, "code"))["code"])
    exchange = exchange_of(request)
    request_key = key(exchange, secret_digest(exchange, code))
    confirming = services_of(request).user_factors.confirm(
        ledger, user_id_of(request), code, of_caller(request), request_key
    )
    try:
        confirmed: MfaAnswer = await carry_out(request, confirming)
    except WrongCode:
        raise invalid("code", "is not the code that the authenticator shows now") from None
    return answer(request, bodies.mfa(confirmed))


@delete(MFA, status_code=200, operation=operations.REMOVE_MFA)
async def remove(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    command = OfUser(user_id_of(request), key(exchange_of(request)))
    removed: MfaAnswer = await execute(request, ledger, remove_mfa, command)
    return answer(request, bodies.mfa(removed))


ROUTES = (request_reset, reset, show_mfa, enrol, confirm, remove)
