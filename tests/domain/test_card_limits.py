"""Limits of cards: their order, how a change and an override replace them, by kind and by channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import card_limits, errors
from domain.card_limits import CardLimits, ChannelLimits, EffectiveLimits, LimitsChange, Override
from tests.domain.story import When

AT = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
ATM = ChannelLimits(500_00, 1_000_00)
LIMITS = CardLimits(2_000_00, 5_000_00, 20_000_00, {"ATM": ATM, "POS": ChannelLimits(daily=900_00)})
POSITIVE = "must be greater than 0"


def override(number: int = 1, expires_at: datetime = AT + timedelta(days=1), **kinds: Any) -> Override:
    return Override(number, "travel", "admin-user", AT, expires_at, **kinds)


def refused(limit: str, constraint: str, decide: Any) -> None:
    When(decide).refused(errors.InvalidCardLimits(limit, constraint))


def test_limits_in_order_are_taken_as_they_are_also_where_they_are_equal() -> None:
    equal = CardLimits(1, 1, 1, {"ATM": ChannelLimits(1, 1)})
    assert card_limits.checked(LIMITS) is LIMITS
    assert card_limits.checked(equal) is equal


def test_channels_may_exceed_the_cards_own_limits() -> None:
    wide = CardLimits(1, 2, 3, {"ATM": ChannelLimits(10, 20)})
    assert card_limits.checked(wide) is wide


@pytest.mark.parametrize(
    ("limits", "limit", "constraint"),
    [
        (CardLimits(0, 0, 0), "transactionLimit", POSITIVE),
        (CardLimits(1, 0, 0), "dailyLimit", POSITIVE),
        (CardLimits(1, 1, -1), "monthlyLimit", POSITIVE),
        (CardLimits(3, 2, 1), "transactionLimit", "must not be greater than dailyLimit"),
        (CardLimits(2, 3, 2), "dailyLimit", "must not be greater than monthlyLimit"),
        (
            CardLimits(1, 1, 1, {"ATM": ChannelLimits(0)}),
            "channelLimits.ATM.transactionLimit",
            POSITIVE,
        ),
        (
            CardLimits(1, 1, 1, {"ATM": ChannelLimits(daily=-1)}),
            "channelLimits.ATM.dailyLimit",
            POSITIVE,
        ),
        (
            CardLimits(1, 1, 1, {"ATM": ATM, "POS": ChannelLimits(2, 1)}),
            "channelLimits.POS.transactionLimit",
            "must not be greater than dailyLimit",
        ),
    ],
)
def test_limits_that_are_not_positive_or_out_of_order_are_refused_by_name(
    limits: CardLimits, limit: str, constraint: str
) -> None:
    refused(limit, constraint, lambda: card_limits.checked(limits))


def test_a_change_leaves_what_it_does_not_name() -> None:
    assert card_limits.changed(LIMITS, LimitsChange()) == LIMITS
    changed = card_limits.changed(LIMITS, LimitsChange(daily=4_000_00))
    assert changed == CardLimits(2_000_00, 4_000_00, 20_000_00, LIMITS.channels)


def test_a_named_channel_is_replaced_whole_and_none_removes_it() -> None:
    one_kind = LimitsChange(channels={"ATM": ChannelLimits(transaction=100_00)})
    replaced = card_limits.changed(LIMITS, one_kind).channels
    assert replaced == {"ATM": ChannelLimits(100_00, None), "POS": LIMITS.channels["POS"]}
    assert card_limits.changed(LIMITS, LimitsChange(channels={"ATM": None})).channels == {
        "POS": LIMITS.channels["POS"]
    }
    assert card_limits.changed(LIMITS, LimitsChange(channels={"MOTO": None})) == LIMITS
    assert card_limits.changed(LIMITS, LimitsChange(channels={"MOTO": ATM})).channels["MOTO"] == ATM


def test_a_change_is_judged_together_with_what_stays() -> None:
    refused(
        "transactionLimit",
        "must not be greater than dailyLimit",
        lambda: card_limits.changed(LIMITS, LimitsChange(daily=1_999_99)),
    )
    refused(
        "dailyLimit",
        "must not be greater than monthlyLimit",
        lambda: card_limits.changed(LIMITS, LimitsChange(monthly=4_999_99)),
    )
    refused("transactionLimit", POSITIVE, lambda: card_limits.changed(LIMITS, LimitsChange(transaction=0)))


def test_an_override_names_a_limit_and_ends_in_the_future() -> None:
    good = override(expires_at=AT + timedelta(microseconds=1), daily=1)
    assert card_limits.checked_override(good, AT) is good
    refused(
        "transactionLimit",
        "at least one limit must be named",
        lambda: card_limits.checked_override(override(expires_at=AT), AT),
    )
    refused("monthlyLimit", POSITIVE, lambda: card_limits.checked_override(override(monthly=0), AT))
    refused(
        "transactionLimit",
        "must not be greater than monthlyLimit",
        lambda: card_limits.checked_override(override(transaction=2, monthly=1), AT),
    )
    too_early = override(expires_at=AT, daily=1)
    When(lambda: card_limits.checked_override(too_early, AT)).refused(errors.OverrideExpiresTooEarly())


def test_without_overrides_the_cards_and_the_channels_limits_hold() -> None:
    assert card_limits.effective(LIMITS, (), "ATM", AT) == EffectiveLimits(
        2_000_00, 500_00, 5_000_00, 1_000_00, 20_000_00
    )
    assert card_limits.effective(LIMITS, (), "POS", AT) == EffectiveLimits(
        2_000_00, None, 5_000_00, 900_00, 20_000_00
    )
    assert card_limits.effective(LIMITS, (), "MOTO", AT) == EffectiveLimits(
        2_000_00, None, 5_000_00, None, 20_000_00
    )


def test_an_override_replaces_the_kinds_that_it_names_of_card_and_channel() -> None:
    wider = (override(transaction=6_000_00, monthly=30_000_00),)
    assert card_limits.effective(LIMITS, wider, "ATM", AT) == EffectiveLimits(
        6_000_00, 6_000_00, 5_000_00, 1_000_00, 30_000_00
    )
    narrower = (override(daily=10_00),)
    assert card_limits.effective(LIMITS, narrower, "ATM", AT) == EffectiveLimits(
        2_000_00, 500_00, 10_00, 10_00, 20_000_00
    )


def test_an_override_gives_a_channel_no_limit_that_it_did_not_have() -> None:
    both = (override(transaction=1, daily=1, monthly=1),)
    assert card_limits.effective(LIMITS, both, "POS", AT) == EffectiveLimits(1, None, 1, 1, 1)
    assert card_limits.effective(LIMITS, both, "MOTO", AT) == EffectiveLimits(1, None, 1, None, 1)


def test_of_several_overrides_the_newest_active_one_wins_for_each_kind() -> None:
    overrides = (
        override(1, transaction=10, daily=20, monthly=30),
        override(2, transaction=11, daily=21),
        override(3, expires_at=AT, daily=99),
    )
    assert card_limits.effective(LIMITS, overrides, "MOTO", AT) == EffectiveLimits(11, None, 21, None, 30)


def test_an_override_ends_at_its_instant_by_the_clock() -> None:
    short = (override(expires_at=AT, daily=10),)
    before = AT - timedelta(microseconds=1)
    assert card_limits.effective(LIMITS, short, "MOTO", before).daily == 10
    assert card_limits.effective(LIMITS, short, "MOTO", AT).daily == 5_000_00
