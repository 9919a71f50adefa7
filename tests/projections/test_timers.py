"""Timers: each transfer's next step is due at its time, and nothing is due for one that has ended."""

from datetime import UTC, datetime, timedelta

import pytest

from application import timers as application_timers
from domain import transfers
from projections import timers
from projections.timers import EXPIRE_MFA, MODEL, SETTLE, START_PROCESSING, Timer
from tests.projections.bank_decisions import (
    ELSEWHERE,
    Bank,
    apply_batches,
    contents_for_every_cut,
    every_outcome,
    make_tables,
)
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


def test_every_kind_has_a_command() -> None:
    for kind in (START_PROCESSING, SETTLE, EXPIRE_MFA):
        due = application_timers.DueTimer(kind, "tx_1", NOON)
        handler, _ = application_timers.command_for(due, application_timers.Rules())
        assert callable(handler)


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, _ = every_outcome()
    contents = contents_for_every_cut(tenant, MODEL, bank.facts)
    assert len(contents[0]["timers"]) == 5
    assert all(other == contents[0] for other in contents)
