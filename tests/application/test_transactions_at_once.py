"""Two processes on one ledger: what each believes may be old, and what is decided is right all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from application.accounts import OpenAccount, Post, open_account, post
from application.customer_accounts import (
    AccountAnswer,
    CreateAccount,
    account_number_candidates,
    create_account,
)
from application.idempotency import RequestKey
from application.periods import ClosePeriod, close_period
from application.transactions import (
    Attempt,
    PostBatch,
    PostTransaction,
    ReverseTransaction,
    post_batch,
    post_transaction,
    reverse_transaction,
)
from application.users import RegisterUser, register_user
from application.writer import Writer
from domain import errors
from domain.accounts import AccountOpened
from domain.catalogue import decode
from domain.chart_of_accounts import CASH
from domain.money import Money
from domain.users import UserRegistered
from tests.application.memory_store import MemoryEventStore, MemoryLog
from tests.application.transaction_commands import asked

NOW = datetime(2025, 11, 2, tzinfo=UTC)
KEY = RequestKey("request", "content")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2025, 10, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def processes(tell: Callable[[Writer, Writer], Awaitable[None]]) -> MemoryLog:
    """Account `a` with 100.00, known to both; then a month later the story."""
    log, clock = MemoryLog(), Clock()

    async def run() -> None:
        first, second = (Writer(MemoryEventStore(log), clock) for _ in range(2))
        first.start()
        second.start()
        await first.execute(register_user, RegisterUser(UserRegistered("ann", "customer", "USA")))
        opened = AccountOpened("a", "0000000001", "ann", "checking", "USD")
        await first.execute(open_account, OpenAccount(opened))
        await first.execute(post, Post("a", "credit", Money(100_00, "USD"), CASH, "deposit", "opening"))
        clock.at = NOW
        dated = asked(amount="0.01", effective_date="2025-10-02")
        for name, writer in (("first", first), ("second", second)):
            await writer.execute(post_transaction, PostTransaction(name, dated))
        await tell(first, second)
        await first.close()
        await second.close()

    asyncio.run(run())
    return log


async def outcomes(*asked_for: Awaitable[Any]) -> list[Any]:
    return [
        outcome if isinstance(outcome, BaseException) else outcome.answer
        for outcome in await asyncio.gather(*asked_for, return_exceptions=True)
    ]


def count(log: MemoryLog, topic: str) -> int:
    return [fact.topic for fact in log.facts].count(topic)


def test_one_key_posts_once_in_whichever_process() -> None:
    async def tell(first: Writer, second: Writer) -> None:
        command = PostTransaction(KEY.request_id, asked(), KEY)
        answers = await outcomes(*(w.execute(post_transaction, command) for w in (first, second, first)))
        assert isinstance(answers[0], Attempt)
        assert answers[0] == answers[1] == answers[2]

    assert count(processes(tell), "transaction.posted") == 3


def test_one_key_posts_a_batch_once() -> None:
    async def tell(first: Writer, second: Writer) -> None:
        items = (asked(), asked(type="withdrawal", amount="999"))
        command = PostBatch(KEY.request_id, items, is_atomic=True, key=KEY)
        answers = await outcomes(*(w.execute(post_batch, command) for w in (first, second)))
        assert answers[0] == answers[1]

    log = processes(tell)
    assert (count(log, "transaction.posted"), count(log, "transaction.failed")) == (2, 1)


def test_the_last_money_is_spent_once() -> None:
    async def tell(first: Writer, second: Writer) -> None:
        command = PostTransaction("", asked(type="withdrawal", amount="100.00"))
        commands = [msgspec.structs.replace(command, seed=str(number)) for number in range(6)]
        writers = [first, second] * 3
        answers = await outcomes(
            *(w.execute(post_transaction, one) for w, one in zip(writers, commands, strict=True))
        )
        assert sorted(answer.code or "" for answer in answers) == [""] + ["insufficient_funds"] * 5

    processes(tell)


def test_a_transaction_is_reversed_once() -> None:
    async def tell(first: Writer, second: Writer) -> None:
        made = (await first.execute(post_transaction, PostTransaction("made", asked()))).answer
        identifier = made.transaction.transaction_id
        commands = [ReverseTransaction(identifier, seed) for seed in ("one", "two")]
        answers = await outcomes(
            first.execute(reverse_transaction, commands[0]), second.execute(reverse_transaction, commands[1])
        )
        refused = [answer for answer in answers if isinstance(answer, errors.AlreadyReversed)]
        assert len(refused) == 1

    assert count(processes(tell), "transaction.reversed") == 1


@pytest.mark.parametrize("closes_first", [True, False])
def test_nothing_is_dated_into_a_period_that_another_process_closed(closes_first: bool) -> None:
    """Also where this process had seen it open a moment ago."""

    async def tell(first: Writer, second: Writer) -> None:
        dated = asked(amount="1.00", effective_date="2025-10-31")
        closing = first.execute(close_period, ClosePeriod("2025-10"))
        posting = second.execute(post_transaction, PostTransaction("late", dated))
        await outcomes(*((closing, posting) if closes_first else (posting, closing)))
        late = await second.execute(post_transaction, PostTransaction("later", dated))
        assert late.answer.refusal == errors.PeriodIsClosed("2025-10")

    log = processes(tell)
    closed = [fact.topic for fact in log.facts].index("periods.closed")
    for fact in log.facts[closed:]:
        effective_at = decode(fact.topic, fact.state).effective_at
        assert effective_at is None or effective_at.date() > date(2025, 10, 31)


def test_two_processes_give_no_number_twice() -> None:
    async def tell(first: Writer, second: Writer) -> None:
        # The same block in both, which never happens, is the same number for both, which may.
        same = CreateAccount(4_000, "ann", "savings", "USD")
        taken = await outcomes(*(w.execute(create_account, same) for w in (first, second)))
        made = [answer for answer in taken if isinstance(answer, AccountAnswer)]
        assert len(made) == 1
        assert made[0].account.account_number == account_number_candidates(4_000)[0]
        assert isinstance(next(a for a in taken if a is not made[0]), errors.AccountExists)

    assert count(processes(tell), "account.opened") == 2
