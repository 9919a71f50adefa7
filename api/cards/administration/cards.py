"""Cards: issued, found, blocked and unblocked."""

from typing import NamedTuple

import msgspec
from litestar import get, post

from api.cards import fields
from api.cards.administration import access, bodies, operations
from api.cards.administration.limit_requests import content_of, read_limits
from api.cards.pages import page_of, read_page
from api.context import HttpRequest, JsonResponse, exchange_of, execute, new_number, respond, wait_for_reads
from api.query_string import query_of
from application.cards import (
    ChangeCardStatus,
    ChangedCard,
    CurrencyOfAccount,
    IssueCard,
    IssuedCard,
    change_card_status,
    currency_of_account,
    issue_card,
)
from domain import card_aliases, errors
from domain.cards import ACTIVE, BLOCKED, CardStatus
from projections import account_directory, card_directory

_STATUSES = (ACTIVE, BLOCKED)


class CardBody(msgspec.Struct, rename="camel"):
    """Members as they came."""

    account_id: msgspec.Raw = msgspec.Raw()
    pan_hash: msgspec.Raw = msgspec.Raw()
    masked_pan: msgspec.Raw = msgspec.Raw()
    expiry_date: msgspec.Raw = msgspec.Raw()
    limits: msgspec.Raw = msgspec.Raw()


class StatusBody(msgspec.Struct):
    status: msgspec.Raw = msgspec.Raw()
    reason: msgspec.Raw = msgspec.Raw()


_card_decoder = msgspec.json.Decoder(CardBody)
_status_decoder = msgspec.json.Decoder(StatusBody)


class AskedCard(NamedTuple):
    """All that can be read before the account's currency is known."""

    account: str
    pan_hash: str
    masked_pan: str
    expiry: str


def read_card(body: CardBody) -> AskedCard:
    return AskedCard(
        fields.account(body.account_id),
        fields.text(body.pan_hash, "panHash"),
        fields.masked_pan(body.masked_pan),
        fields.expiry_date(body.expiry_date),
    )


@post(access.CARDS, operation=operations.ISSUE_CARD)
async def issue(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    body = await fields.body(request, _card_decoder)
    asked = read_card(body)
    currency: str = await execute(request, ledger, currency_of_account, CurrencyOfAccount(asked.account))
    limits = read_limits(body.limits, "limits", currency)
    command = IssueCard(
        new_number(request),
        asked.account,
        new_number(request),
        card_aliases.of_pan_hash(asked.pan_hash),
        asked.masked_pan,
        asked.expiry,
        limits,
        fields.key(exchange_of(request), *asked, *content_of(limits)),
    )
    issued: IssuedCard = await execute(request, ledger, issue_card, command)
    return respond(bodies.issued_card(issued, command, currency), 201)


@get(access.CARDS, operation=operations.LIST_CARDS)
async def list_cards(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    query = query_of(request, "accountId", "page", "size")
    identifier = fields.account_parameter(query)
    wish = read_page(query)
    await wait_for_reads(request, ledger)
    account = await account_directory.resolve(ledger.fetch, identifier)
    if account is None:
        raise errors.AccountNotFound(identifier)
    found = await card_directory.of_account(
        ledger.fetch, account.account_id, offset=wish.offset, limit=wish.size
    )
    return respond(page_of([bodies.card(view) for view in found.cards], wish, found.total))


@get(access.CARD, operation=operations.GET_CARD)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    return respond(bodies.card(await access.read_card(request, ledger, access.card_id(request))))


@post(access.CARD + "/status", status_code=200, operation=operations.CHANGE_STATUS)
async def change_status(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card_id = access.card_id(request)
    body = await fields.body(request, _status_decoder)
    status: CardStatus = "BLOCKED" if fields.word(body.status, "status", _STATUSES) == BLOCKED else "ACTIVE"
    reason = fields.optional_text(body.reason, "reason") or ""
    command = ChangeCardStatus(card_id, status, reason, fields.key(exchange_of(request), status, reason))
    changed: ChangedCard = await execute(request, ledger, change_card_status, command)
    # The rest of what is shown never changes, so a replay is answered as the request was.
    return respond(bodies.changed_card(await access.read_card(request, ledger, card_id), changed))


ROUTES = (issue, list_cards, show, change_status)
