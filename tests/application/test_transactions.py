"""Transactions of the back office: posted, refused and reversed, one by one and many at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.accounts import ChangeOverdraftLimit, ChangeStatus, change_overdraft_limit, change_status
from application.idempotency import RequestKey
from application.periods import ClosePeriod, close_period
from application.transactions import Attempt, transaction_id
from domain import errors
from domain.transactions import Transaction
from tests.application.transaction_commands import BackOffice, asked

KEY = RequestKey("request", "content")


@pytest.fixture
def office() -> BackOffice:
    return BackOffice()


def failed(attempt: Any) -> errors.DomainError | None:
    assert isinstance(attempt, Attempt)
    return attempt.refusal


def test_a_transaction_is_recorded_with_its_postings(office: BackOffice) -> None:
    identifier = office.posted(type="transfer", to_account="b", amount="40.50", description="rent")
    assert office.topics == ["account.debited", "account.credited", "transaction.posted"]
    debited, credited, posted = (event for _, event in office.recorded)
    for posting in (debited, credited):
        assert (posting.reference, posting.kind, posting.description) == (identifier, "transfer", "rent")
        assert posting.contra == "2310-TRANSFER-CLEARING"
    assert (posted.terms.account_id, posted.terms.to_account_id) == ("a", "b")
    assert office.posted_totals == {"a": 59_50, "b": 40_50}


def test_accounts_go_by_any_of_their_names(office: BackOffice) -> None:
    office.posted(type="transfer", account="0000000001", to_account="0000000002")
    assert office.posted_totals == {"a": 90_00, "b": 10_00}
    assert office.refusal(type="transfer", account="a", to_account="0000000001") == errors.SameAccount()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"account": "nobody"}, "account_id"),
        ({"type": "transfer", "to_account": "nobody"}, "to_account_id"),
        ({"amount": "1.001"}, "amount"),
        ({"account": "y", "amount": "1.0"}, "amount"),
        ({"amount": "1.5", "currency": "JPY"}, "amount"),
    ],
)
def test_what_can_never_be_posted_is_nobodys_transaction(
    office: BackOffice, wanted: dict[str, Any], field: str
) -> None:
    """And leaves its key free."""
    refusal = office.post(key=KEY, **wanted)
    assert isinstance(refusal, errors.InvalidValue)
    assert refusal.field == field
    assert office.recorded == []
    assert failed(office.post(key=KEY)) is None


def test_a_refusal_is_a_failed_transaction_with_what_it_saw(office: BackOffice) -> None:
    short = errors.InsufficientFunds(100_00, 100_01, 0, "USD")
    assert office.refusal(type="withdrawal", amount="100.01") == short
    ((stream, event),) = office.recorded
    assert stream == f"transaction-{event.transaction_id}"
    assert (event.code, event.posted, event.held, event.overdraft_limit) == (short.code, 100_00, 0, 0)
    assert errors.restore(event.code, event.facts) == short
    assert office.posted_totals == {"a": 100_00, "b": 0}


def test_an_overdraft_limit_can_be_used_and_a_hold_cannot(office: BackOffice) -> None:
    office.run(change_overdraft_limit, ChangeOverdraftLimit("a", 50_00))
    office.posted(type="withdrawal", amount="150.00")
    assert office.account("a").posted == -50_00
    assert isinstance(office.refusal(type="fee", amount="0.01"), errors.InsufficientFunds)


def test_a_frozen_account_takes_credits_and_a_closed_one_nothing(office: BackOffice) -> None:
    office.run(change_status, ChangeStatus("a", "frozen"))
    office.posted(type="interest")
    assert office.refusal(type="fee") == errors.AccountFrozen("a")
    office.run(change_status, ChangeStatus("b", "closed"))
    assert office.refusal(type="deposit", account="b") == errors.AccountClosed("b")


def test_the_first_refusal_that_applies_is_the_answer(office: BackOffice) -> None:
    """The same account, the currency, the period, the status, the money."""
    office.run(close_period, ClosePeriod("2023-04"))
    office.run(change_status, ChangeStatus("a", "frozen"))
    everything = {"type": "transfer", "amount": "999", "effective_date": "2023-04-30"}
    assert isinstance(office.refusal(**everything, to_account="a"), errors.SameAccount)
    assert office.refusal(**everything, to_account="y") == errors.CurrencyDiffers("y", "JPY")
    assert office.refusal(**everything, to_account="b") == errors.PeriodIsClosed("2023-04")
    everything.pop("effective_date")
    assert office.refusal(**everything, to_account="b") == errors.AccountFrozen("a")
    office.run(change_status, ChangeStatus("a", "active"))
    assert isinstance(office.refusal(**everything, to_account="b"), errors.InsufficientFunds)


def test_a_transaction_in_another_currency_than_the_accounts_is_refused(office: BackOffice) -> None:
    assert office.refusal(currency="EUR") == errors.CurrencyDiffers("a", "USD")
    office.posted(account="y", amount="500")
    office.posted(account="y", amount="500", currency="JPY")
    assert office.account("y").posted == 1_000


def test_no_balance_outgrows_what_an_amount_can_say(office: BackOffice) -> None:
    office.posted(amount="999999999999899.99")
    assert office.refusal(amount="0.01") == errors.BalanceTooLarge("a")
    assert office.account("a").posted == 10**17 - 1


def test_a_value_date_is_the_beginning_of_its_day(office: BackOffice) -> None:
    office.posted(effective_date="2023-04-20")
    posting = office.staged[0]
    assert posting.effective_at == datetime(2023, 4, 20, tzinfo=UTC)
    assert office.staged[-1].effective_at is None
    office.posted(effective_date=office.today.isoformat())
    assert [staged.effective_at for staged in office.staged] == [None, None]


def test_a_value_date_on_the_day_of_opening_is_not_before_it(office: BackOffice) -> None:
    opened_at = office.account("a").opened_at
    assert opened_at is not None
    office.posted(effective_date=opened_at.date().isoformat())
    assert office.staged[0].effective_at == opened_at


@pytest.mark.parametrize("days", [1, -31])
def test_a_value_date_is_neither_in_the_future_nor_before_the_account(office: BackOffice, days: int) -> None:
    refusal = office.post(effective_date=(office.today + timedelta(days=days)).isoformat())
    assert isinstance(refusal, errors.InvalidValue)
    assert refusal.field == "effective_date"


def test_nothing_is_dated_into_a_closed_period(office: BackOffice) -> None:
    office.posted(effective_date="2023-04-30")
    office.run(close_period, ClosePeriod("2023-04"))
    assert office.refusal(effective_date="2023-04-30") == errors.PeriodIsClosed("2023-04")
    assert office.refusal(effective_date="2023-04-01", type="fee") == errors.PeriodIsClosed("2023-04")
    office.posted()


def test_the_same_key_is_answered_the_same(office: BackOffice) -> None:
    first = office.post(key=KEY)
    again = office.post(key=KEY)
    assert first == again
    assert office.recorded == []
    other = RequestKey("request", "other")
    assert office.post(key=other) == errors.IdempotencyConflict()
    assert office.account("a").posted == 110_00


def test_a_failed_transaction_is_answered_again_also_when_it_would_be_posted_now(office: BackOffice) -> None:
    first = office.post(key=KEY, type="withdrawal", amount="200")
    office.posted(amount="500")
    assert office.post(key=KEY, type="withdrawal", amount="200") == first


def test_a_reversal_gives_back_and_both_know_of_each_other(office: BackOffice) -> None:
    before = office.posted_totals
    identifier = office.posted(type="transfer", to_account="b")
    reversal = office.reverse(identifier)
    assert office.posted_totals == before
    assert reversal.transaction.terms.reversal_of == identifier
    original: Transaction = office.state(f"transaction-{identifier}")
    assert original.reversed_by == reversal.transaction.transaction_id
    kinds = [event.kind for _, event in office.recorded if hasattr(event, "kind")]
    assert kinds == ["reversal", "reversal"]


def test_nothing_is_reversed_twice_and_no_reversal_is_reversed(office: BackOffice) -> None:
    identifier = office.posted()
    reversal = office.reverse(identifier)
    for twice in (identifier, reversal.transaction.transaction_id):
        assert office.reverse(twice) == errors.AlreadyReversed(twice)
        assert office.recorded == []
    assert office.reverse("txn_none") == errors.TransactionNotFound("txn_none")
    assert office.reverse("tx_none") == errors.TransactionNotFound("tx_none")


def test_a_reversal_whose_money_is_gone_fails_and_can_be_tried_again(office: BackOffice) -> None:
    identifier = office.posted(account="b")
    office.posted(type="withdrawal", account="b")
    assert failed(office.reverse(identifier)) == errors.InsufficientFunds(0, 10_00, 0, "USD")
    assert office.topics == ["transaction.failed"]
    office.posted(account="b")
    assert failed(office.reverse(identifier)) is None
    assert failed_id(office) is None


def failed_id(office: BackOffice) -> str | None:
    return next((event.transaction_id for _, event in office.recorded if "failed" in event.TOPIC), None)


def test_a_reversed_transactions_key_still_gives_its_first_answer(office: BackOffice) -> None:
    first = office.post(key=KEY)
    office.reverse(first.transaction.transaction_id)
    assert office.post(key=KEY) == first


def test_a_batch_is_posted_in_its_order(office: BackOffice) -> None:
    answer = office.batch(
        asked(type="withdrawal", account="b"),
        asked(type="transfer", to_account="b"),
        asked(type="withdrawal", account="b"),
    )
    assert (answer.posted, answer.failed, answer.is_undone) == (2, 1, False)
    assert [attempt.code for attempt in answer.attempts] == ["insufficient_funds", None, None]
    assert office.posted_totals == {"a": 90_00, "b": 0}


def test_an_atomic_batch_that_fails_posts_nothing_and_records_why(office: BackOffice) -> None:
    items = (asked(), asked(type="withdrawal", account="b", amount="1"), asked(account="nobody"))
    answer = office.batch(*items, is_atomic=True)
    assert (answer.posted, answer.failed, answer.is_undone) == (0, 2, True)
    assert [attempt.code for attempt in answer.attempts] == [None, "insufficient_funds", "invalid_value"]
    assert answer.attempts[0].transaction is None
    assert office.topics == ["transaction.failed"]
    assert office.posted_totals == {"a": 100_00, "b": 0}


def test_an_atomic_batch_is_answered_again_and_its_streams_stay_in_order(office: BackOffice) -> None:
    items = (asked(), asked(type="withdrawal", account="b"))
    first = office.batch(*items, is_atomic=True, key=KEY)
    assert office.topics == ["transaction.failed", "request.answered"]
    assert office.batch(*items, is_atomic=True, key=KEY) == first
    assert office.recorded == []
    office.posted()
    assert office.account("a").posted == 110_00


def test_what_could_not_be_read_is_its_items_result(office: BackOffice) -> None:
    answer = office.batch(asked(), errors.InvalidValue("amount", "must be greater than 0"))
    assert (answer.posted, answer.failed) == (1, 1)
    assert answer.attempts[1].refusal == errors.InvalidValue("amount", "must be greater than 0")


def test_all_transactions_of_a_batch_have_ids_of_their_own(office: BackOffice) -> None:
    answer = office.batch(*[asked(amount="0.01") for _ in range(1_000)])
    ids = {attempt.transaction.transaction_id for attempt in answer.attempts if attempt.transaction}
    assert len(ids) == 1_000
    assert office.account("a").posted == 110_00
    assert transaction_id("seed") == transaction_id("seed", 0) != transaction_id("seed", 1)
