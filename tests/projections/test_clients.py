"""Clients as they are shown: after each change, in the order of their registration, without secrets."""

from datetime import datetime

import pytest

from application.clients import (
    DeleteClient,
    RegisterClient,
    RotateApiKey,
    SecretSource,
    SettingsChange,
    UpdateClient,
    delete_client,
    register_client,
    rotate_api_key,
    update_client,
)
from domain.clients import ClientSettings
from projections import clients
from projections.clients import MODEL, ClientView
from tests.projections.bank_decisions import Bank, apply_batches, contents_for_every_cut, make_tables
from tests.projections.conftest import Tenant, answer

TERMINALS = ClientSettings("Terminals", ("banking.read",))


@pytest.fixture
def bank() -> Bank:
    """Three clients: one was changed, one has a key, one was deleted."""
    bank = Bank()
    for client_id in ("one", "two-with-a-dash", "three"):
        command = RegisterClient(client_id, TERMINALS, "a hash of its secret", "sealed", SecretSource("salt"))
        bank.run(register_client, command)
    bank.run(update_client, UpdateClient("two-with-a-dash", SettingsChange(name="Mobile")))
    bank.run(rotate_api_key, RotateApiKey("one", "primary", "a hash of the key", SecretSource("salt")))
    bank.run(delete_client, DeleteClient("three"))
    return bank


@pytest.fixture
def projected(tenant: Tenant, bank: Bank) -> Tenant:
    make_tables(tenant, MODEL)
    apply_batches(tenant, MODEL, [bank.facts])
    return tenant


def test_clients_come_in_the_order_of_their_registration(projected: Tenant) -> None:
    newest_first = answer(clients.page(projected.fetch, limit=10))
    assert [view.client_id for view in newest_first.clients] == ["two-with-a-dash", "one"]
    assert newest_first.total == 2
    second = answer(clients.page(projected.fetch, limit=1, offset=1, is_newest_first=False))
    assert [view.client_id for view in second.clients] == ["two-with-a-dash"]
    assert answer(clients.page(projected.fetch, limit=10, offset=2)).clients == []


def test_a_client_is_shown_as_it_is_now(projected: Tenant) -> None:
    changed = answer(clients.one(projected.fetch, "two-with-a-dash"))
    assert isinstance(changed, ClientView) and isinstance(changed.created_at, datetime)
    assert changed.settings == ClientSettings("Mobile", ("banking.read",))
    assert changed.updated_at >= changed.created_at
    assert answer(clients.one(projected.fetch, "three")) is None
    assert answer(clients.one(projected.fetch, "no such")) is None


def test_no_hash_is_among_what_is_shown(projected: Tenant) -> None:
    shown = str(projected.contents((MODEL,)))
    assert "hash" not in shown and "sealed" not in shown


def test_however_the_log_is_cut_into_batches_the_same_is_shown(tenant: Tenant, bank: Bank) -> None:
    make_tables(tenant, MODEL)
    first, *others = contents_for_every_cut(tenant, MODEL, bank.facts)
    assert all(other == first for other in others)
