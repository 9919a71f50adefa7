"""The bodies of the administrative endpoints, member by member in the documented order.

Answers are made of these structs, and the OpenAPI document is made from them: what is described is what is
sent.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.amounts import Amount
from api.cards.documents import Channel, ExpiryDate, GivenAmount, Instant, MaskedPan, Number, PanHash, Text

CardStatus = Literal["ACTIVE", "BLOCKED"]
EventType = Literal["AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"]
Count = Annotated[int, Meta(ge=0)]
AccountName = Annotated[str, Meta(min_length=1, max_length=255)]
Url = Annotated[str, Meta(max_length=2048, extra_json_schema={"format": "uri"})]


class GivenChannelLimits(Struct, kw_only=True, rename="camel"):
    """A channel's own limits. What is missing is not limited in this channel."""

    transaction_limit: GivenAmount | UnsetType | None = UNSET
    daily_limit: GivenAmount | UnsetType | None = UNSET


class GivenCardLimits(Struct, kw_only=True, rename="camel"):
    """Transaction, day and month, none wider than the next; and what channels have beside them."""

    transaction_limit: GivenAmount
    daily_limit: GivenAmount
    monthly_limit: GivenAmount
    channel_limits: dict[Channel, GivenChannelLimits | None] | UnsetType = UNSET


class LimitsUpdateRequest(Struct, kw_only=True, rename="camel"):
    """What is not named stays. A named channel is replaced whole, or removed with null."""

    transaction_limit: GivenAmount | UnsetType = UNSET
    daily_limit: GivenAmount | UnsetType = UNSET
    monthly_limit: GivenAmount | UnsetType = UNSET
    channel_limits: dict[Channel, GivenChannelLimits | None] | UnsetType = UNSET


class ChannelLimitsShown(Struct, rename="camel"):
    """A limit that the channel does not have is left out."""

    transaction_limit: Amount | UnsetType = UNSET
    daily_limit: Amount | UnsetType = UNSET


class CardLimitsShown(Struct, rename="camel"):
    transaction_limit: Amount
    daily_limit: Amount
    monthly_limit: Amount
    channel_limits: dict[str, ChannelLimitsShown]


class CardLimitsAnswer(Struct, rename="camel"):
    """All limits of a card, and when they were set last."""

    card_id: Number
    transaction_limit: Amount
    daily_limit: Amount
    monthly_limit: Amount
    channel_limits: dict[str, ChannelLimitsShown]
    last_updated: Instant


class CardRequest(Struct, kw_only=True, rename="camel"):
    """A card for an account, which goes by its id, number or accountId."""

    account_id: AccountName | Number
    pan_hash: PanHash
    masked_pan: MaskedPan
    expiry_date: ExpiryDate
    limits: GivenCardLimits


class CardStatusRequest(Struct, kw_only=True, rename="camel"):
    status: CardStatus
    reason: Text | None = None


class CardAnswer(Struct, rename="camel"):
    """A card. Of its number only the mask is shown."""

    card_id: Number
    account_id: Number
    account_space_id: Number
    masked_pan: str
    expiry_date: str
    status: CardStatus
    limits: CardLimitsShown
    created_at: Instant


class OverrideRequest(Struct, kw_only=True, rename="camel"):
    """At least one limit, for a while."""

    transaction_limit: GivenAmount | None = None
    daily_limit: GivenAmount | None = None
    monthly_limit: GivenAmount | None = None
    reason: Text
    expires_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class OverrideAnswer(Struct, rename="camel"):
    """A limit that the override leaves alone is null. `createdBy` is who asked for it."""

    id: Number
    card_id: Number
    transaction_limit: Amount | None
    daily_limit: Amount | None
    monthly_limit: Amount | None
    reason: str
    created_by: str
    created_at: Instant
    expires_at: Instant


class SpendingShown(Struct, rename="camel"):
    total_spent: Amount
    transaction_count: Count


class DaySpendingShown(Struct, rename="camel"):
    date: Annotated[str, Meta(extra_json_schema={"format": "date"})]
    total_spent: Amount
    transaction_count: Count


class SpendingSummaryAnswer(Struct, rename="camel"):
    """What counts against the card's limits, by the UTC day of its authorization."""

    card_id: Number
    from_date: Instant
    to_date: Instant
    total_spent: Amount
    transaction_count: Count
    by_channel: dict[str, SpendingShown]
    by_merchant_category: dict[str, SpendingShown]
    daily_spending: list[DaySpendingShown]


class CardWebhookRequest(Struct, kw_only=True, rename="camel"):
    """Where events go, which, and the secret that their signatures are made with."""

    url: Url
    events: Annotated[list[EventType], Meta(min_length=1)]
    secret: Text


class CardWebhookAnswer(Struct, rename="camel"):
    id: Annotated[str, Meta(pattern="^webhook-[0-9]+$")]
    url: Url
    events: list[EventType]
    active: bool
    created_at: Instant
