"""The balance of any account, now and effective at any instant as known at another, equals the plain sum."""

from datetime import timedelta

import psycopg
import pytest

from domain.accounts import AccountCredited
from domain.money import Money
from projections import balances, certificates
from projections.account_statements import statement
from tests.projections import dated_bank as dated
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer


@pytest.mark.parametrize("seed", [1, 2])
def test_balances_as_of_equal_the_plain_sums_of_what_counted_and_was_known(tenant: Tenant, seed: int) -> None:
    """Over several thousand events, so that the search begins at certificates in the middle of the log."""
    bank, changes = dated.dated_bank(900, seed)
    pairs = dated.instants(bank, changes, 150, seed)
    position = tenant.project(bank)
    assert position > 2 * certificates.CHECKPOINT_EVERY
    for effective_at, known_at in pairs:
        for account_id in dated.ACCOUNTS:
            as_of = answer(balances.balance_as_of(tenant.fetch, account_id, effective_at, known_at))
            assert as_of is not None
            expected = dated.balance(changes, account_id, effective_at, known_at)
            assert (as_of.posted, as_of.held) == expected, (account_id, effective_at, known_at)


def test_the_position_is_the_last_event_that_was_known(tenant: Tenant) -> None:
    bank = BankHistory()
    account = bank.open("one")
    for _ in range(5):
        bank.pass_time(seconds=1)
        bank.credit(account, 100)
    tenant.project(bank)
    for seconds, position in ((-1, 0), (0, 1), (2, 3), (2.5, 3), (99, 6)):
        known_at = START + timedelta(seconds=seconds)
        as_of = answer(balances.balance_as_of(tenant.fetch, account, bank.now, known_at))
        assert as_of is not None
        assert (as_of.position, as_of.posted) == (position, max(0, position - 1) * 100)


def test_the_newest_balance_has_everything(tenant: Tenant) -> None:
    bank = BankHistory()
    account, other = bank.open("one", overdraft_limit=50_00), bank.open("two")
    bank.credit(account, 100_00)
    bank.create_transfer(account, other, 30_00)
    position = len(bank.facts) - 1
    tenant.project(bank)
    found = answer(balances.balance(tenant.fetch, account))
    assert found is not None
    assert (found.posted, found.held, found.overdraft_limit, found.available) == (
        100_00,
        30_00,
        50_00,
        120_00,
    )
    assert (found.currency, found.status, found.position) == ("USD", "active", position)
    assert answer(balances.balance(tenant.fetch, "nobody")) is None


def test_the_overdraft_limit_is_that_of_the_instant(tenant: Tenant) -> None:
    bank = BankHistory()
    account = bank.open("one", overdraft_limit=10_00)
    bank.pass_time(hours=1)
    bank.change_overdraft_limit(account, 90_00)
    tenant.project(bank)
    before = answer(balances.balance_as_of(tenant.fetch, account, START, bank.now))
    after = answer(balances.balance_as_of(tenant.fetch, account, bank.now, bank.now))
    unknown = answer(balances.balance_as_of(tenant.fetch, account, bank.now, START))
    assert before is not None
    assert after is not None
    assert unknown is not None
    assert (before.available, after.available, unknown.available) == (10_00, 90_00, 10_00)


def test_a_balance_row_carries_the_events_own_totals(tenant: Tenant) -> None:
    bank, _ = dated.dated_bank(50, seed=3)
    states = {account_id: bank.account(account_id) for account_id in dated.ACCOUNTS}
    tenant.project(bank, batch_size=7)
    for account_id, state in states.items():
        found = answer(balances.balance(tenant.fetch, account_id))
        assert found is not None
        assert (found.posted, found.held) == (state.posted, state.held)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_an_event_whose_totals_do_not_add_up_stops_the_follower(tenant: Tenant, batch_size: int) -> None:
    """Better no balance than a wrong one."""
    bank = BankHistory()
    account = bank.open("one")
    bank.credit(account, 100_00)
    wrong = AccountCredited(Money(5_00, "USD"), "1000-CASH", "deposit", "DEP", 106_00, 0)
    bank.record(f"account-{account}", wrong)
    bank.append(tenant.service, tenant.schema)
    follower = tenant.follower(batch_size=batch_size)
    with pytest.raises(psycopg.errors.CheckViolation):
        while follower.step():
            pass
    follower.close()


def test_a_history_row_costs_less_than_200_bytes(tenant: Tenant) -> None:
    bank = BankHistory()
    accounts = [bank.open(f"test_checking_{number:06d}") for number in range(100)]
    for account in accounts:
        bank.credit(account, 1_000_000_00)
    for number in range(5_000):
        bank.create_transfer(accounts[37 * number % 100], accounts[0], 125_50)
    tenant.project(bank, batch_size=100)
    [(size, rows)] = tenant.rows(
        "select pg_total_relation_size('{schema}.balance_history'), count(*) from {schema}.balance_history"
    )
    assert size / rows < 200


def test_a_statement_runs_from_the_opening_to_the_closing_balance(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(300, seed=4)
    position = tenant.project(bank)
    postings = sorted(
        (change.effective_at, change.position, change.posted)
        for change in changes
        if change.account_id == "first" and change.posted
    )
    start, end = postings[20][0], postings[-20][0]
    wanted = [posting for posting in postings if start <= posting[0] < end]
    found = answer(statement(tenant.fetch, "first", start, end, known_position=position))
    assert found is not None
    assert found.is_complete
    assert [(line.position, line.credit - line.debit) for line in found.lines] == [
        (line_position, amount) for _, line_position, amount in wanted
    ]
    balance = found.opening_balance
    for line in found.lines:
        balance += line.credit - line.debit
        assert line.balance == balance
    assert found.closing_balance == balance


def test_a_statement_in_pages_is_the_same_as_in_one(tenant: Tenant) -> None:
    bank, _ = dated.dated_bank(200, seed=5)
    position = tenant.project(bank)
    start, end = START - timedelta(days=20), bank.now
    whole = answer(statement(tenant.fetch, "second", start, end, known_position=position))
    assert whole is not None
    lines, after = [], None
    while True:
        page = answer(
            statement(tenant.fetch, "second", start, end, known_position=position, after=after, limit=7)
        )
        assert page is not None
        lines += page.lines
        if page.is_complete:
            break
        after = page.lines[-1].effective_at, page.lines[-1].position
    assert lines == whole.lines
    assert page.closing_balance == whole.closing_balance


def test_nobody_has_no_statement(tenant: Tenant) -> None:
    assert answer(statement(tenant.fetch, "nobody", START, START, known_position=0)) is None
