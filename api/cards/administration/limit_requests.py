"""Limits as requests give them, in the currency of the card's account."""

import msgspec

from api.cards import fields
from api.exchange import ApiError, invalid
from api.members import among, is_absent
from domain import card_limits
from domain.card_limits import CHANNELS, CardLimits, ChannelLimits, LimitsChange
from domain.errors import InvalidCardLimits

MESSAGE = "Invalid limits"


class LimitsBody(msgspec.Struct, rename="camel"):
    """Members as they came."""

    transaction_limit: msgspec.Raw = msgspec.Raw()
    daily_limit: msgspec.Raw = msgspec.Raw()
    monthly_limit: msgspec.Raw = msgspec.Raw()
    channel_limits: msgspec.Raw = msgspec.Raw()


class _ChannelBody(msgspec.Struct, rename="camel"):
    transaction_limit: msgspec.Raw = msgspec.Raw()
    daily_limit: msgspec.Raw = msgspec.Raw()


limits_decoder = msgspec.json.Decoder(LimitsBody)
_channels_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_channel_decoder = msgspec.json.Decoder(_ChannelBody)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_limits(raw: msgspec.Raw, field: str, currency: str) -> CardLimits:
    """All limits of a new card. 400 where one is missing or they are out of order."""
    if is_absent(raw):
        raise invalid(field, "is required")
    try:
        body = limits_decoder.decode(raw)
    except _UNREADABLE:
        raise invalid(field, "must be an object with limits", MESSAGE) from None
    limits = CardLimits(
        fields.amount(body.transaction_limit, f"{field}.transactionLimit", currency, MESSAGE).minor,
        fields.amount(body.daily_limit, f"{field}.dailyLimit", currency, MESSAGE).minor,
        fields.amount(body.monthly_limit, f"{field}.monthlyLimit", currency, MESSAGE).minor,
        {
            channel: limits
            for channel, limits in _channels(body.channel_limits, f"{field}.", currency).items()
            if limits is not None
        },
    )
    try:
        return card_limits.checked(limits)
    except InvalidCardLimits as error:
        raise invalid(f"{field}.{error.limit}", error.constraint, MESSAGE) from None


def read_change(body: LimitsBody, currency: str) -> LimitsChange:
    """What is to be changed. 400 where that is nothing, or out of order whatever the card has now."""
    if not any(
        map(bytes, (body.transaction_limit, body.daily_limit, body.monthly_limit, body.channel_limits))
    ):
        raise ApiError(400, "validation_error", f"{MESSAGE}: at least one must be named")
    change = LimitsChange(
        _named(body.transaction_limit, "transactionLimit", currency),
        _named(body.daily_limit, "dailyLimit", currency),
        _named(body.monthly_limit, "monthlyLimit", currency),
        _channels(body.channel_limits, "", currency),
    )
    card_limits.refuse_disorder(change.transaction, change.daily, change.monthly)
    for channel, limits in change.channels.items():
        if limits is not None:
            prefix = f"channelLimits.{channel}."
            card_limits.refuse_disorder(limits.transaction, limits.daily, None, prefix)
    return change


def content_of(limits: CardLimits | LimitsChange) -> tuple[str, ...]:
    """What idempotency compares: the amounts, however they were written."""
    return (
        *map(str, (limits.transaction, limits.daily, limits.monthly)),
        *(
            f"{channel} {None if own is None else (own.transaction, own.daily)}"
            for channel, own in sorted(limits.channels.items())
        ),
    )


def _named(raw: msgspec.Raw, field: str, currency: str) -> int | None:
    """None where the field was not sent. Null is refused: a card always has its own limits."""
    token = bytes(raw)
    if not token:
        return None
    if token == b"null":
        raise invalid(field, "must be an amount, or left out to stay as it is", MESSAGE)
    return fields.amount(raw, field, currency, MESSAGE).minor


def _channels(raw: msgspec.Raw, prefix: str, currency: str) -> dict[str, ChannelLimits | None]:
    """None for a channel that is to have no limits of its own."""
    if not bytes(raw):
        return {}
    field = f"{prefix}channelLimits"
    try:
        given = _channels_decoder.decode(raw)
    except _UNREADABLE:
        raise invalid(field, "must be an object with limits by channel", MESSAGE) from None
    if not given.keys() <= set(CHANNELS):
        # What was sent instead is not repeated: it may be of any length.
        raise invalid(field, f"must only name channels: {among(CHANNELS)}", MESSAGE)
    return {channel: _channel(own, f"{field}.{channel}", currency) for channel, own in given.items()}


def _channel(raw: msgspec.Raw, field: str, currency: str) -> ChannelLimits | None:
    if bytes(raw) == b"null":
        return None
    try:
        body = _channel_decoder.decode(raw)
    except _UNREADABLE:
        raise invalid(field, "must be an object with limits, or null", MESSAGE) from None
    return ChannelLimits(
        _unlimited_or(body.transaction_limit, f"{field}.transactionLimit", currency),
        _unlimited_or(body.daily_limit, f"{field}.dailyLimit", currency),
    )


def _unlimited_or(raw: msgspec.Raw, field: str, currency: str) -> int | None:
    return None if is_absent(raw) else fields.amount(raw, field, currency, MESSAGE).minor
