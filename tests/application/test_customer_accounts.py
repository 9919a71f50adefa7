"""Customers' accounts as the back office makes, changes and closes them."""

from typing import Any

import msgspec
import pytest

from application.accounts import Post, post
from application.customer_accounts import (
    AccountAnswer,
    ChangeAccount,
    CloseAccount,
    CreateAccount,
    Nickname,
    account_number_candidates,
    change_account,
    close_account,
    create_account,
)
from application.idempotency import RequestKey
from application.users import RegisterUser, register_user
from domain import errors
from domain.account_aliases import AliasAssigned
from domain.chart_of_accounts import CASH
from domain.users import UserRegistered
from tests.application.command_book import Book, usd

KEY = RequestKey("request", "content")
CREATE = CreateAccount(4_000, "ann", "savings", "USD", 50_00, "Holidays")
ID = CREATE.account_id


@pytest.fixture
def book() -> Book:
    book = Book()
    book.run(register_user, RegisterUser(UserRegistered("ann", "customer", "USA")))
    return book


def made(book: Book, **wanted: Any) -> AccountAnswer:
    answer = book.run(create_account, msgspec.structs.replace(CREATE, **wanted))
    assert isinstance(answer, AccountAnswer), answer
    return answer


def change(book: Book, **wanted: Any) -> Any:
    return book.run(change_account, ChangeAccount(ID, **wanted))


def test_an_account_is_opened_under_all_its_names(book: Book) -> None:
    account = made(book).account
    assert (account.owner_id, account.nickname, account.overdraft_limit) == ("ann", "Holidays", 50_00)
    assert (account.opened_at, account.available) == (book.at, 50_00)
    assert len(account.account_number) == 10
    assert account.account_number.isdecimal()
    assert book.topics == ["account.opened", "account_alias.assigned", "account_alias.assigned"]
    for name in (account.account_number, "4000"):
        assert book.state(f"account_alias-{name}").account_id == ID


def test_an_account_belongs_to_a_customer_that_there_is(book: Book) -> None:
    refusal = book.run(create_account, msgspec.structs.replace(CREATE, customer_id="bob", key=KEY))
    assert refusal == errors.InvalidValue("customer_id", "is not a customer here")
    made(book, key=KEY)


def test_a_number_that_is_taken_is_passed_over(book: Book) -> None:
    first, second, *_ = account_number_candidates(4_000)

    def take(decision: Any, _: Any) -> None:
        decision.record(f"account_alias-{first}", AliasAssigned("other"))

    book.run(take, CREATE)
    assert made(book).account.account_number == second


def test_the_same_request_makes_one_account(book: Book) -> None:
    """Also where it comes again with other fresh numbers."""
    first = made(book, key=KEY)
    assert made(book, number=8_000, key=KEY) == first
    assert book.recorded == []


def test_a_change_records_what_changes_and_says_the_status_after_it(book: Book) -> None:
    made(book)
    book.wait(days=1)
    answer = change(book, nickname=Nickname(None), overdraft_limit="10.00", status="frozen", reason="lost")
    assert book.topics == ["account.frozen", "account.nickname_changed", "account.overdraft_limit_changed"]
    assert [event.status for _, event in book.recorded[1:]] == ["frozen", "frozen"]
    account = answer.account
    assert (account.nickname, account.overdraft_limit, account.status) == (None, 10_00, "frozen")
    assert answer.updated_at == book.at
    unchanged = change(book, nickname=Nickname(None), overdraft_limit="10", status="frozen")
    assert (unchanged.account, unchanged.updated_at) == (account, None)
    assert book.recorded == []


def test_a_limit_is_read_in_the_accounts_currency(book: Book) -> None:
    made(book, currency="JPY", overdraft_limit=0)
    refusal = change(book, overdraft_limit="1.0")
    assert isinstance(refusal, errors.InvalidValue)
    assert refusal.field == "overdraft_limit"
    assert change(book, overdraft_limit="100").account.overdraft_limit == 100


def test_an_account_is_closed_when_it_is_empty(book: Book) -> None:
    made(book)
    book.run(post, Post(ID, "credit", usd(1), CASH, "deposit", "one"))
    assert book.run(close_account, CloseAccount(ID)) == errors.AccountHasBalance(ID)
    book.run(post, Post(ID, "debit", usd(1), CASH, "withdrawal", "two"))
    closed = book.run(close_account, CloseAccount(ID, "asked for"))
    assert (closed.account.status, closed.account.closed_at, closed.updated_at) == (
        "closed",
        book.at,
        book.at,
    )
    book.wait(days=1)
    assert book.run(close_account, CloseAccount(ID)) == closed
    assert book.recorded == []
    assert change(book, nickname=Nickname("x")) == errors.AccountClosed(ID)


def test_candidates_are_ten_digits_and_differ(book: Book) -> None:
    numbers = [number for block in range(0, 400, 4) for number in account_number_candidates(block)]
    assert len(set(numbers)) == len(numbers)
    assert all(len(number) == 10 and number.isdecimal() for number in numbers)
