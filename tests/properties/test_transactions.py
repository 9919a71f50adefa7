"""Whatever is posted: batches agree with one by one, reversals give back, no money is made or lost."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.accounts import ChangeOverdraftLimit, ChangeStatus, change_overdraft_limit, change_status
from application.transactions import Asked, Attempt, PostBatch, PostTransaction, post_batch, post_transaction
from domain.accounts import AccountCredited, AccountDebited
from domain.transactions import TYPES
from projections.journal import codes
from tests.application.transaction_commands import BackOffice, asked

AMOUNTS = st.sampled_from(["0.01", "1.00", "60.00", "100.00", "150.00", "999999999999999.99"])
ACCOUNTS = st.sampled_from(["a", "b", "y", "nobody", "0000000001"])
DAYS = st.sampled_from([None, None, None, "2023-04-20", "2023-03-01"])


@st.composite
def transactions(draw: st.DrawFn) -> Asked:
    kind = draw(st.sampled_from(TYPES))
    wanted: dict[str, Any] = {"type": kind, "account": draw(ACCOUNTS), "amount": draw(AMOUNTS)}
    if kind == "transfer":
        wanted["to_account"] = draw(ACCOUNTS)
    if kind == "adjustment":
        wanted["direction"] = draw(st.sampled_from(["credit", "debit"]))
    return asked(**wanted, effective_date=draw(DAYS))


class Audited(BackOffice):
    """Keeps count of every posting, by account of the chart."""

    def __init__(self, *, overdraft: bool, frozen: bool) -> None:
        self.totals: dict[tuple[str, str], int] = {}
        super().__init__()
        if overdraft:
            self.run(change_overdraft_limit, ChangeOverdraftLimit("a", 100_00))
        if frozen:
            self.run(change_status, ChangeStatus("b", "frozen"))

    def run(self, handler: Any, command: Any) -> Any:
        answer = super().run(handler, command)
        for _, event in self.recorded:
            if isinstance(event, AccountCredited | AccountDebited):
                debit, credit = codes(event)
                currency, minor = event.amount.currency, event.amount.minor
                self.totals[debit, currency] = self.totals.get((debit, currency), 0) + minor
                self.totals[credit, currency] = self.totals.get((credit, currency), 0) - minor
        return answer

    @property
    def balances(self) -> dict[str, int]:
        return {name: self.account(name).posted for name in "aby"}

    def check(self) -> None:
        for currency, names in (("USD", "ab"), ("JPY", "y")):
            deposits = self.totals.get(("2000-CUSTOMER-DEPOSITS", currency), 0)
            assert -deposits == sum(self.account(name).posted for name in names)
            assert sum(minor for (_, own), minor in self.totals.items() if own == currency) == 0
        assert all(self.account(name).available >= 0 for name in "aby")


def outcome(attempt: Any) -> tuple[Any, ...]:
    assert isinstance(attempt, Attempt)
    posted = attempt.transaction
    return (attempt.code, attempt.facts, None if posted is None else posted.terms)


LISTS = st.lists(transactions(), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.booleans(), st.booleans())
def test_a_batch_does_what_its_transactions_do_one_by_one(
    wanted: list[Asked], overdraft: bool, frozen: bool
) -> None:
    together = Audited(overdraft=overdraft, frozen=frozen)
    apart = Audited(overdraft=overdraft, frozen=frozen)
    answer = together.run(post_batch, PostBatch("batch", tuple(wanted), is_atomic=False))
    for number, one in enumerate(wanted):
        single = apart.run(post_transaction, PostTransaction(f"one-{number}", one))
        if isinstance(single, Attempt):
            assert outcome(answer.attempts[number]) == outcome(single)
        else:
            assert answer.attempts[number].refusal == single
    assert together.balances == apart.balances
    assert together.totals == apart.totals
    together.check()


@settings(max_examples=60, deadline=None)
@given(LISTS, st.booleans(), st.booleans())
def test_an_atomic_batch_is_all_of_it_or_nothing(wanted: list[Asked], overdraft: bool, frozen: bool) -> None:
    atomic = Audited(overdraft=overdraft, frozen=frozen)
    partial = Audited(overdraft=overdraft, frozen=frozen)
    before = atomic.balances
    answer = atomic.run(post_batch, PostBatch("batch", tuple(wanted), is_atomic=True))
    other = partial.run(post_batch, PostBatch("batch", tuple(wanted), is_atomic=False))
    assert answer.failed == other.failed
    assert atomic.balances == (before if answer.failed else partial.balances)
    versions = {stream: known.version for stream, known in atomic.states.items()}
    for staged in atomic.staged:
        assert staged.version <= versions[staged.stream]
    atomic.check()


@settings(max_examples=60, deadline=None)
@given(LISTS, st.booleans())
def test_reversing_everything_from_the_last_to_the_first_gives_everything_back(
    wanted: list[Asked], overdraft: bool
) -> None:
    bank = Audited(overdraft=overdraft, frozen=False)
    before, books = bank.balances, dict(bank.totals)
    posted = []
    for number, one in enumerate(wanted):
        attempt = bank.run(post_transaction, PostTransaction(f"one-{number}", one))
        if isinstance(attempt, Attempt) and attempt.code is None:
            assert attempt.transaction is not None
            posted.append(attempt.transaction.transaction_id)
    for identifier in reversed(posted):
        reversal = bank.reverse(identifier)
        assert isinstance(reversal, Attempt)
        assert reversal.code is None
    assert bank.balances == before
    assert {code: minor for code, minor in bank.totals.items() if minor} == {
        code: minor for code, minor in books.items() if minor
    }
    bank.check()
