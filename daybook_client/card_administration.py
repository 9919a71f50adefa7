"""Cards, their limits and overrides, what was spent, and the cards' webhooks, for issuers' desks."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from daybook_client.calls import Amount, Call, Listing, listing, money, nothing, reading, whole, writing
from daybook_client.cards import spring_page

CARDS, CARD = "/api/v1/admin/cards", "/api/v1/admin/cards/{cardId}"
STATUS, LIMITS, SPENDING = f"{CARD}/status", f"{CARD}/limits", f"{CARD}/spending-summary"
OVERRIDES, OVERRIDE = f"{CARD}/limit-overrides", "/api/v1/admin/limit-overrides/{overrideId}"
WEBHOOKS, WEBHOOK = "/api/v1/admin/webhooks", "/api/v1/admin/webhooks/{webhookId}"

Limits = Mapping[str, Amount]
"""`transactionLimit`, `dailyLimit`, `monthlyLimit`; a channel has the first two."""


class ChannelLimits(Struct, kw_only=True, rename="camel"):
    transaction_limit: Decimal | None = None
    daily_limit: Decimal | None = None


class CardLimits(Struct, kw_only=True, rename="camel"):
    """`card_id` and `last_updated` are there where the limits are shown alone."""

    transaction_limit: Decimal
    daily_limit: Decimal
    monthly_limit: Decimal
    channel_limits: dict[str, ChannelLimits]
    card_id: int | None = None
    last_updated: datetime | None = None


class Card(Struct, rename="camel"):
    card_id: int
    account_id: int
    account_space_id: int
    masked_pan: str
    expiry_date: str
    status: str
    limits: CardLimits
    created_at: datetime


class Override(Struct, rename="camel"):
    id: int
    card_id: int
    transaction_limit: Decimal | None
    daily_limit: Decimal | None
    monthly_limit: Decimal | None
    reason: str
    created_by: str
    created_at: datetime
    expires_at: datetime


class Spending(Struct, rename="camel"):
    total_spent: Decimal
    transaction_count: int


class DaySpending(Struct, rename="camel"):
    date: date
    total_spent: Decimal
    transaction_count: int


class SpendingSummary(Struct, rename="camel"):
    card_id: int
    from_date: datetime
    to_date: datetime
    total_spent: Decimal
    transaction_count: int
    by_channel: dict[str, Spending]
    by_merchant_category: dict[str, Spending]
    daily_spending: list[DaySpending]


class CardWebhook(Struct, rename="camel"):
    id: str
    url: str
    events: list[str]
    active: bool
    created_at: datetime


def list_cards(account_id: str | int, *, size: int | None = None) -> Listing[Card]:
    return listing(CARDS, spring_page(Card), {"accountId": account_id, "size": size})


def issue(
    *,
    account_id: str | int,
    pan_hash: str,
    masked_pan: str,
    expiry_date: str,
    limits: Limits,
    channel_limits: Mapping[str, Limits] | None = None,
    idempotency_key: str | None = None,
) -> Call[Card]:
    body = {
        "accountId": account_id,
        "panHash": pan_hash,
        "maskedPan": masked_pan,
        "expiryDate": expiry_date,
        "limits": _limits(limits, channel_limits),
    }
    return writing("POST", CARDS, whole(Card), body, key=idempotency_key)


def show(card_id: int) -> Call[Card]:
    return reading(CARD, whole(Card), cardId=card_id)


def set_status(
    card_id: int, status: str, *, reason: str | None = None, idempotency_key: str | None = None
) -> Call[Card]:
    """ACTIVE or BLOCKED."""
    body = {"status": status, "reason": reason}
    return writing("POST", STATUS, whole(Card), body, key=idempotency_key, cardId=card_id)


def limits(card_id: int) -> Call[CardLimits]:
    return reading(LIMITS, whole(CardLimits), cardId=card_id)


def change_limits(
    card_id: int,
    changed: Limits,
    *,
    channel_limits: Mapping[str, Limits | None] | None = None,
    idempotency_key: str | None = None,
) -> Call[CardLimits]:
    """What is not named stays; a channel is replaced whole, or removed with None."""
    body = _limits(changed, channel_limits)
    return writing("PUT", LIMITS, whole(CardLimits), body, key=idempotency_key, cardId=card_id)


def _limits(card: Limits, channels: Mapping[str, Limits | None] | None) -> dict[str, object]:
    written: dict[str, object] = {name: money(amount) for name, amount in card.items()}
    if channels is not None:
        written["channelLimits"] = {
            channel: None if own is None else {name: money(amount) for name, amount in own.items()}
            for channel, own in channels.items()
        }
    return written


def list_overrides(
    card_id: int, *, include_expired: bool | None = None, size: int | None = None
) -> Listing[Override]:
    query = {"includeExpired": include_expired, "size": size}
    return listing(OVERRIDES, spring_page(Override), query, cardId=card_id)


def override(
    card_id: int,
    overridden: Limits,
    *,
    reason: str,
    expires_at: datetime,
    idempotency_key: str | None = None,
) -> Call[Override]:
    """At least one limit, for a while."""
    body = {**_limits(overridden, None), "reason": reason, "expiresAt": expires_at}
    return writing("POST", OVERRIDES, whole(Override), body, key=idempotency_key, cardId=card_id)


def delete_override(override_id: int, *, idempotency_key: str | None = None) -> Call[None]:
    return writing("DELETE", OVERRIDE, nothing, key=idempotency_key, overrideId=override_id)


def spending(
    card_id: int, *, from_date: date | None = None, to_date: date | None = None
) -> Call[SpendingSummary]:
    """The current month where no dates are given."""
    query = {"fromDate": from_date, "toDate": to_date}
    return reading(SPENDING, whole(SpendingSummary), query, cardId=card_id)


def list_webhooks(*, size: int | None = None) -> Listing[CardWebhook]:
    return listing(WEBHOOKS, spring_page(CardWebhook), {"size": size})


def subscribe(
    url: str, events: Sequence[str], secret: str, *, idempotency_key: str | None = None
) -> Call[CardWebhook]:
    body = {"url": url, "events": list(events), "secret": secret}
    return writing("POST", WEBHOOKS, whole(CardWebhook), body, key=idempotency_key)


def show_webhook(webhook_id: str) -> Call[CardWebhook]:
    return reading(WEBHOOK, whole(CardWebhook), webhookId=webhook_id)


def delete_webhook(webhook_id: str, *, idempotency_key: str | None = None) -> Call[None]:
    return writing("DELETE", WEBHOOK, nothing, key=idempotency_key, webhookId=webhook_id)
