"""A card's limits: shown, and changed."""

from litestar import get, put

from api.cards import fields
from api.cards.administration import access, bodies, operations
from api.cards.administration.limit_requests import content_of, limits_decoder, read_change
from api.context import HttpRequest, JsonResponse, exchange_of, execute, respond
from application.cards import ChangeCardLimits, ChangedLimits, change_card_limits

LIMITS = access.CARD + "/limits"


@get(LIMITS, operation=operations.GET_LIMITS)
async def show(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card = await access.read_card(request, ledger, access.card_id(request))
    return respond(bodies.current_limits(card))


@put(LIMITS, operation=operations.CHANGE_LIMITS)
async def change(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card_id = access.card_id(request)
    body = await fields.body(request, limits_decoder)
    wanted = read_change(body, await access.currency_of(request, ledger, card_id))
    key = fields.key(exchange_of(request), *content_of(wanted))
    command = ChangeCardLimits(card_id, wanted, key)
    changed: ChangedLimits = await execute(request, ledger, change_card_limits, command)
    return respond(bodies.changed_limits(changed))


ROUTES = (show, change)
