"""What counts against a card's limits and what risk rules look back at: days, months, windows and bounds."""

from datetime import UTC, date, datetime, timedelta

from domain import card_spending
from domain.card_spending import APPROVALS_KEPT, ATTEMPTS_KEPT, NOTHING, Spending

AT = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def spent(*approvals: tuple[str, int, datetime], spending: Spending = NOTHING) -> Spending:
    for channel, amount, at in approvals:
        spending = card_spending.with_approval(spending, channel, amount, at)
    return spending


def test_what_is_approved_counts_on_its_day_in_its_channel_and_in_its_month() -> None:
    spending = spent(("POS", 100, AT), ("ATM", 20, AT), ("POS", 3, AT + timedelta(days=1)))
    day = AT.date()
    assert (spending.on(day), spending.in_channel_on("POS", day), spending.in_channel_on("ATM", day)) == (
        120,
        100,
        20,
    )
    assert spending.on(day + timedelta(days=1)) == 3
    assert spending.in_month_of(day) == 123
    assert spending.in_channel_on("MOTO", day) == 0


def test_a_day_ends_at_midnight_utc() -> None:
    midnight = datetime(2023, 5, 2, tzinfo=UTC)
    spending = spent(("POS", 100, midnight - MICROSECOND), ("POS", 3, midnight))
    assert (spending.on(date(2023, 5, 1)), spending.on(date(2023, 5, 2))) == (100, 3)


def test_a_month_is_the_calendars_own() -> None:
    first_of_june = datetime(2023, 6, 1, tzinfo=UTC)
    spending = spent(("POS", 100, first_of_june - MICROSECOND), ("POS", 3, first_of_june))
    assert spending.in_month_of(date(2023, 5, 31)) == 100
    assert spending.in_month_of(date(2023, 6, 30)) == 3


def test_the_same_month_of_another_year_does_not_count() -> None:
    spending = Spending(days={date(2022, 5, 1): {"POS": 100}, date(2023, 5, 1): {"POS": 3}})
    assert spending.in_month_of(date(2023, 5, 31)) == 3


def test_the_first_day_of_a_long_month_still_counts_on_its_last() -> None:
    spending = spent(
        ("POS", 100, datetime(2023, 5, 1, tzinfo=UTC)), ("POS", 3, datetime(2023, 5, 31, tzinfo=UTC))
    )
    assert spending.in_month_of(date(2023, 5, 31)) == 103


def test_days_older_than_any_months_are_dropped_when_a_new_day_comes() -> None:
    day = timedelta(days=1)
    spending = spent(("POS", 1, AT), ("POS", 1, AT + 31 * day))
    assert set(spending.days) == {AT.date(), (AT + 31 * day).date()}
    assert set(spent(("POS", 1, AT + 32 * day), spending=spending).days) == {
        (AT + 31 * day).date(),
        (AT + 32 * day).date(),
    }


def test_what_is_given_back_no_longer_counts_on_the_day_of_its_approval() -> None:
    spending = spent(("POS", 100, AT), ("ATM", 20, AT), ("POS", 3, AT + timedelta(days=1)))
    rest = card_spending.without(spending, "POS", 60, AT)
    assert (rest.on(AT.date()), rest.in_channel_on("POS", AT.date())) == (60, 40)
    assert rest.on(AT.date() + timedelta(days=1)) == 3
    assert rest.in_month_of(AT.date()) == 63


def test_what_is_given_back_of_a_forgotten_day_changes_nothing() -> None:
    spending = spent(("POS", 100, AT))
    assert card_spending.without(spending, "POS", 60, AT - timedelta(days=40)) is spending


def test_giving_back_leaves_what_was_approved_to_the_risk_rules() -> None:
    spending = spent(("POS", 100, AT))
    rest = card_spending.without(spending, "POS", 100, AT)
    assert rest.approved_since(AT - MICROSECOND) == (1, 100)
    assert rest.channels == ("POS",)


def test_approvals_are_averaged_over_less_than_thirty_days() -> None:
    spending = spent(("POS", 100, AT), ("POS", 20, AT + timedelta(days=1)))
    assert spending.approved_since(AT - MICROSECOND) == (2, 120)
    assert spending.approved_since(AT) == (1, 20)
    assert spending.approved_since(AT + timedelta(days=1)) == (0, 0)


def test_an_approval_of_exactly_thirty_days_ago_is_forgotten_with_the_next() -> None:
    spending = spent(("POS", 100, AT))
    later = AT + timedelta(days=30)
    assert len(spent(("POS", 1, later - MICROSECOND), spending=spending).approvals) == 2
    assert len(spent(("POS", 1, later), spending=spending).approvals) == 1


def test_a_card_that_is_used_all_the_time_keeps_a_bounded_memory_with_the_right_sum() -> None:
    spending = NOTHING
    for number in range(APPROVALS_KEPT + 50):
        spending = spent(("POS", 2, AT + timedelta(seconds=number)), spending=spending)
        assert len(spending.approvals) <= APPROVALS_KEPT
    assert spending.approved_since(AT - MICROSECOND) == (APPROVALS_KEPT + 50, 2 * (APPROVALS_KEPT + 50))
    assert spending.approvals[0].count == 51
    assert spending.approvals[0].at == AT + timedelta(seconds=50)


def test_the_last_attempts_are_remembered_and_no_more() -> None:
    spending = NOTHING
    for minute in range(6):
        spending = card_spending.with_attempt(spending, AT + timedelta(minutes=minute))
    assert len(spending.attempts) == ATTEMPTS_KEPT
    assert spending.attempts[0] == AT + timedelta(minutes=2)


def test_an_attempt_counts_for_less_than_the_whole_window() -> None:
    spending = card_spending.with_attempt(NOTHING, AT)
    assert spending.attempts_since(AT - MICROSECOND) == 1
    assert spending.attempts_since(AT) == 0


def test_a_channel_is_remembered_once() -> None:
    spending = spent(("POS", 1, AT), ("ATM", 1, AT), ("POS", 1, AT))
    assert spending.channels == ("POS", "ATM")


def test_nothing_that_was_given_is_changed() -> None:
    spending = spent(("POS", 100, AT))
    before = dict(spending.days[AT.date()])
    spent(("POS", 1, AT), spending=spending)
    card_spending.without(spending, "POS", 1, AT)
    card_spending.with_attempt(spending, AT)
    assert spending == spent(("POS", 100, AT))
    assert spending.days[AT.date()] == before
