"""What an imported account is called, and what one row does to the books."""

from datetime import UTC, datetime

import pytest

from application.accounts import Post
from application.decision import ABSENT, Decision, Known, StreamsMissing
from application.idempotency import RequestKey
from application.transaction_import import ImportTransaction, account_numbers, import_transaction
from domain import account_aliases, accounts
from domain.accounts import Account
from domain.errors import AccountExists, IdempotencyConflict, InsufficientFunds
from domain.money import CurrencyMismatch, Money

NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)


def row(
    amount: int, balance_after: int, *, name: str = "t1", content: str = "a", currency: str = "CZK"
) -> ImportTransaction:
    direction = "debit" if amount < 0 else "credit"
    posting = Post("bank-7", direction, Money(abs(amount), currency), "1000-CASH", "cash", name)
    key = RequestKey(f"request-{name}", content)
    return ImportTransaction(posting, key, "holder-7", "checking", account_numbers("7"), balance_after)


class Book:
    """Runs commands one after another on states in memory."""

    def __init__(self) -> None:
        self.states: dict[str, Known] = {}

    def take_over(self, command: ImportTransaction) -> tuple[int, list[str]]:
        """The balance that was answered, and the topics that were recorded."""
        while True:
            decision = Decision(NOW, self.states, {})
            try:
                answer = import_transaction(decision, command)
            except StreamsMissing as missing:
                self.states.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            self.states.update(decision.staged())
            return answer.posted, [staged.event.TOPIC for staged in decision.recorded]

    def account(self) -> Account:
        account: Account = self.states[accounts.stream("bank-7")].state
        return account


def test_the_first_row_opens_the_account_and_later_ones_do_not() -> None:
    book = Book()
    _, topics = book.take_over(row(70000, 70000))
    assert topics == ["account.opened", "account_alias.assigned", "account.credited", "request.answered"]
    assert book.take_over(row(100, 70100, name="t2")) == (70100, ["account.credited", "request.answered"])


def test_a_row_that_was_taken_over_answers_its_balance_of_then() -> None:
    book = Book()
    book.take_over(row(70000, 70000))
    book.take_over(row(100, 70100, name="t2"))
    assert book.take_over(row(70000, 70000)) == (70000, [])


def test_a_row_with_other_content_is_a_conflict() -> None:
    book = Book()
    book.take_over(row(70000, 70000))
    with pytest.raises(IdempotencyConflict):
        book.take_over(row(80000, 80000, content="b"))


def test_an_overdraft_in_the_record_raises_the_limit_to_what_it_needs() -> None:
    book = Book()
    book.take_over(row(1000, 1000))
    assert book.take_over(row(-1500, -500, name="t2"))[1][0] == "account.overdraft_limit_changed"
    assert book.account().overdraft_limit == 500
    assert book.take_over(row(100, -400, name="t3"))[0] == -400


def test_a_refused_row_leaves_nothing_behind() -> None:
    book = Book()
    book.take_over(row(1000, 1000))
    with pytest.raises(InsufficientFunds):
        book.take_over(row(-1500, 0, name="t2"))
    assert book.account().posted == 1000
    assert book.take_over(row(-1000, 0, name="t2"))[0] == 0


def test_another_currency_than_the_accounts_is_refused() -> None:
    book = Book()
    book.take_over(row(1000, 1000))
    with pytest.raises(CurrencyMismatch):
        book.take_over(row(1000, 2000, name="t2", currency="EUR"))


def test_a_number_that_is_taken_gives_way_to_the_next() -> None:
    book = Book()
    first, second, *_ = account_numbers("7")
    book.states[account_aliases.stream(first)] = Known(1, account_aliases.Alias("somebody-else"))
    book.take_over(row(1000, 1000))
    assert book.account().account_number == second


def test_without_a_free_number_the_account_is_refused() -> None:
    book = Book()
    for number in account_numbers("7"):
        book.states[account_aliases.stream(number)] = Known(1, account_aliases.Alias("somebody-else"))
    with pytest.raises(AccountExists):
        book.take_over(row(1000, 1000))


def test_a_plain_number_is_seen_in_the_account_number() -> None:
    assert account_numbers("539")[0] == "2000000539"
    assert account_numbers("999999999")[0] == "2999999999"


@pytest.mark.parametrize("account_id", ["539", "0539", "1000000000", "DE89-3704", "x", "٣"])
def test_every_account_number_has_ten_digits_and_all_are_different(account_id: str) -> None:
    numbers = account_numbers(account_id)
    assert all(len(number) == 10 and number.isascii() and number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_different_accounts_have_different_preferred_numbers() -> None:
    ids = [*map(str, range(1, 500)), *(f"0{n}" for n in range(1, 500))]
    assert len({account_numbers(account_id)[0] for account_id in ids}) == len(ids)
