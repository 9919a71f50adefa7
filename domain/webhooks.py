"""A webhook: where events of one surface are announced to, and which. Public id and stream name are the same.

Its secret is sealed before it comes here: the log never holds it in clear.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import assert_never

import msgspec

from domain import errors
from domain.events import Event

CARDS, BACK_OFFICE, STABLECOIN = "cards", "back_office", "stablecoin"

# What can be subscribed to. A family such as `transfer.*` stands for all of its events.
EVENT_TYPES: Mapping[str, tuple[str, ...]] = {
    CARDS: ("AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"),
    BACK_OFFICE: (
        "account.created",
        "account.updated",
        "account.closed",
        "transaction.created",
        "transaction.failed",
        "user.created",
        "user.updated",
        "transfer.created",
        "transfer.pending",
        "transfer.processing",
        "transfer.settled",
        "transfer.failed",
        "transfer.cancelled",
        "transfer.reversed",
    ),
    STABLECOIN: (
        "payment.received",
        "risk_check.complete",
        "transfer.complete",
        "exchange.complete",
        "wallet.blocked",
        "transaction.failed",
    ),
}
FAMILIES: Mapping[str, tuple[str, ...]] = {
    BACK_OFFICE: ("account.*", "transaction.*", "user.*", "transfer.*"),
}

_PREFIX = "webhook-"


class WebhookCreated(Event, frozen=True):
    """`secret` is sealed text, bound to the webhook's id."""

    TOPIC = "webhook.created"
    webhook_id: str
    surface: str
    url: str
    events: tuple[str, ...]
    secret: str
    created_at: datetime
    active: bool = True


class WebhookUpdated(Event, frozen=True):
    """What it is from now on, whole. `secret` is there only where it was replaced."""

    TOPIC = "webhook.updated"
    surface: str
    url: str
    events: tuple[str, ...]
    active: bool
    updated_at: datetime
    secret: str | None = None


class WebhookDeleted(Event, frozen=True):
    """What was still to be delivered is dropped with it."""

    TOPIC = "webhook.deleted"


WebhookEvent = WebhookCreated | WebhookUpdated | WebhookDeleted


class Webhook(msgspec.Struct, frozen=True):
    webhook_id: str
    surface: str
    url: str
    events: tuple[str, ...]
    secret: str
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    is_deleted: bool = False


def webhook_id(number: int) -> str:
    return f"{_PREFIX}{number}"


def number_of(identifier: str) -> int | None:
    """The number in a webhook's id; None where it is no id of a webhook."""
    digits = identifier.removeprefix(_PREFIX)
    # As many digits as a number that is safe in JavaScript has at most.
    if (
        not (digits.isascii() and digits.isdigit() and len(digits) <= 16)
        or webhook_id(int(digits)) != identifier
    ):
        return None
    return int(digits)


def expanded(surface: str, events: Sequence[str]) -> list[str]:
    """The event types that a subscription to `events` stands for, families spelled out."""
    known = EVENT_TYPES.get(surface, ())
    types: list[str] = []
    for event in events:
        family = event.removesuffix("*") if event.endswith(".*") else None
        types += [event] if family is None else [each for each in known if each.startswith(family)]
    return list(dict.fromkeys(types))


def knows(surface: str, event: str) -> bool:
    """Whether the surface has such an event type, or family of them."""
    return event in EVENT_TYPES[surface] or event in FAMILIES.get(surface, ())


def update(
    webhook: Webhook,
    at: datetime,
    *,
    url: str | None = None,
    events: tuple[str, ...] | None = None,
    secret: str | None = None,
    active: bool | None = None,
) -> WebhookUpdated:
    """Changes what is given and leaves the rest."""
    return WebhookUpdated(
        surface=webhook.surface,
        url=webhook.url if url is None else url,
        events=webhook.events if events is None else events,
        active=webhook.is_active if active is None else active,
        updated_at=at,
        secret=secret,
    )


def require(webhook: Webhook | None, identifier: str, surface: str) -> Webhook:
    """The webhook, unless it is deleted or another surface's."""
    if webhook is None or webhook.is_deleted or webhook.surface != surface:
        raise errors.WebhookNotFound(identifier)
    return webhook


def evolve(webhook: Webhook | None, event: WebhookEvent) -> Webhook:
    if isinstance(event, WebhookCreated):
        return Webhook(
            event.webhook_id,
            event.surface,
            event.url,
            event.events,
            event.secret,
            event.created_at,
            event.created_at,
            event.active,
        )
    assert webhook is not None, "a webhook's first event creates it"
    match event:
        case WebhookUpdated():
            return msgspec.structs.replace(
                webhook,
                url=event.url,
                events=event.events,
                secret=event.secret or webhook.secret,
                is_active=event.active,
                updated_at=event.updated_at,
            )
        case WebhookDeleted():
            return msgspec.structs.replace(webhook, is_active=False, is_deleted=True)
        case _:
            assert_never(event)
