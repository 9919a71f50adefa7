"""The routes of clients and their API keys: decode, one command or query, encode."""

from typing import Any

from litestar import delete, get, post, put

from api.back_office.answers import answer, answer_page
from api.back_office.clients import bodies, operations
from api.back_office.clients.operations import CLIENT, CLIENTS, ROTATION
from api.back_office.clients.requests import MEMBERS, read_change, read_client, read_scopes
from api.back_office.pages import read_list_wish
from api.back_office.requests import admit, is_sent, key, members_of
from api.context import HttpRequest, JsonResponse, exchange_of, execute, services_of, wait_for_reads
from api.exchange import invalid, unavailable
from application.clients import (
    ClientAnswer,
    DeleteClient,
    RegisterClient,
    RotateApiKey,
    RotatedApiKey,
    SecretSource,
    UpdateClient,
    delete_client,
    register_client,
    rotate_api_key,
    update_client,
)
from application.decision import Command, Handler
from application.store import StoreUnavailable
from domain import errors
from domain.clients import KEY_KINDS
from infrastructure.client_secrets import (
    API_KEY_PREFIX,
    CLIENT_SECRET,
    SIGNING_SECRET,
    SecretsShownOnce,
    api_key_hash,
    new_client_id,
)
from infrastructure.ledgers import Ledger
from projections import clients

_ADMIN, _READ = "banking.admin", "banking.read"
_CLIENT_ID_LENGTH_MAX = 255


@post(CLIENTS, status_code=201, operation=operations.REGISTER)
async def register(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _ADMIN)
    services, exchange = services_of(request), exchange_of(request)
    settings = read_client(await members_of(request, *MEMBERS))
    client_id, secrets = new_client_id(), _secrets(request)
    command = RegisterClient(
        client_id,
        settings,
        await services.secret_hashes.hash(secrets.made(CLIENT_SECRET)),
        services.seal.close(secrets.made(SIGNING_SECRET), client_id),
        SecretSource(secrets.salt),
        key(exchange, repr(settings)),
    )
    registered: ClientAnswer = await _carry_out(request, ledger, register_client, command)
    assert registered.source is not None, "a new client has new secrets"
    shown = secrets.with_salt(registered.source.salt)
    body = bodies.new_client(registered, shown.made(CLIENT_SECRET), shown.made(SIGNING_SECRET))
    return answer(request, body, 201)


@get(CLIENTS, operation=operations.LIST)
async def list_clients(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    wish = read_list_wish(request)
    await wait_for_reads(request, ledger)
    found = await clients.page(
        ledger.fetch, limit=wish.limit, offset=wish.offset, is_newest_first=wish.is_descending
    )
    return answer_page(request, wish, [bodies.client(view) for view in found.clients], found.total)


@get(CLIENT, operation=operations.SHOW)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    client_id = _client_id(request)
    await wait_for_reads(request, ledger)
    view = await clients.one(ledger.fetch, client_id)
    if view is None:
        raise errors.ClientNotFound(client_id)
    return answer(request, bodies.client(view))


@put(CLIENT, operation=operations.CHANGE)
async def change(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _ADMIN)
    asked = read_change(await members_of(request, *MEMBERS))
    command = UpdateClient(_client_id(request), asked.change, key(exchange_of(request), *asked.content()))
    changed: ClientAnswer = await _carry_out(request, ledger, update_client, command)
    return answer(request, bodies.client(changed))


@delete(CLIENT, status_code=200, operation=operations.DELETE)
async def end(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _ADMIN)
    command = DeleteClient(_client_id(request), key(exchange_of(request)))
    deleted: ClientAnswer = await _carry_out(request, ledger, delete_client, command)
    return answer(request, bodies.client(deleted, "deleted"))


@post(ROTATION, status_code=201, operation=operations.ROTATE)
async def rotate(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _ADMIN)
    client_id, kind = _client_id(request), request.path_params["kind"]
    if kind not in KEY_KINDS:
        raise errors.ClientNotFound(client_id)
    raw = (await members_of(request, "scopes", is_optional=True))["scopes"]
    scopes = read_scopes(raw) if is_sent(raw) and bytes(raw) != b"null" else None
    secrets = _secrets(request)
    command = RotateApiKey(
        client_id,
        kind,
        api_key_hash(API_KEY_PREFIX + secrets.made(kind)),
        SecretSource(secrets.salt),
        scopes,
        key(exchange_of(request), *(scopes or ())),
    )
    rotated: RotatedApiKey = await _carry_out(request, ledger, rotate_api_key, command)
    api_key = API_KEY_PREFIX + secrets.with_salt(rotated.source.salt).made(kind)
    return answer(request, bodies.api_key(rotated, api_key), 201)


ROUTES = (register, list_clients, show, change, end, rotate)


async def _carry_out(
    request: HttpRequest, ledger: Ledger, handler: Handler[Any, Any], command: Command
) -> Any:
    """Runs the command, and makes its outcome hold on every process before it is answered.

    Also where the answer is that of a request before: its process may have died in between.
    """
    try:
        outcome = await execute(request, ledger, handler, command)
        await services_of(request).client_registration.publish(ledger, outcome.client_id)
    except errors.InvalidClientSettings as error:
        raise invalid(error.field, "does not go with the client's other settings") from None
    except StoreUnavailable:
        raise unavailable() from None
    return outcome


def _secrets(request: HttpRequest) -> SecretsShownOnce:
    idempotency_key = exchange_of(request).header(b"idempotency-key")
    return services_of(request).client_secrets.new(idempotency_key)


def _client_id(request: HttpRequest) -> str:
    client_id: str = request.path_params["clientId"]
    if len(client_id) > _CLIENT_ID_LENGTH_MAX or "\x00" in client_id:
        raise errors.ClientNotFound(client_id[:_CLIENT_ID_LENGTH_MAX])
    return client_id
