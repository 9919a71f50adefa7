"""The writer's promises, one by one; the simulation has them all at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from zlib import crc32

import msgspec
import pytest

from application.accounts import OpenAccount, Post, open_account, post
from application.decision import Decision, Known
from application.store import StoredFact, StoreUnavailable
from application.writer import Origin, QueueFull, Writer, WriterClosed
from domain import accounts
from domain.accounts import AccountOpened
from domain.catalogue import decode
from domain.chart_of_accounts import CASH
from domain.errors import AccountNotFound, InsufficientFunds
from domain.money import Money
from tests.application.memory_store import Faults, MemoryEventStore, MemoryLog
from tests.application.simulation import SimulatedClock
from tests.audit import audit


class Ask(msgspec.Struct, frozen=True):
    """A command for handlers of the tests' own."""

    named: tuple[str, ...] = ()

    def streams(self) -> tuple[str, ...]:
        return self.named


class UnreadableStore(MemoryEventStore):
    """Refuses one stream the way a database refuses what it cannot express."""

    async def load(self, wanted: Mapping[str, Known]) -> dict[str, Known]:
        if "account-unreadable" in wanted:
            raise ValueError("cannot be expressed")
        return await super().load(wanted)

    async def append(self, facts: Sequence[StoredFact], reads: Mapping[str, int]) -> int:
        if any(fact.stream == "account-unwritable" for fact in facts):
            raise ValueError("cannot be expressed")
        return await super().append(facts, reads)


def with_writer(
    story: Callable[[Writer], Awaitable[None]], store: MemoryEventStore | None = None, **bounds: Any
) -> MemoryLog:
    """Runs the story with a writer on an empty log in which account `ann` has 100.00."""
    log = MemoryLog()

    async def run() -> None:
        writer = Writer(store or MemoryEventStore(log), SimulatedClock(), **bounds)
        writer.start()
        await writer.execute(open_account, opening("ann"))
        await writer.execute(post, cash("ann", 100_00))
        await story(writer)
        await asyncio.wait_for(writer.close(), 10)

    asyncio.run(asyncio.wait_for(run(), 30))
    return log


def opening(account_id: str) -> OpenAccount:
    number = f"{crc32(account_id.encode()):010}"
    return OpenAccount(AccountOpened(account_id, number, "owner", "checking", "USD"))


def cash(account_id: str, minor: int) -> Post:
    direction: Literal["credit", "debit"] = "credit" if minor > 0 else "debit"
    return Post(account_id, direction, Money(abs(minor), "USD"), CASH, "cash", f"cash-{minor}")


def test_commands_on_one_account_are_decided_one_after_another() -> None:
    async def story(writer: Writer) -> None:
        debits = [writer.submit(post, cash("ann", -60_00)) for _ in range(3)]
        first, *others = await asyncio.gather(*debits, return_exceptions=True)
        assert not isinstance(first, BaseException)
        assert first.answer.posted == 40_00
        assert others == [InsufficientFunds(40_00, 60_00, 0, "USD")] * 2

    audit(with_writer(story).facts)


def test_what_gathers_while_a_group_is_written_is_written_as_one_group() -> None:
    async def story(writer: Writer) -> None:
        await asyncio.gather(*(writer.submit(post, cash("ann", 1)) for _ in range(50)))

    assert with_writer(story).groups[-1] == 50


def test_an_outcome_has_the_position_of_its_own_last_event() -> None:
    async def story(writer: Writer) -> None:
        outcomes = await asyncio.gather(*(writer.submit(post, cash("ann", 1)) for _ in range(3)))
        assert [outcome.position for outcome in outcomes] == [4, 5, 6]
        unchanged = await writer.execute(lambda decision, _: "nothing", Ask())
        assert unchanged.position is None

    with_writer(story)


def test_a_refusal_waits_for_the_commit_that_it_was_decided_on() -> None:
    answered: list[int] = []
    log = MemoryLog()
    store = MemoryEventStore(log, Faults(random.Random(1), slow=1))

    async def story(writer: Writer) -> None:
        spent = writer.submit(post, cash("ann", -100_00))
        refused = writer.submit(post, cash("ann", -1))
        refused.add_done_callback(lambda _: answered.append(len(log.facts)))
        length = len(log.facts)
        await asyncio.gather(spent, refused, return_exceptions=True)
        await asyncio.sleep(0)
        assert answered == [length + 1]

    with_writer(story, store)


def test_a_defect_in_one_handler_is_that_callers_alone() -> None:
    def defective(decision: Decision, command: Ask) -> None:
        decision.record(accounts.stream("ann"), accounts.AccountFroze("half done"))
        raise ZeroDivisionError

    async def story(writer: Writer) -> None:
        broken = writer.submit(defective, Ask(("account-ann",)))
        sound = writer.submit(post, cash("ann", 1))
        with pytest.raises(ZeroDivisionError):
            await broken
        assert (await sound).answer.posted == 100_01

    log = with_writer(story)
    audit(log.facts)
    assert "account.frozen" not in {fact.topic for fact in log.facts}


def test_an_event_that_cannot_be_encoded_is_that_callers_defect_alone() -> None:
    def unencodable(decision: Decision, command: Ask) -> None:
        decision.record(accounts.stream("ann"), accounts.AccountFroze("\ud800"))

    async def story(writer: Writer) -> None:
        broken = writer.submit(unencodable, Ask(("account-ann",)))
        sound = writer.submit(post, cash("ann", 1))
        with pytest.raises(UnicodeEncodeError):
            await broken
        assert (await sound).answer.posted == 100_01

    audit(with_writer(story).facts)


def test_a_stream_that_cannot_be_read_is_that_callers_error_alone() -> None:
    log = MemoryLog()

    async def story(writer: Writer) -> None:
        unreadable = writer.submit(post, cash("unreadable", 1))
        sound = [writer.submit(open_account, opening(f"acct_{index}")) for index in range(3)]
        with pytest.raises(ValueError, match="cannot be expressed"):
            await unreadable
        assert [(await each).answer for each in sound] == ["acct_0", "acct_1", "acct_2"]

    with_writer(story, UnreadableStore(log))


def test_what_cannot_be_written_is_that_callers_error_alone() -> None:
    log = MemoryLog()

    async def story(writer: Writer) -> None:
        for name in ("acct_0", "acct_1", "unwritable"):
            with pytest.raises(AccountNotFound):
                await writer.execute(post, cash(name, 1))
        names = ("acct_0", "unwritable", "acct_1")
        outcomes = await asyncio.gather(
            *(writer.submit(open_account, opening(name)) for name in names), return_exceptions=True
        )
        assert isinstance(outcomes[1], ValueError)
        assert [each.answer for each in outcomes if not isinstance(each, BaseException)] == [
            "acct_0",
            "acct_1",
        ]

    with_writer(story, UnreadableStore(log))
    audit(log.facts)


def test_a_full_queue_refuses_at_once() -> None:
    async def story(writer: Writer) -> None:
        accepted = [writer.submit(post, cash("ann", 1)) for _ in range(3)]
        with pytest.raises(QueueFull):
            writer.submit(post, cash("ann", 1))
        await asyncio.gather(*accepted)
        assert writer.depth == 0
        await writer.execute(post, cash("ann", 1))

    with_writer(story, queue_bound=3)


def test_closing_answers_everything_that_was_accepted_and_takes_nothing_more() -> None:
    async def story(writer: Writer) -> None:
        accepted = [writer.submit(post, cash("ann", 1))]
        accepted += [writer.submit(open_account, opening(f"acct_{index}")) for index in range(5)]
        await writer.close()
        assert all(future.done() for future in accepted)
        assert not any(future.exception() for future in accepted)
        with pytest.raises(WriterClosed):
            writer.submit(post, cash("ann", 1))

    audit(with_writer(story).facts)


def test_a_caller_that_goes_away_does_not_take_its_command_back() -> None:
    async def story(writer: Writer) -> None:
        caller = asyncio.create_task(writer.execute(post, cash("ann", -100_00)))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(InsufficientFunds):
            await writer.execute(post, cash("ann", -1))
        assert writer.depth == 0

    with_writer(story)


def test_without_the_store_nothing_is_acknowledged_and_afterwards_all_is_as_before() -> None:
    log = MemoryLog()
    faults = Faults(random.Random(1))

    async def story(writer: Writer) -> None:
        faults.refused = faults.load_fails = 1
        attempts = [writer.submit(post, cash("ann", -1)) for _ in range(5)]
        attempts += [writer.submit(open_account, opening("bob"))]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
        faults.refused = faults.load_fails = 0
        assert (await writer.execute(post, cash("ann", -1))).answer.posted == 99_99

    with_writer(story, MemoryEventStore(log, faults))


def test_a_group_whose_answer_was_lost_is_not_decided_on_stale_states_again() -> None:
    log = MemoryLog()
    faults = Faults(random.Random(1))

    async def story(writer: Writer) -> None:
        faults.answer_lost = 1
        with pytest.raises(StoreUnavailable):
            await writer.execute(post, cash("ann", -60_00))
        faults.answer_lost = 0
        with pytest.raises(InsufficientFunds):
            await writer.execute(post, cash("ann", -60_00))

    with_writer(story, MemoryEventStore(log, faults))


def test_a_rival_that_writes_first_is_noticed_also_on_a_stream_that_is_only_read() -> None:
    log = MemoryLog()
    store = MemoryEventStore(log)
    rival_store = MemoryEventStore(log)

    def look(decision: Decision, command: Ask) -> int:
        return int(decision.load("account-ann").posted)

    async def story(writer: Writer) -> None:
        rival = Writer(rival_store, SimulatedClock())
        rival.start()
        await rival.execute(post, cash("ann", 1))
        assert (await writer.execute(look, Ask(("account-ann",)))).answer == 100_01
        await rival.execute(post, cash("ann", 1))
        assert (await writer.execute(post, cash("ann", 1))).answer.posted == 100_03
        await rival.close()

    with_writer(story, store)
    audit(log.facts)


def test_after_the_ledger_was_started_over_nothing_old_is_believed() -> None:
    log = MemoryLog()

    async def story(writer: Writer) -> None:
        log.start_over()
        with pytest.raises(AccountNotFound):
            await writer.execute(post, cash("ann", 1))
        await writer.execute(open_account, opening("ann"))
        assert (await writer.execute(post, cash("ann", 5))).answer.posted == 5

    with_writer(story, MemoryEventStore(log))
    audit(log.facts)


def test_memory_holds_no_more_states_than_its_bound_and_commands_still_find_theirs() -> None:
    async def story(writer: Writer) -> None:
        opened = [writer.submit(open_account, opening(f"acct_{index}")) for index in range(100)]
        await asyncio.gather(*opened)
        assert writer.cached <= 10
        posted = [writer.submit(post, cash(f"acct_{index}", 7)) for index in range(100)]
        assert {outcome.answer.posted for outcome in await asyncio.gather(*posted)} == {7}
        assert writer.cached <= 10

    audit(with_writer(story, cache_bound=10).facts)


def test_long_streams_get_snapshots_off_the_way_of_callers() -> None:
    log = MemoryLog()

    async def story(writer: Writer) -> None:
        for _ in range(12):
            await writer.execute(post, cash("ann", 1))

    with_writer(story, MemoryEventStore(log), snapshot_every=5)
    known = log.snapshots["account-ann"]
    assert known.version == 10
    assert known.state.posted == 100_08


def test_every_event_says_when_by_whom_and_why() -> None:
    log = with_writer(lambda writer: asyncio.sleep(0))
    envelope: Any = decode(log.facts[0].topic, log.facts[0].state)
    assert envelope.actor == ""
    assert envelope.counts_from == envelope.recorded_at


def test_a_fact_that_was_dated_counts_from_then_and_the_others_from_when_the_command_does() -> None:
    dated, origins = datetime(2020, 2, 2, tzinfo=UTC), datetime(2020, 3, 3, tzinfo=UTC)
    log = MemoryLog()

    def post_twice(decision: Decision, command: Post) -> None:
        account = decision.load("account-ann")
        terms = {"contra": "1000-CASH", "kind": "cash", "reference": "ref"}
        decision.record("account-ann", accounts.credit(account, command.amount, **terms), effective_at=dated)
        account = decision.load("account-ann")
        decision.record("account-ann", accounts.credit(account, command.amount, **terms))

    async def story(writer: Writer) -> None:
        await writer.execute(post_twice, cash("ann", 1))
        await writer.execute(post_twice, cash("ann", 1), Origin(effective_at=origins))

    with_writer(story, MemoryEventStore(log))
    effective = [decode(fact.topic, fact.state).effective_at for fact in log.facts[-4:]]
    assert effective == [dated, None, dated, origins]
