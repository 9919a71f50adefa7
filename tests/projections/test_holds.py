"""Holds: what is set aside on an account now, and what became of a transfer's hold."""

from collections.abc import Callable

import pytest

from domain import accounts
from domain.accounts import Account
from domain.events import Event
from domain.money import Money
from projections import holds
from projections.holds import MODEL
from projections.read_model import Recorded
from tests.projections.bank_decisions import (
    START,
    apply_batches,
    contents_for_every_cut,
    every_outcome,
    make_tables,
)
from tests.projections.card_outcomes import every_card_outcome
from tests.projections.conftest import Tenant, answer


@pytest.fixture
def outcomes(tenant: Tenant) -> tuple[Tenant, dict[str, str]]:
    make_tables(tenant, MODEL)
    bank, made = every_outcome()
    apply_batches(tenant, MODEL, [bank.facts])
    return tenant, made


def test_active_holds_come_newest_first(outcomes: tuple[Tenant, dict[str, str]]) -> None:
    tenant, made = outcomes
    active = answer(holds.active_of_account(tenant.fetch, "acct_ann"))
    assert [(hold.reference, hold.amount) for hold in active] == [
        (made["verified"], 7_000_00),
        (made["processing"], 200_00),
        (made["pending"], 100_00),
    ]
    assert {(hold.status, hold.account_id, hold.ended_at) for hold in active} == {
        ("active", "acct_ann", None)
    }


def test_the_list_of_active_holds_is_bounded(outcomes: tuple[Tenant, dict[str, str]]) -> None:
    tenant, made = outcomes
    active = answer(holds.active_of_account(tenant.fetch, "acct_ann", limit=1))
    assert [hold.reference for hold in active] == [made["verified"]]
    assert answer(holds.active_of_account(tenant.fetch, "acct_nobody")) == []


@pytest.mark.parametrize(
    ("became", "status", "captured"),
    [
        ("pending", "active", 0),
        ("processing", "active", 0),
        ("settled", "captured", 300_00),
        ("sent", "captured", 402_50),
        ("reversed", "captured", 702_50),
        ("cancelled", "released", 0),
        ("failed", "released", 0),
        ("verified", "active", 0),
    ],
)
def test_a_transfers_hold_ends_as_the_transfer_did(
    outcomes: tuple[Tenant, dict[str, str]], became: str, status: str, captured: int
) -> None:
    tenant, made = outcomes
    (hold,) = answer(holds.of_transfer(tenant.fetch, made[became]))
    assert hold.hold_id == "hold_" + made[became].removeprefix("tx_")
    assert (hold.status, hold.captured) == (status, captured)
    assert (hold.ended_at is None) == (status == "active")


@pytest.mark.parametrize("became", ["initiated", "unverified", "locked", "declined"])
def test_a_transfer_that_never_became_pending_has_no_hold(
    outcomes: tuple[Tenant, dict[str, str]], became: str
) -> None:
    tenant, made = outcomes
    assert answer(holds.of_transfer(tenant.fetch, made[became])) == []


def _facts(*events: Event) -> list[Recorded]:
    stream = accounts.stream("acct_ann")
    return [
        Recorded(number, stream, number, event.TOPIC, START, START, "", "", event)
        for number, event in enumerate(events, 1)
    ]


def _usd(minor: int) -> Money:
    return Money(minor, "USD")


def _parts() -> list[Recorded]:
    """A hold that is raised, captured in two parts, and whose rest is released."""
    account = Account("acct_ann", "1", "ann", "checking", "USD", posted=1_000_00)
    events: list[Event] = []

    def follow(decide: Callable[..., accounts.AccountEvent], minor: int) -> None:
        nonlocal account
        event = decide(account, _usd(minor), hold_id="hold_1", reference="authorization")
        account = accounts.evolve(account, event)
        events.append(event)

    follow(accounts.place_hold, 50_00)
    follow(accounts.place_hold, 10_00)
    follow(accounts.capture_hold, 20_00)
    follow(accounts.capture_hold, 30_00)
    follow(accounts.release_hold, 10_00)
    return _facts(*events)


def test_a_hold_that_is_captured_in_parts_stays_active_until_nothing_is_left(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    facts = _parts()
    apply_batches(tenant, MODEL, [facts[:4]])
    (hold,) = answer(holds.active_of_account(tenant.fetch, "acct_ann"))
    assert (hold.amount, hold.captured, hold.status) == (60_00, 50_00, "active")
    apply_batches(tenant, MODEL, [facts[4:]])
    assert answer(holds.active_of_account(tenant.fetch, "acct_ann")) == []
    rows = tenant.rows("select amount, captured, released from {schema}.holds")
    assert rows == [(60_00, 50_00, 10_00)]


@pytest.mark.parametrize(
    ("hold_id", "reference"),
    [
        ("hold_1", "tx_1"),
        ("hold_1", "1"),
        ("one", "tx_one"),
        ("one", "one"),
        ("hold_tx_1", "tx_tx_1"),
        ("tx_1", "hold_1"),
    ],
)
def test_a_reference_is_given_back_as_it_was(tenant: Tenant, hold_id: str, reference: str) -> None:
    make_tables(tenant, MODEL)
    apply_batches(tenant, MODEL, [_facts(accounts.HoldPlaced(hold_id, _usd(100), reference, 0, 100))])
    (hold,) = answer(holds.active_of_account(tenant.fetch, "acct_ann"))
    assert (hold.hold_id, hold.reference) == (hold_id, reference)


def test_card_holds_are_left_out(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    apply_batches(tenant, MODEL, [every_card_outcome().bank.facts])
    assert tenant.rows("select from {schema}.holds") == []


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, _ = every_outcome()
    for facts, rows in ((bank.facts, 9), (_parts(), 1)):
        contents = contents_for_every_cut(tenant, MODEL, facts)
        assert len(contents[0]["holds"]) == rows
        assert all(other == contents[0] for other in contents)
