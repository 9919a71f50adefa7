"""A bank that decides with the service's own handlers, and what it decided as read models are given it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from application import accounts as account_commands
from application import settlement, transfers, users
from application.decision import ABSENT, Command, Decision, Handler, Known, StreamsMissing
from domain import allowances
from domain.accounts import AccountOpened
from domain.catalogue import encode
from domain.events import Envelope
from domain.money import Money
from domain.transfers import ExternalAccount
from domain.users import UserRegistered
from projections.catalogue import recreate
from projections.read_model import ReadModel, Recorded
from projections.sql import bind, packed, register_arrays
from tests.projections.conftest import Tenant

START = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
ELSEWHERE = ExternalAccount("Bank of America", "123456789", "9876543210", "John Doe")
FAILING = ExternalAccount("Test Bank", "999999999", "9876543210", "Test User")


class Bank:
    """Runs commands one after another, a second apart. `facts` is all that was recorded, in order."""

    def __init__(self, first_position: int = 1) -> None:
        self.now = START
        self.facts: list[Recorded] = []
        self._states: dict[str, Known] = {}
        self._position = first_position
        self._numbers = 0

    def run(self, handler: Handler[Any, Any], command: Command) -> Any:
        self.now += timedelta(seconds=1)
        while True:
            decision = Decision(self.now, self._states, {})
            try:
                answer = handler(decision, command)
            except StreamsMissing as missing:
                self._states.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            break
        for stream, version, event, _ in decision.recorded:
            fact = Recorded(
                self._position, stream, version, event.TOPIC, self.now, self.now, "client", "request", event
            )
            self.facts.append(fact)
            self._position += 1
        self._states.update(decision.staged())
        return answer

    def open(self, account_id: str, owner_id: str, minor: int = 0, **details: Any) -> None:
        self._numbers += 1
        number = details.pop("account_number", f"{self._numbers:010}")
        account_type = details.pop("account_type", "checking")
        opened = AccountOpened(account_id, number, owner_id, account_type, "USD", **details)
        self.run(account_commands.open_account, account_commands.OpenAccount(opened))
        if minor:
            self.post(account_id, "credit", minor)

    def post(self, account_id: str, direction: Any, minor: int, description: str = "") -> None:
        self._numbers += 1
        command = account_commands.Post(
            account_id,
            direction,
            Money(minor, "USD"),
            "1000-CASH",
            "cash_deposit" if direction == "credit" else "cash_withdrawal",
            f"DEP{self._numbers}",
            description,
        )
        self.run(account_commands.post, command)

    def lift_limits(self, user_id: str) -> None:
        """As for a user of the treasury, so that a story may have more than ten transfers a day."""
        registered = UserRegistered(user_id, "customer", "USA")
        self.run(users.register_user, users.RegisterUser(registered, allowances.TREASURY))

    def transfer(
        self,
        user_id: str,
        source: str,
        target: str | ExternalAccount,
        minor: int,
        memo: str | None = None,
    ) -> str:
        self._numbers += 1
        is_internal = isinstance(target, str)
        command = transfers.CreateTransfer(
            transfer_id=f"tx_{self._numbers:024x}",
            idempotency_key=f"key-{self._numbers}",
            content_hash="d41d8cd98f00b204",
            user_id=user_id,
            transfer_type="internal" if is_internal else "interbank",
            from_account=source,
            amount=Money(minor, "USD"),
            reference_suffix=f"{self._numbers:08}",
            to_account=target if isinstance(target, str) else None,
            external=None if isinstance(target, str) else target,
            memo=memo,
        )
        self.run(transfers.create_transfer, command)
        return command.transfer_id

    def verify_mfa(self, user_id: str, transfer_id: str, is_code_valid: bool = True) -> None:
        self.run(transfers.verify_mfa, transfers.VerifyMfa(transfer_id, user_id, is_code_valid))

    def cancel(self, user_id: str, transfer_id: str) -> None:
        self.run(transfers.cancel_transfer, transfers.CancelTransfer(transfer_id, user_id))

    def start_processing(self, transfer_id: str) -> None:
        step = settlement.TransferStep(transfer_id, frozenset({FAILING.routing_number}))
        self.run(settlement.start_processing, step)

    def settle(self, transfer_id: str) -> None:
        self.run(settlement.settle, settlement.TransferStep(transfer_id))

    def reverse(self, transfer_id: str) -> None:
        self.run(settlement.reverse_transfer, settlement.ReverseTransfer(transfer_id, "asked by the bank"))

    def change_status(self, account_id: str, status: Any) -> None:
        self.run(account_commands.change_status, account_commands.ChangeStatus(account_id, status))

    def change_overdraft_limit(self, account_id: str, limit: int) -> None:
        command = account_commands.ChangeOverdraftLimit(account_id, limit)
        self.run(account_commands.change_overdraft_limit, command)


def every_outcome() -> tuple[Bank, dict[str, str]]:
    """A bank in which transfers came to every end there is, and these transfers by what became of them."""
    bank = Bank()
    bank.lift_limits("ann")
    bank.open("acct_ann", "ann", 90_000_00, overdraft_limit=100_00)
    bank.open("acct_ann_savings", "ann", account_type="savings")
    bank.open("acct_bob", "bob", 10_00, card_account_id=4_503_599_627_370_497)
    made = {
        "pending": bank.transfer("ann", "acct_ann", "acct_bob", 100_00, "Rent"),
        "processing": bank.transfer("ann", "acct_ann", "acct_bob", 200_00),
        "settled": bank.transfer("ann", "acct_ann", "acct_ann_savings", 300_00, "Savings"),
        "sent": bank.transfer("ann", "acct_ann", ELSEWHERE, 400_00),
        "cancelled": bank.transfer("ann", "acct_ann", "acct_bob", 500_00),
        "failed": bank.transfer("ann", "acct_ann", FAILING, 600_00),
        "reversed": bank.transfer("ann", "acct_ann", ELSEWHERE, 700_00),
        "initiated": bank.transfer("ann", "acct_ann", "acct_bob", 6_000_00),
        "verified": bank.transfer("ann", "acct_ann", "acct_bob", 7_000_00),
        "locked": bank.transfer("ann", "acct_ann", "acct_bob", 8_000_00),
        "declined": bank.transfer("ann", "acct_ann", "acct_bob", 99_000_00),
        "bobs": bank.transfer("bob", "acct_bob", "acct_ann", 1_00),
        "unverified": bank.transfer("ann", "acct_ann", "acct_bob", 5_500_00),
    }
    bank.change_overdraft_limit("acct_ann", 250_00)
    bank.cancel("ann", made["cancelled"])
    bank.verify_mfa("ann", made["verified"], is_code_valid=False)
    bank.verify_mfa("ann", made["verified"])
    for _ in range(5):
        bank.verify_mfa("ann", made["locked"], is_code_valid=False)
    bank.cancel("ann", made["unverified"])
    for name in ("processing", "settled", "sent", "reversed", "failed"):
        bank.start_processing(made[name])
    for name in ("settled", "sent", "reversed"):
        bank.settle(made[name])
    bank.reverse(made["reversed"])
    bank.change_status("acct_bob", "frozen")
    bank.change_status("acct_bob", "active")
    bank.change_status("acct_bob", "frozen")
    return bank, made


def make_tables(tenant: Tenant, *models: ReadModel) -> None:
    """Empty tables for the models, whether the tenant has them already or not."""
    with tenant.owner.transaction():
        for model in models:
            recreate(tenant.owner, tenant.schema, model)


def apply_batches(tenant: Tenant, model: ReadModel, batches: Sequence[Sequence[Recorded]]) -> None:
    """Applies the batches one after another, each in a transaction of its own."""
    with tenant.connect() as connection:
        register_arrays(connection)
        for batch in batches:
            with connection.transaction():
                apply_batch(connection, tenant.schema, model, batch)


def apply_batch(
    connection: psycopg.Connection, schema: str, model: ReadModel, batch: Sequence[Recorded]
) -> None:
    cursor = connection.cursor(binary=True)

    def write(statement: str, parameters: Sequence[Any] = ()) -> None:
        cursor.execute(bind(statement, schema).encode(), packed(statement, parameters))

    model.apply(batch, write)


def append(tenant: Tenant, facts: Sequence[Recorded]) -> None:
    """Puts the facts into the tenant's log as they are, for queries that read it."""
    columns = [
        [fact.stream for fact in facts],
        [fact.version for fact in facts],
        [fact.topic for fact in facts],
        [encode(Envelope(fact.recorded_at, fact.event)) for fact in facts],
        [fact.position for fact in facts],
    ]
    statement = (
        "insert into {schema}.events (originator_id, originator_version, topic, state, notification_id)"
        " select * from unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[], %b::bigint[])"
    )
    tenant.service.execute(bind(statement, tenant.schema).encode(), columns)


def contents_for_every_cut(
    tenant: Tenant, model: ReadModel, facts: Sequence[Recorded]
) -> list[dict[str, list[Any]]]:
    """What the tables hold after the facts came whole, one by one, and in two batches cut at each place."""
    ways: list[list[Sequence[Recorded]]] = [[facts], [[fact] for fact in facts]]
    ways += [[facts[:cut], facts[cut:]] for cut in range(1, len(facts))]
    ways += [[facts[at : at + size] for at in range(0, len(facts), size)] for size in (2, 3, 5, 8)]
    contents = []
    for batches in ways:
        empty(tenant, model)
        apply_batches(tenant, model, batches)
        contents.append(tenant.contents((model,)))
    return contents


def empty(tenant: Tenant, model: ReadModel) -> None:
    tables = ", ".join(f"{{schema}}.{table}" for table in model.table_names)
    tenant.owner.execute(bind(f"truncate {tables}", tenant.schema).encode())
