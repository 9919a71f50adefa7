"""Taking over a bank's own record of transactions: one row is one command, posted once for ever.

The account is opened when its first row comes. Where the record itself shows an account overdrawn, the bank
had allowed it, so the overdraft limit is raised to what the row needs: history is taken over, not judged.
"""

from functools import lru_cache

import msgspec

from application.accounts import OpenAccount, Post, Posted, open_account, post
from application.decision import Decision
from application.idempotency import RequestKey
from domain import account_aliases, accounts, errors, periods, requests
from domain.accounts import Account, AccountOpened
from domain.money import CurrencyMismatch

# Of 100,000 accounts with derived numbers, one in 10,000 needs a second attempt.
_NUMBER_ATTEMPTS = 5


class ImportTransaction(msgspec.Struct, frozen=True):
    """`key` is made of what identifies the row; `balance_after` is what the row says, in minor units.

    `numbers` are the account numbers that the account may get when it is opened, the preferred one first.
    """

    posting: Post
    key: RequestKey
    owner_id: str
    account_type: str
    numbers: tuple[str, ...]
    balance_after: int

    def streams(self) -> tuple[str, ...]:
        own = accounts.stream(self.posting.account_id)
        return (own, self.key.stream, account_aliases.stream(self.numbers[0]), periods.STREAM)


@lru_cache(maxsize=10_000)
def account_numbers(account_id: str) -> tuple[str, ...]:
    """The 10-digit numbers that the account may get, in order: the first one that is free.

    A plain number of up to 9 digits gets a number that shows it, and no other account has that one.
    """
    shown: tuple[str, ...] = ()
    if account_id.isascii() and account_id.isdigit() and len(account_id) <= 9 and account_id[0] != "0":
        shown = (f"2{account_id:0>9}",)
    derived = (
        requests.identity("account-number", account_id, str(attempt)) for attempt in range(_NUMBER_ATTEMPTS)
    )
    return (*shown, *(f"3{int(identity, 36) % 10**9:09}" for identity in derived))


def import_transaction(decision: Decision, command: ImportTransaction) -> Posted:
    """Answers the account's totals after the posting, whether it is posted now or was before.

    Raises IdempotencyConflict where the row was taken over with other content, PeriodIsClosed, and
    CurrencyMismatch. A
    refusal leaves nothing behind, so that the row can be tried again once its reason is gone.
    """
    posting = msgspec.structs.replace(command.posting, key=command.key)
    if decision.load(command.key.stream) is None:
        periods.refuse_closed(decision.load(periods.STREAM), decision.at.date())
        account = _opened(decision, command)
        if account.currency != posting.amount.currency:
            raise CurrencyMismatch(account.currency, posting.amount.currency)
        _allow_overdraft(decision, command, account)
    outcome = post(decision, posting)
    if isinstance(outcome, errors.DomainError):
        raise outcome
    return outcome


def _opened(decision: Decision, command: ImportTransaction) -> Account:
    stream = accounts.stream(command.posting.account_id)
    if decision.load(stream) is None:
        opened = AccountOpened(
            command.posting.account_id,
            _free_number(decision, command.numbers),
            command.owner_id,
            command.account_type,
            command.posting.amount.currency,
        )
        open_account(decision, OpenAccount(opened))
    account: Account = decision.load(stream)
    return account


def _free_number(decision: Decision, numbers: tuple[str, ...]) -> str:
    for number in numbers:
        if decision.load(account_aliases.stream(number)) is None:
            return number
    raise errors.AccountExists(numbers[-1])


def _allow_overdraft(decision: Decision, command: ImportTransaction, account: Account) -> None:
    needed = -command.balance_after
    if command.posting.direction == "debit" and needed > account.overdraft_limit:
        decision.record(accounts.stream(account.account_id), accounts.change_overdraft_limit(account, needed))
