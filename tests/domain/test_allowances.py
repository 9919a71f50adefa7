"""How much a user may still transfer: by day, by type, by savings account, and what comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain import allowances, errors
from domain.allowances import Allowance, AllowanceReturned, AllowanceTaken, TierAssigned
from tests.domain.story import fold, subject

given = subject(allowances.evolve)

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)


def taken(
    number: int, amount: int = 100, at: datetime = NOON, kind: str = "internal", savings: str | None = None
) -> AllowanceTaken:
    return AllowanceTaken(f"tx_{number}", kind, amount, at, savings)


def returned(event: AllowanceTaken) -> AllowanceReturned:
    return allowances.give_back(event)


def asking(
    number: int, amount: int = 100, at: datetime = NOON, kind: str = "internal", savings: str | None = None
) -> dict[str, Any]:
    return {
        "transfer_id": f"tx_{number}",
        "transfer_type": kind,
        "amount": amount,
        "at": at,
        "savings_account_id": savings,
    }


def take(state: Allowance | None, **asked: Any) -> AllowanceTaken:
    return allowances.take(state or Allowance(), **asked)


def test_the_largest_transfer_of_each_type() -> None:
    given().when(take, **asking(1, 50_000_00)).then(taken(1, 50_000_00))
    given().when(take, **asking(1, 50_000_01)).refused(errors.TransactionLimitExceeded(50_000_00))
    given().when(take, **asking(1, 10_000_00, kind="interbank")).then(taken(1, 10_000_00, kind="interbank"))
    given().when(take, **asking(1, 10_000_01, kind="interbank")).refused(
        errors.TransactionLimitExceeded(10_000_00)
    )


def test_ten_transfers_a_day_whatever_their_type() -> None:
    nine = [taken(n, kind="internal" if n % 2 else "interbank") for n in range(9)]
    given(*nine).when(take, **asking(9)).then(taken(9))
    given(*nine, taken(9)).when(take, **asking(10)).refused(errors.DailyCountExceeded(10, 10))


def test_the_days_amount_is_counted_by_type() -> None:
    history = [taken(1, 50_000_00), taken(2, 49_999_00)]
    given(*history).when(take, **asking(3, 1_00)).then(taken(3, 1_00))
    given(*history).when(take, **asking(3, 1_01)).refused(errors.DailyAmountExceeded(100_000_00, 99_999_00))
    given(*history).when(take, **asking(3, 10_000_00, kind="interbank")).then(
        taken(3, 10_000_00, kind="interbank")
    )


def test_six_transfers_from_a_savings_account_in_thirty_days() -> None:
    days = [taken(n, at=NOON + timedelta(days=n), savings="s") for n in range(6)]
    now = NOON + timedelta(days=29)
    given(*days).when(take, **asking(6, at=now, savings="s")).refused(errors.SavingsLimitExceeded(6, 6))
    given(*days).when(take, **asking(6, at=now, savings="other")).then(taken(6, at=now, savings="other"))
    given(*days).when(take, **asking(6, at=now)).then(taken(6, at=now))
    later = NOON + timedelta(days=30)
    given(*days).when(take, **asking(6, at=later, savings="s")).then(taken(6, at=later, savings="s"))


def test_refusals_come_in_the_documented_order() -> None:
    """Per transaction, then the day's count, then the day's amount, then savings."""
    full = [taken(n, 10_000_00 if n < 9 else 9_999_00, savings="s") for n in range(10)]
    nine = [*full[:9], returned(full[8]), taken(11, 10_000_00, savings="s")]
    given(*full).when(take, **asking(10, 50_000_01, savings="s")).refused(
        errors.TransactionLimitExceeded(50_000_00)
    )
    given(*full).when(take, **asking(10, 50_000_00, savings="s")).refused(errors.DailyCountExceeded(10, 10))
    given(*nine).when(take, **asking(10, 10_000_01, savings="s")).refused(
        errors.DailyAmountExceeded(100_000_00, 90_000_00)
    )
    given(*nine).when(take, **asking(10, 10_000_00, savings="s")).refused(errors.SavingsLimitExceeded(6, 9))


def test_a_new_day_in_utc_starts_from_nothing() -> None:
    late = datetime(2025, 10, 20, 23, 59, 59, 999_999, tzinfo=UTC)
    ten = [taken(n, 10_000_00, late) for n in range(10)]
    given(*ten).when(take, **asking(10, at=late)).refused(errors.DailyCountExceeded(10, 10))
    midnight = late + timedelta(microseconds=1)
    given(*ten).when(take, **asking(10, at=midnight)).then(taken(10, at=midnight))


def test_what_was_cancelled_counts_no_more() -> None:
    ten = [taken(n, 10_000_00, savings="s" if n < 6 else None) for n in range(10)]
    given(*ten, returned(ten[0])).when(take, **asking(10, 10_000_00, savings="s")).then(
        taken(10, 10_000_00, savings="s")
    )


def test_what_is_given_back_on_a_later_day_does_not_widen_that_day() -> None:
    first = taken(1, 50_000_00, savings="s")
    tomorrow = NOON + timedelta(days=1)
    second = taken(2, 50_000_00, tomorrow)
    state: Allowance = fold(allowances.evolve, first, second, returned(first))
    assert (state.count, state.used) == (1, {"internal": 50_000_00})
    assert state.savings == ()


def test_a_clock_that_is_behind_counts_on_the_day_that_has_begun() -> None:
    tomorrow = NOON + timedelta(days=1)
    state: Allowance = fold(allowances.evolve, taken(1, at=tomorrow), taken(2, at=NOON))
    assert (state.day, state.count) == (tomorrow.date(), 2)


def test_a_tier_has_limits_of_its_own_and_keeps_what_was_taken() -> None:
    history = [taken(n) for n in range(10)]
    given(*history, TierAssigned("treasury")).when(take, **asking(10, 1_000_000_00)).then(
        taken(10, 1_000_000_00)
    )
    state: Allowance = fold(allowances.evolve, *history, TierAssigned("treasury"))
    assert (state.tier, state.count) == ("treasury", 10)
    assert allowances.TIERS["standard"].transfers_per_day == 10


def test_savings_uses_older_than_their_window_are_forgotten() -> None:
    days = [taken(n, at=NOON + timedelta(days=20 * n), savings="s") for n in range(20)]
    state: Allowance = fold(allowances.evolve, *days)
    assert [use.transfer_id for use in state.savings] == ["tx_18", "tx_19"]
