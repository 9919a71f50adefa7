"""What the read models show of a busy bank's cards is what the states of its streams say."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain import authorizations, cards, holds
from domain.accounts import Account
from domain.chart_of_accounts import CARD_SETTLEMENT
from projections import (
    account_directory,
    account_statements,
    balances,
    card_directory,
    card_holds,
    card_spending,
    general_ledger,
    timers,
)
from projections import authorizations as authorization_queries
from projections import holds as transfer_holds
from tests.projections.bank_history import BankHistory, busy_bank
from tests.projections.conftest import Tenant, answer

NEVER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def bank() -> BankHistory:
    *_, last = busy_bank(330, accounts_count=9)
    return last


@pytest.fixture
def projected(tenant: Tenant, bank: BankHistory) -> Tenant:
    facts = list(bank.facts)
    tenant.project(bank, batch_size=97)
    bank.facts.extend(facts)
    return tenant


def states(bank: BankHistory, category: str) -> list[Any]:
    names = dict.fromkeys(stream for stream, *_ in bank.facts if stream.startswith(f"{category}-"))
    return [bank.state(name) for name in names]


def test_balances_are_the_accounts_own(projected: Tenant, bank: BankHistory) -> None:
    accounts: list[Account] = states(bank, "account")
    assert sum(account.held for account in accounts) > 0
    for account in accounts:
        found = answer(balances.balance(projected.fetch, account.account_id))
        assert found is not None
        assert (found.posted, found.held) == (account.posted, account.held)


def test_active_holds_add_up_to_what_is_held(projected: Tenant, bank: BankHistory) -> None:
    for account in states(bank, "account"):
        of_cards = answer(card_holds.active_of_account(projected.fetch, account.account_id, 1_000))
        others = answer(transfer_holds.active_of_account(projected.fetch, account.account_id, 1_000))
        assert of_cards
        assert sum(hold.amount - hold.captured for hold in (*of_cards, *others)) == account.held


def test_every_hold_is_in_its_accounts_list(projected: Tenant, bank: BankHistory) -> None:
    known: list[holds.Hold] = states(bank, "hold")
    assert {hold.status for hold in known} >= {"ACTIVE", "CAPTURED", "RELEASED"}
    for account in states(bank, "account"):
        page = answer(card_holds.of_account(projected.fetch, account.account_id, limit=1_000))
        own = [hold for hold in known if hold.placed.account_id == account.account_id]
        assert page.total == len(own)
        assert [view.hold for view in page.holds] == sorted(
            own, key=lambda hold: (hold.placed.placed_at, hold.placed.hold_id), reverse=True
        )


def test_cards_are_shown_with_their_own_limits_status_and_spending(
    projected: Tenant, bank: BankHistory
) -> None:
    for card in states(bank, "card"):
        shown = answer(card_directory.by_id(projected.fetch, card.card_id))
        assert shown is not None
        assert (shown.account_id, shown.limits, shown.status) == (card.account_id, card.limits, card.status)
        overrides = answer(
            card_directory.overrides_of(
                projected.fetch, card.card_id, include_expired=False, at=bank.now, limit=200
            )
        )
        assert tuple(reversed(overrides.overrides)) == card.overrides
        spent = answer(card_spending.summary(projected.fetch, card.card_id, date.min, date.max))
        by_day = {day: card.spending.on(day) for day in card.spending.days if card.spending.on(day)}
        assert {day: part.amount for day, part in spent.by_day.items()} == by_day


def test_authorizations_are_shown_as_they_are(projected: Tenant, bank: BankHistory) -> None:
    for authorization in states(bank, "authorization"):
        request_id = authorization.ruling.request_id
        assert answer(authorization_queries.latest(projected.fetch, request_id)) == authorization
        decision_id = authorization.ruling.decision_id
        assert answer(authorization_queries.as_decided(projected.fetch, decision_id)) == authorization


def test_what_is_due_is_what_has_not_ended(projected: Tenant, bank: BankHistory) -> None:
    expected = {
        holds.stream(hold.placed.hold_id): hold.placed.expires_at
        for hold in states(bank, "hold")
        if hold.status == holds.ACTIVE
    }
    expected |= {
        authorizations.stream(authorization.ruling.request_id): authorizations.challenge_expires_at(
            authorization.ruling
        )
        for authorization in states(bank, "authorization")
        if authorization.ruling.decision == authorizations.CHALLENGE
    }
    card_states: list[cards.Card] = states(bank, "card")
    expected |= {
        f"override-{override.override_id}": override.expires_at
        for card in card_states
        for override in card.overrides
    }
    due = answer(timers.due(projected.fetch, NEVER, 10_000))
    shown = {timer.subject: timer.due_at for timer in due if not timer.subject.startswith("tx_")}
    assert shown == expected


def test_card_settlement_balances_against_the_deposits(projected: Tenant, bank: BankHistory) -> None:
    """What holds captured, less what was refunded; and all debits are all credits."""
    captured = sum(hold.captured for hold in states(bank, "hold"))
    refunds = sum(
        authorization.terms.amount.minor
        for authorization in states(bank, "authorization")
        if authorization.terms.transaction_type == "REFUND"
    )
    totals = answer(general_ledger.trial_balance(projected.fetch)).totals
    (settlement,) = [total for total in totals if total.account_code == CARD_SETTLEMENT]
    assert (settlement.credits, settlement.debits) == (captured, refunds)
    assert refunds > 0
    assert sum(total.debits for total in totals) == sum(total.credits for total in totals)


def test_a_statement_has_what_cards_moved(projected: Tenant, bank: BankHistory) -> None:
    position = projected.rows("select last_id from {schema}.log_head")[0][0]
    for account in states(bank, "account"):
        found = answer(
            account_statements.statement(
                projected.fetch,
                account.account_id,
                datetime(2025, 1, 1, tzinfo=UTC),
                NEVER,
                known_position=position,
            )
        )
        assert found is not None
        assert found.closing_balance == found.lines[-1].balance == account.posted
        assert {"card", "refund"} <= {line.kind for line in found.lines}


def test_accounts_are_found_by_the_numbers_they_got_with_a_card(projected: Tenant, bank: BankHistory) -> None:
    for account in states(bank, "account"):
        found = answer(account_directory.resolve(projected.fetch, str(account.card_account_id)))
        assert found is not None
        assert found.account_id == account.account_id
