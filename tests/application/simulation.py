"""A whole run of writers, clients and mishaps from one seed, and the check of everything that was answered.

Two writers share one log, as two processes would. Each is thrown away now and then and replaced, as a crash
would. Clients send commands, and again under the same key where they got no answer. Afterwards each answer
must be the one that the command gets when the log's commands run one after another.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from application import accounts as account_commands
from application import cards, settlement, transfers, users
from application.decision import ABSENT, Command, Decision, Handler, Known
from application.idempotency import RequestKey
from application.store import StoreUnavailable
from application.writer import Origin, Outcome, Writer, WriterClosed
from domain.accounts import AccountOpened
from domain.catalogue import decode, evolve_for
from domain.chart_of_accounts import CASH
from domain.errors import DomainError
from domain.money import Money
from domain.transfers import ExternalAccount
from domain.users import UserRegistered
from tests.application.card_commands import CardCommands
from tests.application.memory_store import Faults, MemoryEventStore, MemoryLog
from tests.audit import audit

START = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
ELSEWHERE = ExternalAccount("Bank of America", "123456789", "9876543210", "John Doe")
FAILING = ExternalAccount("Test Bank", "999999999", "9876543210", "Test User")
USERS = ("ann", "bob", "cyd")
ATTEMPTS_MAX = 6


class SimulatedClock:
    """Moves a millisecond each time it is looked at: no two groups have the same time."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now


@dataclass
class Attempt:
    """One command as one client sent it once. `first` and `last` are the log's length around it."""

    name: str
    handler: Handler[Any, Any]
    command: Command
    effective_at: datetime | None
    first: int
    last: int = -1
    outcome: Outcome | None = None
    error: BaseException | None = None

    @property
    def is_answered(self) -> bool:
        return self.outcome is not None or isinstance(self.error, DomainError)


class Plan(NamedTuple):
    clients: int = 6
    commands: int = 12
    accounts: int = 4
    crashes: int = 3
    cache_bound: int = 100_000
    group_bound: int = 8


@dataclass
class Simulation:
    seed: int
    plan: Plan
    faults: Mapping[str, float]
    log: MemoryLog = field(default_factory=MemoryLog)
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = SimulatedClock()
        self.cards = CardCommands(self.chance, START)
        self.transfer_ids: list[tuple[str, str]] = []
        self.writers: list[Writer] = []
        self.stores: list[MemoryEventStore] = []
        self._waiting: defaultdict[Writer, list[asyncio.Future[Outcome]]] = defaultdict(list)
        self._numbers = 0

    async def run(self) -> None:
        self.writers = [self._new_writer(), self._new_writer()]
        await self._fill()
        clients = [asyncio.create_task(self._client()) for _ in range(self.plan.clients)]
        crashes = asyncio.create_task(self._crash_now_and_then())
        await asyncio.gather(*clients)
        crashes.cancel()
        await asyncio.gather(crashes, return_exceptions=True)
        await asyncio.gather(*(writer.close() for writer in self.writers))
        await asyncio.gather(*(store.settle() for store in self.stores))

    def _new_writer(self) -> Writer:
        store = MemoryEventStore(self.log, Faults(self.chance, **self.faults))
        self.stores.append(store)
        writer = Writer(
            store,
            self.clock,
            group_bound=self.plan.group_bound,
            cache_bound=self.plan.cache_bound,
            snapshot_every=5,
        )
        writer.start()
        return writer

    async def _crash_now_and_then(self) -> None:
        for _ in range(self.plan.crashes):
            for _ in range(self.chance.randint(20, 400)):
                await asyncio.sleep(0)
            victim = self.chance.randrange(len(self.writers))
            crashed, self.writers[victim] = self.writers[victim], self._new_writer()
            self._kill(crashed)

    def _kill(self, writer: Writer) -> None:
        """Throws a writer away as a crash would: nobody who waits on it ever gets an answer from it."""
        for task in writer._tasks:
            task.cancel()
        for future in self._waiting.pop(writer, ()):
            future.cancel()

    # What clients send

    async def _fill(self) -> None:
        writer = Writer(MemoryEventStore(self.log), self.clock)
        writer.start()
        for user in USERS:
            registered = UserRegistered(user, "customer", "USA")
            await writer.execute(users.register_user, users.RegisterUser(registered))
        for index in range(self.plan.accounts):
            kind = "savings" if index == 1 else "checking"
            opened = AccountOpened(
                f"acct_{index}", f"100000000{index}", USERS[index % len(USERS)], kind, "USD", index * 10_00
            )
            await writer.execute(account_commands.open_account, account_commands.OpenAccount(opened))
            deposit = account_commands.Post(
                opened.account_id, "credit", Money(300_00, "USD"), CASH, "deposit", f"opening-{index}"
            )
            await writer.execute(account_commands.post, deposit)
        for card in self.cards.issue():
            await writer.execute(cards.issue_card, card)
        await writer.close()

    async def _client(self) -> None:
        for _ in range(self.plan.commands):
            handler, command, effective_at = self._any_command()
            for _ in range(self.chance.randint(1, ATTEMPTS_MAX)):
                attempt = await self._send(handler, command, effective_at)
                if attempt.is_answered:
                    # A client that sends again although it was answered.
                    if self.chance.random() < 0.1:
                        await self._send(handler, self.cards.again(command), effective_at)
                    break
                command = self.cards.again(command)

    async def _send(
        self, handler: Handler[Any, Any], command: Command, effective_at: datetime | None
    ) -> Attempt:
        self._numbers += 1
        attempt = Attempt(f"attempt-{self._numbers}", handler, command, effective_at, len(self.log.facts))
        self.attempts.append(attempt)
        writer = self.chance.choice(self.writers)
        try:
            submitted = writer.submit(
                handler, command, Origin("sim", attempt.name, effective_at=effective_at)
            )
            self._waiting[writer].append(submitted)
            if self.chance.random() < 0.05:
                submitted.cancel()
            attempt.outcome = await submitted
            self.cards.saw(attempt.outcome.answer)
        except (DomainError, StoreUnavailable, WriterClosed, asyncio.CancelledError) as error:
            attempt.error = error
        attempt.last = len(self.log.facts)
        return attempt

    def _any_command(self) -> tuple[Handler[Any, Any], Command, datetime | None]:
        self._numbers += 1
        kinds = ("card", "create", "change", "step", "post", "status")
        kind = self.chance.choices(kinds, weights=(16, 8, 4, 4, 3, 1))[0]
        if kind == "card":
            return self.cards.any()
        if kind in ("change", "step") and self.transfer_ids:
            transfer_id, user_id = self.chance.choice(self.transfer_ids)
            return self._change(transfer_id, user_id) if kind == "change" else self._step(transfer_id)
        if kind == "post":
            return account_commands.post, self._posting(), None
        if kind == "status":
            status = self.chance.choice(("frozen", "active", "active", "closed"))
            change = account_commands.ChangeStatus(self._account(), status)  # type: ignore[arg-type]
            return account_commands.change_status, change, None
        return transfers.create_transfer, self._transfer(), None

    def _account(self) -> str:
        index = self.chance.randrange(self.plan.accounts)
        # By number, too: that takes two lookups one after the other.
        return self.chance.choice((f"acct_{index}", f"acct_{index}", f"100000000{index}"))

    def _transfer(self) -> transfers.CreateTransfer:
        user = self.chance.choice(USERS)
        transfer_id = f"tx_{self._numbers}"
        self.transfer_ids.append((transfer_id, user))
        is_internal = self.chance.random() < 0.7
        external = self.chance.choice((ELSEWHERE, FAILING))
        amount = self.chance.choice((1_00, 40_00, 150_00, 290_00, 6_000_00))
        own = USERS.index(user) if self.chance.random() < 0.8 else self.chance.randrange(self.plan.accounts)
        return transfers.CreateTransfer(
            transfer_id=transfer_id,
            idempotency_key=f"key-{self._numbers}",
            content_hash=f"hash-{self._numbers}",
            user_id=user,
            transfer_type="internal" if is_internal else "interbank",
            from_account=f"acct_{own}" if own < self.plan.accounts else self._account(),
            amount=Money(amount, "USD"),
            reference_suffix=f"{self._numbers:08}",
            to_account=self._account() if is_internal else None,
            external=None if is_internal else external,
        )

    def _change(self, transfer_id: str, user_id: str) -> tuple[Handler[Any, Any], Command, None]:
        key = RequestKey(f"change-{self._numbers}", "hash") if self.chance.random() < 0.7 else None
        if self.chance.random() < 0.6:
            return transfers.cancel_transfer, transfers.CancelTransfer(transfer_id, user_id, key), None
        is_right = self.chance.random() < 0.6
        return transfers.verify_mfa, transfers.VerifyMfa(transfer_id, user_id, is_right, key), None

    def _step(self, transfer_id: str) -> tuple[Handler[Any, Any], Command, datetime | None]:
        step = settlement.TransferStep(transfer_id, frozenset({FAILING.routing_number}))
        if self.chance.random() < 0.1:
            return settlement.expire_mfa, step, START + timedelta(hours=1)
        return self.chance.choice((settlement.start_processing, settlement.settle)), step, None

    def _posting(self) -> account_commands.Post:
        key = RequestKey(f"post-{self._numbers}", "hash") if self.chance.random() < 0.6 else None
        return account_commands.Post(
            f"acct_{self.chance.randrange(self.plan.accounts)}",
            self.chance.choice(("credit", "debit")),
            Money(self.chance.choice((1, 20_00, 200_00)), "USD"),
            CASH,
            "cash",
            f"posting-{self._numbers}",
            key=key,
        )

    # The check

    def check(self) -> None:
        audit(self.log.facts)
        history = _histories(self.log)
        runs = _runs(self.log)
        by_name = {attempt.name: attempt for attempt in self.attempts}
        for name, (first, last) in runs.items():
            if name in by_name:
                self._check_recorded(by_name[name], first, last, history)
        for attempt in self.attempts:
            if attempt.is_answered and attempt.name not in runs:
                self._check_unrecorded(attempt, history)

    def _check_recorded(
        self, attempt: Attempt, first: int, last: int, history: list[Mapping[str, Known]]
    ) -> None:
        """What the log says that it did is whole, and is what it does when run at its place in the log."""
        facts = self.log.facts[first - 1 : last]
        envelope = decode(facts[0].topic, facts[0].state)
        answer, events = _run_again(attempt, envelope.counts_from, history[first - 1])
        assert events == [(f.stream, f.version, decode(f.topic, f.state).data) for f in facts], attempt
        if attempt.outcome is not None:
            assert attempt.outcome.position == last, attempt
            assert attempt.outcome.answer == answer, attempt
            assert attempt.first < last <= attempt.last, attempt
        assert not isinstance(attempt.error, DomainError), attempt

    def _check_unrecorded(self, attempt: Attempt, history: list[Mapping[str, Known]]) -> None:
        """An answer that changed nothing is right at some moment between the question and the answer."""
        answer = attempt.error if attempt.outcome is None else attempt.outcome.answer
        assert attempt.outcome is None or attempt.outcome.position is None, attempt
        moments = history[attempt.first : attempt.last + 1]
        at = attempt.effective_at or START + timedelta(seconds=1)
        assert any(_run_again(attempt, at, states) == (answer, []) for states in moments), attempt


def _runs(log: MemoryLog) -> dict[str, tuple[int, int]]:
    """Each attempt's first and last position; refuses one whose events are apart."""
    runs: dict[str, tuple[int, int]] = {}
    previous = ""
    for position, fact in enumerate(log.facts, start=1):
        name = decode(fact.topic, fact.state).correlation_id
        assert not name or name == previous or name not in runs, f"{name} took effect twice"
        first, _ = runs.get(name, (position, position))
        runs[name] = (first, position)
        previous = name
    return runs


class _Everything(dict[str, Known]):
    """Streams that nobody wrote are known not to exist."""

    def __missing__(self, stream: str) -> Known:
        return ABSENT

    def get(self, stream: str, default: Any = None) -> Any:
        return self[stream]

    def __contains__(self, stream: object) -> bool:
        return True


def _histories(log: MemoryLog) -> list[Mapping[str, Known]]:
    """All states after each number of events."""
    states = _Everything()
    history: list[Mapping[str, Known]] = [states]
    for fact in log.facts:
        known = states[fact.stream]
        event = decode(fact.topic, fact.state).data
        states = _Everything(states)
        states[fact.stream] = Known(fact.version, evolve_for(fact.stream)(known.state, event))
        history.append(states)
    return history


def _run_again(
    attempt: Attempt, at: datetime, states: Mapping[str, Known]
) -> tuple[Any, list[tuple[str, int, Any]]]:
    decision = Decision(at, states, {})
    try:
        answer = attempt.handler(decision, attempt.command)
    except DomainError as refusal:
        return refusal, []
    return answer, [(one.stream, one.version, one.event) for one in decision.recorded]
