"""The card directory: each card with its limits as they are now, and what overrides them."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.card_limits import ChannelLimits
from projections import account_directory, card_directory
from projections.card_directory import MODEL, CardView
from tests.projections.bank_decisions import Bank, append, apply_batches, contents_for_every_cut, make_tables
from tests.projections.card_commands import LIMITS, CardDesk
from tests.projections.card_outcomes import Outcomes, every_card_outcome
from tests.projections.conftest import Tenant, answer

NEVER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def bank(tenant: Tenant) -> Bank:
    make_tables(tenant, MODEL, account_directory.MODEL)
    bank = Bank()
    bank.open("acct_ann", "ann", 50_000_00)
    bank.open("acct_bob", "bob", card_account_id=321_654_987, card_account_space_id=77)
    return bank


def project(tenant: Tenant, bank: Bank) -> None:
    for model in (MODEL, account_directory.MODEL):
        apply_batches(tenant, model, [bank.facts])
    append(tenant, bank.facts)
    bank.facts.clear()


def card(tenant: Tenant, card_id: int) -> CardView:
    found = answer(card_directory.by_id(tenant.fetch, card_id))
    assert found is not None
    return found


def test_an_issued_card_is_shown_as_it_was_issued(tenant: Tenant, bank: Bank) -> None:
    card_id = CardDesk(bank).issue("acct_bob", expiry="11/30")
    issued_at = bank.now
    project(tenant, bank)
    assert card(tenant, card_id) == CardView(
        card_id,
        "acct_bob",
        321_654_987,
        77,
        f"411111******{card_id % 10_000:04}",
        "11/30",
        "ACTIVE",
        LIMITS,
        "USD",
        issued_at,
        issued_at,
    )
    assert answer(card_directory.by_id(tenant.fetch, card_id + 1)) is None


def test_a_card_shows_the_numbers_that_its_account_got_with_it(tenant: Tenant, bank: Bank) -> None:
    card_id = CardDesk(bank).issue("acct_ann")
    project(tenant, bank)
    found = card(tenant, card_id)
    account = answer(account_directory.resolve(tenant.fetch, str(found.card_account_id)))
    assert account is not None
    assert account.account_id == "acct_ann"
    assert account.card_account_space_id == found.card_account_space_id


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_limits_and_status_follow_the_card(tenant: Tenant, bank: Bank, is_one_batch: bool) -> None:
    desk = CardDesk(bank)
    card_id = desk.issue("acct_ann")
    issued_at = bank.now
    if not is_one_batch:
        project(tenant, bank)
    desk.change_limits(card_id, daily=4_000_00, channels={"POS": ChannelLimits(100_00), "ATM": None})
    changed_at = bank.now
    desk.change_status(card_id, "BLOCKED")
    project(tenant, bank)
    found = card(tenant, card_id)
    assert found.limits == msgspec.structs.replace(
        LIMITS, daily=4_000_00, channels={"POS": ChannelLimits(100_00)}
    )
    assert (found.created_at, found.limits_updated_at, found.status) == (issued_at, changed_at, "BLOCKED")
    desk.change_status(card_id, "ACTIVE")
    project(tenant, bank)
    assert card(tenant, card_id) == found._replace(status="ACTIVE")


def test_an_accounts_cards_come_newest_first_in_pages(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    card_ids = [desk.issue("acct_ann") for _ in range(5)]
    desk.issue("acct_bob")
    project(tenant, bank)
    pages = [
        answer(card_directory.of_account(tenant.fetch, "acct_ann", offset=at, limit=2)) for at in (0, 2, 4, 6)
    ]
    assert [page.total for page in pages] == [5] * 4
    assert [found.card_id for page in pages for found in page.cards] == card_ids[::-1]
    assert answer(card_directory.of_account(tenant.fetch, "acct_nobody")) == ([], 0)


@pytest.fixture
def outcomes(tenant: Tenant, bank: Bank) -> Outcomes:
    outcomes = every_card_outcome()
    project(tenant, outcomes.bank)
    return outcomes


@pytest.mark.parametrize(("include_expired", "shown"), [(False, ["active"]), (True, ["expiring", "active"])])
def test_overrides_come_newest_first_and_deleted_ones_never(
    tenant: Tenant, outcomes: Outcomes, include_expired: bool, shown: list[str]
) -> None:
    made_at = (
        answer(card_directory.overrides_of(tenant.fetch, outcomes.card_id, include_expired=True, at=NEVER))
        .overrides[1]
        .created_at
    )
    page = answer(
        card_directory.overrides_of(
            tenant.fetch,
            outcomes.card_id,
            include_expired=include_expired,
            at=made_at + timedelta(hours=2),
        )
    )
    assert [override.override_id for override in page.overrides] == [
        outcomes.overrides[name] for name in shown
    ]
    assert page.total == len(shown)
    assert page.overrides[-1].transaction == 3_000_00
    assert page.overrides[-1].reason == "travel"
    assert page.overrides[-1].created_by == "admin"


def test_an_override_is_over_at_the_instant_it_expires(tenant: Tenant, outcomes: Outcomes) -> None:
    """By the clock, whether or not its end was recorded."""

    def total(at: datetime) -> int:
        query = card_directory.overrides_of(tenant.fetch, outcomes.card_id, include_expired=False, at=at)
        return answer(query).total

    everything = answer(
        card_directory.overrides_of(tenant.fetch, outcomes.card_id, include_expired=True, at=NEVER)
    )
    expires_at = everything.overrides[0].expires_at
    assert (total(expires_at - timedelta(microseconds=1)), total(expires_at)) == (2, 1)
    assert total(NEVER) == 0


def test_overrides_come_in_pages(tenant: Tenant, bank: Bank) -> None:
    desk = CardDesk(bank)
    card_id = desk.issue("acct_ann")
    made = [desk.override(card_id, transaction=100_00 + number) for number in range(105)]
    project(tenant, bank)
    seen = []
    for offset in range(0, 120, 40):
        page = answer(
            card_directory.overrides_of(
                tenant.fetch, card_id, include_expired=False, at=bank.now, offset=offset, limit=40
            )
        )
        assert page.total == 100
        seen += [override.override_id for override in page.overrides]
    # A card has a hundred at most: the oldest ones gave way.
    assert seen == made[:4:-1]


def test_batches_may_be_cut_anywhere(tenant: Tenant, bank: Bank) -> None:
    contents = contents_for_every_cut(tenant, MODEL, every_card_outcome().bank.facts)
    assert len(contents[0]["card_overrides"]) == 2
    assert all(other == contents[0] for other in contents)
