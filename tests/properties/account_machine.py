"""Two customers' accounts under cards: money in and out, frozen, closed, and transfers that hold it, too."""

from datetime import datetime
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, precondition, rule

from application import accounts as account_commands
from application import transfers, users
from application.decision import Command, Handler
from application.transfers import ChangedAnswer, CreatedAnswer
from domain.accounts import AccountOpened
from domain.chart_of_accounts import CASH
from domain.errors import DomainError
from domain.money import Money
from domain.users import UserRegistered
from tests.properties.bank_model import Model as Bank
from tests.properties.ledger_machine import Disk, LedgerMachine

# Account, owner, country, overdraft limit and opening balance.
ACCOUNTS = (("ann_main", "ann", "USA", 0, 9_000_00), ("bob_main", "bob", "GBR", 500_00, 900_00))
OWNERS = {name: owner for name, owner, *_ in ACCOUNTS}
# Closing ends most of what could be interesting, so it comes late.
CLOSING_FROM_NUMBER = 1_160

names = st.sampled_from(tuple(OWNERS))
amounts = st.sampled_from((1, 30_00, 100_00, 299_99, 400_00, 500_00, 500_01, 1_000_01, 2_000_00))


class AccountMachine(LedgerMachine):
    sent_transfers = Bundle("sent_transfers")

    def __init__(self, disk: Disk | None, start: datetime) -> None:
        super().__init__(disk, start)
        self.bank = Bank()
        self.numbers = 1_000
        for name, owner, country, overdraft_limit, balance in ACCOUNTS:
            registered = UserRegistered(owner, "customer", country)
            self.answer(users.register_user, users.RegisterUser(registered))
            self._open(name, owner, overdraft_limit)
            self.post(name, balance, False)

    def number(self) -> int:
        """The first of a fresh block of four."""
        self.numbers += 4
        return self.numbers

    def run(self, handler: Handler[Any, Any], command: Command) -> Any:
        return self.as_model(self.answer(handler, command))

    def as_model(self, answer: Any) -> Any:
        """The reply as models say it: a status, a balance, or the code of a refusal."""
        match answer:
            case DomainError():
                return answer.code
            case account_commands.Posted():
                return answer.posted
            case CreatedAnswer():
                return answer.transfer.status
            case ChangedAnswer():
                return answer.status
            case _:
                return answer

    def _open(self, name: str, owner: str, overdraft_limit: int) -> None:
        number = f"{len(self.bank.accounts):010}"
        opened = AccountOpened(name, number, owner, "checking", "USD", overdraft_limit)
        expected = self.bank.open(name, owner, False, overdraft_limit)
        assert self.run(account_commands.open_account, account_commands.OpenAccount(opened)) == expected

    @rule(name=names, amount=amounts, is_out=st.booleans())
    def post(self, name: str, amount: int, is_out: bool) -> None:
        direction: Literal["credit", "debit"] = "debit" if is_out else "credit"
        command = account_commands.Post(name, direction, Money(amount, "USD"), CASH, "cash", "posting")
        expected = self.bank.post(name, -amount if is_out else amount, None)
        assert self.run(account_commands.post, command) == expected

    @precondition(lambda self: self.numbers > CLOSING_FROM_NUMBER)
    @rule(name=names)
    def draw_all_and_close(self, name: str) -> None:
        posted = self.bank.accounts[name].posted
        if posted > 0:
            self.post(name, posted, True)
        self.change_status(name, "closed")

    @rule(name=names, status=st.sampled_from(("active", "active", "active", "frozen")))
    def change_status(self, name: str, status: Literal["active", "frozen", "closed"]) -> None:
        expected = self.bank.change_status(name, status)
        assert (
            self.run(account_commands.change_status, account_commands.ChangeStatus(name, status)) == expected
        )

    @rule(target=sent_transfers, source=names, amount=amounts)
    def transfer(self, source: str, amount: int) -> str:
        """Holds money of the same accounts, and nothing of the cards'."""
        transfer_id, user = f"tx_{self.number()}", OWNERS[source]
        target = next(name for name in OWNERS if name != source)
        command = transfers.CreateTransfer(
            transfer_id=transfer_id,
            idempotency_key=transfer_id,
            content_hash="",
            user_id=user,
            transfer_type="internal",
            from_account=source,
            amount=Money(amount, "USD"),
            reference_suffix="00000000",
            to_account=target,
        )
        expected = self.bank.create(
            transfer_id, user, "internal", source, target, None, amount, self.clock.instant
        )
        assert self.run(transfers.create_transfer, command) == expected
        return transfer_id

    @rule(transfer_id=sent_transfers, user=st.sampled_from(tuple(OWNERS.values())))
    def cancel_transfer(self, transfer_id: str, user: str) -> None:
        expected = self.bank.cancel(transfer_id, user, None)
        assert self.run(transfers.cancel_transfer, transfers.CancelTransfer(transfer_id, user)) == expected
