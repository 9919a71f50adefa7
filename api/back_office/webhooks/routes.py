"""The routes of webhooks and their deliveries: decode, one command or query, encode."""

from litestar import delete, get, post, put

from api.back_office.answers import answer, answer_page
from api.back_office.pages import ListWish, read_list_wish
from api.back_office.requests import admit, key, members_of
from api.back_office.webhooks import bodies, operations
from api.back_office.webhooks.operations import (
    DEAD_LETTERS,
    DELIVERIES,
    REDELIVERY,
    STATUSES,
    WEBHOOK,
    WEBHOOKS,
    WEBHOOKS_SCOPE,
)
from api.back_office.webhooks.requests import MEMBERS, read_change, read_webhook
from api.context import (
    HttpRequest,
    JsonResponse,
    exchange_of,
    execute,
    new_number,
    services_of,
    wait_for_reads,
)
from api.query_string import one_of
from api.webhook_messages import WebhookMessages
from application.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    Requeue,
    RequeuedAnswer,
    UpdateWebhook,
    WebhookAnswer,
    create_webhook,
    delete_webhook,
    requeue,
    update_webhook,
)
from domain import deliveries, errors
from domain.webhooks import BACK_OFFICE, number_of, webhook_id
from infrastructure.ledgers import Ledger
from projections import webhook_delivery_pages as pages
from projections import webhooks
from projections.webhook_delivery_pages import DeliveryPage
from projections.webhooks import WebhookView


@post(WEBHOOKS, status_code=201, operation=operations.CREATE)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    services, exchange = services_of(request), exchange_of(request)
    asked = read_webhook(await members_of(request, *MEMBERS), is_sandbox=services.settings.sandbox)
    assert asked.url and asked.events and asked.secret, "all of them are required"
    identifier = webhook_id(new_number(request))
    command = CreateWebhook(
        identifier,
        BACK_OFFICE,
        asked.url,
        asked.events,
        services.seal.close(asked.secret, identifier),
        active=bool(asked.active),
        key=key(exchange, *asked.content(exchange)),
    )
    created: WebhookAnswer = await execute(request, ledger, create_webhook, command)
    return answer(request, bodies.webhook(created), 201)


@get(WEBHOOKS, operation=operations.LIST)
async def list_webhooks(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    wish = read_list_wish(request)
    await wait_for_reads(request, ledger)
    found = await webhooks.page(
        ledger.fetch,
        BACK_OFFICE,
        limit=wish.limit,
        offset=wish.offset,
        is_newest_first=wish.is_descending,
    )
    return answer_page(request, wish, [bodies.webhook(view) for view in found.webhooks], found.total)


@get(WEBHOOK, operation=operations.SHOW)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    return answer(request, bodies.webhook(await _find(request, ledger)))


@put(WEBHOOK, operation=operations.CHANGE)
async def change(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    services, exchange = services_of(request), exchange_of(request)
    identifier = _identifier(request)
    asked = read_change(await members_of(request, *MEMBERS), is_sandbox=services.settings.sandbox)
    command = UpdateWebhook(
        identifier,
        BACK_OFFICE,
        url=asked.url,
        events=asked.events,
        secret=None if asked.secret is None else services.seal.close(asked.secret, identifier),
        active=asked.active,
        key=key(exchange, *asked.content(exchange)),
    )
    changed: WebhookAnswer = await execute(request, ledger, update_webhook, command)
    return answer(request, bodies.webhook(changed))


@delete(WEBHOOK, status_code=200, operation=operations.DELETE)
async def end(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    command = DeleteWebhook(_identifier(request), BACK_OFFICE, key(exchange_of(request)))
    deleted: WebhookAnswer = await execute(request, ledger, delete_webhook, command)
    return answer(request, bodies.webhook(deleted))


@get(DELIVERIES, operation=operations.LIST_DELIVERIES)
async def list_deliveries(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    wish = read_list_wish(request, filters=("status",))
    status = one_of(wish.given, "status", STATUSES)
    webhook = await _find(request, ledger, surface=None)
    found = await pages.of_webhook(
        ledger.fetch,
        webhook.webhook_id,
        status=status,
        limit=wish.limit,
        offset=wish.offset,
        is_newest_first=wish.is_descending,
    )
    return await _answer_deliveries(request, ledger, wish, found)


@get(DEAD_LETTERS, operation=operations.LIST_DEAD_LETTERS)
async def list_dead_letters(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    wish = read_list_wish(request)
    await wait_for_reads(request, ledger)
    found = await pages.dead_letters(
        ledger.fetch,
        limit=wish.limit,
        offset=wish.offset,
        is_newest_first=wish.is_descending,
    )
    return await _answer_deliveries(request, ledger, wish, found)


@post(REDELIVERY, status_code=202, operation=operations.REDELIVER)
async def redeliver(request: HttpRequest) -> JsonResponse:
    ledger = await admit(request, WEBHOOKS_SCOPE)
    await members_of(request, is_optional=True)
    identifier: str = request.path_params["deliveryId"]
    if deliveries.key_of(identifier) is None:
        raise errors.DeliveryNotFound(identifier)
    command = Requeue(identifier, key(exchange_of(request)))
    requeued: RequeuedAnswer = await execute(request, ledger, requeue, command)
    return answer(request, bodies.redelivery(requeued), 202)


async def _find(request: HttpRequest, ledger: Ledger, surface: str | None = BACK_OFFICE) -> WebhookView:
    """The webhook in the path, with all that was written so far. Deliveries are looked at on any surface."""
    identifier = _identifier(request)
    await wait_for_reads(request, ledger)
    view = await webhooks.one(ledger.fetch, surface, identifier)
    if view is None:
        raise errors.WebhookNotFound(identifier)
    return view


def _identifier(request: HttpRequest) -> str:
    """The id in the path; 404 where it can be no webhook's."""
    identifier: str = request.path_params["webhookId"]
    if number_of(identifier) is None:
        raise errors.WebhookNotFound(identifier)
    return identifier


async def _answer_deliveries(
    request: HttpRequest, ledger: Ledger, wish: ListWish, found: DeliveryPage
) -> JsonResponse:
    # An account may have a million events, and what is told of it takes two of them.
    long = [view.position for view in found.deliveries if view.event_type.startswith("account.")]
    short = [view.position for view in found.deliveries if not view.event_type.startswith("account.")]
    histories = await pages.histories(ledger.fetch, long, events_max=2)
    histories |= await pages.histories(ledger.fetch, short)
    messages = WebhookMessages(services_of(request).settings.challenge_url)
    rows = [bodies.delivery(view, histories, messages) for view in found.deliveries]
    return answer_page(request, wish, rows, found.total)


ROUTES = (
    create,
    list_webhooks,
    list_dead_letters,
    show,
    change,
    end,
    list_deliveries,
    redeliver,
)
