"""What is closed stays as it is, whoever posts, and however late."""

from datetime import UTC, datetime

import pytest

from application.accounts import Post
from application.idempotency import RequestKey
from application.periods import ClosedPeriod, ClosePeriod, close_period
from application.settlement import TransferStep, settle, start_processing
from application.transaction_import import ImportTransaction, import_transaction
from application.transfers import CreateTransfer, create_transfer
from domain import errors
from domain.chart_of_accounts import CASH
from tests.application.command_book import usd
from tests.application.transaction_commands import BackOffice

KEY = RequestKey("request", "content")
APRIL = ClosePeriod("2023-04")
MAY = datetime(2023, 5, 1, tzinfo=UTC)


@pytest.fixture
def office() -> BackOffice:
    return BackOffice()


def test_a_period_is_closed_once(office: BackOffice) -> None:
    first = office.run(close_period, APRIL)
    assert first == ClosedPeriod("2023-04", office.at, "2023-04")
    assert office.topics == ["periods.closed"]
    office.wait(days=1)
    assert office.run(close_period, APRIL) == first
    assert office.run(close_period, ClosePeriod("2023-03")) == ClosedPeriod(
        "2023-03", first.closed_at, "2023-04"
    )
    assert office.recorded == []


def test_a_period_that_is_not_over_stays_open(office: BackOffice) -> None:
    assert office.run(close_period, ClosePeriod("2023-05", KEY)) == errors.PeriodNotOver("2023-05")
    office.wait(days=31)
    assert isinstance(office.run(close_period, ClosePeriod("2023-05")), ClosedPeriod)


def test_what_was_due_in_a_closed_period_counts_from_the_next(office: BackOffice) -> None:
    """A transfer that should have settled in April, when nothing ran: its postings are May's."""
    office.at = datetime(2023, 4, 26, 10, tzinfo=UTC)
    command = CreateTransfer("tx_1", "k", "h", "ann", "internal", "a", usd(10_00), "REF", to_account="b")
    office.run(create_transfer, command)
    office.at = datetime(2023, 5, 2, tzinfo=UTC)
    office.run(close_period, APRIL)
    office.at = datetime(2023, 4, 27, 10, tzinfo=UTC)
    office.run(start_processing, TransferStep("tx_1"))
    office.run(settle, TransferStep("tx_1"))
    dates = {staged.event.TOPIC: staged.effective_at for staged in office.staged}
    assert dates["account.debited"] == dates["account.credited"] == MAY
    assert office.posted_totals == {"a": 90_00, "b": 10_00}


def test_what_settles_in_an_open_period_counts_from_when_it_was_due(office: BackOffice) -> None:
    office.run(close_period, APRIL)
    command = CreateTransfer("tx_1", "k", "h", "ann", "internal", "a", usd(10_00), "REF", to_account="b")
    office.run(create_transfer, command)
    office.run(start_processing, TransferStep("tx_1"))
    office.run(settle, TransferStep("tx_1"))
    assert {staged.effective_at for staged in office.staged} == {None}


def test_history_is_not_taken_over_into_a_closed_period(office: BackOffice) -> None:
    office.run(close_period, APRIL)
    office.at = datetime(2023, 4, 30, 23, 59, tzinfo=UTC)
    row = ImportTransaction(
        Post("c", "credit", usd(1), CASH, "deposit", "row"), KEY, "ann", "checking", ("2000000009",), 1
    )
    assert office.run(import_transaction, row) == errors.PeriodIsClosed("2023-04")
    office.at = MAY
    office.run(import_transaction, row)
    assert office.account("c").posted == 1


def test_december_is_followed_by_january(office: BackOffice) -> None:
    office.at = datetime(2022, 12, 26, 10, tzinfo=UTC)
    command = CreateTransfer("tx_1", "k", "h", "ann", "internal", "a", usd(10_00), "REF", to_account="b")
    office.run(create_transfer, command)
    office.at = datetime(2023, 1, 2, tzinfo=UTC)
    office.run(close_period, ClosePeriod("2022-12"))
    office.at = datetime(2022, 12, 27, 10, tzinfo=UTC)
    office.run(start_processing, TransferStep("tx_1"))
    office.run(settle, TransferStep("tx_1"))
    dates = {staged.effective_at for staged in office.staged if "ited" in staged.event.TOPIC}
    assert dates == {datetime(2023, 1, 1, tzinfo=UTC)}
