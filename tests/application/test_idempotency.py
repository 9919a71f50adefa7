"""One key, one outcome: answers and refusals alike, whoever asks again and whenever."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from application.accounts import ChangeStatus, OpenAccount, Post, Posted, change_status, open_account, post
from application.idempotency import RequestKey
from application.transfers import CreatedAnswer, CreateTransfer, create_transfer
from application.writer import Writer
from domain import errors
from domain.accounts import AccountOpened
from domain.chart_of_accounts import CASH
from domain.money import Money
from tests.application.memory_store import MemoryEventStore, MemoryLog
from tests.application.simulation import SimulatedClock

KEY = RequestKey("request", "content")
CREDIT = Post("a", "credit", Money(100, "USD"), CASH, "cash", "posting", key=KEY)
TRANSFER = CreateTransfer(
    "tx_1", "key", "hash", "ann", "internal", "a", Money(100, "USD"), "REF", to_account="b"
)


def story(tell: Callable[[Writer], Awaitable[None]]) -> MemoryLog:
    log = MemoryLog()

    async def run() -> None:
        writer = Writer(MemoryEventStore(log), SimulatedClock())
        writer.start()
        for number, name in enumerate(("a", "b"), start=1):
            opened = AccountOpened(name, f"{number:010}", "ann", "checking", "USD")
            await writer.execute(open_account, OpenAccount(opened))
        await tell(writer)
        await writer.close()

    asyncio.run(run())
    return log


def test_the_same_key_and_content_are_done_once_and_answered_the_same() -> None:
    async def tell(writer: Writer) -> None:
        first = await writer.execute(post, CREDIT)
        await writer.execute(post, msgspec.structs.replace(CREDIT, key=None))
        again = await writer.execute(post, CREDIT)
        assert first.answer == again.answer == Posted("posting", 100, 0)
        assert again.position is None

    assert [fact.topic for fact in story(tell).facts].count("account.credited") == 2


def test_the_same_key_with_another_content_is_refused() -> None:
    async def tell(writer: Writer) -> None:
        await writer.execute(post, CREDIT)
        other = msgspec.structs.replace(CREDIT, key=RequestKey("request", "other content"))
        with pytest.raises(errors.IdempotencyConflict):
            await writer.execute(post, other)

    story(tell)


def test_a_refusal_stays_the_answer_also_when_it_would_succeed_now() -> None:
    async def tell(writer: Writer) -> None:
        debit = msgspec.structs.replace(CREDIT, direction="debit")
        refused = await writer.execute(post, debit)
        assert refused.answer == errors.InsufficientFunds(0, 100, 0, "USD")
        await writer.execute(post, msgspec.structs.replace(CREDIT, key=None))
        assert (await writer.execute(post, debit)).answer == refused.answer

    story(tell)


def test_what_was_not_found_does_not_use_its_key_up() -> None:
    async def tell(writer: Writer) -> None:
        unknown = msgspec.structs.replace(CREDIT, account_id="c")
        with pytest.raises(errors.AccountNotFound):
            await writer.execute(post, unknown)
        opened = AccountOpened("c", "0000000003", "ann", "checking", "USD")
        await writer.execute(open_account, OpenAccount(opened))
        assert (await writer.execute(post, unknown)).answer == Posted("posting", 100, 0)

    story(tell)


def test_a_created_transfer_is_shown_again_as_it_is_by_then() -> None:
    async def tell(writer: Writer) -> None:
        await writer.execute(post, CREDIT)
        first = (await writer.execute(create_transfer, TRANSFER)).answer
        again = (await writer.execute(create_transfer, TRANSFER)).answer
        assert first == CreatedAnswer(first.transfer, is_replay=False)
        assert again == CreatedAnswer(first.transfer, is_replay=True)
        other = msgspec.structs.replace(TRANSFER, content_hash="other")
        with pytest.raises(errors.IdempotencyConflict):
            await writer.execute(create_transfer, other)

    story(tell)


def test_a_declined_transfer_stays_declined_and_its_refusal_is_a_fact() -> None:
    async def tell(writer: Writer) -> None:
        short = errors.InsufficientFunds(0, 100, 0, "USD")
        assert (await writer.execute(create_transfer, TRANSFER)).answer == short
        await writer.execute(post, CREDIT)
        assert (await writer.execute(create_transfer, TRANSFER)).answer == short
        with pytest.raises(errors.IdempotencyConflict):
            await writer.execute(create_transfer, msgspec.structs.replace(TRANSFER, content_hash="other"))

    assert [fact.topic for fact in story(tell).facts].count("transfer.declined") == 1


def test_a_transfer_is_refused_for_its_parties_before_its_limits() -> None:
    """Source, destination, the same account, status, limits, money: the first that applies is the answer."""
    beyond = msgspec.structs.replace(TRANSFER, amount=Money(50_000_01, "USD"))
    asked = [
        ({"from_account": "nobody", "to_account": "nobody"}, errors.InvalidFromAccount()),
        ({"user_id": "bob", "to_account": "nobody"}, errors.InvalidFromAccount()),
        ({"to_account": "nobody"}, errors.InvalidToAccount()),
        ({"to_account": "a"}, errors.SameAccount()),
        ({"to_account": "0000000001"}, errors.SameAccount()),
        ({"from_account": "0000000001"}, errors.AccountFrozen("b")),
        ({}, errors.AccountFrozen("b")),
    ]

    async def tell(writer: Writer) -> None:
        await writer.execute(change_status, ChangeStatus("b", "frozen"))
        for number, (changes, refusal) in enumerate(asked):
            command = msgspec.structs.replace(beyond, transfer_id=f"tx_{number}", **changes)
            assert (await writer.execute(create_transfer, command)).answer == refusal
        await writer.execute(change_status, ChangeStatus("b", "active"))
        limited = msgspec.structs.replace(beyond, transfer_id="tx_limited")
        too_much = errors.TransactionLimitExceeded(50_000_00)
        assert (await writer.execute(create_transfer, limited)).answer == too_much

    story(tell)
