"""Which currency a card's limits are in: asked of the writer, and nothing is recorded for it."""

from application.accounts import OpenAccount, open_account
from application.cards import CurrencyOfAccount, CurrencyOfCard, currency_of_account, currency_of_card
from domain import errors
from domain.accounts import AccountOpened
from tests.application.command_book import CARD_ID, CardBook


def test_an_account_is_asked_by_any_of_its_names() -> None:
    book = CardBook()
    book.run(open_account, OpenAccount(AccountOpened("y", "0000000002", "ann", "checking", "JPY")))
    for account, currency in (
        ("a", "USD"),
        ("0000000001", "USD"),
        ("321654987", "USD"),
        ("0000000002", "JPY"),
    ):
        assert book.run(currency_of_account, CurrencyOfAccount(account)) == currency
        assert book.recorded == []
    assert book.run(currency_of_account, CurrencyOfAccount("nobody")) == errors.AccountNotFound("nobody")


def test_a_cards_limits_are_in_its_accounts_currency() -> None:
    book = CardBook()
    assert book.run(currency_of_card, CurrencyOfCard(CARD_ID)) == "USD"
    assert book.recorded == []
    assert book.run(currency_of_card, CurrencyOfCard(4)) == errors.CardNotFound(4)
