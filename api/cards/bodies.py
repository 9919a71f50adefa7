"""What authorizations and holds are shown as: exact amounts, times cut to whole seconds."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET

from api.amounts import amount_of
from api.cards import documents
from api.instants import whole_seconds
from application.holds import ChangedHold, ReleasedHold
from domain import authorizations
from domain.authorization_checks import REASONS
from domain.authorizations import Ruling
from domain.holds import Hold
from domain.money import Money

STATUS_OF_DECISION: Mapping[str, int] = {
    authorizations.APPROVED: 200,
    authorizations.CHALLENGE: 202,
    authorizations.DECLINED: 422,
}
_REQUEST_ID_PLACE = "{requestId}"


def decision(ruling: Ruling, challenge_url: str) -> documents.AuthorizationDecision:
    """`challenge_url` is the setting of that name, in which the request's id has a place."""
    message = REASONS[ruling.reason]
    is_challenge = ruling.decision == authorizations.CHALLENGE
    return documents.AuthorizationDecision(
        request_id=ruling.request_id,
        decision_id=ruling.decision_id,
        decision=ruling.decision,
        reason_code=ruling.reason,  # type: ignore[arg-type]  # one of REASONS
        reason_message=f"{message}: {ruling.explanation}" if ruling.explanation else message,
        approved_amount=amount_of(ruling.approved),
        currency=ruling.approved.currency,
        authorization_code=UNSET if ruling.authorization_code is None else ruling.authorization_code,
        risk_score=ruling.risk_score,
        hold_id=UNSET if ruling.hold_id is None else ruling.hold_id,
        challenge_url=(
            challenge_url.replace(_REQUEST_ID_PLACE, str(ruling.request_id)) if is_challenge else UNSET
        ),
        timestamp=whole_seconds(ruling.decided_at),
    )


def hold(shown: Hold, updated_at: datetime | None) -> documents.CardHold:
    placed = shown.placed
    return documents.CardHold(
        placed.hold_id,
        placed.request_id,
        placed.card_id,
        placed.card_account_id,
        placed.card_account_space_id,
        amount_of(placed.amount),
        amount_of(Money(shown.captured, placed.amount.currency)),
        placed.amount.currency,
        placed.merchant_id,
        placed.merchant_name,
        shown.status,
        whole_seconds(placed.placed_at),
        None if updated_at is None else whole_seconds(updated_at),
        whole_seconds(placed.expires_at),
    )


def changed_hold(changed: ChangedHold) -> documents.CardHold:
    return hold(changed.hold, datetime.fromisoformat(changed.changed_at))


def released_balance(released: ReleasedHold) -> documents.ReleasedBalance:
    currency = released.currency
    return documents.ReleasedBalance(
        released.card_account_id,
        released.card_account_space_id,
        amount_of(Money(released.available, currency)),
        amount_of(Money(released.held, currency)),
        amount_of(Money(released.posted, currency)),
        currency,
        whole_seconds(datetime.fromisoformat(released.released_at)),
    )
