"""The risk table, rule by rule at its edges."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import card_spending, risk
from domain.card_spending import NOTHING, Spending
from domain.money import Money
from domain.risk import Assessment, Attempt

AT = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
USED = Spending(channels=("POS", "ATM", "E_COMMERCE", "CONTACTLESS", "MOTO"))


def attempt(minor: int = 10_00, currency: str = "USD", **changed: Any) -> Attempt:
    ordinary: dict[str, Any] = {
        "channel": "POS",
        "category": "5411",
        "country": "USA",
        "at": AT,
        "spending": USED,
        "customer_country": "USA",
    }
    return Attempt(Money(minor, currency), **{**ordinary, **changed})


def rules_of(one: Attempt) -> tuple[str, ...]:
    """Those that applied beside the base, whose points must add up to the score."""
    assessment = risk.assess(one)
    points = {rule.name: rule.points for rule in risk.RULES}
    assert assessment.score == min(100, sum(points[name] for name in assessment.rules))
    assert assessment.rules[0] == "BASE"
    return assessment.rules[1:]


def approved(*approvals: tuple[int, datetime]) -> Spending:
    spending = USED
    for minor, at in approvals:
        spending = card_spending.with_approval(spending, "POS", minor, at)
    return spending


def attempted(*moments: datetime) -> Spending:
    spending = USED
    for moment in moments:
        spending = card_spending.with_attempt(spending, moment)
    return spending


def test_the_table_has_the_points_that_were_agreed() -> None:
    assert {rule.name: rule.points for rule in risk.RULES} == {
        "BASE": 5,
        "UNUSUAL_AMOUNT": 25,
        "LARGE_ONLINE_AMOUNT": 45,
        "FOREIGN_COUNTRY": 15,
        "HIGH_RISK_CATEGORY": 25,
        "RAPID_ATTEMPTS": 30,
        "NIGHT": 5,
        "NEW_CHANNEL": 10,
    }
    assert (risk.DECLINE_FROM, risk.CHALLENGE_FROM, risk.CHALLENGED_CHANNEL) == (90, 70, "E_COMMERCE")


def test_an_ordinary_attempt_has_the_base_alone() -> None:
    assert risk.assess(attempt()) == Assessment(5, ("BASE",))


def test_an_amount_is_unusual_above_three_times_the_average_and_not_at_it() -> None:
    spending = approved((100_00, AT - timedelta(days=1)), (50_00, AT - timedelta(days=2)))
    assert rules_of(attempt(225_00, spending=spending)) == ()
    assert rules_of(attempt(225_01, spending=spending)) == ("UNUSUAL_AMOUNT",)


def test_an_average_is_compared_exactly() -> None:
    thirds = approved(*((1, AT - timedelta(days=1)),) * 2, (2, AT))
    assert rules_of(attempt(4, spending=thirds)) == ()
    assert rules_of(attempt(5, spending=thirds)) == ("UNUSUAL_AMOUNT",)


def test_without_an_approval_in_thirty_days_no_amount_is_unusual() -> None:
    assert rules_of(attempt(999_999_00, spending=USED)) == ()
    month_ago = AT - timedelta(days=30)
    assert rules_of(attempt(999_999_00, spending=approved((1, month_ago)))) == ()
    assert rules_of(attempt(4, spending=approved((1, month_ago + MICROSECOND)))) == ("UNUSUAL_AMOUNT",)


@pytest.mark.parametrize(
    ("minor", "currency", "channel", "applies"),
    [
        (999_99, "USD", "E_COMMERCE", False),
        (1_000_00, "USD", "E_COMMERCE", True),
        (1_000_00, "USD", "MOTO", False),
        (999, "JPY", "E_COMMERCE", False),
        (1_000, "JPY", "E_COMMERCE", True),
        (999_999, "KWD", "E_COMMERCE", False),
        (1_000_000, "KWD", "E_COMMERCE", True),
    ],
)
def test_an_online_amount_is_large_from_one_thousand_whole_units(
    minor: int, currency: str, channel: str, applies: bool
) -> None:
    applied = rules_of(attempt(minor, currency, channel=channel))
    assert applied == (("LARGE_ONLINE_AMOUNT",) if applies else ())


def test_another_country_than_the_customers_counts_where_that_is_known() -> None:
    assert rules_of(attempt(country="GBR")) == ("FOREIGN_COUNTRY",)
    assert rules_of(attempt(country="GBR", customer_country="GBR")) == ()
    assert rules_of(attempt(country="GBR", customer_country=None)) == ()


@pytest.mark.parametrize("category", ["4829", "6051", "7995", "5967"])
def test_high_risk_categories_count(category: str) -> None:
    assert rules_of(attempt(category=category)) == ("HIGH_RISK_CATEGORY",)


def test_the_fifth_attempt_in_ten_minutes_counts_and_the_fourth_does_not() -> None:
    minute = timedelta(minutes=1)
    assert rules_of(attempt(spending=attempted(AT - 3 * minute, AT - 2 * minute, AT - minute))) == ()
    four_before = attempted(AT - 4 * minute, AT - 3 * minute, AT - 2 * minute, AT - minute)
    assert rules_of(attempt(spending=four_before)) == ("RAPID_ATTEMPTS",)
    assert rules_of(attempt(spending=attempted(*[AT - minute] * 9))) == ("RAPID_ATTEMPTS",)


def test_an_attempt_of_exactly_ten_minutes_ago_no_longer_counts() -> None:
    window = timedelta(minutes=10)
    assert rules_of(attempt(spending=attempted(AT - window, AT, AT, AT))) == ()
    assert rules_of(attempt(spending=attempted(AT - window + MICROSECOND, AT, AT, AT))) == ("RAPID_ATTEMPTS",)


@pytest.mark.parametrize(
    ("hour", "minute", "second", "applies"),
    [(0, 0, 0, True), (4, 59, 59, True), (5, 0, 0, False), (23, 59, 59, False)],
)
def test_the_night_is_from_midnight_to_five_utc(hour: int, minute: int, second: int, applies: bool) -> None:
    at = AT.replace(hour=hour, minute=minute, second=second)
    assert rules_of(attempt(at=at)) == (("NIGHT",) if applies else ())


def test_a_channel_without_an_approval_counts() -> None:
    assert rules_of(attempt(spending=NOTHING)) == ("NEW_CHANNEL",)
    in_store = Spending(channels=("POS",))
    assert rules_of(attempt(spending=in_store)) == ()
    assert rules_of(attempt(spending=in_store, channel="ATM")) == ("NEW_CHANNEL",)


def test_without_a_card_only_what_is_asked_for_counts() -> None:
    unknown = attempt(1_000_00, channel="E_COMMERCE", country="GBR", spending=None, customer_country=None)
    assert rules_of(unknown) == ("LARGE_ONLINE_AMOUNT",)


def test_a_score_is_never_above_one_hundred() -> None:
    worst = Attempt(
        Money(1_000_00, "USD"),
        "E_COMMERCE",
        "7995",
        "GBR",
        AT.replace(hour=1),
        Spending(
            approvals=(card_spending.Approvals(AT.replace(hour=1), 1, 1),),
            attempts=(AT.replace(hour=1),) * 4,
        ),
        "USA",
    )
    assert rules_of(worst) == tuple(rule.name for rule in risk.RULES[1:])
    assert risk.assess(worst).score == 100
