"""The account directory: every account is found by each of its names, with its status as it is now."""

import pytest

from domain.accounts import CARD_ACCOUNT_SPACE_ID
from projections import account_directory
from projections.account_directory import MODEL
from tests.projections.bank_decisions import (
    Bank,
    apply_batches,
    contents_for_every_cut,
    every_outcome,
    make_tables,
)
from tests.projections.card_commands import CardDesk
from tests.projections.card_outcomes import every_card_outcome
from tests.projections.conftest import Tenant, answer

NUMBER = "1234567890"
CARD_ACCOUNT = 4_503_599_627_370_497


@pytest.fixture
def bank() -> Bank:
    bank = Bank()
    bank.open(
        "acct_ann",
        "ann",
        50_00,
        account_number=NUMBER,
        card_account_id=CARD_ACCOUNT,
        card_account_space_id=77,
        nickname="Everyday",
    )
    bank.open("acct_savings", "ann", account_type="savings", overdraft_limit=10_00)
    bank.open("acct_bob", "bob")
    return bank


@pytest.fixture
def directory(tenant: Tenant, bank: Bank) -> Tenant:
    make_tables(tenant, MODEL)
    apply_batches(tenant, MODEL, [bank.facts])
    return tenant


def test_an_opened_account_is_shown_as_it_was_opened(directory: Tenant, bank: Bank) -> None:
    found = answer(account_directory.resolve(directory.fetch, "acct_ann"))
    opened_at = bank.facts[0].effective_at
    assert found == (
        "acct_ann",
        NUMBER,
        CARD_ACCOUNT,
        77,
        "ann",
        "checking",
        "USD",
        "Everyday",
        "active",
        0,
        opened_at,
        opened_at,
    )


@pytest.mark.parametrize("identifier", ["acct_ann", NUMBER, str(CARD_ACCOUNT)])
def test_each_identifier_resolves_to_the_same_account(directory: Tenant, identifier: str) -> None:
    found = answer(account_directory.resolve(directory.fetch, identifier))
    assert found is not None
    assert found.account_id == "acct_ann"


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "acct_nobody",
        f"0{CARD_ACCOUNT}",
        f"+{CARD_ACCOUNT}",
        "٣" * 10,
        "9" * 19,
        "9" * 5000,
        "acct_ann\x00",
        "\ud800",
        "' or true --",
    ],
)
def test_what_names_no_account_resolves_to_none(directory: Tenant, identifier: str) -> None:
    assert answer(account_directory.resolve(directory.fetch, identifier)) is None


def test_an_opaque_id_wins_over_another_accounts_number(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank = Bank()
    bank.open("other", "bob", account_number="5000000001")
    bank.open("5000000001", "ann")
    apply_batches(tenant, MODEL, [bank.facts])
    found = answer(account_directory.resolve(tenant.fetch, "5000000001"))
    assert found is not None
    assert found.owner_id == "ann"


def test_accounts_are_found_by_their_ids_and_unknown_ones_left_out(directory: Tenant) -> None:
    found = answer(account_directory.by_ids(directory.fetch, ["acct_bob", "acct_ann", "acct_nobody"]))
    assert {account_id: entry.owner_id for account_id, entry in found.items()} == {
        "acct_ann": "ann",
        "acct_bob": "bob",
    }


def test_an_owners_accounts_come_in_the_order_of_opening(directory: Tenant) -> None:
    entries = answer(account_directory.of_owner(directory.fetch, "ann"))
    assert [entry.account_id for entry in entries] == ["acct_ann", "acct_savings"]
    assert answer(account_directory.of_owner(directory.fetch, "nobody")) == []


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_status_and_overdraft_limit_follow_the_account(
    tenant: Tenant, bank: Bank, is_one_batch: bool
) -> None:
    make_tables(tenant, MODEL)
    opened = len(bank.facts)
    bank.change_status("acct_ann", "frozen")
    bank.change_overdraft_limit("acct_savings", 99_00)
    bank.change_status("acct_bob", "closed")
    changed_at = bank.facts[opened].effective_at
    batches = [bank.facts] if is_one_batch else [bank.facts[:opened], bank.facts[opened:]]
    apply_batches(tenant, MODEL, batches)
    found = answer(account_directory.by_ids(tenant.fetch, ["acct_ann", "acct_savings", "acct_bob"]))
    assert {entry.account_id: (entry.status, entry.overdraft_limit) for entry in found.values()} == {
        "acct_ann": ("frozen", 0),
        "acct_savings": ("active", 99_00),
        "acct_bob": ("closed", 0),
    }
    assert found["acct_ann"].updated_at == changed_at


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_an_account_is_found_by_the_number_it_got_with_its_first_card(
    tenant: Tenant, bank: Bank, is_one_batch: bool
) -> None:
    make_tables(tenant, MODEL)
    opened = len(bank.facts)
    desk = CardDesk(bank)
    desk.issue("acct_savings")
    numbered_at = bank.now
    desk.issue("acct_savings")
    batches = [bank.facts] if is_one_batch else [bank.facts[:opened], bank.facts[opened:]]
    apply_batches(tenant, MODEL, batches)
    entry = answer(account_directory.by_ids(tenant.fetch, ["acct_savings"]))["acct_savings"]
    assert entry.card_account_id is not None
    assert entry.card_account_space_id == CARD_ACCOUNT_SPACE_ID
    assert entry.updated_at == numbered_at
    assert answer(account_directory.resolve(tenant.fetch, str(entry.card_account_id))) == entry


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, _ = every_outcome()
    for facts, rows in ((bank.facts, 3), (every_card_outcome().bank.facts, 2)):
        contents = contents_for_every_cut(tenant, MODEL, facts)
        assert len(contents[0]["account_directory"]) == rows
        assert all(other == contents[0] for other in contents)
