"""Overrides: other limits for a while, for one card."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from litestar import delete, get, post

from api.cards import fields
from api.cards.administration import access, bodies, operations
from api.cards.pages import page_of, read_page
from api.context import HttpRequest, JsonResponse, exchange_of, execute, new_number, respond
from api.exchange import ApiError
from api.members import is_absent
from api.query_string import query_of
from application.cards import (
    EndOverride,
    OverriddenLimits,
    OverrideCardLimits,
    delete_override,
    override_card_limits,
)
from domain import card_limits
from projections import card_directory

MESSAGE = "Invalid override"

OVERRIDES = access.CARD + "/limit-overrides"


class OverrideBody(msgspec.Struct, rename="camel"):
    """Members as they came."""

    transaction_limit: msgspec.Raw = msgspec.Raw()
    daily_limit: msgspec.Raw = msgspec.Raw()
    monthly_limit: msgspec.Raw = msgspec.Raw()
    reason: msgspec.Raw = msgspec.Raw()
    expires_at: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(OverrideBody)


class AskedOverride(NamedTuple):
    """Limits in minor units."""

    transaction: int | None
    daily: int | None
    monthly: int | None
    reason: str
    expires_at: datetime

    @property
    def content(self) -> tuple[str, ...]:
        limits = (self.transaction, self.daily, self.monthly)
        return (*map(str, limits), self.reason, self.expires_at.isoformat())


def read_override(body: OverrideBody, currency: str) -> AskedOverride:
    """400 for all but that it ends in the past: whether it does is the ledger's to say."""
    asked = AskedOverride(
        _limit(body.transaction_limit, "transactionLimit", currency),
        _limit(body.daily_limit, "dailyLimit", currency),
        _limit(body.monthly_limit, "monthlyLimit", currency),
        fields.text(body.reason, "reason"),
        fields.instant(body.expires_at, "expiresAt"),
    )
    if asked.transaction is None and asked.daily is None and asked.monthly is None:
        raise ApiError(400, "validation_error", f"{MESSAGE}: at least one limit must be named")
    card_limits.refuse_disorder(asked.transaction, asked.daily, asked.monthly)
    return asked


def _limit(raw: msgspec.Raw, field: str, currency: str) -> int | None:
    return None if is_absent(raw) else fields.amount(raw, field, currency, MESSAGE).minor


@post(OVERRIDES, operation=operations.CREATE_OVERRIDE)
async def create(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card_id = access.card_id(request)
    body = await fields.body(request, _decoder)
    asked = read_override(body, await access.currency_of(request, ledger, card_id))
    exchange = exchange_of(request)
    command = OverrideCardLimits(
        card_id,
        new_number(request),
        asked.reason,
        exchange.caller.subject,
        asked.expires_at,
        asked.transaction,
        asked.daily,
        asked.monthly,
        fields.key(exchange, *asked.content),
    )
    made: OverriddenLimits = await execute(request, ledger, override_card_limits, command)
    return respond(bodies.override(made.card_id, made.override, made.currency), 201)


@get(OVERRIDES, operation=operations.LIST_OVERRIDES)
async def list_overrides(request: HttpRequest) -> JsonResponse:
    ledger = await access.admit(request)
    card_id = access.card_id(request)
    query = query_of(request, "includeExpired", "page", "size")
    include_expired = fields.flag_parameter(query, "includeExpired")
    wish = read_page(query)
    card = await access.read_card(request, ledger, card_id)
    found = await card_directory.overrides_of(
        ledger.fetch,
        card_id,
        include_expired=include_expired,
        at=exchange_of(request).now,
        offset=wish.offset,
        limit=wish.size,
    )
    shown = [bodies.override(card_id, override, card.currency) for override in found.overrides]
    return respond(page_of(shown, wish, found.total))


@delete(access.OVERRIDE, status_code=204, operation=operations.END_OVERRIDE)
async def end(request: HttpRequest) -> None:
    ledger = await access.admit(request)
    override_id = fields.path_id(request.path_params["overrideId"], "Limit override")
    command = EndOverride(override_id, fields.key(exchange_of(request)))
    await execute(request, ledger, delete_override, command)


ROUTES = (create, list_overrides, end)
