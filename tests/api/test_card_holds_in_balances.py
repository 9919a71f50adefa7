"""An account's balance on the transfers surface shows what cards hold on it beside what transfers do."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import pytest

from api.transfers import reading
from projections.catalogue import MODELS
from tests.projections.bank_decisions import Bank, append, apply_batches
from tests.projections.card_commands import CardDesk
from tests.projections.conftest import Tenant


@pytest.fixture
def tenant(postgres_dsn: str, new_tenant: Callable[[], str]) -> Iterator[Tenant]:
    tenant = Tenant(postgres_dsn, new_tenant())
    yield tenant
    tenant.close()


@pytest.fixture
def bank() -> Bank:
    bank = Bank()
    bank.lift_limits("ann")
    bank.open("acct_ann", "ann", 50_000_00)
    bank.open("acct_bob", "bob")
    return bank


def balance_of(tenant: Tenant, bank: Bank) -> dict[str, object]:
    """Of Ann's account, once everything is projected."""
    append(tenant, bank.facts)
    for model in MODELS:
        apply_batches(tenant, model, [bank.facts])
    bank.facts.clear()
    body = asyncio.run(reading.account_balance(tenant.fetch, "ann", "acct_ann"))
    return msgspec.json.decode(msgspec.json.encode(body), type=dict[str, object])


def test_card_holds_are_among_the_active_ones_newest_first(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    card_id = desk.issue("acct_ann")
    first = desk.hold(card_id, 40_00)
    transfer_id = bank.transfer("ann", "acct_ann", "acct_bob", 7_00)
    last = desk.hold(card_id, 30_00, "ATM")
    desk.capture(first, 15_00, is_final=False)
    desk.release(desk.hold(card_id, 99_00))
    shown = balance_of(tenant, bank)
    active = shown["active_holds"]
    assert isinstance(active, list)
    assert [(hold["id"], hold.get("transfer_id"), hold["amount"]) for hold in active] == [
        (str(last), None, 30),
        ("hold_" + transfer_id.removeprefix("tx_"), transfer_id, 7),
        (str(first), None, 25),
    ]
    assert shown["outgoing_holds"] == sum(hold["amount"] for hold in active) == 62
    assert shown["balance"] == 50_000 - 15


def test_the_newest_hundred_are_shown(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    card_id = desk.issue("acct_ann")
    for _ in range(60):
        desk.hold(card_id, 1_00)
        bank.transfer("ann", "acct_ann", "acct_bob", 1_00)
    shown = balance_of(tenant, bank)
    active = shown["active_holds"]
    assert isinstance(active, list)
    assert len(active) == reading.HOLDS_SHOWN_MAX
    assert sum("transfer_id" in hold and hold["transfer_id"] is not None for hold in active) == 50
    assert shown["outgoing_holds"] == 120
