"""Authorizations: every decision is found by its number as it was made, and the latest by the request's."""

import pytest

from domain import authorizations
from projections.authorizations import MODEL, as_decided, latest
from tests.projections.bank_decisions import append, apply_batches, contents_for_every_cut, make_tables
from tests.projections.card_outcomes import Outcomes, every_card_outcome
from tests.projections.conftest import Tenant, answer


@pytest.fixture
def outcomes(tenant: Tenant) -> Outcomes:
    make_tables(tenant, MODEL)
    outcomes = every_card_outcome()
    apply_batches(tenant, MODEL, [outcomes.bank.facts])
    append(tenant, outcomes.bank.facts)
    return outcomes


def test_every_ruling_there_ever_was_is_found_by_its_number(tenant: Tenant, outcomes: Outcomes) -> None:
    found = 0
    folded: dict[str, authorizations.Authorization] = {}
    for fact in outcomes.bank.facts:
        if fact.topic.startswith("authorization."):
            state = authorizations.evolve(folded.get(fact.stream), fact.event)  # type: ignore[arg-type]
            folded[fact.stream] = state
            assert answer(as_decided(tenant.fetch, state.ruling.decision_id)) == state
            found += 1
    for stream, state in folded.items():
        assert answer(latest(tenant.fetch, int(stream.removeprefix("authorization-")))) == state
    assert found > len(folded) > 10


def test_a_ruling_stays_as_it_was_made(tenant: Tenant, outcomes: Outcomes) -> None:
    request_id = outcomes.challenges["approved"]
    first = answer(as_decided(tenant.fetch, authorizations.first_decision_id(request_id)))
    now = answer(latest(tenant.fetch, request_id))
    assert first is not None
    assert now is not None
    assert (first.ruling.decision, first.ruling.reason) == ("CHALLENGE", "ADDITIONAL_AUTHENTICATION_REQUIRED")
    assert (now.ruling.decision, now.ruling.reason) == ("DECLINED", "AUTHORIZATION_REVERSED")


def test_a_challenge_that_ran_out_is_found_by_the_number_kept_for_that(
    tenant: Tenant, outcomes: Outcomes
) -> None:
    expired = authorizations.expiry_decision_id(outcomes.challenges["expired"])
    found = answer(as_decided(tenant.fetch, expired))
    assert found is not None
    assert found.ruling.reason == "CHALLENGE_EXPIRED"
    still_asked = authorizations.expiry_decision_id(outcomes.challenges["asked"])
    assert answer(as_decided(tenant.fetch, still_asked)) is None


def test_other_numbers_are_nobodys(tenant: Tenant, outcomes: Outcomes) -> None:
    request_id = outcomes.challenges["approved"]
    for number in (request_id, authorizations.hold_id_of(request_id), 0, 1, -3, 2**53 - 1):
        assert answer(as_decided(tenant.fetch, number)) is None
    for number in (request_id + 1, 0, 2**53 - 1):
        assert answer(latest(tenant.fetch, number)) is None


def test_a_decision_outside_its_requests_block_is_found(tenant: Tenant) -> None:
    """Whatever numbers there are: those that do not say their request are noted."""
    make_tables(tenant, MODEL)
    outcomes = every_card_outcome()
    outcomes.desk.block()
    odd = outcomes.desk._block = outcomes.desk._block + 2
    ruling = outcomes.desk.authorize(outcomes.card_id, 1_00)
    assert ruling.decision_id == odd + 4 + 1
    apply_batches(tenant, MODEL, [outcomes.bank.facts])
    append(tenant, outcomes.bank.facts)
    found = answer(as_decided(tenant.fetch, ruling.decision_id))
    assert found is not None
    assert found.ruling == ruling


def test_an_authorization_that_is_decided_once_takes_no_row(tenant: Tenant, outcomes: Outcomes) -> None:
    later = [
        fact.event.ruling.decision_id  # type: ignore[attr-defined]  # of these topics
        for fact in outcomes.bank.facts
        if fact.topic in ("authorization.challenge_completed", "authorization.reversed")
    ]
    rows = tenant.rows("select decision_id from {schema}.later_decisions order by 1")
    assert [number for (number,) in rows] == sorted(later)


def test_batches_may_be_cut_anywhere(tenant: Tenant) -> None:
    make_tables(tenant, MODEL)
    contents = contents_for_every_cut(tenant, MODEL, every_card_outcome().bank.facts)
    assert len(contents[0]["later_decisions"]) == 4
    assert all(other == contents[0] for other in contents)
