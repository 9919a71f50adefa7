"""Webhooks of the card surface: where its events are announced to. A secret is never shown again."""

import hashlib
import hmac
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
from api.exchange import Exchange, invalid
from api.members import among, is_absent, read_text
from api.query_string import query_of
from application.idempotency import RequestKey
from application.webhooks import CreateWebhook, DeleteWebhook, WebhookAnswer, create_webhook, delete_webhook
from domain import errors
from domain.webhooks import CARDS, EVENT_TYPES, number_of, webhook_id
from infrastructure.webhook_addresses import URL_LENGTH_MAX, is_allowed_url
from projections import webhooks

MESSAGE = "Invalid webhook configuration"


class WebhookBody(msgspec.Struct):
    """Members as they came."""

    url: msgspec.Raw = msgspec.Raw()
    events: msgspec.Raw = msgspec.Raw()
    secret: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(WebhookBody)
_events_decoder = msgspec.json.Decoder(list[str])


class AskedWebhook(NamedTuple):
    url: str
    events: tuple[str, ...]
    secret: str


def read_webhook(body: WebhookBody, *, is_sandbox: bool) -> AskedWebhook:
    """Outside the sandbox only receivers on the public internet are taken."""
    return AskedWebhook(
        _url(body.url, is_sandbox=is_sandbox), _events(body.events), fields.text(body.secret, "secret")
    )


def _url(raw: msgspec.Raw, *, is_sandbox: bool) -> str:
    if is_absent(raw):
        raise invalid("url", "is required")
    url = read_text(raw, "url", URL_LENGTH_MAX)
    if not is_allowed_url(url, is_sandbox=is_sandbox):
        place = "" if is_sandbox else " of the public internet"
        raise invalid("url", f"must be an http or https address{place}, without user and password", MESSAGE)
    return url


def _events(raw: msgspec.Raw) -> tuple[str, ...]:
    """Each once, in the order in which they were named."""
    known = EVENT_TYPES[CARDS]
    try:
        events = [] if is_absent(raw) else _events_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("events", "must be a list of events", MESSAGE) from None
    if not events:
        raise invalid("events", "must name at least one event", MESSAGE)
    if not set(events) <= set(known):
        raise invalid("events", f"must only name known events: {among(known)}", MESSAGE)
    return tuple(dict.fromkeys(events))


def _key(exchange: Exchange, asked: AskedWebhook) -> RequestKey | None:
    # What is asked for is recorded as a digest. Salted with the key, which is not recorded, it does not help
    # to guess the secret.
    salt = (exchange.header(b"idempotency-key") or "").encode()
    secret = hmac.new(salt, asked.secret.encode(), hashlib.sha256).hexdigest()
    return fields.key(exchange, asked.url, secret, *asked.events)


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
