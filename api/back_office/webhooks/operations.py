"""The routes of webhooks as the OpenAPI document describes them."""

from typing import Any

from api.back_office import documents as shared
from api.back_office.documents import IDEMPOTENCY_KEY, MIN_POSITION
from api.back_office.webhooks.documents import (
    DeliveryShown,
    DeliveryStatus,
    Redelivery,
    WebhookChange,
    WebhookRequest,
    WebhookShown,
)
from api.operations import Answer, Operation, Parameter
from domain.deliveries import DEAD_LETTERED, DELIVERED, PENDING

TAG = "Back office webhooks"
WEBHOOKS_SCOPE = "webhooks.admin"
STATUSES = (PENDING, DELIVERED, DEAD_LETTERED)

WEBHOOKS = "/backoffice/v1/webhooks"
WEBHOOK = WEBHOOKS + "/{webhookId:str}"
DELIVERIES = WEBHOOK + "/deliveries"
DEAD_LETTERS = WEBHOOKS + "/dead-letters"
REDELIVERY = DEAD_LETTERS + "/{deliveryId:str}/redeliver"

_SCOPES = (WEBHOOKS_SCOPE,)
_ID = Parameter("webhookId", "path", "The webhook's id.", is_required=True, example="webhook-123456")
_DELIVERY_ID = Parameter(
    "deliveryId", "path", "The dead letter's id.", is_required=True, example="dlv_5_0_123456"
)
_STATUS: Any = DeliveryStatus
_STATUS_FILTER = Parameter("status", "query", "Only deliveries with that status.", _STATUS)

_REQUEST = {
    "url": "https://your-app.com/webhooks/banking",
    "events": ["account.created", "transaction.created"],
    "secret": "webhook_secret_key",
    "active": True,
}
_WEBHOOK = {
    "id": "webhook-123456",
    "url": "https://your-app.com/webhooks/banking",
    "events": ["account.created", "transaction.created"],
    "active": True,
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
}
_DELIVERY = {
    "id": "dlv_5_0_123456",
    "webhook_id": "webhook-123456",
    "event": "account.created",
    "data": {
        "account_id": "123456",
        "account_type": "checking",
        "customer_id": "789012",
        "status": "active",
    },
    "attempts": 10,
    "status": "dead_lettered",
    "response_status": 503,
    "last_attempt_at": "2024-01-02T11:30:00Z",
}
_REDELIVERY = {
    "id": "dlv_5_0_123456",
    "webhook_id": "webhook-123456",
    "attempts": 10,
    "status": "pending",
}


def _without_body(answers: dict[int, Answer]) -> dict[int, Answer]:
    return {status: answers[status] for status in answers if status != 415}


CREATE = Operation(
    TAG,
    "Subscribe to events",
    shared.done("Events from here on are sent.", WebhookShown, _WEBHOOK, status=201),
    description=(
        "Each event is posted as JSON with `event`, `data`, `timestamp` and, last, `signature`: `sha256=` and"
        " the hexadecimal HMAC-SHA256, with the secret, of the bytes that were sent without"
        ' `,"signature":"…"`. `X-Webhook-Id` is the same over all attempts. Events come at least once, and'
        " those of one account, transaction, transfer or user in order. Outside the sandbox the receiver has"
        " to be on the public internet."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(WebhookRequest,),
    examples={"banking": _REQUEST, "transfers": _REQUEST | {"events": ["transfer.*"]}},
    scopes=_SCOPES,
)

LIST = Operation(
    TAG,
    "List webhooks",
    shared.listed("Without their secrets.", WebhookShown, _WEBHOOK),
    parameters=shared.page_parameters(),
    scopes=_SCOPES,
)

SHOW = Operation(
    TAG,
    "Show a webhook",
    shared.shown("Without its secret.", WebhookShown, _WEBHOOK),
    parameters=(_ID, MIN_POSITION),
    scopes=_SCOPES,
)

CHANGE = Operation(
    TAG,
    "Change a webhook",
    shared.done("The webhook after the change.", WebhookShown, _WEBHOOK),
    description=(
        "What is not named stays. While a webhook is not active nothing is queued for it; what was queued"
        " before waits until it is active again."
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(WebhookChange,),
    examples={"deactivate": {"active": False}, "new_secret": {"secret": "another_secret_key"}},
    scopes=_SCOPES,
)

DELETE = Operation(
    TAG,
    "Delete a webhook",
    _without_body(shared.done("The webhook as it was. What was still to be sent is dropped.", WebhookShown)),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=_SCOPES,
)

LIST_DELIVERIES = Operation(
    TAG,
    "List what was sent to a webhook, and what waits",
    shared.listed("In the order of the events.", DeliveryShown, _DELIVERY),
    parameters=(_ID, _STATUS_FILTER, *shared.page_parameters()),
    scopes=_SCOPES,
)

LIST_DEAD_LETTERS = Operation(
    TAG,
    "List what was given up",
    shared.listed("Of all webhooks, in the order of the events.", DeliveryShown, _DELIVERY),
    description="A dead letter was tried as often as it is tried; later events of the same subject go on.",
    parameters=shared.page_parameters(),
    scopes=_SCOPES,
)

REDELIVER = Operation(
    TAG,
    "Send a dead letter again",
    _without_body(shared.done("It has all its attempts once more.", Redelivery, _REDELIVERY, status=202)),
    description="409 where it is no dead letter, or not any more.",
    parameters=(_DELIVERY_ID, IDEMPOTENCY_KEY),
    scopes=_SCOPES,
)
