"""A bank in plain dictionaries, written from the documents and not from the code, that predicts every reply.

It knows nothing of events or streams: accounts are numbers, and each rule is the sentence that promises it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MFA_ABOVE = 5_000_00
MFA_PATIENCE = timedelta(minutes=15)
MFA_ATTEMPTS = 5
FEES = {"internal": 0, "interbank": 2_50}
PER_TRANSACTION = {"internal": 50_000_00, "interbank": 10_000_00}
PER_DAY = {"internal": 100_000_00, "interbank": 25_000_00}
TRANSFERS_PER_DAY = 10
SAVINGS_PER_30_DAYS = 6
FAILING_ROUTING_NUMBER = "999999999"


@dataclass
class ModelAccount:
    owner: str
    is_savings: bool
    overdraft_limit: int
    posted: int = 0
    held: int = 0
    status: str = "active"

    @property
    def available(self) -> int:
        return self.posted - self.held + self.overdraft_limit


@dataclass
class ModelTransfer:
    user: str
    kind: str
    source: str
    target: str | None
    routing_number: str | None
    amount: int
    created_at: datetime
    status: str
    attempts: int = 0

    @property
    def total(self) -> int:
        return self.amount + FEES[self.kind]


@dataclass
class Model:
    """Each method changes the bank as the command does, and answers what the command answers: a status,
    a balance, or the code of the refusal."""

    accounts: dict[str, ModelAccount] = field(default_factory=dict)
    transfers: dict[str, ModelTransfer] = field(default_factory=dict)
    keys: dict[str, str | int] = field(default_factory=dict)
    outside: int = 0

    def once(self, key: str | None, act: Callable[[], str | int]) -> str | int:
        if key is None:
            return act()
        if key not in self.keys:
            answer = act()
            if answer in ("account_not_found", "transfer_not_found"):
                return answer
            self.keys[key] = answer
        return self.keys[key]

    # Transfers

    def create(
        self,
        transfer_id: str,
        user: str,
        kind: str,
        source: str,
        target: str | None,
        routing_number: str | None,
        amount: int,
        at: datetime,
    ) -> str | int:
        if transfer_id in self.transfers:
            return self.transfers[transfer_id].status
        return self.once(
            f"create {transfer_id}",
            lambda: self._create(transfer_id, user, kind, source, target, routing_number, amount, at),
        )

    def _create(
        self,
        transfer_id: str,
        user: str,
        kind: str,
        source: str,
        target: str | None,
        routing_number: str | None,
        amount: int,
        at: datetime,
    ) -> str:
        made = ModelTransfer(user, kind, source, target, routing_number, amount, at, "pending")
        refusal = self._refusal(made)
        if refusal is not None:
            return refusal
        if amount > MFA_ABOVE:
            made.status = "initiated"
        else:
            self.accounts[source].held += made.total
        self.transfers[transfer_id] = made
        return made.status

    def _refusal(self, made: ModelTransfer) -> str | None:
        source = self.accounts.get(made.source)
        if source is None or source.owner != made.user:
            return "invalid_from_account"
        parties = [source]
        if made.target is not None:
            if made.target not in self.accounts:
                return "invalid_to_account"
            if made.target == made.source:
                return "same_account"
            parties.append(self.accounts[made.target])
        for party in parties:
            if party.status != "active":
                return f"account_{party.status}"
        return self._limit(made, source) or ("insufficient_funds" if made.total > source.available else None)

    def _limit(self, made: ModelTransfer, source: ModelAccount) -> str | None:
        if made.amount > PER_TRANSACTION[made.kind]:
            return "transaction_limit_exceeded"
        today = [
            each for each in self._counting(made.user) if each.created_at.date() == made.created_at.date()
        ]
        if len(today) >= TRANSFERS_PER_DAY:
            return "daily_count_exceeded"
        used = sum(each.amount for each in today if each.kind == made.kind)
        if used + made.amount > PER_DAY[made.kind]:
            return "daily_amount_exceeded"
        recent = [
            each
            for each in self._counting(made.user)
            if each.source == made.source and made.created_at - each.created_at < timedelta(days=30)
        ]
        if source.is_savings and len(recent) >= SAVINGS_PER_30_DAYS:
            return "savings_limit_exceeded"
        return None

    def _counting(self, user: str) -> list[ModelTransfer]:
        """The user's transfers, without those that came to nothing."""
        mine = [each for each in self.transfers.values() if each.user == user]
        return [each for each in mine if each.status not in ("cancelled", "failed")]

    def cancel(self, transfer_id: str, user: str, key: str | None) -> str | int:
        return self._on_own(transfer_id, user, key, self._cancel)

    def _cancel(self, made: ModelTransfer) -> str:
        if made.status not in ("initiated", "pending"):
            return "transfer_not_cancellable"
        if made.status == "pending":
            self.accounts[made.source].held -= made.total
        made.status = "cancelled"
        return made.status

    def verify(self, transfer_id: str, user: str, is_right: bool, key: str | None, at: datetime) -> str | int:
        return self._on_own(transfer_id, user, key, lambda made: self._verify(made, is_right, at))

    def _verify(self, made: ModelTransfer, is_right: bool, at: datetime) -> str:
        if made.status != "initiated":
            return "not_awaiting_mfa"
        if at >= made.created_at + MFA_PATIENCE:
            made.status = "cancelled"
            return "not_awaiting_mfa"
        if not is_right:
            made.attempts += 1
            if made.attempts == MFA_ATTEMPTS:
                made.status = "cancelled"
            return "invalid_mfa_code"
        source = self.accounts[made.source]
        if source.status != "active":
            return f"account_{source.status}"
        if made.total > source.available:
            return "insufficient_funds"
        source.held += made.total
        made.status = "pending"
        return made.status

    def _on_own(
        self, transfer_id: str, user: str, key: str | None, act: Callable[[ModelTransfer], str]
    ) -> str | int:
        made = self.transfers.get(transfer_id)
        if made is None or made.user != user:
            return "transfer_not_found"
        return self.once(key, lambda: act(made))

    # What time brings

    def start_processing(self, transfer_id: str) -> str | None:
        made = self.transfers.get(transfer_id)
        if made is None or made.status != "pending":
            return made.status if made else None
        parties = [self.accounts[name] for name in (made.source, made.target) if name is not None]
        is_usable = all(party.status == "active" for party in parties)
        if made.routing_number == FAILING_ROUTING_NUMBER or not is_usable:
            return self._fail(made)
        made.status = "processing"
        return made.status

    def settle(self, transfer_id: str) -> str | None:
        made = self.transfers.get(transfer_id)
        if made is None or made.status != "processing":
            return made.status if made else None
        if made.target is not None and self.accounts[made.target].status == "closed":
            return self._fail(made)
        source = self.accounts[made.source]
        source.held -= made.total
        source.posted -= made.total
        if made.target is None:
            self.outside += made.total
        else:
            self.accounts[made.target].posted += made.amount
            self.outside += made.total - made.amount
        made.status = "settled"
        return made.status

    def _fail(self, made: ModelTransfer) -> str:
        self.accounts[made.source].held -= made.total
        made.status = "failed"
        return made.status

    def expire(self, transfer_id: str, at: datetime) -> str | None:
        made = self.transfers.get(transfer_id)
        if made is not None and made.status == "initiated" and at >= made.created_at + MFA_PATIENCE:
            made.status = "cancelled"
        return made.status if made else None

    def reverse(self, transfer_id: str) -> str:
        made = self.transfers.get(transfer_id)
        if made is None:
            return "transfer_not_found"
        if made.status != "settled":
            return "transfer_not_settled"
        source, target = self.accounts[made.source], self.accounts.get(made.target or "")
        if target is not None:
            if target.status != "active":
                return f"account_{target.status}"
            if made.amount > target.available:
                return "insufficient_funds"
        if source.status == "closed":
            return "account_closed"
        if target is None:
            self.outside -= made.amount
        else:
            target.posted -= made.amount
        source.posted += made.total
        self.outside -= made.total - made.amount
        made.status = "reversed"
        return made.status

    # Accounts

    def open(self, name: str, owner: str, is_savings: bool, overdraft_limit: int) -> str:
        if name in self.accounts:
            return "account_exists"
        self.accounts[name] = ModelAccount(owner, is_savings, overdraft_limit)
        return name

    def post(self, name: str, amount: int, key: str | None) -> str | int:
        """`amount` below zero is money out. Answers the balance afterwards."""
        return self.once(key, lambda: self._post(name, amount))

    def _post(self, name: str, amount: int) -> str | int:
        account = self.accounts.get(name)
        if account is None:
            return "account_not_found"
        if account.status == "closed" or (amount < 0 and account.status == "frozen"):
            return f"account_{account.status}"
        if -amount > account.available and amount < 0:
            return "insufficient_funds"
        account.posted += amount
        self.outside -= amount
        return account.posted

    def change_status(self, name: str, status: str) -> str:
        account = self.accounts.get(name)
        if account is None:
            return "account_not_found"
        if account.status == status:
            return status
        if account.status == "closed":
            return "account_closed"
        if status == "closed" and account.posted != 0:
            return "account_has_balance"
        if status == "closed" and account.held != 0:
            return "account_has_holds"
        account.status = status
        return status
