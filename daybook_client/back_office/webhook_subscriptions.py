"""What is told to whom: webhooks, what was delivered to them, and what could not be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from daybook_client.back_office.envelope import PREFIX, data_of, sorted_listing
from daybook_client.calls import Call, Listing, reading, writing

WEBHOOKS, WEBHOOK = f"{PREFIX}/webhooks", f"{PREFIX}/webhooks/{{webhookId}}"
DELIVERIES, DEAD_LETTERS = f"{WEBHOOK}/deliveries", f"{WEBHOOKS}/dead-letters"
REDELIVER = f"{DEAD_LETTERS}/{{deliveryId}}/redeliver"


class Webhook(Struct):
    id: str
    url: str
    events: list[str]
    active: bool
    created_at: datetime
    updated_at: datetime


class Delivery(Struct):
    """Amounts in `data` are exact."""

    id: str
    webhook_id: str
    event: str
    data: dict[str, Any]
    attempts: int
    status: str
    response_status: int | None
    last_attempt_at: datetime | None


class Redelivery(Struct):
    id: str
    webhook_id: str
    attempts: int
    status: str


def list_webhooks(
    *, sort: str | None = None, order: str | None = None, limit: int | None = None
) -> Listing[Webhook]:
    return sorted_listing(WEBHOOKS, Webhook, {}, sort=sort, order=order, limit=limit)


def subscribe(
    url: str,
    events: Sequence[str],
    secret: str,
    *,
    active: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[Webhook]:
    """`transfer.*` and the like stand for a whole family."""
    body = {"url": url, "events": events, "secret": secret, "active": active}
    return writing("POST", WEBHOOKS, data_of(Webhook), body, key=idempotency_key)


def show(webhook_id: str) -> Call[Webhook]:
    return reading(WEBHOOK, data_of(Webhook), webhookId=webhook_id)


def change(
    webhook_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    secret: str | None = None,
    active: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[Webhook]:
    body = {"url": url, "events": events, "secret": secret, "active": active}
    return writing("PUT", WEBHOOK, data_of(Webhook), body, key=idempotency_key, webhookId=webhook_id)


def delete(webhook_id: str, *, idempotency_key: str | None = None) -> Call[Webhook]:
    return writing("DELETE", WEBHOOK, data_of(Webhook), key=idempotency_key, webhookId=webhook_id)


def list_deliveries(
    webhook_id: str,
    *,
    status: str | None = None,
    sort: str | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> Listing[Delivery]:
    query, place = {"status": status}, {"webhookId": webhook_id}
    return sorted_listing(DELIVERIES, Delivery, query, sort=sort, order=order, limit=limit, **place)


def list_dead_letters(
    *, sort: str | None = None, order: str | None = None, limit: int | None = None
) -> Listing[Delivery]:
    return sorted_listing(DEAD_LETTERS, Delivery, {}, sort=sort, order=order, limit=limit)


def redeliver(delivery_id: str, *, idempotency_key: str | None = None) -> Call[Redelivery]:
    read = data_of(Redelivery)
    return writing("POST", REDELIVER, read, key=idempotency_key, deliveryId=delivery_id)
