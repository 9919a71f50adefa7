"""How much may be spent with a card: per transaction, per UTC day, per UTC month; and by channel.

Amounts are minor units of the account's currency. An override replaces limits of the kinds that it names for
a while, the card's and the channels' alike; of several that are active the newest one that names a kind wins.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import msgspec

from domain import errors

CHANNELS = ("POS", "ATM", "E_COMMERCE", "CONTACTLESS", "MOTO")

# Far more than any support desk needs at one time; the oldest gives way.
OVERRIDES_MAX = 100


class ChannelLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """None: no such limit in this channel beside the card's own."""

    transaction: int | None = None
    daily: int | None = None


class CardLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    transaction: int
    daily: int
    monthly: int
    channels: Mapping[str, ChannelLimits] = {}


class LimitsChange(msgspec.Struct, frozen=True):
    """What is not named (None) stays. A named channel is replaced whole, or removed with None."""

    transaction: int | None = None
    daily: int | None = None
    monthly: int | None = None
    channels: Mapping[str, ChannelLimits | None] = {}


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    override_id: int
    reason: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    transaction: int | None = None
    daily: int | None = None
    monthly: int | None = None


class EffectiveLimits(NamedTuple):
    """What holds for one authorization. None: no such limit."""

    transaction: int
    channel_transaction: int | None
    daily: int
    channel_daily: int | None
    monthly: int


def checked(limits: CardLimits) -> CardLimits:
    """The same limits. Raises InvalidCardLimits where one is not positive or they are out of order."""
    refuse_disorder(limits.transaction, limits.daily, limits.monthly)
    for channel, channel_limits in limits.channels.items():
        refuse_disorder(channel_limits.transaction, channel_limits.daily, None, f"channelLimits.{channel}.")
    return limits


def changed(limits: CardLimits, change: LimitsChange) -> CardLimits:
    """The limits after the change. Raises InvalidCardLimits."""
    channels = {**limits.channels, **change.channels}
    return checked(
        CardLimits(
            limits.transaction if change.transaction is None else change.transaction,
            limits.daily if change.daily is None else change.daily,
            limits.monthly if change.monthly is None else change.monthly,
            {channel: kept for channel, kept in channels.items() if kept is not None},
        )
    )


def checked_override(override: Override, at: datetime) -> Override:
    """The same override. Raises InvalidCardLimits or OverrideExpiresTooEarly."""
    if override.transaction is None and override.daily is None and override.monthly is None:
        raise errors.InvalidCardLimits("transactionLimit", "at least one limit must be named")
    refuse_disorder(override.transaction, override.daily, override.monthly)
    if override.expires_at <= at:
        raise errors.OverrideExpiresTooEarly
    return override


def refuse_disorder(
    transaction: int | None, daily: int | None, monthly: int | None, prefix: str = ""
) -> None:
    """Raises InvalidCardLimits where one of those that are named is not positive, or greater than a wider
    one. `prefix` stands before its name there."""
    named = [
        (name, limit)
        for name, limit in (
            ("transactionLimit", transaction),
            ("dailyLimit", daily),
            ("monthlyLimit", monthly),
        )
        if limit is not None
    ]
    for name, limit in named:
        if limit <= 0:
            raise errors.InvalidCardLimits(prefix + name, "must be greater than 0")
    for (name, limit), (wider_name, wider) in pairwise(named):
        if limit > wider:
            raise errors.InvalidCardLimits(prefix + name, f"must not be greater than {wider_name}")


def effective(
    limits: CardLimits, overrides: Sequence[Override], channel: str, at: datetime
) -> EffectiveLimits:
    """The limits of an authorization in `channel` at `at`. `overrides` are in the order of their making."""
    own = limits.channels.get(channel)
    transaction, daily, monthly = limits.transaction, limits.daily, limits.monthly
    channel_transaction = own.transaction if own else None
    channel_daily = own.daily if own else None
    for override in overrides:
        if override.expires_at <= at:
            continue
        if override.transaction is not None:
            transaction = override.transaction
            channel_transaction = None if channel_transaction is None else transaction
        if override.daily is not None:
            daily = override.daily
            channel_daily = None if channel_daily is None else daily
        if override.monthly is not None:
            monthly = override.monthly
    return EffectiveLimits(transaction, channel_transaction, daily, channel_daily, monthly)
