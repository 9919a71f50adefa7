"""The routes of users: decode, one command or query, encode."""

from collections.abc import Awaitable, Sequence
from typing import Any

from litestar import delete, get, post, put

from api.back_office.answers import answer, answer_page
from api.back_office.pages import read_list_wish
from api.back_office.requests import admit, key, members_of
from api.back_office.users import bodies, operations, security
from api.back_office.users.callers import ADMIN, READ, carry_out, of_caller, seals_of, user_id_of
from api.back_office.users.documents import UserShown
from api.back_office.users.operations import ERASURE, USER, USERS
from api.back_office.users.requests import (
    CHANGE_MEMBERS,
    MEMBERS,
    ROLES,
    read_change,
    read_fields,
    read_search,
    read_user,
)
from api.context import HttpRequest, JsonResponse, exchange_of, require_scope, services_of, wait_for_reads
from api.query_string import one_of
from application.users import UserAnswer
from domain import errors
from infrastructure.ledgers import Ledger
from projections import users
from projections.users import Filter, UserView

PII = "pii.read"
STATUSES = ("active", "inactive", "erased")


@post(USERS, status_code=201, operation=operations.CREATE)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    services, exchange = services_of(request), exchange_of(request)
    asked = read_user(await members_of(request, *MEMBERS), is_sandbox=services.settings.sandbox)
    request_key = key(
        exchange, services.personal_data.content_digest(ledger.schema, asked.person), asked.role
    )
    created: UserAnswer = await carry_out(
        request,
        services.users.create(ledger, asked.person, asked.role, of_caller(request), key=request_key),
    )
    return answer(request, await _shown(request, ledger, created), 201)


@get(USERS, operation=operations.LIST)
async def list_users(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, READ)
    wish = read_list_wish(request, filters=("role", "status", "search", "fields"), sorts=users.SORTS)
    role, status = one_of(wish.given, "role", ROLES), one_of(wish.given, "status", STATUSES)
    services = services_of(request)
    searched = None
    fields = wish.given.get("fields")
    if "search" in wish.given:
        text, among = read_search(wish.given["search"], fields)
        # Whoever may not read it might find it out by trying.
        require_scope(exchange_of(request).caller, PII)
        searched = services.personal_data.searched(ledger.schema, text, among)
    else:
        read_fields(fields)
    await wait_for_reads(request, ledger)
    found = await users.page(
        ledger.fetch,
        Filter(role, status, searched),
        sort=wish.sort,
        is_descending=wish.is_descending,
        limit=wish.limit,
        offset=wish.offset,
    )
    return answer_page(request, wish, await _all_shown(request, ledger, found.users), found.total)


@get(USER, operation=operations.SHOW)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, READ)
    user_id = user_id_of(request)
    await wait_for_reads(request, ledger)
    view = await users.one(ledger.fetch, user_id)
    if view is None:
        raise errors.UserNotFound(user_id)
    return answer(request, await _shown(request, ledger, view))


@put(USER, operation=operations.CHANGE)
async def change(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    services, exchange = services_of(request), exchange_of(request)
    members = await members_of(request, *CHANGE_MEMBERS)
    asked = read_change(members, is_sandbox=services.settings.sandbox)
    digest = services.personal_data.content_digest(ledger.schema, asked.person)
    request_key = key(exchange, digest, asked.role or "", asked.status or "")
    changing = services.users.change(ledger, user_id_of(request), asked, of_caller(request), request_key)
    return await _answer_change(request, ledger, changing)


@delete(USER, status_code=200, operation=operations.DEACTIVATE)
async def deactivate(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    request_key = key(exchange_of(request))
    users_of_bank = services_of(request).users
    ending = users_of_bank.deactivate(ledger, user_id_of(request), of_caller(request), request_key)
    return await _answer_change(request, ledger, ending)


@post(ERASURE, status_code=200, operation=operations.ERASE)
async def erase(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, ADMIN)
    await members_of(request, is_optional=True)
    request_key = key(exchange_of(request))
    erasing = services_of(request).users.erase(ledger, user_id_of(request), of_caller(request), request_key)
    return await _answer_change(request, ledger, erasing)


async def _answer_change(request: HttpRequest, ledger: Ledger, work: Awaitable[Any]) -> JsonResponse:
    changed: UserAnswer = await carry_out(request, work)
    return answer(request, await _shown(request, ledger, changed))


async def _shown(request: HttpRequest, ledger: Ledger, user: UserAnswer | UserView) -> UserShown:
    return (await _all_shown(request, ledger, [user]))[0]


async def _all_shown(
    request: HttpRequest, ledger: Ledger, shown: Sequence[UserAnswer | UserView]
) -> list[UserShown]:
    seals = await seals_of(request, ledger, [user.user_id for user in shown])
    is_masked = PII not in exchange_of(request).caller.scopes
    return bodies.users(shown, seals, is_masked=is_masked)


ROUTES = (create, list_users, show, change, deactivate, erase, *security.ROUTES)
