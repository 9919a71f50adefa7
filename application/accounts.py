"""Commands on accounts: open, post money in or out, freeze, close. And how an account is found by name."""

from datetime import datetime
from typing import Literal

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import account_aliases, accounts, errors
from domain.accounts import Account, AccountOpened
from domain.errors import DomainError
from domain.money import Money


def find(decision: Decision, identifier: str) -> Account | None:
    """The account of that id, number or card account id, looked up in this order."""
    account: Account | None = decision.load(accounts.stream(identifier))
    if account is not None:
        return account
    alias: account_aliases.Alias | None = decision.load(account_aliases.stream(identifier))
    if alias is None:
        return None
    found: Account | None = decision.load(accounts.stream(alias.account_id))
    return found


def require(decision: Decision, identifier: str) -> Account:
    account = find(decision, identifier)
    if account is None:
        raise errors.AccountNotFound(identifier)
    return account


class OpenAccount(msgspec.Struct, frozen=True):
    opened: AccountOpened

    def aliases(self) -> tuple[str, ...]:
        card_account_id = self.opened.card_account_id
        numbers = (self.opened.account_number,)
        return numbers if card_account_id is None else (*numbers, str(card_account_id))

    def streams(self) -> tuple[str, ...]:
        return (
            accounts.stream(self.opened.account_id),
            *(account_aliases.stream(alias) for alias in self.aliases()),
        )


def open_account(decision: Decision, command: OpenAccount) -> str:
    """Refuses with AccountExists where the id or one of the numbers is taken. Answers the account's id."""
    stream = accounts.stream(command.opened.account_id)
    opened = msgspec.structs.replace(command.opened, opened_at=decision.at)
    event = accounts.open_account(decision.load(stream), opened)
    for alias in command.aliases():
        if decision.load(account_aliases.stream(alias)) is not None:
            raise errors.AccountExists(alias)
    decision.record(stream, event)
    for alias in command.aliases():
        decision.record(
            account_aliases.stream(alias), account_aliases.AliasAssigned(command.opened.account_id)
        )
    return command.opened.account_id


class Post(msgspec.Struct, frozen=True):
    """Money into (credit) or out of (debit) an account, against an account of the chart.

    `posting_id` is what is shown as its reference. With a `key` it is posted once however often it is sent.
    """

    account_id: str
    direction: Literal["credit", "debit"]
    amount: Money
    contra: str
    kind: str
    posting_id: str
    description: str = ""
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = accounts.stream(self.account_id)
        return (own,) if self.key is None else (own, self.key.stream)


class Posted(msgspec.Struct, frozen=True):
    """The account's totals after the posting, in minor units."""

    posting_id: str
    posted: int
    held: int


def post(decision: Decision, command: Post) -> Posted | DomainError:
    return once(decision, command.key, Posted, lambda: _post(decision, command))


def _post(decision: Decision, command: Post) -> Posted:
    account = require(decision, command.account_id)
    move = accounts.credit if command.direction == "credit" else accounts.debit
    event = move(
        account,
        command.amount,
        contra=command.contra,
        kind=command.kind,
        reference=command.posting_id,
        description=command.description,
    )
    decision.record(accounts.stream(account.account_id), event)
    return Posted(command.posting_id, event.posted, event.held)


class ChangeStatus(msgspec.Struct, frozen=True):
    account_id: str
    status: Literal["frozen", "active", "closed"]
    reason: str = ""

    def streams(self) -> tuple[str, ...]:
        return (accounts.stream(self.account_id),)


def change_status(decision: Decision, command: ChangeStatus) -> str:
    """Freezes, unfreezes or closes; what already has the status is left as it is."""
    account = require(decision, command.account_id)
    if account.status != command.status:
        event = status_change(account, command.status, command.reason, decision.at)
        decision.record(accounts.stream(account.account_id), event)
    return command.status


def status_change(
    account: Account, status: Literal["frozen", "active", "closed"], reason: str, at: datetime
) -> accounts.AccountFroze | accounts.AccountUnfroze | accounts.AccountWasClosed:
    if status == accounts.CLOSED:
        return accounts.close(account, reason, at)
    return (accounts.freeze if status == accounts.FROZEN else accounts.unfreeze)(account, reason)


class ChangeOverdraftLimit(msgspec.Struct, frozen=True):
    """`overdraft_limit` in minor units of the account's currency."""

    account_id: str
    overdraft_limit: int

    def streams(self) -> tuple[str, ...]:
        return (accounts.stream(self.account_id),)


def change_overdraft_limit(decision: Decision, command: ChangeOverdraftLimit) -> int:
    account = require(decision, command.account_id)
    event = accounts.change_overdraft_limit(account, command.overdraft_limit)
    decision.record(accounts.stream(account.account_id), event)
    return command.overdraft_limit
