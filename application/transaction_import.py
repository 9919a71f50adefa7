"""Taking over a bank's own record of transactions: one row is one command, posted once for ever.

The account is opened when its first row comes. Where the record itself shows an account overdrawn, the bank
had allowed it, so the overdraft limit is raised to what the row needs: history is taken over, not judged.
"""

import msgspec

from application import accounts as commands
from application.accounts import OpenAccount, Post, Posted, open_account, post
from application.decision import Decision
from application.idempotency import RequestKey
from domain import account_aliases, accounts, errors, requests
from domain.accounts import Account, AccountOpened

_NUMBER_ATTEMPTS = 20


class ImportTransaction(msgspec.Struct, frozen=True):
    """`posting` has a key; `balance_after` is what the record says, in minor units."""

    posting: Post
    key: RequestKey
    owner_id: str
    account_type: str
    numbers: tuple[str, ...]
    balance_after: int

    def streams(self) -> tuple[str, ...]:
        return (*self.posting.streams(), account_aliases.stream(self.numbers[0]))


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

    A refusal is raised and leaves nothing behind, so that the row can be tried again once its reason is gone.
    """
    posting = command.posting
    if decision.load(command.key.stream) is None:
        account: Account | None = decision.load(accounts.stream(posting.account_id))
        if account is None:
            _open(decision, command)
        _allow_overdraft(decision, command)
    outcome = post(decision, posting)
    if isinstance(outcome, errors.DomainError):
        raise outcome
    return outcome


def _open(decision: Decision, command: ImportTransaction) -> None:
    number = next(
        (number for number in command.numbers if decision.load(account_aliases.stream(number)) is None), None
    )
    if number is None:
        raise errors.AccountExists(command.numbers[-1])
    opened = AccountOpened(
        command.posting.account_id,
        number,
        command.owner_id,
        command.account_type,
        command.posting.amount.currency,
    )
    open_account(decision, OpenAccount(opened))


def _allow_overdraft(decision: Decision, command: ImportTransaction) -> None:
    account = commands.require(decision, command.posting.account_id)
    needed = -command.balance_after
    if command.posting.direction == "debit" and needed > account.overdraft_limit:
        decision.record(
            accounts.stream(account.account_id), accounts.change_overdraft_limit(account, needed)
        )
