"""The routes of accounts: decode, one command or query, encode."""

from typing import Any

import msgspec
from litestar import get, post, put

from api.back_office.accounts import bodies, operations
from api.back_office.accounts.operations import ACCOUNT, ACCOUNTS, CLOSING
from api.back_office.accounts.requests import (
    CHANGE,
    CREATION,
    FILTERS,
    content_of_creation,
    read_account,
    read_change,
    read_reason,
    read_wanted,
)
from api.back_office.answers import answer, answer_page
from api.back_office.errors import not_found
from api.back_office.pages import read_list_wish
from api.back_office.requests import admit, key, members_of
from api.context import HttpRequest, JsonResponse, exchange_of, execute, new_number, wait_for_reads
from application.customer_accounts import (
    AccountAnswer,
    CloseAccount,
    change_account,
    close_account,
    create_account,
)
from infrastructure.ledgers import Ledger
from projections import account_directory, account_pages
from projections.account_pages import SORTS

_READ, _WRITE = "banking.read", "banking.write"


@post(ACCOUNTS, status_code=201, operation=operations.CREATE)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    command = read_account(await members_of(request, *CREATION), new_number(request))
    request_key = key(exchange_of(request), *content_of_creation(command))
    command = msgspec.structs.replace(command, key=request_key)
    return await _answer(request, ledger, await execute(request, ledger, create_account, command), 201)


@get(ACCOUNTS, operation=operations.LIST)
async def list_accounts(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    wish = read_list_wish(request, filters=FILTERS, sorts=SORTS)
    wanted = read_wanted(wish.given)
    await wait_for_reads(request, ledger)
    sort: Any = wish.sort
    found = await account_pages.page(
        ledger.fetch,
        wanted,
        sort=sort,
        is_descending=wish.is_descending,
        limit=wish.limit,
        offset=wish.offset,
    )
    return answer_page(request, wish, [bodies.listed(view) for view in found.accounts], found.total)


@get(ACCOUNT, operation=operations.SHOW)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    identifier = _identifier(request)
    await wait_for_reads(request, ledger)
    entry = await account_directory.resolve(ledger.fetch, identifier)
    view = None if entry is None else await account_pages.one(ledger.fetch, entry.account_id)
    if view is None:
        raise not_found("Account")
    return answer(request, bodies.listed(view))


@put(ACCOUNT, operation=operations.CHANGE)
async def change(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    command, content = read_change(await members_of(request, *CHANGE), _identifier(request))
    command = msgspec.structs.replace(command, key=key(exchange_of(request), *content))
    return await _answer(request, ledger, await execute(request, ledger, change_account, command))


@post(CLOSING, status_code=200, operation=operations.CLOSE)
async def close(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    reason = read_reason(await members_of(request, "reason", is_optional=True))
    command = CloseAccount(_identifier(request), reason, key(exchange_of(request), reason))
    return await _answer(request, ledger, await execute(request, ledger, close_account, command))


async def _answer(
    request: HttpRequest, ledger: Ledger, decided: AccountAnswer, status: int = 200
) -> JsonResponse:
    opened_at, updated_at = decided.account.opened_at, decided.updated_at
    if opened_at is None or updated_at is None:
        # Opened before that was recorded, or nothing was changed: then the directory knows.
        await wait_for_reads(request, ledger)
        account_id = decided.account.account_id
        entry = (await account_directory.by_ids(ledger.fetch, [account_id]))[account_id]
        opened_at, updated_at = opened_at or entry.opened_at, updated_at or entry.updated_at
    return answer(request, bodies.decided(decided, opened_at, updated_at), status)


def _identifier(request: HttpRequest) -> str:
    identifier: str = request.path_params["accountId"]
    if not identifier.isprintable():
        # None has such characters, and the ledger takes neither NUL nor lone surrogates.
        raise not_found("Account")
    return identifier


ROUTES = (create, list_accounts, show, change, close)
