"""Pages of the log are complete whatever the filter, and a stream folds to what the writer had."""

from datetime import datetime, timedelta

import pytest

from domain import accounts
from projections import event_pages
from projections.event_log import LoggedEvent, Wanted
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

Bound = datetime | None


def every(
    tenant: Tenant, wanted: Wanted, recorded_from: Bound = None, recorded_to: Bound = None
) -> list[LoggedEvent]:
    found: list[LoggedEvent] = []
    after = 0
    while True:
        page = answer(
            event_pages.page(tenant.fetch, wanted, recorded_from, recorded_to, after=after, limit=3)
        )
        found += page.events
        assert page.scanned_to > after or page.is_last
        after = page.scanned_to
        if page.is_last:
            return found


@pytest.fixture
def bank(tenant: Tenant) -> BankHistory:
    """Two accounts, a second passing with each of ten credits."""
    made = BankHistory()
    first, second = made.open("first"), made.open("second")
    for number in range(10):
        made.pass_time(seconds=1)
        made.credit(second if number == 9 else first, 100)
    tenant.project(made)
    return made


def test_a_page_looks_at_a_bounded_part_of_the_log(
    tenant: Tenant, bank: BankHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so, so that a rare event is found all the same."""
    monkeypatch.setattr(event_pages, "SCAN_MAX", 4)
    wanted = Wanted(topic="account.opened")
    page = answer(event_pages.page(tenant.fetch, wanted, None, None, after=4, limit=10))
    assert (page.events, page.scanned_to, page.is_last, page.head) == ([], 8, False, 12)
    assert [event.position for event in every(tenant, wanted)] == [1, 2]
    assert [event.position for event in every(tenant, Wanted(topic="account.credited"))] == list(range(3, 13))


def test_one_stream_is_found_without_looking_through_the_log(
    tenant: Tenant, bank: BankHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "SCAN_MAX", 1)
    wanted = Wanted(stream="account-second")
    page = answer(event_pages.page(tenant.fetch, wanted, None, None, after=0, limit=10))
    assert [event.position for event in page.events] == [2, 12]


def test_times_of_recording_are_inclusive_bounds(tenant: Tenant, bank: BankHistory) -> None:
    start, end = START + timedelta(seconds=2), START + timedelta(seconds=4)
    assert [event.position for event in every(tenant, Wanted(), start, end)] == [4, 5, 6]
    assert every(tenant, Wanted(), START + timedelta(days=1)) == []
    assert every(tenant, Wanted(), None, START - timedelta(days=1)) == []


def test_a_stream_folds_to_the_state_that_decisions_saw(tenant: Tenant, bank: BankHistory) -> None:
    folded = answer(
        event_pages.folded_stream(tenant.fetch, "account-first", None, None, after=0, limit=1_000)
    )
    assert folded is not None
    assert folded.state == bank.account("first")
    assert folded.version == len(folded.events) == 10


def test_a_stream_at_a_version_or_an_instant(tenant: Tenant, bank: BankHistory) -> None:
    def at(version: int | None, instant: datetime | None) -> tuple[int, int]:
        folded = answer(
            event_pages.folded_stream(tenant.fetch, "account-first", version, instant, after=0, limit=2)
        )
        assert folded is not None
        assert len(folded.events) == min(2, folded.version)
        state = folded.state
        return folded.version, state.posted if isinstance(state, accounts.Account) else -1

    assert at(4, None) == (4, 300)
    assert at(None, START + timedelta(seconds=5)) == (6, 500)
    assert at(3, START + timedelta(seconds=5)) == (3, 200)
    assert at(None, START - timedelta(seconds=1)) == (0, -1)
    assert at(999, None) == (10, 900)


@pytest.mark.parametrize("stream", ["account-nobody", "account", "nonsense-1", ""])
def test_what_is_no_stream_has_no_state(tenant: Tenant, stream: str) -> None:
    assert answer(event_pages.folded_stream(tenant.fetch, stream, None, None, after=0, limit=10)) is None
