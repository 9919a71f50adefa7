"""What administration answers: limits and spending with the digits of the account's currency."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import UNSET, UnsetType

from api.amounts import Amount, amount_of
from api.cards.administration import documents
from api.instants import whole_seconds
from application.cards import ChangedCard, ChangedLimits, IssueCard, IssuedCard
from application.webhooks import WebhookAnswer
from domain.card_limits import CHANNELS, CardLimits, ChannelLimits, Override
from domain.money import Money
from projections.card_directory import CardView
from projections.card_spending import Spent, Summary
from projections.webhooks import WebhookView


def _members(limits: CardLimits, currency: str) -> dict[str, Any]:
    return {
        "transaction_limit": amount_of(Money(limits.transaction, currency)),
        "daily_limit": amount_of(Money(limits.daily, currency)),
        "monthly_limit": amount_of(Money(limits.monthly, currency)),
        "channel_limits": {
            channel: _channel(limits.channels[channel], currency) for channel in sorted(limits.channels)
        },
    }


def _channel(limits: ChannelLimits, currency: str) -> documents.ChannelLimitsShown:
    def shown(minor: int | None) -> Amount | UnsetType:
        return UNSET if minor is None else amount_of(Money(minor, currency))

    return documents.ChannelLimitsShown(shown(limits.transaction), shown(limits.daily))


def current_limits(card: CardView) -> documents.CardLimitsAnswer:
    return documents.CardLimitsAnswer(
        card_id=card.card_id,
        **_members(card.limits, card.currency),
        last_updated=whole_seconds(card.limits_updated_at),
    )


def changed_limits(changed: ChangedLimits) -> documents.CardLimitsAnswer:
    return documents.CardLimitsAnswer(
        card_id=changed.card_id,
        **_members(changed.limits, changed.currency),
        last_updated=_stored(changed.updated_at),
    )


def issued_card(issued: IssuedCard, command: IssueCard, currency: str) -> documents.CardAnswer:
    """`command` asked for it, in this request or in an equal one before."""
    return documents.CardAnswer(
        issued.card_id,
        issued.card_account_id,
        issued.card_account_space_id,
        command.masked_pan,
        command.expiry,
        "ACTIVE",
        documents.CardLimitsShown(**_members(command.limits, currency)),
        _stored(issued.issued_at),
    )


def card(view: CardView) -> documents.CardAnswer:
    return documents.CardAnswer(
        view.card_id,
        view.card_account_id,
        view.card_account_space_id,
        view.masked_pan,
        view.expiry,
        view.status,  # type: ignore[arg-type]  # one of the two
        documents.CardLimitsShown(**_members(view.limits, view.currency)),
        whole_seconds(view.created_at),
    )


def changed_card(view: CardView, changed: ChangedCard) -> documents.CardAnswer:
    """What may have changed again since is shown as it was answered."""
    return card(view._replace(status=changed.status, limits=changed.limits))


def override(card_id: int, shown: Override, currency: str) -> documents.OverrideAnswer:
    def limit(minor: int | None) -> Amount | None:
        return None if minor is None else amount_of(Money(minor, currency))

    return documents.OverrideAnswer(
        shown.override_id,
        card_id,
        limit(shown.transaction),
        limit(shown.daily),
        limit(shown.monthly),
        shown.reason,
        shown.created_by,
        whole_seconds(shown.created_at),
        whole_seconds(shown.expires_at),
    )


def spending_summary(
    view: CardView, first: datetime, last: datetime, summary: Summary
) -> documents.SpendingSummaryAnswer:
    """Channels in the order in which the surface names them, merchant categories and days in their own."""
    currency = view.currency
    return documents.SpendingSummaryAnswer(
        view.card_id,
        whole_seconds(first),
        whole_seconds(last),
        amount_of(Money(summary.total.amount, currency)),
        summary.total.count,
        _spending(summary.by_channel, CHANNELS, currency),
        _spending(summary.by_category, sorted(summary.by_category), currency),
        [_day(day, summary.by_day[day], currency) for day in sorted(summary.by_day)],
    )


def _spending(
    parts: Mapping[str, Spent], order: Sequence[str], currency: str
) -> dict[str, documents.SpendingShown]:
    return {
        name: documents.SpendingShown(amount_of(Money(parts[name].amount, currency)), parts[name].count)
        for name in order
        if name in parts
    }


def _day(day: date, spent: Spent, currency: str) -> documents.DaySpendingShown:
    return documents.DaySpendingShown(day.isoformat(), amount_of(Money(spent.amount, currency)), spent.count)


def webhook(shown: WebhookAnswer | WebhookView) -> documents.CardWebhookAnswer:
    """Never with its secret."""
    return documents.CardWebhookAnswer(
        shown.webhook_id,
        shown.url,
        list(shown.events),  # type: ignore[arg-type]  # none but the surface's
        shown.active if isinstance(shown, WebhookAnswer) else shown.is_active,
        whole_seconds(shown.created_at),
    )


def _stored(at: str) -> str:
    return whole_seconds(datetime.fromisoformat(at))
