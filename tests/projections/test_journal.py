"""Every event that moves money is a balanced entry, and the books balance at every instant."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.chart_of_accounts import CUSTOMER_DEPOSITS, INITIAL
from projections import certificates, general_ledger, journal
from projections.journal import Entry, Line
from tests.projections import dated_bank as dated
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

EVER = {
    "effective_from": datetime(1970, 1, 1, tzinfo=UTC),
    "effective_before": datetime(9000, 1, 1, tzinfo=UTC),
}


def all_entries(tenant: Tenant, account_code: str | None = None, limit: int = 1_000) -> list[Entry]:
    found: list[Entry] = []
    while True:
        after = found[-1].position if found else 0
        page = answer(
            journal.entries(tenant.fetch, **EVER, account_code=account_code, after=after, limit=limit)
        )
        if not page:
            return found
        found += page


def test_a_credit_debits_the_contra_account_and_a_debit_credits_it(tenant: Tenant) -> None:
    bank = BankHistory()
    account = bank.open("one")
    bank.credit(account, 100_00, "1000-CASH")
    bank.pass_time(days=1)
    bank.debit(account, 30_00, "4500-FEE-REVENUE", effective_at=START)
    tenant.project(bank)
    first, second = (journal.lines(entry) for entry in all_entries(tenant))
    assert first == [
        Line(2, 1, START, START, "1000-CASH", None, 100_00, None, "USD", "DEP1", "Deposit"),
        Line(2, 2, START, START, CUSTOMER_DEPOSITS, "one", None, 100_00, "USD", "DEP1", "Deposit"),
    ]
    assert second == [
        Line(3, 1, START, bank.now, CUSTOMER_DEPOSITS, "one", 30_00, None, "USD", "W", ""),
        Line(3, 2, START, bank.now, "4500-FEE-REVENUE", None, None, 30_00, "USD", "W", ""),
    ]


def test_pages_of_any_size_are_the_same_journal(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(100, seed=6)
    tenant.project(bank)
    whole = all_entries(tenant)
    assert [entry.position for entry in whole] == [change.position for change in changes if change.posted]
    assert all_entries(tenant, limit=7) == whole


@pytest.mark.parametrize("account_code", ["1000-CASH", "5900-ADJUSTMENTS", CUSTOMER_DEPOSITS, "9999-NONE"])
def test_the_journal_of_a_code_has_its_entries_only(tenant: Tenant, account_code: str) -> None:
    bank, changes = dated.dated_bank(100, seed=7)
    tenant.project(bank)
    assert [entry.position for entry in all_entries(tenant, account_code, limit=9)] == [
        change.position for change in changes if account_code in (change.debit_code, change.credit_code)
    ]


def test_the_journal_of_a_period_goes_by_effective_time(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(100, seed=8)
    tenant.project(bank)
    start, end = START - timedelta(days=10), START
    found = answer(
        journal.entries(
            tenant.fetch, effective_from=start, effective_before=end, account_code=None, after=0, limit=1_000
        )
    )
    assert [entry.position for entry in found] == [
        change.position for change in changes if change.posted and start <= change.effective_at < end
    ]


def sums(found: general_ledger.TrialBalance) -> dict[str, tuple[int, int]]:
    return {total.account_code: (total.debits, total.credits) for total in found.totals}


@pytest.mark.parametrize("seed", [9, 10])
def test_trial_balances_as_of_equal_the_plain_sums(tenant: Tenant, seed: int) -> None:
    bank, changes = dated.dated_bank(700, seed)
    pairs = dated.instants(bank, changes, 120, seed)
    position = tenant.project(bank)
    assert position > certificates.CHECKPOINT_EVERY
    for effective_at, known_at in pairs:
        found = answer(general_ledger.trial_balance_as_of(tenant.fetch, effective_at, known_at))
        assert sums(found) == dated.trial_balance(changes, effective_at, known_at), (effective_at, known_at)
        assert sum(total.debits for total in found.totals) == sum(total.credits for total in found.totals)


def test_the_newest_trial_balance_is_that_of_everything_and_certified(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(100, seed=11)
    latest = bank.now + timedelta(days=400)
    position = tenant.project(bank)
    found = answer(general_ledger.trial_balance(tenant.fetch))
    assert sums(found) == dated.trial_balance(changes, latest, latest)
    assert found.certificate == answer(certificates.at_position(tenant.fetch, position))
    assert found.certificate.position == position


def test_an_empty_ledger_has_an_empty_trial_balance(tenant: Tenant) -> None:
    found = answer(general_ledger.trial_balance(tenant.fetch))
    assert found.totals == []
    assert found.certificate.position == 0
    assert answer(general_ledger.trial_balance_as_of(tenant.fetch, START, START)).totals == []


def test_each_day_opens_where_the_one_before_closed(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(200, seed=12)
    tenant.project(bank)
    days = answer(general_ledger.days(tenant.fetch, date(1970, 1, 1), date(9000, 1, 1), None))
    closing: dict[str, int] = {}
    for total in days:
        assert total.opening == closing.get(total.account_code, 0)
        closing[total.account_code] = total.closing
    latest = bank.now + timedelta(days=400)
    assert closing == {
        code: debits - credits
        for code, (debits, credits) in dated.trial_balance(changes, latest, latest).items()
    }
    assert sum(closing.values()) == 0


def test_a_later_period_opens_with_what_came_before(tenant: Tenant) -> None:
    bank = BankHistory()
    bank.add_chart()
    account = bank.open("one")
    bank.credit(account, 100_00)
    bank.pass_time(days=1)
    bank.credit(account, 20_00)
    bank.debit(account, 5_00)
    tenant.project(bank)
    day = START.date() + timedelta(days=1)
    found = answer(general_ledger.days(tenant.fetch, day, day + timedelta(days=1), "1000-CASH"))
    assert [(total.day, total.opening, total.debits, total.credits, total.closing) for total in found] == [
        (day, 100_00, 20_00, 5_00, 115_00)
    ]
    assert found[0].account_name == "Cash & Cash Equivalents"


def test_the_chart_is_in_the_order_of_its_codes(tenant: Tenant) -> None:
    bank = BankHistory()
    bank.add_chart()
    tenant.project(bank)
    chart = answer(general_ledger.chart_of_accounts(tenant.fetch))
    assert [entry.account_code for entry in chart] == sorted(added.account_code for added in INITIAL)
