"""What the card surface tells webhooks, signed in a header."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from api.amounts import amount_of
from api.cards import bodies, documents
from api.exchange import encode
from application.webhooks import Message, Notice, PastFact
from domain import holds
from domain.authorizations import (
    AuthorizationDecided,
    AuthorizationReversed,
    ChallengeCompleted,
    ChallengeExpired,
    Ruling,
)
from domain.holds import Hold
from domain.money import Money

_EXCEEDED = "_EXCEEDED"

Data = Callable[[Sequence[PastFact], str], Any]
"""From the fact's stream, the fact its last, to what a message says of it. Also given: where cardholders
complete a challenge, as the setting `challenge_url` has it."""


def _ruling(history: Sequence[PastFact]) -> Ruling:
    event = history[-1].event
    assert isinstance(
        event, AuthorizationDecided | ChallengeCompleted | ChallengeExpired | AuthorizationReversed
    ), "every fact of an authorization is a decision"
    return event.ruling


def _decision(history: Sequence[PastFact], challenge_url: str) -> documents.AnnouncedDecision:
    asked = history[0].event
    assert isinstance(asked, AuthorizationDecided), "an authorization's first event decides it"
    decision = bodies.decision(_ruling(history), challenge_url)
    return documents.AnnouncedDecision(**structs.asdict(decision), card_id=asked.card_id)


def _breach(history: Sequence[PastFact], challenge_url: str) -> documents.AnnouncedBreach:
    ruling = _ruling(history)
    assert ruling.breached_limit is not None, "announced where a limit is breached"
    return documents.AnnouncedBreach(
        **structs.asdict(_decision(history, challenge_url)),
        limit=ruling.reason.removesuffix(_EXCEEDED),
        limit_amount=amount_of(Money(ruling.breached_limit, ruling.approved.currency)),
    )


def _hold(history: Sequence[PastFact], _: str) -> documents.CardHold:
    hold: Hold | None = None
    for fact in history:
        hold = holds.evolve(hold, fact.event)  # type: ignore[arg-type]  # of a hold's stream
    assert hold is not None, "a hold's first event places it"
    return bodies.hold(hold, history[-1].effective_at)


_DATA: Mapping[str, Data] = {
    "AUTHORIZATION_DECISION": _decision,
    "HOLD_STATUS_CHANGE": _hold,
    "LIMIT_BREACH": _breach,
}


class CardMessages:
    def __init__(self, challenge_url: str) -> None:
        self._challenge_url = challenge_url

    def data(self, event_type: str, history: Sequence[PastFact]) -> Any:
        """What a message of that type says of the history's last fact."""
        return _DATA[event_type](history, self._challenge_url)

    def compose(self, notice: Notice) -> Message:
        """The signature is of the raw body."""
        body = encode(
            {
                "event": notice.event_type,
                "id": notice.event_id,
                "timestamp": _instant(notice.history[-1].effective_at),
                "data": self.data(notice.event_type, notice.history),
            }
        )
        signature = hmac.new(notice.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Webhook-Id": notice.event_id,
            "X-Webhook-Signature": f"sha256={signature}",
        }
        return Message(notice.url, body, headers)


def _instant(at: datetime) -> str:
    """Whole seconds, unless there is a fraction to show."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
