"""A bank with a few accounts, and the back office's commands on them."""

from datetime import date, timedelta
from typing import Any

import msgspec

from application.accounts import OpenAccount, Post, open_account, post
from application.idempotency import RequestKey
from application.transactions import (
    Asked,
    Attempt,
    BatchAnswer,
    PostBatch,
    PostTransaction,
    ReverseTransaction,
    post_batch,
    post_transaction,
    reverse_transaction,
)
from domain.accounts import Account, AccountOpened
from domain.chart_of_accounts import CASH
from domain.errors import InvalidValue
from tests.application.command_book import Book, usd

ACCOUNTS = {"a": "0000000001", "b": "0000000002"}


class BackOffice(Book):
    """Accounts `a` and `b` in USD, `y` in JPY, opened a month ago; 100.00 on `a`."""

    def __init__(self) -> None:
        super().__init__()
        self.at -= timedelta(days=30)
        for name, number in ACCOUNTS.items():
            self.run(open_account, OpenAccount(AccountOpened(name, number, "ann", "checking", "USD")))
        self.run(open_account, OpenAccount(AccountOpened("y", "0000000003", "ann", "checking", "JPY")))
        self.run(post, Post("a", "credit", usd(100_00), CASH, "deposit", "opening"))
        self.at += timedelta(days=30)
        self._seeds = 0

    def seed(self) -> str:
        self._seeds += 1
        return f"seed-{self._seeds}"

    def post(self, *, key: RequestKey | None = None, **wanted: Any) -> Any:
        return self.run(post_transaction, PostTransaction(self.seed(), asked(**wanted), key))

    def posted(self, **wanted: Any) -> str:
        """The id of what must be posted."""
        attempt = self.post(**wanted)
        assert isinstance(attempt, Attempt), attempt
        assert attempt.code is None, attempt
        assert attempt.transaction is not None
        return attempt.transaction.transaction_id

    def refusal(self, **wanted: Any) -> Any:
        """Why a transaction failed; it is recorded."""
        attempt = self.post(**wanted)
        assert isinstance(attempt, Attempt), attempt
        assert attempt.transaction is not None
        assert attempt.transaction.status == "failed"
        assert "transaction.failed" in self.topics
        return attempt.refusal

    def batch(
        self, *items: Asked | InvalidValue, is_atomic: bool = False, key: RequestKey | None = None
    ) -> BatchAnswer:
        answer = self.run(post_batch, PostBatch(self.seed(), items, is_atomic, key))
        assert isinstance(answer, BatchAnswer), answer
        return answer

    def reverse(self, transaction_id: str, *, key: RequestKey | None = None) -> Any:
        return self.run(reverse_transaction, ReverseTransaction(transaction_id, self.seed(), "why", key))

    def account(self, name: str) -> Account:
        account: Account = self.state(f"account-{name}")
        return account

    @property
    def posted_totals(self) -> dict[str, int]:
        return {name: self.account(name).posted for name in ACCOUNTS}

    @property
    def today(self) -> date:
        return self.at.date()


def asked(**wanted: Any) -> Asked:
    terms: dict[str, Any] = {"type": "deposit", "account": "a", "amount": "10.00", **wanted}
    return msgspec.convert(terms, Asked)
