"""Transfers: each as it is now, page by page, and in full with its history and ledger entries."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest

from domain.money import Money
from domain.transfers import STATUSES
from projections import (
    account_directory,
    balances,
    holds,
    journal,
    recent_postings,
    transfer_details,
    transfers,
)
from projections.transfers import MODEL, InvalidCursor, TransferView
from tests.projections.bank_decisions import (
    ELSEWHERE,
    Bank,
    append,
    apply_batches,
    contents_for_every_cut,
    every_outcome,
    make_tables,
)
from tests.projections.conftest import Tenant, answer

MODELS = (MODEL, account_directory.MODEL, balances.MODEL, holds.MODEL, journal.MODEL)


class Story(NamedTuple):
    """Everything that happened in the bank, in the log and in the read models."""

    tenant: Tenant
    bank: Bank
    made: dict[str, str]

    def see(self, became: str, user_id: str = "ann") -> TransferView:
        transfer = answer(transfers.one_of_user(self.tenant.fetch, user_id, self.made[became]))
        assert transfer is not None
        return transfer

    def entries(self, became: str, user_id: str = "ann") -> list[tuple[str, int, int]]:
        """Entry types with amounts and balances after, in minor units."""
        found = answer(transfer_details.ledger_entries(self.tenant.fetch, self.see(became, user_id)))
        return [(entry.entry_type, entry.amount.minor, entry.balance_after.minor) for entry in found]


def _show(tenant: Tenant, bank: Bank) -> None:
    append(tenant, bank.facts)
    make_tables(tenant, *MODELS)
    for model in MODELS:
        apply_batches(tenant, model, [bank.facts])


@pytest.fixture
def story(tenant: Tenant) -> Story:
    bank, made = every_outcome()
    _show(tenant, bank)
    return Story(tenant, bank, made)


@pytest.mark.parametrize(
    ("became", "status", "mfa_verified"),
    [
        ("pending", "pending", False),
        ("processing", "processing", False),
        ("settled", "settled", False),
        ("sent", "settled", False),
        ("cancelled", "cancelled", False),
        ("failed", "failed", False),
        ("reversed", "reversed", False),
        ("initiated", "initiated", False),
        ("verified", "pending", True),
        ("locked", "cancelled", False),
        ("unverified", "cancelled", False),
    ],
)
def test_a_transfer_has_the_status_that_it_came_to(
    story: Story, became: str, status: str, mfa_verified: bool
) -> None:
    transfer = story.see(became)
    assert (transfer.status, transfer.mfa_verified) == (status, mfa_verified)
    assert transfer.requires_mfa == (transfer.terms.amount.minor > 5_000_00)


def test_a_transfer_shows_the_terms_that_it_was_created_with(story: Story) -> None:
    transfer = story.see("sent")
    (created,) = (
        fact
        for fact in story.bank.facts
        if fact.topic == "transfer.created" and fact.stream.endswith(story.made["sent"])
    )
    assert transfer.terms == created.event
    assert transfer.created_at == created.effective_at
    assert transfer.updated_at > created.effective_at
    assert transfer.position == created.position
    assert transfer.failure_reason is None


def test_a_failed_transfer_says_why(story: Story) -> None:
    assert (
        story.see("failed").failure_reason
        == "Interbank network returned the transfer: invalid routing number"
    )


@pytest.mark.parametrize(
    ("became", "has_hold"),
    [("pending", True), ("verified", True), ("cancelled", True), ("initiated", False), ("locked", False)],
)
def test_a_transfer_names_the_hold_that_was_placed_for_it(story: Story, became: str, has_hold: bool) -> None:
    transfer = story.see(became)
    placed = [hold.hold_id for hold in answer(holds.of_transfer(story.tenant.fetch, transfer.transfer_id))]
    assert placed == ([transfer.hold_id] if has_hold else [])
    assert (transfer.hold_id is not None) == has_hold


@pytest.mark.parametrize("transfer_id", ["tx_0", "", "tx_\x00", "\ud800", "' or true --"])
def test_an_unknown_transfer_is_not_found(story: Story, transfer_id: str) -> None:
    assert answer(transfers.one_of_user(story.tenant.fetch, "ann", transfer_id)) is None


def test_a_transfer_is_its_users_alone_and_not_its_payees(story: Story) -> None:
    assert answer(transfers.one_of_user(story.tenant.fetch, "bob", story.made["pending"])) is None


def test_a_declined_request_is_no_transfer(story: Story) -> None:
    assert answer(transfers.one_of_user(story.tenant.fetch, "ann", story.made["declined"])) is None


# The list


def _pages(story: Story, limit: int, **filters: str) -> Iterator[list[str]]:
    cursor = None
    while True:
        page = answer(transfers.of_user(story.tenant.fetch, "ann", limit=limit, cursor=cursor, **filters))
        yield [transfer.transfer_id for transfer in page.transfers]
        cursor = page.next_cursor
        if cursor is None:
            return


def _newest_first(story: Story) -> list[str]:
    return [made for became, made in reversed(story.made.items()) if became not in ("declined", "bobs")]


@pytest.mark.parametrize("limit", [1, 2, 10, 11, 12, 200])
def test_pages_give_each_of_the_users_transfers_once_newest_first(story: Story, limit: int) -> None:
    pages = list(_pages(story, limit))
    assert [transfer_id for page in pages for transfer_id in page] == _newest_first(story)
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize("status", STATUSES)
def test_the_list_can_be_of_one_status(story: Story, status: str) -> None:
    listed = [transfer_id for page in _pages(story, 2, status=status) for transfer_id in page]
    expected = [
        transfer_id
        for transfer_id in _newest_first(story)
        if story.see(next(name for name, made in story.made.items() if made == transfer_id)).status == status
    ]
    assert listed == expected
    assert listed


def test_the_list_can_be_of_one_type(story: Story) -> None:
    listed = {transfer_id for page in _pages(story, 200, transfer_type="interbank") for transfer_id in page}
    assert listed == {story.made[name] for name in ("sent", "failed", "reversed")}
    both = list(_pages(story, 200, transfer_type="interbank", status="failed"))
    assert both == [[story.made["failed"]]]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "abc",
        "dHJhbnNmZXJzOg",  # transfers:
        "dHJhbnNmZXJzOi0x",  # transfers:-1
        "dHJhbnNmZXJzOjA3",  # transfers:07
        "NQ",  # 5
        "dHJhbnNmZXJzOjU=",  # with its padding
        "dHJhbnNmZXJzOjk5OTk5OTk5OTk5OTk5OTk5OTk5",  # beyond any position
        "dHJhbnNmZXJzOjU\x00",
        "é",
        "\ud800",
        "A" * 100_000,
    ],
)
def test_a_cursor_that_was_never_given_is_refused(story: Story, cursor: str) -> None:
    with pytest.raises(InvalidCursor, match="cursor is not one that this list gave"):
        answer(transfers.of_user(story.tenant.fetch, "ann", cursor=cursor))


def test_a_user_without_transfers_has_an_empty_page(story: Story) -> None:
    assert answer(transfers.of_user(story.tenant.fetch, "nobody")) == ([], None)


# History and ledger entries


@pytest.mark.parametrize(
    ("became", "statuses"),
    [
        ("pending", ["initiated", "pending"]),
        ("processing", ["initiated", "pending", "processing"]),
        ("settled", ["initiated", "pending", "processing", "settled"]),
        ("failed", ["initiated", "pending", "processing", "failed"]),
        ("reversed", ["initiated", "pending", "processing", "settled", "reversed"]),
        ("cancelled", ["initiated", "pending", "cancelled"]),
        ("verified", ["initiated", "pending"]),
        ("initiated", ["initiated"]),
        ("locked", ["initiated", "cancelled"]),
        ("unverified", ["initiated", "cancelled"]),
    ],
)
def test_the_history_has_every_change_of_status(story: Story, became: str, statuses: list[str]) -> None:
    transfer = story.see(became)
    changes = answer(transfer_details.history(story.tenant.fetch, transfer))
    assert [(change.from_status, change.to_status) for change in changes] == list(pairwise(statuses))
    assert len({change.id for change in changes}) == len(changes)
    if changes:
        assert changes[-1].at == transfer.updated_at


def test_a_transfer_becomes_pending_when_its_second_factor_is_given(story: Story) -> None:
    transfer = story.see("verified")
    (change,) = answer(transfer_details.history(story.tenant.fetch, transfer))
    assert change.at > transfer.created_at
    (change,) = answer(transfer_details.history(story.tenant.fetch, story.see("pending")))
    assert change.at == story.see("pending").created_at
    assert change.id == f"event_{story.see('pending').position}"


def test_ledger_entries_have_the_balance_after_each(tenant: Tenant) -> None:
    bank = Bank()
    bank.open("acct_ann", "ann", 1_000_00, overdraft_limit=50_00)
    bank.open("acct_bob", "bob", 7_00)
    made = {"sent": bank.transfer("ann", "acct_ann", ELSEWHERE, 100_00)}
    bank.change_overdraft_limit("acct_ann", 80_00)
    made["cancelled"] = bank.transfer("ann", "acct_ann", "acct_bob", 10_00)
    bank.cancel("ann", made["cancelled"])
    bank.start_processing(made["sent"])
    bank.settle(made["sent"])
    made["own"] = bank.transfer("bob", "acct_bob", "acct_ann", 5_00)
    bank.start_processing(made["own"])
    bank.settle(made["own"])
    bank.reverse(made["sent"])
    _show(tenant, bank)
    story = Story(tenant, bank, made)
    # Available for hold and release, with the overdraft limit of then; posted otherwise.
    assert story.entries("sent") == [
        ("hold", 102_50, 947_50),
        ("debit", 100_00, 900_00),
        ("fee", 2_50, 897_50),
        ("credit", 100_00, 1_002_50),
        ("credit", 2_50, 1_005_00),
    ]
    assert story.entries("cancelled") == [("hold", 10_00, 967_50), ("release", 10_00, 977_50)]
    assert story.entries("own", "bob") == [("hold", 5_00, 2_00), ("debit", 5_00, 2_00)]


def test_ledger_entries_are_of_all_the_users_accounts_and_nobody_elses(story: Story) -> None:
    entries = answer(transfer_details.ledger_entries(story.tenant.fetch, story.see("settled")))
    assert [(entry.account_id, entry.entry_type) for entry in entries] == [
        ("acct_ann", "hold"),
        ("acct_ann", "debit"),
        ("acct_ann_savings", "credit"),
    ]
    hold, debit, credit = entries
    assert (hold.category, hold.description) == ("transfer_hold", "Transfer hold: Savings")
    assert (debit.category, debit.description) == ("transfer_debit", "Transfer debit: Savings")
    assert credit.balance_after == Money(300_00, "USD")
    assert hold.id.startswith("ledger_")
    assert hold.created_at == story.see("settled").created_at
    assert {kind for kind, _, _ in story.entries("bobs", "bob")} == {"hold"}


def test_a_transfer_without_memo_has_plain_descriptions(story: Story) -> None:
    (hold, *_) = answer(transfer_details.ledger_entries(story.tenant.fetch, story.see("sent")))
    assert hold.description == "Transfer hold"


@pytest.mark.parametrize(
    ("became", "entry_types"),
    [
        ("pending", ["hold"]),
        ("verified", ["hold"]),
        ("processing", ["hold"]),
        ("sent", ["hold", "debit", "fee"]),
        ("cancelled", ["hold", "release"]),
        ("failed", ["hold", "release"]),
        ("reversed", ["hold", "debit", "fee", "credit", "credit"]),
    ],
)
def test_each_ledger_entry_is_shown_once(story: Story, became: str, entry_types: list[str]) -> None:
    assert [entry_type for entry_type, _, _ in story.entries(became)] == entry_types


@pytest.mark.parametrize("became", ["initiated", "locked", "unverified"])
def test_a_transfer_that_moved_nothing_has_no_ledger_entries(story: Story, became: str) -> None:
    assert story.entries(became) == []


def test_details_show_no_more_than_the_row_knows_of(tenant: Tenant) -> None:
    bank = Bank()
    bank.open("acct_ann", "ann", 1_000_00)
    bank.open("acct_bob", "bob")
    transfer_id = bank.transfer("ann", "acct_ann", "acct_bob", 100_00)
    _show(tenant, bank)
    shown = len(bank.facts)
    bank.start_processing(transfer_id)
    bank.settle(transfer_id)
    append(tenant, bank.facts[shown:])
    story = Story(tenant, bank, {"lagging": transfer_id})
    changes = answer(transfer_details.history(tenant.fetch, story.see("lagging")))
    assert [change.to_status for change in changes] == ["pending"]
    assert story.entries("lagging") == [("hold", 100_00, 900_00)]


# Towards and on an account


def test_the_incoming_total_is_of_what_is_pending_or_processing(story: Story) -> None:
    fetch = story.tenant.fetch
    assert answer(transfers.incoming_total(fetch, "acct_bob")) == 100_00 + 200_00 + 7_000_00
    assert answer(transfers.incoming_total(fetch, "acct_ann")) == 1_00
    assert answer(transfers.incoming_total(fetch, "acct_ann_savings")) == 0
    assert answer(transfers.incoming_total(fetch, "acct_nobody")) == 0


def test_the_last_postings_of_an_account_come_newest_first(tenant: Tenant) -> None:
    bank = Bank()
    bank.open("acct_ann", "ann", 1_000_00)
    bank.post("acct_ann", "debit", 1_00)
    sent = bank.transfer("ann", "acct_ann", ELSEWHERE, 100_00, "Rent")
    bank.start_processing(sent)
    bank.settle(sent)
    bank.now += timedelta(days=1)
    for number in range(8):
        bank.post("acct_ann", "credit", 100 + number, f"Tip {number}")
    _show(tenant, bank)
    found = answer(recent_postings.last_of_account(tenant.fetch, "acct_ann"))
    assert [posting.amount.minor for posting in found] == [
        *(100 + number for number in reversed(range(8))),
        2_50,
        100_00,
    ]
    assert [(posting.kind, posting.description, posting.is_debit) for posting in found[7:]] == [
        ("cash_deposit", "Tip 0", False),
        ("fee", "Fee", True),
        ("transfer", "Rent", True),
    ]
    assert found[0].id == f"txn_{bank.facts[-1].position}"
    assert found[0].created_at == bank.now
    assert answer(recent_postings.last_of_account(tenant.fetch, "acct_nobody")) == []


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    bank, made = every_outcome()
    contents = contents_for_every_cut(tenant, MODEL, bank.facts)
    assert len(contents[0]["transfers"]) == len(made) - 1
    assert len(contents[0]["incoming_transfers"]) == 3
    assert all(other == contents[0] for other in contents)
