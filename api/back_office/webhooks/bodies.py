"""What is shown of webhooks and deliveries. Secrets never are."""

from collections.abc import Mapping, Sequence

from api.back_office.webhooks.documents import DeliveryShown, Redelivery, WebhookShown
from api.instants import whole_seconds
from api.webhook_messages import WebhookMessages
from application.webhooks import RequeuedAnswer, WebhookAnswer
from projections.read_model import Recorded
from projections.webhook_delivery_pages import DeliveryView
from projections.webhooks import WebhookView


def webhook(shown: WebhookAnswer | WebhookView) -> WebhookShown:
    return WebhookShown(
        shown.webhook_id,
        shown.url,
        list(shown.events),  # type: ignore[arg-type]  # none but the surface's
        shown.active if isinstance(shown, WebhookAnswer) else shown.is_active,
        whole_seconds(shown.created_at),
        whole_seconds(shown.updated_at),
    )


def delivery(
    view: DeliveryView, histories: Mapping[int, Sequence[Recorded]], messages: WebhookMessages
) -> DeliveryShown:
    """`histories` as `projections.webhook_delivery_pages` gives them."""
    return DeliveryShown(
        view.delivery_id,
        view.webhook_id,
        view.event_type,  # type: ignore[arg-type]  # one of those that can be subscribed to
        messages.data(view.surface, view.event_type, histories[view.position]),
        view.attempts,
        view.status,  # type: ignore[arg-type]  # one of the three
        view.response_status,
        None if view.last_attempt_at is None else whole_seconds(view.last_attempt_at),
    )


def redelivery(requeued: RequeuedAnswer) -> Redelivery:
    return Redelivery(requeued.delivery_id, requeued.webhook_id, requeued.attempts, "pending")
