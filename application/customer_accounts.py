"""Commands of the back office on customers' accounts: create one, change what can be changed, close one.

Their answers are the account as it is after them, so that an idempotent request gets the same again.
"""

from datetime import datetime
from typing import Literal

import msgspec

from application import accounts as account_commands
from application.accounts import OpenAccount
from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import account_aliases, accounts, errors, users
from domain.accounts import Account, AccountOpened
from domain.errors import DomainError
from domain.money import InvalidAmount, parse_amount
from domain.requests import identity

# Of a thousand million numbers: with ten million accounts each candidate is free at 99 in 100.
_NUMBER_CANDIDATES = 8


class AccountAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`updated_at` is None where the command changed nothing."""

    account: Account
    updated_at: datetime | None = None


def account_number_candidates(number: int) -> tuple[str, ...]:
    """The 10-digit numbers that an account may get, derived from a number that is unique everywhere.

    Who takes one of them creates its stream, so the store lets nobody else have it: the other one goes on to
    its next candidate.
    """
    derived = (identity("account-number", str(number), str(attempt)) for attempt in range(_NUMBER_CANDIDATES))
    return tuple(f"4{int(digits, 16) % 10**9:09}" for digits in derived)


class CreateAccount(msgspec.Struct, frozen=True):
    """`number` is the first of a fresh block: what the account is called by everywhere comes from it."""

    number: int
    customer_id: str
    account_type: str
    currency: str
    overdraft_limit: int = 0
    nickname: str | None = None
    key: RequestKey | None = None

    @property
    def account_id(self) -> str:
        return "acct_" + identity("account", str(self.number))

    def streams(self) -> tuple[str, ...]:
        own = (
            users.stream(self.customer_id),
            accounts.stream(self.account_id),
            account_aliases.stream(account_number_candidates(self.number)[0]),
            account_aliases.stream(str(self.number)),
        )
        return own if self.key is None else (*own, self.key.stream)


def create_account(decision: Decision, command: CreateAccount) -> AccountAnswer | DomainError:
    """Raises InvalidValue where there is no such customer."""
    if decision.load(users.stream(command.customer_id)) is None:
        raise errors.InvalidValue("customer_id", "is not a customer here")
    return once(decision, command.key, AccountAnswer, lambda: _create(decision, command))


def _create(decision: Decision, command: CreateAccount) -> AccountAnswer:
    opened = AccountOpened(
        command.account_id,
        _free_number(decision, command.number),
        command.customer_id,
        command.account_type,
        command.currency,
        command.overdraft_limit,
        command.nickname,
        command.number,
        accounts.CARD_ACCOUNT_SPACE_ID,
    )
    account_commands.open_account(decision, OpenAccount(opened))
    return AccountAnswer(decision.load(accounts.stream(command.account_id)), decision.at)


def _free_number(decision: Decision, number: int) -> str:
    candidates = account_number_candidates(number)
    for candidate in candidates:
        if decision.load(account_aliases.stream(candidate)) is None:
            return candidate
    raise errors.AccountExists(candidates[-1])


class Unchanged(msgspec.Struct, frozen=True, tag=True):
    """Nothing was asked about it: null is an answer of its own."""


class Nickname(msgspec.Struct, frozen=True, tag=True):
    text: str | None


class ChangeAccount(msgspec.Struct, frozen=True):
    """What is None, or Unchanged, stays. `overdraft_limit` is its digits, to be read in the account's
    currency."""

    account: str
    nickname: Nickname | Unchanged = Unchanged()
    overdraft_limit: str | None = None
    status: Literal["active", "frozen"] | None = None
    reason: str = ""
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (accounts.stream(self.account),)
        return own if self.key is None else (*own, self.key.stream)


def change_account(decision: Decision, command: ChangeAccount) -> AccountAnswer | DomainError:
    """Raises AccountNotFound, and InvalidValue for a limit that the currency cannot have."""
    account = account_commands.require(decision, command.account)
    limit = _limit(command, account)
    return once(decision, command.key, AccountAnswer, lambda: _change(decision, command, account, limit))


def _limit(command: ChangeAccount, account: Account) -> int | None:
    if command.overdraft_limit is None:
        return None
    try:
        return parse_amount(command.overdraft_limit, account.currency).minor
    except InvalidAmount as error:
        raise errors.InvalidValue("overdraft_limit", str(error).removeprefix("amount ")) from None


def _change(decision: Decision, command: ChangeAccount, account: Account, limit: int | None) -> AccountAnswer:
    if account.status == accounts.CLOSED:
        raise errors.AccountClosed(account.account_id)
    changes: list[accounts.AccountEvent] = []
    if command.status is not None and command.status != account.status:
        # First, so that the others say the status that the account has after all of them.
        changes.append(account_commands.status_change(account, command.status, command.reason, decision.at))
        account = accounts.evolve(account, changes[0])
    if isinstance(command.nickname, Nickname) and command.nickname.text != account.nickname:
        changes.append(accounts.change_nickname(account, command.nickname.text))
    if limit is not None and limit != account.overdraft_limit:
        changes.append(accounts.change_overdraft_limit(account, limit))
    return _recorded(decision, account, changes)


class CloseAccount(msgspec.Struct, frozen=True):
    account: str
    reason: str = ""
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (accounts.stream(self.account),)
        return own if self.key is None else (*own, self.key.stream)


def close_account(decision: Decision, command: CloseAccount) -> AccountAnswer | DomainError:
    """Refuses with AccountHasBalance or AccountHasHolds. What is closed already stays as it is."""
    account = account_commands.require(decision, command.account)
    return once(decision, command.key, AccountAnswer, lambda: _close(decision, command, account))


def _close(decision: Decision, command: CloseAccount, account: Account) -> AccountAnswer:
    if account.status == accounts.CLOSED:
        return AccountAnswer(account, account.closed_at)
    return _recorded(decision, account, [accounts.close(account, command.reason, decision.at)])


def _recorded(decision: Decision, account: Account, changes: list[accounts.AccountEvent]) -> AccountAnswer:
    stream = accounts.stream(account.account_id)
    if not changes:
        return AccountAnswer(account)
    decision.record(stream, *changes)
    return AccountAnswer(decision.load(stream), decision.at)
