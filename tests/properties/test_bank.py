"""Any sequence of commands, clock moves and crashes: replies are predicted, and the books balance."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from application import accounts as account_commands
from application import settlement, transfers
from application.decision import Command, Handler
from application.idempotency import RequestKey
from application.transfers import ChangedAnswer, CreatedAnswer
from domain.accounts import Account, AccountOpened
from domain.chart_of_accounts import CASH
from domain.errors import DomainError
from domain.money import Money
from domain.transfers import ExternalAccount, Transfer
from tests.audit import audit, trial_balance
from tests.properties.bank_model import FAILING_ROUTING_NUMBER, Model
from tests.properties.ledger_machine import LedgerMachine

USERS = ("ann", "bob")
ACCOUNTS = ("ann_main", "ann_savings", "bob_main", "bob_spare")
ROUTING_NUMBERS = ("123456789", FAILING_ROUTING_NUMBER)

users = st.sampled_from(USERS)
names = st.sampled_from((*ACCOUNTS, "nobody"))
own_names = st.sampled_from(ACCOUNTS)
amounts = st.sampled_from(
    (1, 99, 10_00, 400_00, 4_999_99, 5_000_00, 5_000_01, 9_000_00, 10_000_01, 60_000_00)
)
keys = st.one_of(st.none(), st.sampled_from(("k1", "k2", "k3")))


class BankMachine(LedgerMachine):
    """Real handlers in a real writer on a log in memory, beside the model."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.numbers = 0
        self.sent: dict[int, tuple[Any, ...]] = {}
        for name in ACCOUNTS[:3]:
            self._open(name, _owner(name), "savings" in name, 0)
            self._post(name, 60_000_00, None)

    def _run(self, handler: Handler[Any, Any], command: Command) -> Any:
        """The reply as the model says it: a status, a balance, or the code of a refusal."""
        answer = self.answer(handler, command)
        match answer:
            case DomainError():
                return answer.code
            case CreatedAnswer():
                return answer.transfer.status
            case ChangedAnswer():
                return answer.status
            case account_commands.Posted():
                return answer.posted
            case _:
                return answer

    # Transfers

    @rule(target=made, source=own_names, to=names, amount=amounts)
    def create_internal(self, source: str, to: str, amount: int) -> Any:
        return self._create(_owner(source), "internal", source, to, None, amount)

    @rule(target=made, source=own_names, routing_number=st.sampled_from(ROUTING_NUMBERS), amount=amounts)
    def create_interbank(self, source: str, routing_number: str, amount: int) -> Any:
        return self._create(_owner(source), "interbank", source, None, routing_number, amount)

    @rule(target=made, user=users, source=names, amount=amounts)
    def create_from_any_account(self, user: str, source: str, amount: int) -> Any:
        return self._create(user, "internal", source, "bob_main", None, amount)

    @rule(
        target=made,
        source=st.sampled_from(("ann_main", "ann_savings")),
        amount=st.sampled_from((1, 4_999_99, 10_000_00)),
        kind=st.sampled_from(("internal", "interbank")),
        count=st.integers(2, 11),
    )
    def create_several(
        self, source: str, amount: int, kind: Literal["internal", "interbank"], count: int
    ) -> Any:
        """Enough of them to reach the limits of a day and of a savings account."""
        to, routing_number = ("bob_main", None) if kind == "internal" else (None, ROUTING_NUMBERS[0])
        for _ in range(count - 1):
            self._create("ann", kind, source, to, routing_number, amount)
        return self._create("ann", kind, source, to, routing_number, amount)

    @rule(number=made)
    def create_again(self, number: int) -> None:
        self._send(*self.sent[number])

    def _create(
        self,
        user: str,
        kind: Literal["internal", "interbank"],
        source: str,
        to: str | None,
        routing_number: str | None,
        amount: int,
    ) -> Any:
        """Gives the transfer's number to later rules where there is now such a transfer."""
        self.numbers += 1
        self.sent[self.numbers] = (self.numbers, user, kind, source, to, routing_number, amount)
        self._send(*self.sent[self.numbers])
        return self.numbers if f"tx_{self.numbers}" in self.model.transfers else multiple()

    def _send(
        self,
        number: int,
        user: str,
        kind: Literal["internal", "interbank"],
        source: str,
        to: str | None,
        routing_number: str | None,
        amount: int,
    ) -> None:
        external = None if routing_number is None else ExternalAccount("Bank", routing_number, "12345", "Al")
        command = transfers.CreateTransfer(
            transfer_id=f"tx_{number}",
            idempotency_key=f"key-{number}",
            content_hash=f"hash-{number}",
            user_id=user,
            transfer_type=kind,
            from_account=source,
            amount=Money(amount, "USD"),
            reference_suffix=f"{number:08}",
            to_account=to,
            external=external,
        )
        expected = self.model.create(
            f"tx_{number}", user, kind, source, to, routing_number, amount, self.clock.instant
        )
        assert self._run(transfers.create_transfer, command) == expected

    @rule(number=made, key=keys)
    def cancel(self, number: int, key: str | None) -> None:
        self._cancel(number, self.sent[number][1], key)

    @rule(number=made, user=users, key=keys)
    def cancel_as_anybody(self, number: int, user: str, key: str | None) -> None:
        self._cancel(number, user, key)

    def _cancel(self, number: int, user: str, key: str | None) -> None:
        command = transfers.CancelTransfer(f"tx_{number}", user, _key("cancel", number, user, key))
        expected = self.model.cancel(f"tx_{number}", user, key and f"cancel {number} {user} {key}")
        assert self._run(transfers.cancel_transfer, command) == expected

    @rule(number=made, is_right=st.booleans(), key=keys)
    def verify(self, number: int, is_right: bool, key: str | None) -> None:
        user = self.sent[number][1]
        operation = f"verify {is_right}"
        command = transfers.VerifyMfa(f"tx_{number}", user, is_right, _key(operation, number, user, key))
        expected = self.model.verify(
            f"tx_{number}", user, is_right, key and f"{operation} {number} {user} {key}", self.clock.instant
        )
        assert self._run(transfers.verify_mfa, command) == expected

    @rule(number=made)
    def guess_until_it_is_locked(self, number: int) -> None:
        for _ in range(5):
            self.verify(number, False, None)

    # What time brings

    @rule(number=made, steps=st.lists(st.sampled_from(("process", "settle", "expire")), max_size=3))
    def time_brings(self, number: int, steps: list[str]) -> None:
        transfer_id = f"tx_{number}"
        step = settlement.TransferStep(transfer_id, frozenset({FAILING_ROUTING_NUMBER}))
        handlers: dict[str, tuple[Handler[Any, Any], Callable[[], str | None]]] = {
            "process": (settlement.start_processing, lambda: self.model.start_processing(transfer_id)),
            "settle": (settlement.settle, lambda: self.model.settle(transfer_id)),
            "expire": (settlement.expire_mfa, lambda: self.model.expire(transfer_id, self.clock.instant)),
        }
        for name in steps:
            handler, predict = handlers[name]
            assert self._run(handler, step) == predict()

    @rule(number=made)
    def settle_at_once(self, number: int) -> None:
        self.time_brings(number, ["process", "settle"])

    @rule(number=made)
    def reverse(self, number: int) -> None:
        command = settlement.ReverseTransfer(f"tx_{number}")
        assert self._run(settlement.reverse_transfer, command) == self.model.reverse(f"tx_{number}")

    @rule(move=st.sampled_from((60, 899, 900, 3_600, 86_400, 29 * 86_400, 30 * 86_400)))
    def clock_moves(self, move: int) -> None:
        self.clock.instant += timedelta(seconds=move)

    # Accounts

    @rule(name=st.sampled_from(ACCOUNTS), overdraft_limit=st.sampled_from((0, 500_00)))
    def open(self, name: str, overdraft_limit: int) -> None:
        self._open(name, _owner(name), "savings" in name, overdraft_limit)

    def _open(self, name: str, owner: str, is_savings: bool, overdraft_limit: int) -> None:
        number = f"{1_000_000_000 + ACCOUNTS.index(name)}"
        kind = "savings" if is_savings else "checking"
        command = account_commands.OpenAccount(
            AccountOpened(name, number, owner, kind, "USD", overdraft_limit)
        )
        expected = self.model.open(name, owner, is_savings, overdraft_limit)
        assert self._run(account_commands.open_account, command) == expected

    @rule(name=names, amount=amounts, is_out=st.booleans(), key=keys)
    def post(self, name: str, amount: int, is_out: bool, key: str | None) -> None:
        self._post(name, -amount if is_out else amount, key)

    @rule(name=st.sampled_from(ACCOUNTS))
    def draw_all(self, name: str) -> None:
        account = self.model.accounts.get(name)
        if account is not None and account.posted > 0:
            self._post(name, -account.posted, None)

    def _post(self, name: str, amount: int, key: str | None) -> None:
        command = account_commands.Post(
            account_id=name,
            direction="credit" if amount > 0 else "debit",
            amount=Money(abs(amount), "USD"),
            contra=CASH,
            kind="cash",
            posting_id="posting",
            key=_key("post", amount, name, key),
        )
        expected = self.model.post(name, amount, key and f"post {amount} {name} {key}")
        assert self._run(account_commands.post, command) == expected

    @rule(name=names, status=st.sampled_from(("active", "active", "active", "frozen", "closed")))
    def change_status(self, name: str, status: Literal["active", "frozen", "closed"]) -> None:
        command = account_commands.ChangeStatus(name, status)
        expected = self.model.change_status(name, status)
        assert self._run(account_commands.change_status, command) == expected

    @rule(name=st.sampled_from(("bob_main", "bob_spare")))
    def draw_all_and_close(self, name: str) -> None:
        self.draw_all(name)
        self.change_status(name, "closed")

    # What always holds

    @invariant()
    def the_log_says_what_the_model_says(self) -> None:
        states = audit(self.disk.facts())
        self.check_states(states)
        for name, account in self.model.accounts.items():
            state: Account = states[f"account-{name}"].state
            assert (state.posted, state.held, state.status) == (account.posted, account.held, account.status)
            assert account.available >= 0
            assert account.held >= 0
        for transfer_id, made in self.model.transfers.items():
            transfer: Transfer = states[f"transfer-{transfer_id}"].state
            assert transfer.status == made.status

    @invariant()
    def no_money_appears_or_disappears(self) -> None:
        assert sum(account.posted for account in self.model.accounts.values()) + self.model.outside == 0
        assert sum(trial_balance(self.disk.facts()).values()) == 0


def _owner(name: str) -> str:
    return name.partition("_")[0]


def _key(operation: str, subject: object, who: str, key: str | None) -> RequestKey | None:
    return None if key is None else RequestKey(f"{operation} {subject} {who} {key}", "hash")


TestBank = BankMachine.TestCase
TestBank.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    derandomize=True,
)


class LongerBankMachine(BankMachine):
    """The same, for many more examples."""


TestBankAtLength = pytest.mark.slow(LongerBankMachine.TestCase)
TestBankAtLength.settings = settings(TestBank.settings, max_examples=2_000, derandomize=False)
