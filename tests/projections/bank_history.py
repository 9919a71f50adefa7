"""Histories of a small bank, made with the domain's own decisions and written as the service writes them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from application.decision import ABSENT, Command, Decision, Handler, Known, StreamsMissing
from domain import accounts, allowances, chart_of_accounts, transfers
from domain.accounts import AccountOpened
from domain.catalogue import encode, evolve_for
from domain.events import Envelope, Event
from domain.money import Money
from domain.transfers import ProcessingStarted, TransferCreated, TransferSettled
from projections.sql import bind
from tests.projections.card_commands import CardDesk, be_challenged, use_busily

START = datetime(2025, 10, 20, 9, 0, tzinfo=UTC)


class BankHistory:
    """Collects facts; `append` writes them. Time moves a second with each step unless told otherwise."""

    def __init__(self, prefix: str = "", first_number: int = 1) -> None:
        self.now = START
        self.facts: list[tuple[str, int, str, bytes]] = []
        self._known: dict[str, Known] = {}
        self._prefix = prefix
        self._numbers = first_number - 1

    def record(self, stream: str, *events: Event, effective_at: datetime | None = None) -> None:
        known = self._known.get(stream, ABSENT)
        version, state = known.version, known.state
        for event in events:
            version += 1
            state = evolve_for(stream)(state, event)
            envelope = Envelope(self.now, event, effective_at, "client", f"req-{version}")
            self.facts.append((stream, version, event.TOPIC, encode(envelope)))
        self._known[stream] = Known(version, state)

    def run(self, handler: Handler[Any, Any], command: Command) -> Any:
        """What the service's own handler decides; it is expected to know all streams or find them new."""
        while True:
            decision = Decision(self.now, self._known, {})
            try:
                answer = handler(decision, command)
            except StreamsMissing as missing:
                self._known.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            for stream, _, event, effective_at in decision.recorded:
                self.record(stream, event, effective_at=effective_at)
            return answer

    def state(self, stream: str) -> Any:
        return self._known.get(stream, ABSENT).state

    def account(self, account_id: str) -> accounts.Account:
        state = self.state(accounts.stream(account_id))
        assert isinstance(state, accounts.Account)
        return state

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def add_chart(self) -> None:
        self.record(chart_of_accounts.STREAM, *chart_of_accounts.INITIAL)

    def open(self, account_id: str, currency: str = "USD", overdraft_limit: int = 0) -> str:
        account_id = self._prefix + account_id
        self._numbers += 1
        number = f"{self._numbers:010d}"
        self.record(
            accounts.stream(account_id),
            AccountOpened(account_id, number, "user_demo", "checking", currency, overdraft_limit),
        )
        return account_id

    def credit(
        self, account_id: str, minor: int, contra: str = "1000-CASH", effective_at: datetime | None = None
    ) -> None:
        account = self.account(account_id)
        self.record(
            accounts.stream(account_id),
            accounts.credit(
                account,
                Money(minor, account.currency),
                contra=contra,
                kind="deposit",
                reference=f"DEP{len(self.facts)}",
                description="Deposit",
            ),
            effective_at=effective_at,
        )

    def debit(
        self, account_id: str, minor: int, contra: str = "1000-CASH", effective_at: datetime | None = None
    ) -> None:
        account = self.account(account_id)
        self.record(
            accounts.stream(account_id),
            accounts.debit(
                account, Money(minor, account.currency), contra=contra, kind="withdrawal", reference="W"
            ),
            effective_at=effective_at,
        )

    def change_overdraft_limit(self, account_id: str, limit: int) -> None:
        event = accounts.change_overdraft_limit(self.account(account_id), limit)
        self.record(accounts.stream(account_id), event)

    def create_transfer(self, source: str, target: str, minor: int, user: str = "user_demo") -> str:
        self._numbers += 1
        transfer_id = f"tx_{self._prefix}{self._numbers:017d}"
        hold_id = transfers.hold_id_of(transfer_id)
        reference = f"FTZ{self.now:%y%m%d}{self._numbers:08d}"
        amount = Money(minor, "USD")
        created = TransferCreated(
            transfer_id,
            f"key-{self._numbers}",
            "d41d8cd98f00b204e9800998ecf8427e",
            user,
            "internal",
            source,
            amount,
            Money(0, "USD"),
            reference,
            self.now,
            transfers.scheduled_settlement("internal", self.now),
            to_account_id=target,
            memo="Rent for the month",
        )
        self.record(transfers.stream(transfer_id), created)
        self.record(
            accounts.stream(source),
            accounts.place_hold(self.account(source), amount, hold_id=hold_id, reference=transfer_id),
        )
        self.record(
            allowances.stream(user),
            allowances.AllowanceTaken(transfer_id, "internal", minor, self.now),
        )
        return transfer_id

    def settle_transfer(self, transfer_id: str, effective_at: datetime | None = None) -> None:
        transfer = self.state(transfers.stream(transfer_id))
        created: TransferCreated = transfer.created
        source, target = created.from_account_id, created.to_account_id
        assert target is not None
        terms = {"contra": chart_of_accounts.TRANSFER_CLEARING, "kind": "transfer"}
        self.record(transfers.stream(transfer_id), ProcessingStarted(), effective_at=effective_at)
        captured = accounts.capture_hold(
            self.account(source),
            created.amount,
            hold_id=transfers.hold_id_of(transfer_id),
            reference=transfer_id,
        )
        self.record(accounts.stream(source), captured, effective_at=effective_at)
        debited = accounts.debit_captured(
            self.account(source), created.amount, reference=created.reference, **terms
        )
        self.record(accounts.stream(source), debited, effective_at=effective_at)
        credited = accounts.credit(self.account(target), created.amount, reference=created.reference, **terms)
        self.record(accounts.stream(target), credited, effective_at=effective_at)
        self.record(transfers.stream(transfer_id), TransferSettled(), effective_at=effective_at)

    def append(self, connection: psycopg.Connection, schema: str, group: int = 1_000) -> int:
        """Writes what was collected and gives the last position."""
        statement = bind(
            "select {schema}.append_events(%b, %b::bigint[], %b, %b, '{}', '{}', epoch)"
            " from {schema}.log_head where k = 1",
            schema,
        ).encode()
        position = 0
        for start in range(0, len(self.facts), group):
            columns = [list(column) for column in zip(*self.facts[start : start + group], strict=True)]
            row = connection.execute(statement, columns).fetchone()
            assert row is not None
            position = row[0]
        self.facts.clear()
        return position


def busy_bank(transfers_count: int, accounts_count: int = 20, prefix: str = "") -> Iterator[BankHistory]:
    """A bank where every third transfer settles, and cards are used as often; given again and again, to be
    appended in parts."""
    bank = BankHistory(prefix)
    bank.add_chart()
    names = [bank.open(f"account{number:012d}") for number in range(accounts_count)]
    for name in names:
        bank.credit(name, 10_000_000_00)
    desk = CardDesk(bank)
    cards = [desk.issue(name) for name in names]
    be_challenged(desk, names[0])
    yield bank
    for number in range(transfers_count):
        source, target = names[number % accounts_count], names[(7 * number + 1) % accounts_count]
        if source == target:
            target = names[(number + 1) % accounts_count]
        transfer_id = bank.create_transfer(source, target, 100 + number % 900, f"user{number % 50:06d}")
        if number % 3 == 0:
            bank.settle_transfer(transfer_id)
        use_busily(desk, cards, number)
        bank.pass_time(milliseconds=40)
        if number % 500 == 499:
            yield bank
    yield bank
