"""How each surface writes what it tells webhooks: one entry for a surface."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from api.back_office import webhook_messages as back_office
from api.cards.webhook_messages import CardMessages
from application.webhooks import Message, Notice, PastFact
from domain import webhooks


class _Writer(NamedTuple):
    """`compose` makes the whole message, `data` what it says of the event: for lists of deliveries, too."""

    compose: Callable[[Notice], Message]
    data: Callable[[str, Sequence[PastFact]], Any]


class WebhookMessages:
    """Implements the port `application.webhooks.Messages`. `challenge_url` is the setting of that name."""

    def __init__(self, challenge_url: str) -> None:
        cards = CardMessages(challenge_url)
        self._writers: Mapping[str, _Writer] = {
            webhooks.BACK_OFFICE: _Writer(back_office.compose, back_office.data),
            webhooks.CARDS: _Writer(cards.compose, cards.data),
        }

    def compose(self, notice: Notice) -> Message:
        return self._writers[notice.surface].compose(notice)

    def data(self, surface: str, event_type: str, history: Sequence[PastFact]) -> Any:
        """What a message of that type says of the history's last fact."""
        return self._writers[surface].data(event_type, history)
