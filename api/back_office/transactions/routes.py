"""The routes of transactions: decode, one command or query, encode."""

from typing import Any

from litestar import get, post

from api.back_office.answers import answer, answer_page
from api.back_office.errors import not_found, refused
from api.back_office.pages import read_list_wish
from api.back_office.requests import admit, is_sent, key, members_of
from api.back_office.transactions import bodies, operations
from api.back_office.transactions.operations import BATCH, REVERSAL, TRANSACTION, TRANSACTIONS
from api.back_office.transactions.requests import (
    FILTERS,
    MEMBERS,
    read_batch,
    read_reason,
    read_transaction,
    read_wanted,
)
from api.context import HttpRequest, JsonResponse, exchange_of, execute, new_number, wait_for_reads
from api.members import read_flag
from application.idempotency import RequestKey
from application.transactions import (
    Attempt,
    BatchAnswer,
    PostBatch,
    PostTransaction,
    ReverseTransaction,
    post_batch,
    post_transaction,
    reverse_transaction,
)
from infrastructure.ledgers import Ledger
from projections import account_directory, transaction_pages
from projections.transaction_pages import SORTS

_READ, _WRITE = "banking.read", "banking.write"
# What the back office can undo: its own transactions, and transfers.
_REVERSIBLE = ("txn_", "tx_")


@post(TRANSACTIONS, status_code=201, operation=operations.CREATE)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    asked, content = read_transaction(await members_of(request, *MEMBERS))
    request_key = key(exchange_of(request), *content)
    command = PostTransaction(_seed(request, request_key), asked, request_key)
    attempt: Attempt = await execute(request, ledger, post_transaction, command)
    return answer(request, bodies.completed(attempt), 201)


@post(BATCH, status_code=201, operation=operations.CREATE_BATCH)
async def create_batch(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    members = await members_of(request, "atomic", "transactions")
    is_atomic = is_sent(members["atomic"]) and read_flag(members["atomic"], "atomic")
    read = read_batch(members)
    content = [text for one in read for text in one.content]
    request_key = key(exchange_of(request), str(is_atomic), *content)
    command = PostBatch(_seed(request, request_key), tuple(one.asked for one in read), is_atomic, request_key)
    posted: BatchAnswer = await execute(request, ledger, post_batch, command)
    if posted.is_undone:
        raise bodies.batch_failed(posted)
    return answer(request, bodies.batch(posted), 200 if posted.failed else 201)


@get(TRANSACTIONS, operation=operations.LIST)
async def list_transactions(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    wish = read_list_wish(request, filters=FILTERS, sorts=SORTS)
    # Read before anything is waited for, and once more with the account that is meant.
    wanted = read_wanted(wish.given, None)
    await wait_for_reads(request, ledger)
    if "account_id" in wish.given:
        account = await account_directory.resolve(ledger.fetch, wish.given["account_id"])
        if account is None:
            return answer_page(request, wish, [], 0)
        wanted = wanted._replace(account_id=account.account_id)
    sort: Any = wish.sort
    found = await transaction_pages.page(
        ledger.fetch,
        wanted,
        sort=sort,
        is_descending=wish.is_descending,
        limit=wish.limit,
        offset=wish.offset,
    )
    return answer_page(request, wish, [bodies.listed(view) for view in found.transactions], found.total)


@get(TRANSACTION, operation=operations.SHOW)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _READ)
    await wait_for_reads(request, ledger)
    view = await transaction_pages.one(ledger.fetch, _identifier(request))
    if view is None:
        raise not_found("Transaction")
    return answer(request, bodies.listed(view))


@post(REVERSAL, status_code=201, operation=operations.REVERSE)
async def reverse(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, _WRITE)
    identifier = _identifier(request)
    reason = read_reason(await members_of(request, "reason", is_optional=True))
    if not identifier.startswith(_REVERSIBLE):
        await _refuse_others(request, ledger, identifier)
    request_key = key(exchange_of(request), reason)
    command = ReverseTransaction(identifier, _seed(request, request_key), reason, request_key)
    attempt: Attempt = await execute(request, ledger, reverse_transaction, command)
    return answer(request, bodies.completed(attempt), 201)


async def _refuse_others(request: HttpRequest, ledger: Ledger, identifier: str) -> None:
    await wait_for_reads(request, ledger)
    if await transaction_pages.one(ledger.fetch, identifier) is None:
        raise not_found("Transaction")
    raise refused(409, "CONFLICT", "Only transactions of the back office and transfers can be reversed here")


def _identifier(request: HttpRequest) -> str:
    identifier: str = request.path_params["transactionId"]
    if not identifier.isprintable():
        # None has such characters, and the ledger takes neither NUL nor lone surrogates.
        raise not_found("Transaction")
    return identifier


def _seed(request: HttpRequest, request_key: RequestKey | None) -> str:
    """What the ids of this request's transactions are made of: the same again for the same key."""
    return str(new_number(request)) if request_key is None else request_key.request_id


ROUTES = (create, create_batch, list_transactions, show, reverse)
