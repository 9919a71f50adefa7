"""Reports tie to the trial balance, the journal and the accounts' balances to the cent, for every day."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from domain.chart_of_accounts import CUSTOMER_DEPOSITS
from domain.money import Money
from projections import certificates, general_ledger, reports
from projections.account_statements import statement
from projections.custom_reports import Cell, Group, Kind, Wish, table
from projections.report_rows import written
from projections.reports import PeriodReport
from tests.projections import dated_bank as dated
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

DAY = timedelta(days=1)


def report(tenant: Tenant, first: date, last: date) -> PeriodReport:
    return answer(reports.period_report(tenant.fetch, first, last))


def made(tenant: Tenant, wish: Wish, limit: int | None = None) -> list[list[Cell]]:
    wanted = table(wish)
    rows = answer(tenant.fetch(wanted.query, {**wanted.parameters, "limit": limit}))
    found = [wanted.read(row) for row in rows]
    assert all(len(row) == len(wanted.columns) for row in found)
    return found


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def days_of(made: list[dated.Change]) -> tuple[date, date]:
    days = [change.effective_at.date() for change in made]
    return min(days) - DAY, max(days) + DAY


@pytest.mark.parametrize("seed", [31, 32])
def test_every_days_report_ties_to_the_trial_balance_and_the_journal(tenant: Tenant, seed: int) -> None:
    bank, changes = dated.dated_bank(400, seed)
    position = tenant.project(bank)
    day, last = days_of(changes)
    closed_at = 0
    while day <= last:
        found = report(tenant, day, day)
        end = start_of(day + DAY) - timedelta(microseconds=1)
        as_of = answer(general_ledger.trial_balance_as_of(tenant.fetch, end, bank.now + 400 * DAY))
        assert found.position == position
        assert found.totals == as_of.totals
        posted = [change for change in changes if change.posted and change.effective_at.date() == day]
        for currency in found.currencies:
            assert currency.opening_balance == closed_at
            moved = sum(movement.amount for movement in currency.movements)
            assert currency.closing_balance == closed_at + moved
            assert moved == sum(change.posted for change in posted)
            closed_at = currency.closing_balance
            clearing = "2310-TRANSFER-CLEARING"
            assert currency.transaction_count == sum(change.debit_code != clearing for change in posted)
        day += DAY
    assert closed_at == sum(change.posted for change in changes) > 0


def test_a_month_is_its_days_together(tenant: Tenant) -> None:
    bank, _ = dated.dated_bank(300, seed=33)
    tenant.project(bank)
    first, last = date(2025, 10, 1), date(2025, 10, 31)
    month = report(tenant, first, last)
    days = [report(tenant, first + number * DAY, first + number * DAY) for number in range(31)]
    (whole,) = month.currencies
    parts = [day.currencies[0] for day in days if day.currencies]
    assert whole.opening_balance == parts[0].opening_balance
    assert whole.closing_balance == parts[-1].closing_balance
    assert whole.transaction_count == sum(part.transaction_count for part in parts)
    for movement in whole.movements:
        of_days = [each for part in parts for each in part.movements if each.type == movement.type]
        assert movement.number == sum(each.number for each in of_days)
        assert (movement.debits, movement.credits) == (
            sum(each.debits for each in of_days),
            sum(each.credits for each in of_days),
        )


def test_currencies_are_reported_apart_and_fees_are_what_revenue_grew_by(tenant: Tenant) -> None:
    bank = BankHistory()
    bank.add_chart()
    dollars, yen = bank.open("one"), bank.open("two", "JPY")
    bank.credit(dollars, 100_00)
    bank.credit(yen, 500)
    bank.pass_time(days=1)
    bank.debit(dollars, 2_50, "4500-FEE-REVENUE")
    bank.credit(dollars, 50, "4500-FEE-REVENUE")
    tenant.project(bank)
    japan, america = report(tenant, bank.now.date(), bank.now.date()).currencies
    assert (japan.currency, japan.opening_balance, japan.closing_balance) == ("JPY", 500, 500)
    assert (japan.movements, japan.fees, japan.transaction_count) == ([], 0, 0)
    assert (america.opening_balance, america.closing_balance, america.fees) == (100_00, 98_00, 2_00)


def test_an_empty_ledger_has_an_empty_report(tenant: Tenant) -> None:
    found = report(tenant, START.date(), START.date())
    assert (found.currencies, found.totals, found.position) == ([], [], 0)


@pytest.mark.parametrize("group_by", ["type", "account", "currency", "day"])
def test_however_movements_are_grouped_they_sum_up_to_the_same(tenant: Tenant, group_by: Group) -> None:
    bank, _ = dated.dated_bank(300, seed=34)
    tenant.project(bank)
    first, last = date(2025, 9, 25), date(2025, 10, 28)
    whole = report(tenant, first, last).currencies[0]
    for kind in ("movements", "transactions"):
        rows = made(tenant, Wish(kind, first, last, group_by))
        sums = [
            sum(cell.minor for cell in column if isinstance(cell, Money))
            for column in zip(*rows, strict=True)
        ]
        assert sums[-3:] == [
            sum(movement.debits for movement in whole.movements),
            sum(movement.credits for movement in whole.movements),
            whole.closing_balance - whole.opening_balance,
        ]


def test_the_entries_of_a_report_are_the_journals(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(200, seed=35)
    tenant.project(bank)
    first, last = date(2025, 10, 1), date(2025, 10, 31)
    posted = [change for change in changes if change.posted and first <= change.effective_at.date() <= last]
    posted.sort(key=lambda change: (change.effective_at, change.position))
    rows = made(tenant, Wish("transactions", first, last))
    assert [(row[0], row[4], row[7]) for row in rows] == [
        (change.effective_at.date().isoformat(), change.account_id, Money(abs(change.posted), "USD"))
        for change in posted
    ]
    assert len(made(tenant, Wish("transactions", first, last), limit=7)) == 7
    of_one = made(tenant, Wish("transactions", first, last, account_id="first", type="transfer"))
    assert of_one == [row for row in rows if (row[3], row[4]) == ("transfer", "first")] != []


def test_balances_are_those_of_the_statements(tenant: Tenant) -> None:
    bank, _ = dated.dated_bank(200, seed=36)
    tenant.project(bank)
    known = answer(certificates.newest(tenant.fetch))
    day, last = date(2025, 10, 5), date(2025, 10, 25)
    while day <= last:
        for account_id, *_, opening, closing in made(tenant, Wish("balances", day, day)):
            shown = answer(
                statement(
                    tenant.fetch,
                    str(account_id),
                    start_of(day),
                    start_of(day + DAY),
                    known_position=known.position,
                )
            )
            assert shown is not None
            assert (opening, closing) == (
                Money(shown.opening_balance, "USD"),
                Money(shown.closing_balance, "USD"),
            )
        for whole in report(tenant, day, day).currencies:
            *_, opening, closing = made(tenant, Wish("balances", day, day, "currency"))[0]
            assert (opening, closing) == (
                Money(whole.opening_balance, "USD"),
                Money(whole.closing_balance, "USD"),
            )
        day += 2 * DAY


def test_trial_balances_of_reports_balance_in_every_grouping(tenant: Tenant) -> None:
    bank, changes = dated.dated_bank(200, seed=37)
    tenant.project(bank)
    first, last = date(2025, 10, 1), date(2025, 10, 22)
    for group_by in (None, "account", "type", "currency"):
        rows = made(tenant, Wish("trial_balance", first, last, group_by))
        debits, credits = ([row[place] for row in rows] for place in (-2, -1))
        assert sum(cell.minor for cell in debits if isinstance(cell, Money)) == sum(
            cell.minor for cell in credits if isinstance(cell, Money)
        )
    days = made(tenant, Wish("trial_balance", *days_of(changes), "day"))
    deposits = [row[-1] for row in days if row[1] == CUSTOMER_DEPOSITS]
    assert deposits[-1] == Money(-sum(change.posted for change in changes), "USD")
    of_days = made(tenant, Wish("balances", *days_of(changes), "day"))
    assert [row[-1] for row in of_days] == [
        Money(-cell.minor, "USD") for cell in deposits if isinstance(cell, Money)
    ]


@pytest.mark.parametrize("kind", ["transactions", "movements", "balances", "fees", "trial_balance"])
@pytest.mark.parametrize("group_by", [None, "type", "account", "currency", "day"])
def test_every_kind_and_grouping_is_empty_of_an_empty_ledger(
    tenant: Tenant, kind: Kind, group_by: Group | None
) -> None:
    assert made(tenant, Wish(kind, START.date(), START.date(), group_by)) == []


def test_rows_are_written_with_all_their_digits() -> None:
    rows: list[list[Cell]] = [["=1+1", 'a "b",\nc', 3, Money(12_50, "USD")], ["", "é", 0, Money(-500, "JPY")]]
    assert written(rows, "json").decode() == '["=1+1","a \\"b\\",\\nc",3,12.50],["","é",0,-500]'
    assert written(rows, "csv").decode() == '=1+1,"a ""b"",\nc",3,12.50\r\n,é,0,-500\r\n'
