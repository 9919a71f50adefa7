"""The list of transactions: one row for each, of every surface, found and counted whatever is asked for."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest

from application.accounts import OpenAccount, Post, open_account, post
from application.settlement import TransferStep, settle, start_processing
from application.transactions import (
    Asked,
    PostTransaction,
    ReverseTransaction,
    post_transaction,
    reverse_transaction,
)
from application.transfers import CreateTransfer, create_transfer
from domain.accounts import AccountOpened
from domain.chart_of_accounts import CARD_SETTLEMENT, CASH
from domain.money import Money
from domain.transfers import ExternalAccount
from projections import transaction_pages, transactions
from projections.transaction_pages import SORTS, TransactionView, Wanted
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

EXTERNAL = ExternalAccount("Bank", "123456789", "12345678", "Ann")


class Bank(BankHistory):
    """Accounts `a` and `b` in USD and `y` in JPY, each with money."""

    def __init__(self) -> None:
        super().__init__()
        for number, (name, currency) in enumerate((("a", "USD"), ("b", "USD"), ("y", "JPY")), start=1):
            opened = AccountOpened(name, f"{number:010}", "ann", "checking", currency)
            self.run(open_account, OpenAccount(opened))
        self._seeds = 0

    def ask(self, **wanted: Any) -> str:
        """The id of what was posted, or failed."""
        self._seeds += 1
        terms = msgspec.convert({"type": "deposit", "account": "a", "amount": "10.00", **wanted}, Asked)
        attempt = self.run(post_transaction, PostTransaction(f"seed-{self._seeds}", terms))
        identifier: str = attempt.transaction.transaction_id
        return identifier

    def reverse(self, identifier: str) -> str:
        self._seeds += 1
        attempt = self.run(reverse_transaction, ReverseTransaction(identifier, f"seed-{self._seeds}"))
        reversal: str = attempt.transaction.transaction_id
        return reversal

    def settle(self, identifier: str, to: str | None) -> None:
        external = EXTERNAL if to is None else None
        kind: Any = "internal" if to else "interbank"
        command = CreateTransfer(
            identifier, identifier, "h", "ann", kind, "a", Money(5_00, "USD"), "R", to, external, "memo"
        )
        self.run(create_transfer, command)
        for step in (start_processing, settle):
            self.run(step, TransferStep(identifier))


def page(tenant: Tenant, wanted: Wanted | None = None, **how: Any) -> list[TransactionView]:
    how = {"sort": "created_at", "is_descending": False, "limit": 200, "offset": 0, **how}
    return answer(transaction_pages.page(tenant.fetch, wanted or Wanted(), **how)).transactions


def one(tenant: Tenant, identifier: str) -> TransactionView:
    view = answer(transaction_pages.one(tenant.fetch, identifier))
    assert view is not None, identifier
    return view


def test_a_transaction_is_one_row_with_what_became_of_it(tenant: Tenant) -> None:
    bank = Bank()
    deposit = bank.ask(effective_date=date(2025, 10, 20), description="cash")
    failed = bank.ask(type="withdrawal", amount="999")
    moved = bank.ask(type="transfer", to_account="b")
    reversal = bank.reverse(moved)
    tenant.project(bank)
    rows = page(tenant)
    assert [row.transaction_id for row in rows] == [deposit, failed, moved, reversal]
    assert [row.status for row in rows] == ["completed", "failed", "completed", "completed"]
    assert {row.source for row in rows} == {"back_office"}
    assert rows[0]._asdict() | {"created_at": START} == {
        "transaction_id": deposit,
        "type": "deposit",
        "status": "completed",
        "account_id": "a",
        "to_account_id": None,
        "amount": 10_00,
        "currency": "USD",
        "description": "cash",
        "effective_date": date(2025, 10, 20),
        "reversal_of": None,
        "reversed_by": None,
        "source": "back_office",
        "created_at": START,
    }
    assert (rows[2].reversed_by, rows[3].reversal_of) == (reversal, moved)
    assert (rows[3].account_id, rows[3].to_account_id) == ("b", "a")
    assert answer(transaction_pages.one(tenant.fetch, "txn_none")) is None
    assert answer(transaction_pages.one(tenant.fetch, "txn\x00\ud800")) is None


@pytest.mark.parametrize("batch_size", [1, 2, 1_000])
def test_a_transfer_is_one_row_and_its_fee_another_however_the_log_is_cut(
    tenant: Tenant, batch_size: int
) -> None:
    bank = Bank()
    bank.ask(amount="100.00")
    bank.settle("tx_1", "b")
    bank.settle("tx_2", None)
    internal, interbank = bank.reverse("tx_1"), bank.reverse("tx_2")
    tenant.project(bank, batch_size=batch_size)
    first, second, fee = one(tenant, "tx_1"), one(tenant, "tx_2"), one(tenant, "tx_2_fee")
    assert (first.account_id, first.to_account_id, first.reversed_by) == ("a", "b", internal)
    assert (second.account_id, second.to_account_id, second.reversed_by) == ("a", None, interbank)
    assert (fee.type, fee.amount, fee.source) == ("fee", 2_50, "transfers")
    returned = one(tenant, "tx_2_fee_reversal")
    assert (fee.reversed_by, returned.reversal_of) == (returned.transaction_id, fee.transaction_id)
    back = one(tenant, internal)
    assert (back.account_id, back.to_account_id, back.reversal_of) == ("b", "a", "tx_1")
    assert one(tenant, interbank).reversal_of == "tx_2"
    assert len(page(tenant)) == 7


def test_every_other_posting_is_a_row_of_its_surface(tenant: Tenant) -> None:
    bank = Bank()
    postings = [
        ("credit", "deposit", "fixture-a", CASH),
        ("debit", "card", "authorization-1", CARD_SETTLEMENT),
        ("credit", "refund", "authorization-2", CARD_SETTLEMENT),
        ("debit", "wire", "ATLAS-TX-1", CASH),
    ]
    for direction, kind, reference, contra in postings:
        way: Any = direction
        bank.run(post, Post("a", way, Money(1_00, "USD"), contra, kind, reference))
    tenant.project(bank)
    assert [(row.type, row.source) for row in page(tenant)] == [
        ("deposit", "other"),
        ("card_payment", "cards"),
        ("card_refund", "cards"),
        ("withdrawal", "core_banking"),
    ]
    for row in page(tenant):
        assert one(tenant, row.transaction_id) == row


def expected(rows: list[TransactionView], wanted: Wanted) -> list[TransactionView]:
    return [
        row
        for row in rows
        if wanted.account_id in (None, row.account_id, row.to_account_id)
        and wanted.type in (None, row.type)
        and wanted.status in (None, row.status)
        and wanted.currency in (None, row.currency)
        and (wanted.first_day is None or row.created_at.date() >= wanted.first_day)
        and (wanted.last_day is None or row.created_at.date() <= wanted.last_day)
    ]


def whole_units(row: TransactionView) -> int:
    return row.amount * (100 if row.currency == "JPY" else 1)


KEYS = {
    "created_at": lambda row: row.created_at,
    "effective_date": lambda row: row.effective_date,
    "amount": whole_units,
}


def test_every_filter_sort_and_page_agrees_with_the_whole_list(tenant: Tenant) -> None:
    bank, chance = Bank(), random.Random(7)
    for _ in range(120):
        bank.pass_time(hours=chance.choice((0, 1, 7, 30)))
        kind = chance.choice(("deposit", "withdrawal", "transfer", "fee"))
        account: str = chance.choice("ab" if kind == "transfer" else "aby")
        amount = str(chance.randint(1, 20)) if account == "y" else f"{chance.randint(1, 2000) / 100:.2f}"
        to = {"a": "b", "b": "a"}.get(account) if kind == "transfer" else None
        day = bank.now.date() - timedelta(days=chance.choice((0, 0, 1)))
        day = max(day, START.date())
        bank.ask(type=kind, account=account, amount=amount, to_account=to, effective_date=day)
    tenant.project(bank)
    rows = page(tenant)
    assert len(rows) == 120
    days: list[Any] = [None, START.date() + timedelta(days=5)]
    for account_id, only, status, currency, first, last in product(
        (None, "a", "y"), (None, "transfer"), (None, "failed"), (None, "USD"), days, days
    ):
        wanted = Wanted(account_id, only, status, currency, None, first, last)
        meant = expected(rows, wanted)
        sort, is_descending = chance.choice(SORTS), chance.random() < 0.5
        key = KEYS[sort]
        # The position breaks ties, and it is the order of the whole list.
        ordered = sorted(meant, key=key)
        if is_descending:
            ordered.reverse()
        found: list[TransactionView] = []
        while True:
            how: dict[str, Any] = {"sort": sort, "is_descending": is_descending}
            got = answer(transaction_pages.page(tenant.fetch, wanted, **how, limit=11, offset=len(found)))
            assert got.total == len(meant)
            if not got.transactions:
                break
            found += got.transactions
        assert found == ordered, (wanted, sort, is_descending)


def test_what_is_listed_of_an_account_sums_up_to_its_balance(tenant: Tenant) -> None:
    bank = Bank()
    for amount in ("100.00", "7.50"):
        bank.ask(amount=amount)
    bank.ask(type="adjustment", direction="debit", amount="3.00")
    bank.reverse(bank.ask(type="fee", amount="1.25"))
    bank.ask(type="transfer", to_account="b", amount="20.00")
    bank.settle("tx_1", "b")
    bank.settle("tx_2", None)
    bank.reverse("tx_2")
    tenant.project(bank)
    sums = tenant.rows(
        """
        select b.account_id, b.posted, coalesce(t.posted, 0) from {schema}.balances b left join (
            select account_id, sum(amount) as posted from (
                select account_id, case direction when 'credit' then amount else -amount end as amount
                from {schema}.transactions where status = 'completed'
                union all
                select to_account_id, amount from {schema}.transactions
                where status = 'completed' and to_account_id is not null
            ) legs group by account_id
        ) t on t.account_id = b.account_id
        """
    )
    assert len(sums) == 3
    assert all(posted == listed for _, posted, listed in sums), sums


def test_counts_are_those_of_the_rows(tenant: Tenant) -> None:
    bank = Bank()
    for amount in ("1.00", "2.00"):
        bank.ask(amount=amount)
        bank.pass_time(days=1)
    bank.ask(type="fee", amount="900")
    tenant.project(bank, batch_size=3)
    grouped = "created_day, type, status, source, currency"
    counted = tenant.rows(f"select {grouped}, transactions from {{schema}}.transaction_counts order by 1, 2")
    rows = tenant.rows(
        "select (created_at at time zone 'UTC')::date, type, status, source, currency, count(*)"
        " from {schema}.transactions group by 1, 2, 3, 4, 5 order by 1, 2"
    )
    assert counted == rows
    assert transactions.MODEL.table_names == ("transactions", "transaction_counts")


def test_a_value_date_is_the_day_that_was_asked_for(tenant: Tenant) -> None:
    bank = Bank()
    bank.pass_time(days=10)
    early = bank.ask(effective_date=date(2025, 10, 25))
    tenant.project(bank)
    row = one(tenant, early)
    assert row.effective_date == date(2025, 10, 25)
    assert row.created_at.astimezone(UTC) == bank.now
    assert isinstance(row.created_at, datetime)
