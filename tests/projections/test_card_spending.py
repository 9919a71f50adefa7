"""Card spending: any range of days sums up to what the card's events say, by channel, category and day."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from domain.cards import CardSpent, SpendingReturned
from projections.card_spending import MODEL, Spent, Summary, summary
from projections.read_model import Recorded
from tests.projections.bank_decisions import Bank, apply_batches, contents_for_every_cut, make_tables
from tests.projections.card_commands import CardDesk
from tests.projections.card_outcomes import every_card_outcome
from tests.projections.conftest import Tenant, answer

NOTHING = Summary(Spent(0, 0), {}, {}, {})


@pytest.fixture
def desk(tenant: Tenant) -> CardDesk:
    make_tables(tenant, MODEL)
    bank = Bank()
    bank.open("acct_ann", "ann", 50_000_00)
    return CardDesk(bank)


def project(tenant: Tenant, desk: CardDesk) -> None:
    assert isinstance(desk.bank, Bank)
    apply_batches(tenant, MODEL, [desk.bank.facts])
    desk.bank.facts.clear()


def test_spending_is_summed_up_by_channel_category_and_day(tenant: Tenant, desk: CardDesk) -> None:
    card_id, other = desk.issue("acct_ann"), desk.issue("acct_ann")
    first = desk.bank.now.date()
    desk.hold(card_id, 125_50, "POS", "5411")
    desk.hold(card_id, 10_00, "POS", "5732")
    desk.bank.now += timedelta(days=1)
    desk.hold(card_id, 75_25, "ATM", "5732")
    desk.hold(other, 1_00)
    project(tenant, desk)
    second = first + timedelta(days=1)
    assert answer(summary(tenant.fetch, card_id, first, second)) == Summary(
        Spent(210_75, 3),
        {"ATM": Spent(75_25, 1), "POS": Spent(135_50, 2)},
        {"5411": Spent(125_50, 1), "5732": Spent(85_25, 2)},
        {first: Spent(135_50, 2), second: Spent(75_25, 1)},
    )
    assert answer(summary(tenant.fetch, card_id, second, second)) == Summary(
        Spent(75_25, 1), {"ATM": Spent(75_25, 1)}, {"5732": Spent(75_25, 1)}, {second: Spent(75_25, 1)}
    )


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_what_is_given_back_counts_on_the_day_of_approval(
    tenant: Tenant, desk: CardDesk, is_one_batch: bool
) -> None:
    card_id = desk.issue("acct_ann")
    day = desk.bank.now.date()
    partly, wholly = desk.hold(card_id, 100_00), desk.hold(card_id, 50_00, "ATM")
    if not is_one_batch:
        project(tenant, desk)
    desk.bank.now += timedelta(days=2)
    desk.capture(partly, 30_00)
    desk.release(wholly)
    project(tenant, desk)
    found = answer(summary(tenant.fetch, card_id, day, day + timedelta(days=9)))
    assert found == Summary(
        Spent(30_00, 1), {"POS": Spent(30_00, 1)}, {"5411": Spent(30_00, 1)}, {day: Spent(30_00, 1)}
    )


def test_what_was_given_back_whole_is_not_listed(tenant: Tenant, desk: CardDesk) -> None:
    card_id = desk.issue("acct_ann")
    desk.reverse(desk.authorize(card_id, 100_00).request_id)
    desk.authorize(card_id, 25_00, transaction_type="REFUND")
    desk.authorize(card_id, 9_999_00)
    project(tenant, desk)
    assert answer(summary(tenant.fetch, card_id, date.min, date.max)) == NOTHING


def test_a_card_without_spending_has_none(tenant: Tenant, desk: CardDesk) -> None:
    assert answer(summary(tenant.fetch, 4, date.min, date.max)) == NOTHING


def _sum(facts: Sequence[Recorded], card_id: int) -> Spent:
    left: dict[int, int] = {}
    for fact in facts:
        if fact.stream == f"card-{card_id}":
            match fact.event:
                case CardSpent(request_id=request_id, amount=amount):
                    left[request_id] = amount
                case SpendingReturned(request_id=request_id, amount=amount):
                    left[request_id] -= amount
    return Spent(sum(left.values()), sum(amount > 0 for amount in left.values()))


def test_the_total_is_what_is_left_of_every_authorization(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    outcomes = every_card_outcome()
    apply_batches(tenant, MODEL, [outcomes.bank.facts])
    for card_id in (outcomes.card_id, outcomes.other_card_id):
        found = answer(summary(tenant.fetch, card_id, date.min, date.max))
        assert found.total == _sum(outcomes.bank.facts, card_id)
        for parts in (found.by_channel, found.by_category, found.by_day):
            assert sum(part.amount for part in parts.values()) == found.total.amount > 0
            assert sum(part.count for part in parts.values()) == found.total.count


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    contents = contents_for_every_cut(tenant, MODEL, every_card_outcome().bank.facts)
    assert len(contents[0]["card_spending"]) == 4
    assert all(other == contents[0] for other in contents)
