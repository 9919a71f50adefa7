"""In which order an authorization is checked: whatever else is wrong, the first failure gives the reason."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain import authorizations
from domain.authorization_checks import CARD_NOT_FOUND, CHECKS, LIMIT_REASONS, REASONS, REFUND, Seen, case_of
from domain.card_limits import CardLimits, ChannelLimits
from domain.card_spending import Spending
from domain.money import Money
from tests.domain.card_scene import AT, EXPIRY, account, card, terms

ENOUGH = 1_000_000_00

# For each reason, in order, what to change about a good purchase so that it applies.
FAULTS: dict[str, dict[str, Any]] = {
    "CARD_NOT_FOUND": {"is_unknown": True},
    "CARD_BLOCKED": {"card_status": "BLOCKED"},
    "INVALID_EXPIRY_DATE": {"expiry": "11/25"},
    "CARD_EXPIRED": {"at": datetime(2026, 1, 1, tzinfo=UTC)},
    "ACCOUNT_NOT_ACTIVE": {"account_status": "closed"},
    "CURRENCY_NOT_SUPPORTED": {"currency": "EUR"},
    "TRANSACTION_LIMIT_EXCEEDED": {"transaction": 1},
    "CHANNEL_TRANSACTION_LIMIT_EXCEEDED": {"channel_transaction": 1},
    "DAILY_LIMIT_EXCEEDED": {"daily": 1},
    "CHANNEL_DAILY_LIMIT_EXCEEDED": {"channel_daily": 1},
    "MONTHLY_LIMIT_EXCEEDED": {"monthly": 1},
    "INSUFFICIENT_FUNDS": {"posted": 1},
}
ORDER = tuple(FAULTS)


def reason(
    *faults: str, minor: int = 100_00, transaction_type: str = "PURCHASE", **changed: Any
) -> str | None:
    """Of a purchase that is good but for its faults."""
    scene: dict[str, Any] = {}
    for fault in faults:
        scene |= FAULTS[fault]
    scene |= changed
    limits = CardLimits(
        scene.get("transaction", ENOUGH),
        scene.get("daily", ENOUGH),
        scene.get("monthly", ENOUGH),
        {"POS": ChannelLimits(scene.get("channel_transaction"), scene.get("channel_daily"))},
    )
    known = card(
        limits=limits,
        status=scene.get("card_status", "ACTIVE"),
        spending=Spending(days=scene.get("days", {})),
    )
    holder = account(scene.get("posted", ENOUGH), status=scene.get("account_status", "active"))
    asked = terms(transaction_type=transaction_type, amount=Money(minor, scene.get("currency", "USD")))
    is_unknown = scene.get("is_unknown", False)
    ruling = authorizations.decide(
        4,
        asked,
        scene.get("expiry", EXPIRY),
        None if is_unknown else known,
        None if is_unknown else holder,
        scene.get("at", AT),
    ).ruling
    return ruling.reason if ruling.decision == authorizations.DECLINED else None


def test_the_order_is_the_documented_one_and_each_reason_has_its_words() -> None:
    assert (CARD_NOT_FOUND, *(check.reason for check in CHECKS)) == ORDER
    assert set(ORDER) <= set(REASONS)
    assert set(ORDER[6:11]) == LIMIT_REASONS


def test_a_purchase_without_fault_passes() -> None:
    assert reason() is None


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_all_that_is_wrong_the_first_failure_declines(first: int) -> None:
    assert reason(*ORDER[first:]) == ORDER[first]
    assert reason(ORDER[first]) == ORDER[first]


@pytest.mark.parametrize("first", range(6))
def test_a_refund_is_checked_for_its_card_and_currency_in_the_same_order(first: int) -> None:
    assert reason(*ORDER[first:], transaction_type=REFUND) == ORDER[first]


def test_a_refund_is_neither_limited_nor_short_of_funds() -> None:
    assert reason(*ORDER[6:], transaction_type=REFUND) is None


def test_a_frozen_account_takes_refunds_and_nothing_else() -> None:
    for transaction_type in ("PURCHASE", "CASH_WITHDRAWAL", "PRE_AUTHORIZATION"):
        found = reason(transaction_type=transaction_type, account_status="frozen")
        assert found == "ACCOUNT_NOT_ACTIVE"
    assert reason(transaction_type=REFUND, account_status="frozen") is None


def test_a_limit_may_be_reached_and_not_passed() -> None:
    today = {AT.date(): {"POS": 30_00, "ATM": 7_00}}
    yesterday = {AT.date().replace(month=4, day=30): {"POS": ENOUGH}}
    for kind, already, name in (
        ("transaction", 0, "TRANSACTION_LIMIT_EXCEEDED"),
        ("channel_transaction", 0, "CHANNEL_TRANSACTION_LIMIT_EXCEEDED"),
        ("daily", 37_00, "DAILY_LIMIT_EXCEEDED"),
        ("channel_daily", 30_00, "CHANNEL_DAILY_LIMIT_EXCEEDED"),
        ("monthly", 37_00, "MONTHLY_LIMIT_EXCEEDED"),
    ):
        limited: dict[str, Any] = {"days": today | yesterday, kind: 100_00 + already}
        assert reason(minor=100_00, **limited) is None
        assert reason(minor=100_01, **limited) == name


def test_yesterday_counts_for_the_month_and_not_for_the_day() -> None:
    at = AT.replace(day=2)
    days = {AT.date(): {"POS": 30_00}}
    assert reason(days=days, at=at, daily=100_00, channel_daily=100_00) is None
    assert reason(days=days, at=at, monthly=129_99) == "MONTHLY_LIMIT_EXCEEDED"
    assert reason(days=days, at=at, monthly=130_00) is None


def test_what_is_available_may_be_spent_to_the_last_unit() -> None:
    assert reason(posted=100_00) is None
    assert reason(posted=99_99) == "INSUFFICIENT_FUNDS"


def test_a_card_is_good_until_the_month_on_it_ends() -> None:
    last_instant = datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert reason(at=last_instant) is None
    assert reason(at=datetime(2026, 1, 1, tzinfo=UTC)) == "CARD_EXPIRED"


def test_an_expiry_that_is_not_asked_again_is_not_compared() -> None:
    assert reason(expiry=None) is None


def test_a_case_has_seen_account_limits_and_spending() -> None:
    days = {AT.date(): {"ATM": 30_00, "POS": 5_00}, AT.date().replace(day=2): {"ATM": 4_00}}
    holder = account(500_00, held=20_00, overdraft_limit=10_00)
    seen = case_of(terms(channel="ATM"), EXPIRY, card(spending=Spending(days=days)), holder, AT).seen
    assert seen == Seen(
        posted=500_00,
        held=20_00,
        overdraft_limit=10_00,
        transaction_limit=2_000_00,
        daily_limit=5_000_00,
        monthly_limit=20_000_00,
        spent_today=35_00,
        spent_today_in_channel=30_00,
        spent_this_month=39_00,
        channel_transaction_limit=500_00,
        channel_daily_limit=1_000_00,
    )
    assert authorizations.decide(4, terms(), EXPIRY, None, None, AT).seen is None
