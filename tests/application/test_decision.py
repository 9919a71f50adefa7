"""A handler's view of streams: committed, staged by the group, staged by itself; and streams that are new."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from application.decision import ABSENT, Decision, Known, Staged, StreamsMissing, StreamTaken
from domain import accounts
from domain.accounts import Account, AccountFroze, AccountOpened
from tests.domain.story import fold

NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
EARLIER = datetime(2025, 10, 1, tzinfo=UTC)
OPENED, FROZEN = AccountOpened("a", "0000000001", "ann", "checking", "USD"), AccountFroze()
OPEN: Account = fold(accounts.evolve, OPENED)
FROZEN_ACCOUNT: Account = fold(accounts.evolve, OPENED, FROZEN)


def decision(
    committed: Mapping[str, Known] | None = None,
    group: Mapping[str, Known] | None = None,
    *,
    looks: bool = False,
) -> Decision:
    return Decision(NOW, committed or {}, group or {}, looks_before_creating=looks)


def test_a_stream_that_is_not_in_memory_is_asked_for() -> None:
    with pytest.raises(StreamsMissing) as missing:
        decision().load("account-a")
    assert missing.value.streams == ("account-a",)
    with pytest.raises(StreamsMissing) as missing:
        decision({"account-b": ABSENT}).need("account-a", "account-b", "account-c")
    assert missing.value.streams == ("account-a", "account-c")


def test_what_the_group_staged_covers_what_is_committed_and_own_records_cover_both() -> None:
    one = decision({"account-a": ABSENT}, {"account-a": Known(1, OPEN)})
    assert one.load("account-a") == OPEN
    one.record("account-a", FROZEN)
    assert one.load("account-a") == FROZEN_ACCOUNT
    assert one.recorded == [Staged("account-a", 2, FROZEN)]


def test_only_committed_states_that_were_looked_at_are_reads() -> None:
    one = decision({"account-a": Known(1, OPEN), "account-b": ABSENT}, {"account-c": Known(3, OPEN)})
    one.load("account-a")
    one.load("account-c")
    assert one.reads == {"account-a": 1}


def test_a_new_stream_is_staged_without_being_loaded() -> None:
    one = decision()
    one.create("account-a", OPENED, FROZEN)
    assert one.recorded == [Staged("account-a", 1, OPENED), Staged("account-a", 2, FROZEN)]
    assert one.staged() == {"account-a": Known(2, FROZEN_ACCOUNT)}
    assert one.reads == {}
    assert one.load("account-a") == FROZEN_ACCOUNT


def test_a_new_stream_may_be_known_not_to_exist() -> None:
    one = decision({"account-a": ABSENT})
    one.create("account-a", OPENED)
    assert one.recorded == [Staged("account-a", 1, OPENED)]


def test_a_new_stream_that_exists_is_taken_wherever_that_is_seen() -> None:
    known = {"account-a": Known(1, OPEN)}
    own = decision()
    own.create("account-a", OPENED)
    for taken in (decision(known), decision(None, known), own):
        with pytest.raises(StreamTaken):
            taken.create("account-a", OPENED)


def test_one_that_looks_before_creating_asks_for_the_stream_first() -> None:
    with pytest.raises(StreamsMissing) as missing:
        decision(looks=True).create("account-a", OPENED)
    assert missing.value.streams == ("account-a",)
    one = decision({"account-a": ABSENT}, looks=True)
    one.create("account-a", OPENED)
    assert one.reads == {"account-a": 0}
    with pytest.raises(StreamTaken):
        decision({"account-a": Known(1, OPEN)}, looks=True).create("account-a", OPENED)


def test_what_was_recorded_since_a_savepoint_can_be_taken_back() -> None:
    """Later records go on from the versions that stand."""
    one = decision({"account-a": ABSENT, "account-b": ABSENT})
    one.record("account-a", OPENED)
    start = one.savepoint()
    one.record("account-a", FROZEN)
    one.record("account-b", OPENED)
    one.roll_back(start)
    assert one.recorded == [Staged("account-a", 1, OPENED)]
    assert one.load("account-a").status == "active"
    assert one.load("account-b") is None
    one.record("account-a", FROZEN)
    assert one.recorded[-1] == Staged("account-a", 2, FROZEN)
    one.roll_back(start)
    assert one.recorded == [Staged("account-a", 1, OPENED)]


def test_a_fact_can_count_from_another_instant_than_its_command() -> None:
    one = decision({"account-a": ABSENT})
    one.record("account-a", OPENED, effective_at=EARLIER)
    one.record("account-a", FROZEN)
    assert [staged.effective_at for staged in one.recorded] == [EARLIER, None]
