"""Commands on transactions of the back office: post one, post many at once, reverse one.

What the state of things refuses is a fact, too: a failed transaction, whose id the answer tells. What could
never be posted (an account that is not there, more digits than the currency has) is none.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time

import msgspec

from application import accounts as account_commands
from application.decision import Decision
from application.idempotency import RequestKey, once
from application.settlement import ReverseTransfer, reverse_transfer
from domain import account_aliases, accounts, errors, periods, transactions, transfers
from domain.accounts import Account
from domain.errors import DomainError
from domain.money import InvalidAmount, parse_amount
from domain.requests import identity
from domain.transactions import (
    Direction,
    Leg,
    Terms,
    Transaction,
    TransactionFailed,
    TransactionPosted,
    TransactionReversed,
    TransactionType,
)
from domain.transfers import Transfer

TRANSFER_PREFIX = "tx_"


def transaction_id(seed: str, index: int = 0) -> str:
    """The id of the transaction at `index` of a request; `seed` is the request's own: its key's, or fresh."""
    return "txn_" + identity("transaction", seed, str(index))


class Asked(msgspec.Struct, frozen=True):
    """A transaction as it is asked for. `amount` is its digits, to be read in the currency; accounts are
    named by any of their identifiers. Without a currency it is the account's, without a date today's."""

    type: TransactionType
    account: str
    amount: str
    to_account: str | None = None
    currency: str | None = None
    direction: Direction | None = None
    description: str = ""
    effective_date: date | None = None

    @property
    def accounts(self) -> tuple[str, ...]:
        return (self.account,) if self.to_account is None else (self.account, self.to_account)


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one transaction. Without a code it was posted, or in a batch taken back with the others:
    then there is no transaction."""

    transaction: Transaction | None = None
    code: str | None = None
    facts: dict[str, int | str] = {}

    @property
    def refusal(self) -> DomainError | None:
        return None if self.code is None else errors.restore(self.code, self.facts)


class PostTransaction(msgspec.Struct, frozen=True):
    seed: str
    asked: Asked
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = tuple(accounts.stream(account) for account in self.asked.accounts)
        return own if self.key is None else (*own, self.key.stream)


def post_transaction(decision: Decision, command: PostTransaction) -> Attempt | DomainError:
    """Raises InvalidValue where it could never be posted; the key stays free then."""
    terms = _terms(decision, command.asked)
    identifier = transaction_id(command.seed)
    return once(decision, command.key, Attempt, lambda: _attempt(decision, identifier, terms))


class PostBatch(msgspec.Struct, frozen=True):
    """In this order, each on what those before it left. An InvalidValue among them is what could not even be
    read. Atomic: all or none."""

    seed: str
    asked: tuple[Asked | errors.InvalidValue, ...]
    is_atomic: bool
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = tuple(accounts.stream(account) for account in self.accounts())
        return own if self.key is None else (*own, self.key.stream)

    def accounts(self) -> Iterable[str]:
        named = [account for one in self.asked if isinstance(one, Asked) for account in one.accounts]
        return dict.fromkeys(named)


class BatchAnswer(msgspec.Struct, frozen=True):
    is_atomic: bool
    attempts: tuple[Attempt, ...]

    @property
    def failed(self) -> int:
        return sum(attempt.code is not None for attempt in self.attempts)

    @property
    def posted(self) -> int:
        return sum(attempt.code is None and attempt.transaction is not None for attempt in self.attempts)

    @property
    def is_undone(self) -> bool:
        return self.is_atomic and self.failed > 0


def post_batch(decision: Decision, command: PostBatch) -> BatchAnswer | DomainError:
    _bring_in(decision, command)
    return once(decision, command.key, BatchAnswer, lambda: _post_batch(decision, command))


def _bring_in(decision: Decision, command: PostBatch) -> None:
    """All accounts that are named, by a few queries: each miss on its own would be a query of its own."""
    named = tuple(command.accounts())
    decision.need(*(accounts.stream(name) for name in named))
    others = [name for name in named if decision.load(accounts.stream(name)) is None]
    decision.need(*(account_aliases.stream(name) for name in others))
    aliases = [decision.load(account_aliases.stream(name)) for name in others]
    decision.need(*(accounts.stream(alias.account_id) for alias in aliases if alias is not None))


def _post_batch(decision: Decision, command: PostBatch) -> BatchAnswer:
    start = decision.savepoint()
    attempts = [
        _attempt_of_batch(decision, transaction_id(command.seed, index), asked)
        for index, asked in enumerate(command.asked)
    ]
    answer = BatchAnswer(command.is_atomic, tuple(attempts))
    if not answer.is_undone:
        return answer
    refusals = [staged for staged in decision.recorded if isinstance(staged.event, TransactionFailed)]
    decision.roll_back(start)
    for refused in refusals:
        decision.create(refused.stream, refused.event)
    kept = (attempt if attempt.code is not None else Attempt() for attempt in attempts)
    return BatchAnswer(command.is_atomic, tuple(kept))


def _attempt_of_batch(decision: Decision, identifier: str, asked: Asked | errors.InvalidValue) -> Attempt:
    try:
        if isinstance(asked, errors.InvalidValue):
            raise asked
        terms = _terms(decision, asked)
    except errors.InvalidValue as refusal:
        return Attempt(None, refusal.code, refusal.facts())
    return _attempt(decision, identifier, terms)


class ReverseTransaction(msgspec.Struct, frozen=True):
    """Of a transaction (`txn_…`) or a settled transfer (`tx_…`), whose fee is given back, too."""

    transaction_id: str
    seed: str
    reason: str = ""
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (_stream_of(self.transaction_id),)
        return own if self.key is None else (*own, self.key.stream)


def reverse_transaction(decision: Decision, command: ReverseTransaction) -> Attempt | DomainError:
    """Raises TransactionNotFound. Refuses with AlreadyReversed, TransactionNotReversible, TransferNotSettled;
    where the money is gone, the reversal is a failed transaction."""
    reverse = _reverse_transfer if _is_transfer(command.transaction_id) else _reverse
    return once(decision, command.key, Attempt, lambda: reverse(decision, command))


def _is_transfer(identifier: str) -> bool:
    return identifier.startswith(TRANSFER_PREFIX)


def _stream_of(identifier: str) -> str:
    return transfers.stream(identifier) if _is_transfer(identifier) else transactions.stream(identifier)


def _reverse(decision: Decision, command: ReverseTransaction) -> Attempt:
    stream = transactions.stream(command.transaction_id)
    original: Transaction | None = decision.load(stream)
    if original is None:
        raise errors.TransactionNotFound(command.transaction_id)
    terms = transactions.reverse(original, decision.at.date(), command.reason)
    decision.need(*(accounts.stream(leg.account_id) for leg in transactions.legs(terms)))
    identifier = transaction_id(command.seed)
    attempt = _attempt(decision, identifier, terms)
    if attempt.code is None:
        decision.record(stream, TransactionReversed(identifier, command.reason))
    return attempt


def _reverse_transfer(decision: Decision, command: ReverseTransaction) -> Attempt:
    transfer = decision.load(transfers.stream(command.transaction_id))
    if not isinstance(transfer, Transfer):
        raise errors.TransactionNotFound(command.transaction_id)
    transfers.reverse(transfer, command.reason)
    created, identifier = transfer.created, transaction_id(command.seed)
    source, payee = created.from_account_id, created.to_account_id
    terms = Terms(
        transactions.TRANSFER,
        transactions.CREDIT if payee is None else transactions.DEBIT,
        payee or source,
        created.amount,
        decision.at.date(),
        None if payee is None else source,
        command.reason,
        command.transaction_id,
    )

    def post() -> None:
        start = decision.savepoint()
        try:
            step = ReverseTransfer(command.transaction_id, command.reason, identifier)
            reverse_transfer(decision, step)
        except DomainError:
            decision.roll_back(start)
            raise

    return _recorded(decision, identifier, terms, post)


def _terms(decision: Decision, asked: Asked) -> Terms:
    """Raises InvalidValue with the member of the request that can never be posted like this."""
    account = _account(decision, asked.account, "account_id")
    payee = None if asked.to_account is None else _account(decision, asked.to_account, "to_account_id")
    try:
        amount = parse_amount(asked.amount, asked.currency or account.currency)
    except InvalidAmount as error:
        raise errors.InvalidValue("amount", str(error).removeprefix("amount ")) from None
    today = decision.at.date()
    day = asked.effective_date or today
    if day > today:
        raise errors.InvalidValue("effective_date", "must not be in the future")
    for party in (account, payee):
        if party is not None and party.opened_at is not None and day < party.opened_at.date():
            raise errors.InvalidValue("effective_date", "must not be before the account was opened")
    return Terms(
        asked.type,
        transactions.direction_of(asked.type, asked.direction),
        account.account_id,
        amount,
        day,
        None if payee is None else payee.account_id,
        asked.description,
    )


def _account(decision: Decision, identifier: str, field: str) -> Account:
    account = account_commands.find(decision, identifier)
    if account is None:
        raise errors.InvalidValue(field, "is not an account here")
    return account


def _attempt(decision: Decision, identifier: str, terms: Terms) -> Attempt:
    return _recorded(decision, identifier, terms, lambda: _post(decision, identifier, terms))


def _recorded(decision: Decision, identifier: str, terms: Terms, post: Callable[[], None]) -> Attempt:
    """Posts and records the transaction, or records why it failed. `post` refuses before it records."""
    stream = transactions.stream(identifier)
    try:
        post()
    except DomainError as refusal:
        account = account_commands.require(decision, terms.account_id)
        failed = TransactionFailed(
            identifier,
            terms,
            decision.at,
            refusal.code,
            refusal.facts(),
            account.posted,
            account.held,
            account.overdraft_limit,
        )
        decision.create(stream, failed)
        return Attempt(decision.load(stream), refusal.code, refusal.facts())
    decision.create(stream, TransactionPosted(identifier, terms, decision.at))
    return Attempt(decision.load(stream))


def _post(decision: Decision, identifier: str, terms: Terms) -> None:
    transactions.refuse_same_account(terms.account_id, terms.to_account_id)
    legs = transactions.legs(terms)
    parties = [account_commands.require(decision, leg.account_id) for leg in legs]
    for party in parties:
        if party.currency != terms.amount.currency:
            raise errors.CurrencyDiffers(party.account_id, party.currency)
    effective_at = _effective_at(decision, terms, parties)
    events = [_posting(leg, party, terms, identifier) for leg, party in zip(legs, parties, strict=True)]
    for leg, event in zip(legs, events, strict=True):
        decision.record(accounts.stream(leg.account_id), event, effective_at=effective_at)


def _effective_at(decision: Decision, terms: Terms, parties: list[Account]) -> datetime | None:
    """The instant that it counts from: the beginning of its day, but not before its accounts were opened."""
    if terms.effective_date == decision.at.date():
        return None
    # Looked at for every day before this one, also of this month: it may be over, and closed, by the time
    # that this is on disk.
    periods.refuse_closed(decision.load(periods.STREAM), terms.effective_date)
    start = datetime.combine(terms.effective_date, time(), UTC)
    return max([start, *(party.opened_at for party in parties if party.opened_at is not None)])


def _posting(
    leg: Leg, account: Account, terms: Terms, identifier: str
) -> accounts.AccountCredited | accounts.AccountDebited:
    move = accounts.credit if leg.direction == transactions.CREDIT else accounts.debit
    event = move(
        account,
        terms.amount,
        contra=leg.contra,
        kind=transactions.REVERSAL_KIND if terms.reversal_of else terms.type,
        reference=identifier,
        description=terms.description,
    )
    transactions.refuse_too_large(account.account_id, event.posted, account.currency)
    return event
