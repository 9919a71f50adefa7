"""Card holds: each as it is now; an account's by status and period, newest first, with exact totals."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain import holds
from domain.money import Money
from projections import card_holds
from projections.card_holds import MODEL
from projections.read_model import Recorded
from projections.sql import bind
from tests.projections.bank_decisions import (
    append,
    apply_batches,
    contents_for_every_cut,
    make_tables,
)
from tests.projections.card_outcomes import Outcomes, every_card_outcome
from tests.projections.conftest import Tenant, answer

ENDS = {
    "captured": ("CAPTURED", 100_00),
    "captured in part": ("CAPTURED", 40_00),
    "captured twice": ("CAPTURED", 100_00),
    "captured and released": ("RELEASED", 20_00),
    "released": ("RELEASED", 0),
    "reversed": ("RELEASED", 0),
    "expired": ("EXPIRED", 0),
    "expired in part": ("EXPIRED", 10_00),
    "still active": ("ACTIVE", 30_00),
    "another's": ("ACTIVE", 0),
    "active": ("ACTIVE", 0),
}


@pytest.fixture
def outcomes(tenant: Tenant) -> Outcomes:
    make_tables(tenant, MODEL)
    outcomes = every_card_outcome()
    apply_batches(tenant, MODEL, [outcomes.bank.facts])
    append(tenant, outcomes.bank.facts)
    return outcomes


@pytest.mark.parametrize("became", ENDS)
def test_a_hold_is_shown_as_it_ended(tenant: Tenant, outcomes: Outcomes, became: str) -> None:
    hold_id = outcomes.holds[became]
    view = answer(card_holds.by_id(tenant.fetch, hold_id))
    assert view is not None
    assert (view.hold.status, view.hold.captured) == ENDS[became]
    facts = [fact for fact in outcomes.bank.facts if fact.stream == holds.stream(hold_id)]
    state = None
    for fact in facts:
        state = holds.evolve(state, fact.event)  # type: ignore[arg-type]  # of a hold's stream
    assert view.hold == state
    assert view.updated_at == (facts[-1].effective_at if len(facts) > 1 else None)


def test_unknown_numbers_are_nobodys(tenant: Tenant, outcomes: Outcomes) -> None:
    for number in (0, -1, outcomes.holds["active"] + 1, 2**53 - 1):
        assert answer(card_holds.by_id(tenant.fetch, number)) is None
    assert answer(card_holds.of_account(tenant.fetch, "acct_nobody")) == ([], 0)


def test_active_holds_are_shown_beside_those_of_transfers(tenant: Tenant, outcomes: Outcomes) -> None:
    active = answer(card_holds.active_of_account(tenant.fetch, "acct_ann"))
    still, newest = outcomes.holds["still active"], outcomes.holds["active"]
    assert (active[0].hold_id, active[0].status) == (str(newest), "active")
    (partly,) = [hold for hold in active if hold.hold_id == str(still)]
    assert (partly.amount, partly.captured, partly.account_id) == (100_00, 30_00, "acct_ann")
    assert partly.reference == f"authorization-{still - 2}"
    assert [hold.hold_id for hold in answer(card_holds.active_of_account(tenant.fetch, "acct_ann", 1))] == [
        str(newest)
    ]


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    facts = every_card_outcome().bank.facts
    contents = contents_for_every_cut(tenant, MODEL, facts)
    assert len(contents[0]["card_holds"]) == len(ENDS) + 1
    assert len(contents[0]["card_hold_days"]) == 3
    assert all(other == contents[0] for other in contents)


# Lists against a plain model of them.

FIRST_DAY = datetime(2025, 10, 18, tzinfo=UTC)
DAYS = 6


def placed(hold_id: int, account_id: str, at: datetime) -> holds.HoldPlaced:
    merchant = ("POS", "5411", "MERCH1", "Green Grocer")
    return holds.HoldPlaced(
        hold_id, hold_id - 2, 12, account_id, 8, 9, Money(hold_id, "USD"), *merchant, at, at + holds.LIFE
    )


def history(seed: int, count: int = 400) -> list[Recorded]:
    """Holds of two accounts at odd instants, some at midnight, some at one instant; most of them end."""
    choose = random.Random(seed)
    facts: list[Recorded] = []

    def add(hold_id: int, version: int, event: Any, at: datetime) -> None:
        stream = holds.stream(hold_id)
        facts.append(Recorded(len(facts) + 1, stream, version, event.TOPIC, at, at, "", "", event))

    for number in range(1, count + 1):
        day = FIRST_DAY + timedelta(days=choose.randrange(DAYS))
        at = day + timedelta(seconds=choose.choice((0, 1, 43_200, 86_399, choose.randrange(86_400))))
        account_id = "acct_ann" if choose.random() < 0.8 else "acct_bob"
        hold = holds.Hold(placed(4 * number + 2, account_id, at))
        add(4 * number + 2, 1, hold.placed, at)
        later = at + timedelta(minutes=1)
        match choose.randrange(6):
            case 0:
                add(4 * number + 2, 2, holds.capture(hold, hold.placed.amount, "S", is_final=True), later)
            case 1:
                add(4 * number + 2, 2, holds.capture(hold, Money(1, "USD"), "S", is_final=False), later)
            case 2:
                add(4 * number + 2, 2, holds.release(hold, "r"), later)
            case 3:
                add(4 * number + 2, 2, holds.expire(hold), later)
    choose.shuffle(facts)
    # In an order that keeps each hold's own.
    facts.sort(key=lambda fact: fact.version)
    return [fact._replace(position=position) for position, fact in enumerate(facts, 1)]


def newest_first(facts: Sequence[Recorded]) -> list[holds.Hold]:
    states: dict[str, holds.Hold] = {}
    for fact in facts:
        states[fact.stream] = holds.evolve(states.get(fact.stream), fact.event)  # type: ignore[arg-type]
    return sorted(
        states.values(), key=lambda hold: (hold.placed.placed_at, hold.placed.hold_id), reverse=True
    )


def bounds() -> list[datetime | None]:
    """Ends of periods: days whole and cut, neighbours of midnight, in another time zone, and open."""
    east = timezone(timedelta(hours=5, minutes=30))
    day = FIRST_DAY + timedelta(days=2)
    return [
        None,
        FIRST_DAY,
        day,
        day + timedelta(seconds=1),
        day - timedelta(microseconds=1),
        day + timedelta(hours=12),
        day + timedelta(hours=23, minutes=59),
        day.replace(tzinfo=east),
        day + timedelta(days=1),
        FIRST_DAY + timedelta(days=DAYS),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]


def test_every_list_is_what_a_plain_model_says(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    facts = history(seed=1)
    apply_batches(tenant, MODEL, [facts[:100], facts[100:]])
    append(tenant, facts)
    known = newest_first(facts)
    choose = random.Random(2)
    sizes = set()
    for created_from in bounds():
        for created_before in bounds():
            for status in (None, choose.choice(holds.STATUSES)):
                account_id = choose.choice(("acct_ann", "acct_bob"))
                wanted = [
                    hold
                    for hold in known
                    if hold.placed.account_id == account_id
                    and status in (None, hold.status)
                    and (created_from is None or hold.placed.placed_at >= created_from)
                    and (created_before is None or hold.placed.placed_at < created_before)
                ]
                offset = choose.randrange(len(wanted) + 2)
                page = answer(
                    card_holds.of_account(
                        tenant.fetch,
                        account_id,
                        status=status,
                        created_from=created_from,
                        created_before=created_before,
                        offset=offset,
                        limit=50,
                    )
                )
                case = (account_id, status, created_from, created_before, offset)
                assert page.total == len(wanted), case
                assert [view.hold for view in page.holds] == wanted[offset : offset + 50], case
                sizes.add(len(wanted))
    assert len(sizes) > 20


@pytest.mark.parametrize("status", [None, *holds.STATUSES])
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_together_are_the_whole_list(tenant: Tenant, status: str | None, limit: int) -> None:
    make_tables(tenant, MODEL)
    facts = history(seed=3, count=150)
    apply_batches(tenant, MODEL, [facts])
    append(tenant, facts)
    wanted = [
        hold
        for hold in newest_first(facts)
        if hold.placed.account_id == "acct_ann" and status in (None, hold.status)
    ]
    together: list[holds.Hold] = []
    while True:
        page = answer(
            card_holds.of_account(tenant.fetch, "acct_ann", status=status, offset=len(together), limit=limit)
        )
        assert page.total == len(wanted)
        if not page.holds:
            break
        together += [view.hold for view in page.holds]
    assert together == wanted


def test_counts_by_day_are_those_of_the_rows(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    facts = history(seed=4)
    apply_batches(tenant, MODEL, [facts[at : at + 37] for at in range(0, len(facts), 37)])
    counted = tenant.rows(
        "select account_id, day, active, captured, released, expired from {schema}.card_hold_days"
        " order by 1, 2"
    )
    rows = tenant.rows(
        "select account_id, (created_at at time zone 'UTC')::date, count(*) filter (where status = 'ACTIVE'),"
        " count(*) filter (where status = 'CAPTURED'), count(*) filter (where status = 'RELEASED'),"
        " count(*) filter (where status = 'EXPIRED') from {schema}.card_holds group by 1, 2 order by 1, 2"
    )
    assert counted == rows


# How much is looked at, whatever the machine.


@pytest.fixture
def many(tenant: Tenant) -> Tenant:
    """30,000 holds of one account, 1,000 a day, few of them released; and as many of others."""
    make_tables(tenant, MODEL)
    tenant.owner.execute(
        bind(
            "insert into {schema}.card_holds"
            " (hold_id, position, created_at, changed_at, account_id, status, captured)"
            " select 4 * n + 2, 1, timestamptz '2025-10-01 00:00Z' + n * interval '43.2 seconds', null,"
            " case when n % 2 = 0 then 'acct_ann' else 'acct_' || n % 5000 end,"
            " case when n % 1000 = 0 then 'RELEASED' when n < 50000 then 'CAPTURED' else 'ACTIVE' end, 0"
            " from generate_series(0, 59999) n",
            tenant.schema,
        ).encode()
    )
    tenant.owner.execute(
        bind(
            "insert into {schema}.card_hold_days (account_id, day, active, captured, released, expired)"
            " select account_id, (created_at at time zone 'UTC')::date,"
            " count(*) filter (where status = 'ACTIVE'), count(*) filter (where status = 'CAPTURED'),"
            " count(*) filter (where status = 'RELEASED'), 0 from {schema}.card_holds group by 1, 2",
            tenant.schema,
        ).encode()
    )
    for table in MODEL.table_names:
        tenant.owner.execute(bind(f"vacuum analyze {{schema}}.{table}", tenant.schema).encode())
    return tenant


def scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [scan for child in plan.get("Plans", ()) for scan in scans(child)]
    return [plan, *below] if plan.get("Relation Name") == "card_holds" else below


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({}, 30_000),
        ({"offset": 15_000}, 30_000),
        ({"offset": 29_990}, 30_000),
        ({"status": "CAPTURED", "offset": 20_000}, 24_950),
        ({"status": "RELEASED"}, 60),
        ({"created_from": FIRST_DAY + timedelta(hours=7)}, 12_708),
        ({"created_from": FIRST_DAY + timedelta(hours=7), "offset": 12_000}, 12_708),
        ({"created_before": FIRST_DAY + timedelta(hours=7), "offset": 17_000}, 17_292),
    ],
)
def test_a_page_looks_at_a_days_holds_at_most(many: Tenant, options: dict[str, Any], total: int) -> None:
    """However deep it is, and however many the account has: by the index, without the rows themselves."""
    plans: list[dict[str, Any]] = []

    async def explain(query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        [row] = await many.fetch(f"explain (analyze, format json) {query}", parameters)
        plans.append(row["QUERY PLAN"][0]["Plan"])
        return await many.fetch(query, parameters)

    assert answer(card_holds.of_account(explain, "acct_ann", **options)).total == total
    (plan,) = plans
    looked_at = 0.0
    for scan in scans(plan):
        assert scan["Node Type"] in ("Index Only Scan", "Index Scan"), scan
        if scan["Node Type"] == "Index Only Scan":
            assert scan["Heap Fetches"] == 0
            looked_at += scan["Actual Rows"] * scan["Actual Loops"]
    # Days that the filter cuts, at both ends; the day that the page begins in; the page.
    assert looked_at <= 3 * 1_000 + 4 * 20
