"""The chart of accounts grows, and no code ever changes its meaning."""

from typing import Any

from domain import chart_of_accounts, errors
from domain.chart_of_accounts import INITIAL, AccountCodeAdded, AccountType, Chart
from tests.domain.story import fold, subject

given = subject(chart_of_accounts.evolve)

FEES = AccountCodeAdded("4700-FEES", "Fees", AccountType.REVENUE)


def add(chart: Chart | None, wanted: AccountCodeAdded) -> Any:
    return chart_of_accounts.add(chart or Chart(), wanted) or ()


def test_a_code_is_added_once() -> None:
    given().when(add, FEES).then(FEES)
    given(FEES).when(add, FEES).then()


def test_a_code_keeps_its_name_and_type() -> None:
    refusal = errors.AccountCodeTaken("4700-FEES")
    given(FEES).when(add, AccountCodeAdded("4700-FEES", "Others", AccountType.REVENUE)).refused(refusal)
    given(FEES).when(add, AccountCodeAdded("4700-FEES", "Fees", AccountType.EXPENSE)).refused(refusal)


def test_the_initial_chart_has_every_code_that_decisions_post_to() -> None:
    chart: Chart = fold(chart_of_accounts.evolve, *INITIAL)
    assert len(chart.codes) == len(INITIAL)
    used = {value for name, value in vars(chart_of_accounts).items() if name.isupper() and "-" in str(value)}
    used.discard(chart_of_accounts.STREAM)
    used.discard(INITIAL)
    assert used <= set(chart.codes)
