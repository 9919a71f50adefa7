"""The bodies of webhooks and deliveries: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.back_office.envelope import Instant

Event = Literal[
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
]
CardEvent = Literal["AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"]
Subscribed = Literal[Event, "account.*", "transaction.*", "user.*", "transfer.*"]
DeliveryStatus = Literal["pending", "delivered", "dead_lettered"]

Url = Annotated[str, Meta(min_length=1, max_length=2048, extra_json_schema={"format": "uri"})]
Events = Annotated[list[Subscribed], Meta(min_length=1)]
Secret = Annotated[str, Meta(min_length=1, max_length=255)]


class WebhookRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """`transfer.*` and the like stand for all events of the family. The secret is never shown again."""

    url: Url
    events: Events
    secret: Secret
    active: bool = True


class WebhookChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    secret: Secret | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class WebhookShown(Struct):
    id: str
    url: str
    events: list[Subscribed]
    active: bool
    created_at: Instant
    updated_at: Instant


class DeliveryShown(Struct):
    """One event to one webhook, of whatever surface. `data` is what its message says; `response_status` is
    null where the last attempt got no answer, or there was none yet."""

    id: str
    webhook_id: str
    event: Literal[Event, CardEvent]
    data: Any
    attempts: int
    status: DeliveryStatus
    response_status: int | None
    last_attempt_at: Instant | None


class Redelivery(Struct):
    """A dead letter that is sent again; `attempts` are those before."""

    id: str
    webhook_id: str
    attempts: int
    status: Literal["pending"]
