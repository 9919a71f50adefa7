"""Timers: what comes next for each subject is due at its time, and nothing is due for one that has ended."""

from datetime import UTC, datetime, timedelta

import pytest

from application import timers as application_timers
from domain import authorizations, holds, transfers
from projections import timers
from projections.timers import (
    EXPIRE_CHALLENGE,
    EXPIRE_HOLD,
    EXPIRE_MFA,
    EXPIRE_OVERRIDE,
    MODEL,
    SETTLE,
    START_PROCESSING,
    Timer,
)
from tests.projections.bank_decisions import (
    ELSEWHERE,
    Bank,
    apply_batches,
    contents_for_every_cut,
    every_outcome,
    make_tables,
)
from tests.projections.card_commands import CardDesk
from tests.projections.card_outcomes import every_card_outcome
from tests.projections.conftest import Tenant, answer

NOON = datetime(2025, 10, 21, 12, tzinfo=UTC)
NEVER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def bank(tenant: Tenant) -> Bank:
    make_tables(tenant, MODEL)
    bank = Bank()
    bank.open("acct_ann", "ann", 20_000_00)
    bank.open("acct_bob", "bob")
    return bank


def _due(tenant: Tenant, at: datetime = NEVER, limit: int = 100) -> list[Timer]:
    return answer(timers.due(tenant.fetch, at, limit))


def test_a_pending_transfer_is_due_to_be_processed_two_hours_before_its_settlement(
    tenant: Tenant, bank: Bank
) -> None:
    transfer_id = bank.transfer("ann", "acct_ann", "acct_bob", 5_00)
    apply_batches(tenant, MODEL, [bank.facts])
    assert _due(tenant) == [(START_PROCESSING, transfer_id, NOON - timedelta(hours=2))]


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_transfer_in_processing_is_due_to_settle(tenant: Tenant, bank: Bank, is_one_batch: bool) -> None:
    transfer_id = bank.transfer("ann", "acct_ann", "acct_bob", 5_00)
    created = len(bank.facts)
    bank.start_processing(transfer_id)
    facts = bank.facts
    apply_batches(tenant, MODEL, [facts] if is_one_batch else [facts[:created], facts[created:]])
    assert _due(tenant) == [(SETTLE, transfer_id, NOON)]


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_second_factor_is_awaited_for_its_time_and_then_processing(
    tenant: Tenant, bank: Bank, is_one_batch: bool
) -> None:
    transfer_id = bank.transfer("ann", "acct_ann", "acct_bob", 6_000_00)
    created = len(bank.facts)
    expires_at = bank.now + transfers.MFA_PATIENCE
    apply_batches(tenant, MODEL, [bank.facts])
    assert _due(tenant) == [(EXPIRE_MFA, transfer_id, expires_at)]
    bank.verify_mfa("ann", transfer_id, is_code_valid=False)
    bank.verify_mfa("ann", transfer_id)
    if is_one_batch:
        make_tables(tenant, MODEL)
        created = 0
    apply_batches(tenant, MODEL, [bank.facts[created:]])
    assert _due(tenant) == [(START_PROCESSING, transfer_id, NOON - timedelta(hours=2))]


def test_nothing_is_due_for_what_has_ended(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, made = every_outcome()
    apply_batches(tenant, MODEL, [bank.facts])
    assert {timer.subject: timer.kind for timer in _due(tenant)} == {
        made["pending"]: START_PROCESSING,
        made["bobs"]: START_PROCESSING,
        made["verified"]: START_PROCESSING,
        made["processing"]: SETTLE,
        made["initiated"]: EXPIRE_MFA,
    }


def test_due_timers_come_longest_due_first_and_no_more_than_asked_for(tenant: Tenant, bank: Bank) -> None:
    later = bank.transfer("ann", "acct_ann", ELSEWHERE, 5_00)
    sooner = bank.transfer("ann", "acct_ann", "acct_bob", 5_00)
    apply_batches(tenant, MODEL, [bank.facts])
    processing_at = NOON - timedelta(hours=2)
    assert [timer.subject for timer in _due(tenant)] == [sooner, later]
    assert [timer.subject for timer in _due(tenant, limit=1)] == [sooner]
    assert [timer.subject for timer in _due(tenant, processing_at)] == [sooner]
    assert _due(tenant, processing_at - timedelta(microseconds=1)) == []


def test_the_earliest_timer_is_known(tenant: Tenant, bank: Bank) -> None:
    assert answer(timers.earliest(tenant.fetch)) is None
    bank.transfer("ann", "acct_ann", ELSEWHERE, 5_00)
    bank.transfer("ann", "acct_ann", "acct_bob", 5_00)
    apply_batches(tenant, MODEL, [bank.facts])
    assert answer(timers.earliest(tenant.fetch)) == NOON - timedelta(hours=2)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (START_PROCESSING, "tx_1"),
        (SETTLE, "tx_1"),
        (EXPIRE_MFA, "tx_1"),
        (EXPIRE_CHALLENGE, "authorization-4"),
        (EXPIRE_HOLD, "hold-6"),
        (EXPIRE_OVERRIDE, "override-8"),
    ],
)
def test_every_kind_has_a_command(kind: str, subject: str) -> None:
    due = application_timers.DueTimer(kind, subject, NOON)
    handler, _ = application_timers.command_for(due, application_timers.Rules())
    assert callable(handler)


def test_a_challenge_is_due_ten_minutes_after_it_was_asked(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    asked = [desk.challenge(desk.issue("acct_ann")) for _ in range(3)]
    apply_batches(tenant, MODEL, [bank.facts])
    assert _due(tenant) == [
        (EXPIRE_CHALLENGE, f"authorization-{ruling.request_id}", ruling.decided_at + timedelta(minutes=10))
        for ruling in asked
    ]
    first, second, _ = (ruling.request_id for ruling in asked)
    known = len(bank.facts)
    desk.complete_challenge(first, "FAILURE")
    bank.now += timedelta(minutes=10)
    desk.expire_challenge(second)
    apply_batches(tenant, MODEL, [bank.facts[known:]])
    assert [timer.subject for timer in _due(tenant)] == [authorizations.stream(asked[2].request_id)]


def test_a_hold_is_due_until_it_ends(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    hold_id = desk.hold(desk.issue("acct_ann"), 50_00)
    expires_at = bank.now + holds.LIFE
    desk.capture(hold_id, 20_00, is_final=False)
    due = (EXPIRE_HOLD, f"hold-{hold_id}", expires_at)
    apply_batches(tenant, MODEL, [bank.facts])
    assert _due(tenant) == [due]
    known = len(bank.facts)
    desk.capture(hold_id, 10_00, is_final=False)
    apply_batches(tenant, MODEL, [bank.facts[known:]])
    assert _due(tenant) == [due]
    known = len(bank.facts)
    desk.capture(hold_id, 5_00)
    apply_batches(tenant, MODEL, [bank.facts[known:]])
    assert _due(tenant) == []


def test_an_override_is_due_when_it_expires(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    card_id = desk.issue("acct_ann")
    expires_at = bank.now + timedelta(hours=3)
    kept = desk.override(card_id, timedelta(hours=3), daily=6_000_00)
    deleted = desk.override(card_id, daily=7_000_00)
    desk.delete_override(deleted)
    apply_batches(tenant, MODEL, [bank.facts])
    assert _due(tenant) == [(EXPIRE_OVERRIDE, f"override-{kept}", expires_at)]
    known = len(bank.facts)
    bank.now = expires_at
    desk.expire_override(kept)
    apply_batches(tenant, MODEL, [bank.facts[known:]])
    assert _due(tenant) == []


def test_firing_all_that_is_due_leaves_nothing_due(tenant: Tenant, bank: Bank) -> None:
    outcomes = every_card_outcome()
    facts = outcomes.bank.facts
    apply_batches(tenant, MODEL, [facts])
    timers_due = _due(tenant)
    assert {timer.kind for timer in timers_due} == {EXPIRE_CHALLENGE, EXPIRE_HOLD, EXPIRE_OVERRIDE}
    known = len(facts)
    outcomes.bank.now = timers_due[-1].due_at
    for timer in timers_due:
        due = application_timers.DueTimer(*timer)
        outcomes.bank.run(*application_timers.command_for(due, application_timers.Rules()))
    apply_batches(tenant, MODEL, [facts[known:]])
    assert _due(tenant) == []


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, _ = every_outcome()
    for facts, rows in ((bank.facts, 5), (every_card_outcome().bank.facts, 5)):
        contents = contents_for_every_cut(tenant, MODEL, facts)
        assert len(contents[0]["timers"]) == rows
        assert all(other == contents[0] for other in contents)
