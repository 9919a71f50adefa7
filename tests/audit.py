"""What must be true of any log, found out from its events alone, by arithmetic of its own."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from application.decision import ABSENT, Known
from application.store import StoredFact
from domain import accounts, allowances, transfers
from domain.accounts import Account
from domain.allowances import Allowance
from domain.catalogue import decode, evolve_for
from domain.chart_of_accounts import CUSTOMER_DEPOSITS, TRANSFER_CLEARING
from domain.transfers import Transfer
from infrastructure.migrator import bind
from tests.card_audit import CardAudit

_LOG = """
select originator_id, originator_version, topic, state, notification_id
from {schema}.events order by notification_id
"""
_LIVE = (transfers.PENDING, transfers.PROCESSING)
_ENDED = (transfers.CANCELLED, transfers.FAILED)


def read_log(connection: psycopg.Connection, schema: str) -> list[StoredFact]:
    """The whole log in order; refuses one with a gap."""
    rows = connection.execute(bind(_LOG, schema).encode()).fetchall()
    assert [row[4] for row in rows] == list(range(1, len(rows) + 1)), "positions have a gap"
    return [StoredFact(stream, version, topic, bytes(state)) for stream, version, topic, state, _ in rows]


def fold(facts: Iterable[StoredFact]) -> dict[str, Known]:
    """The states of all streams, checking that each one's versions are 1, 2, 3 and so on."""
    states: dict[str, Known] = {}
    for fact in facts:
        known = states.get(fact.stream, ABSENT)
        assert fact.version == known.version + 1, f"{fact.stream} goes to {fact.version}"
        event = decode(fact.topic, fact.state).data
        states[fact.stream] = Known(fact.version, evolve_for(fact.stream)(known.state, event))
    return states


def audit(facts: Iterable[StoredFact]) -> dict[str, Known]:
    """Asserts what must hold of every ledger; returns the folded states."""
    facts = list(facts)
    states = fold(facts)
    _check_totals(facts)
    cards = CardAudit()
    cards.read((fact.stream, decode(fact.topic, fact.state).data) for fact in facts)
    _check_holds(facts, states, held_for_cards=cards.finish(states))
    _check_allowances(states)
    balance = trial_balance(facts)
    assert sum(balance.values()) == 0
    assert balance[TRANSFER_CLEARING] == 0, "a transfer is half done"
    posted = sum(state.posted for _, state in states.values() if isinstance(state, Account))
    assert balance[CUSTOMER_DEPOSITS] == posted
    return states


def trial_balance(facts: Iterable[StoredFact]) -> Counter[str]:
    """Minor units by code of the chart, credits positive."""
    balance: Counter[str] = Counter()
    for fact in facts:
        event = decode(fact.topic, fact.state).data
        if isinstance(event, accounts.AccountCredited | accounts.AccountDebited):
            sign = 1 if isinstance(event, accounts.AccountCredited) else -1
            balance[CUSTOMER_DEPOSITS] += sign * event.amount.minor
            balance[event.contra] -= sign * event.amount.minor
    return balance


_MOVES: Mapping[type, tuple[int, int]] = {
    accounts.AccountCredited: (1, 0),
    accounts.AccountDebited: (-1, 0),
    accounts.HoldPlaced: (0, 1),
    accounts.HoldReleased: (0, -1),
    accounts.HoldCaptured: (0, -1),
}


def _check_totals(facts: Iterable[StoredFact]) -> None:
    """The totals that events carry are right, and no decision took an account below its floor."""
    totals: dict[str, tuple[int, int, int]] = {}
    for fact in facts:
        event: Any = decode(fact.topic, fact.state).data
        if isinstance(event, accounts.AccountOpened):
            totals[fact.stream] = (0, 0, event.overdraft_limit)
        elif isinstance(event, accounts.OverdraftLimitChanged):
            posted, held, _ = totals[fact.stream]
            totals[fact.stream] = (posted, held, event.overdraft_limit)
        elif type(event) in _MOVES:
            posted, held, limit = totals[fact.stream]
            by_posted, by_held = _MOVES[type(event)]
            posted, held = posted + by_posted * event.amount.minor, held + by_held * event.amount.minor
            assert (event.posted, event.held) == (posted, held), f"totals of {fact.stream} {fact.version}"
            assert held >= 0
            spends = isinstance(event, accounts.AccountDebited | accounts.HoldPlaced)
            assert not spends or posted - held + limit >= 0, f"{fact.stream} is below its floor"
            totals[fact.stream] = (posted, held, limit)


def _check_holds(
    facts: Iterable[StoredFact], states: Mapping[str, Known], held_for_cards: Mapping[str, int]
) -> None:
    """Each hold was placed once, a transfer's ended at most once, and accounts hold what live transfers and
    card holds need."""
    placed: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for fact in facts:
        event = decode(fact.topic, fact.state).data
        if isinstance(event, accounts.HoldPlaced):
            placed[event.hold_id] += 1
        elif isinstance(event, accounts.HoldReleased | accounts.HoldCaptured) and not event.hold_id.isdigit():
            ended[event.hold_id] += 1
    assert set(placed.values()) <= {1}
    assert set(ended.values()) <= {1}
    needed: Counter[str] = Counter(held_for_cards)
    for _, state in states.values():
        if isinstance(state, Transfer) and state.status in _LIVE:
            needed[state.created.from_account_id] += state.total.minor
    for _, state in states.values():
        if isinstance(state, Account):
            assert state.held == needed[state.account_id], f"holds of {state.account_id}"


def _check_allowances(states: Mapping[str, Known]) -> None:
    """What each user has used up today is what the user's transfers of today took and did not give back."""
    made: defaultdict[str, list[Transfer]] = defaultdict(list)
    for _, state in states.values():
        if isinstance(state, Transfer):
            made[state.created.user_id].append(state)
    for user_id, all_made in made.items():
        allowance: Allowance = states[allowances.stream(user_id)].state
        counted = [
            made_one.created
            for made_one in all_made
            if made_one.status not in _ENDED and made_one.created.created_at.date() == allowance.day
        ]
        assert allowance.count == len(counted), f"count of {user_id}"
        for transfer_type, used in allowance.used.items():
            own = sum(each.amount.minor for each in counted if each.transfer_type == transfer_type)
            assert used == own, f"{transfer_type} amounts of {user_id}"
