"""Webhooks of the card surface: where its events are announced to. A secret is never shown again."""

from typing import NamedTuple

import msgspec
from litestar import delete, get, post

from api.cards import fields
from api.cards.administration import access, bodies, operations
from api.cards.pages import page_of, read_page
from api.context import (
    HttpRequest,
    JsonResponse,
    exchange_of,
    execute,
    new_number,
    respond,
    services_of,
    wait_for_reads,
)
from api.exchange import Exchange
from api.query_string import query_of
from api.webhook_terms import read_events, read_url, secret_digest
from application.idempotency import RequestKey
from application.webhooks import CreateWebhook, DeleteWebhook, WebhookAnswer, create_webhook, delete_webhook
from domain import errors
from domain.webhooks import CARDS, number_of, webhook_id
from projections import webhooks

MESSAGE = "Invalid webhook configuration"


class WebhookBody(msgspec.Struct):
    """Members as they came."""

    url: msgspec.Raw = msgspec.Raw()
    events: msgspec.Raw = msgspec.Raw()
    secret: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(WebhookBody)


class AskedWebhook(NamedTuple):
    url: str
    events: tuple[str, ...]
    secret: str


def read_webhook(body: WebhookBody, *, is_sandbox: bool) -> AskedWebhook:
    return AskedWebhook(
        read_url(body.url, is_sandbox=is_sandbox, message=MESSAGE),
        read_events(body.events, CARDS, MESSAGE),
        fields.text(body.secret, "secret"),
    )


def _key(exchange: Exchange, asked: AskedWebhook) -> RequestKey | None:
    return fields.key(exchange, asked.url, secret_digest(exchange, asked.secret), *asked.events)


@post(access.WEBHOOKS, operation=operations.CREATE_WEBHOOK)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request, access.WEBHOOKS_SCOPE)
    services = services_of(request)
    body = await fields.body(request, _decoder, has_secret=True)
    asked = read_webhook(body, is_sandbox=services.settings.sandbox)
    identifier = webhook_id(new_number(request))
    command = CreateWebhook(
        identifier,
        CARDS,
        asked.url,
        asked.events,
        services.seal.close(asked.secret, identifier),
        key=_key(exchange_of(request), asked),
    )
    created: WebhookAnswer = await execute(request, ledger, create_webhook, command)
    return respond(bodies.webhook(created), 201)


@get(access.WEBHOOKS, operation=operations.LIST_WEBHOOKS)
async def list_webhooks(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request, access.WEBHOOKS_SCOPE)
    wish = read_page(query_of(request, "page", "size"))
    await wait_for_reads(request, ledger)
    found = await webhooks.page(ledger.fetch, CARDS, limit=wish.size, offset=wish.offset)
    return respond(page_of([bodies.webhook(view) for view in found.webhooks], wish, found.total))


@get(access.WEBHOOK, operation=operations.GET_WEBHOOK)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request, access.WEBHOOKS_SCOPE)
    identifier = _identifier(request)
    await wait_for_reads(request, ledger)
    view = await webhooks.one(ledger.fetch, CARDS, identifier)
    if view is None:
        raise errors.WebhookNotFound(identifier)
    return respond(bodies.webhook(view))


@delete(access.WEBHOOK, status_code=204, operation=operations.DELETE_WEBHOOK)
async def end(request: HttpRequest) -> None:
    ledger = await access.admit(request, access.WEBHOOKS_SCOPE)
    command = DeleteWebhook(_identifier(request), CARDS, fields.key(exchange_of(request)))
    await execute(request, ledger, delete_webhook, command)


def _identifier(request: HttpRequest) -> str:
    """The id in the path; 404 where it can be no webhook's."""
    identifier: str = request.path_params["webhookId"]
    if number_of(identifier) is None:
        raise errors.WebhookNotFound(identifier)
    return identifier


ROUTES = (create, list_webhooks, show, end)
