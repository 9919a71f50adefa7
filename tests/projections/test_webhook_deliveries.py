"""The outbox: what is to be told to whom, in which order and when, whatever batches the facts come in."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import deliveries, transfers
from domain.deliveries import DEAD_LETTERED, DELIVERED, PENDING, DeliveryKey
from domain.webhooks import BACK_OFFICE, CARDS
from projections.webhook_deliveries import MODEL
from tests.projections.bank_decisions import apply_batches, contents_for_every_cut, empty, make_tables
from tests.projections.conftest import Tenant
from tests.projections.outbox_model import OutboxHistory, OutboxModel, created

ATTEMPTS_MAX = len(deliveries.RETRY_DELAYS) + 1

_ROWS = """
select webhook, position, ordinal, event_type, aggregate, status, attempts, due_at, ready_at, last_attempt_at,
       response_status, error
from {schema}.webhook_deliveries
"""


def shown(tenant: Tenant) -> dict[DeliveryKey, tuple[Any, ...]]:
    return {DeliveryKey(*row[:3]): tuple(row[3:]) for row in tenant.rows(_ROWS)}


@pytest.fixture
def outbox(tenant: Tenant) -> Tenant:
    make_tables(tenant, MODEL)
    return tenant


@pytest.fixture
def history() -> OutboxHistory:
    return OutboxHistory()


def statuses(history: OutboxHistory) -> list[str]:
    return [row.status for _, row in sorted(history.model.rows.items())]


def check(tenant: Tenant, history: OutboxHistory) -> None:
    """Whole, one by one, cut in two anywhere: always what the model says."""
    contents = contents_for_every_cut(tenant, MODEL, history.facts)
    assert all(other == contents[0] for other in contents)
    assert shown(tenant) == history.model.contents()


def test_what_happens_while_a_webhook_is_active_is_queued_and_nothing_else(
    outbox: Tenant, history: OutboxHistory
) -> None:
    history.announce(1, created(1))
    number = history.subscribe(["transfer.pending", "transfer.settled"])
    history.announce(2, created(2))
    history.update(number, active=False)
    history.announce(3, created(3))
    history.update(number, active=True)
    history.announce(2, transfers.ProcessingStarted())
    history.announce(2, transfers.TransferSettled())
    check(outbox, history)
    assert [row[0] for row in shown(outbox).values()] == ["transfer.pending", "transfer.settled"]


def test_a_family_stands_for_all_of_its_events(outbox: Tenant, history: OutboxHistory) -> None:
    history.subscribe(["transfer.*"])
    history.subscribe(["account.*"])
    history.announce(1, created(1))
    check(outbox, history)
    assert [row[0] for row in shown(outbox).values()] == ["transfer.created", "transfer.pending"]


def test_another_surface_hears_nothing(outbox: Tenant, history: OutboxHistory) -> None:
    history.subscribe(["transfer.created"], CARDS)
    history.announce(1, created(1))
    check(outbox, history)
    assert shown(outbox) == {}


def test_a_transfer_that_waits_for_a_second_factor_is_pending_only_after_it(
    outbox: Tenant, history: OutboxHistory
) -> None:
    history.subscribe(["transfer.*"])
    history.announce(1, created(1, awaits_mfa=True))
    history.announce(1, transfers.MfaFailed())
    history.announce(1, transfers.MfaVerified())
    check(outbox, history)
    assert [(key.position, row[0]) for key, row in sorted(shown(outbox).items())] == [
        (2, "transfer.created"),
        (4, "transfer.pending"),
    ]


def test_only_the_first_of_an_aggregate_is_ready_until_it_is_settled(
    outbox: Tenant, history: OutboxHistory
) -> None:
    history.subscribe(["transfer.*"])
    history.announce(1, created(1))
    history.announce(2, created(2))
    (_, first), (_, other) = history.ready()
    assert (first.position, other.position) == (2, 3)
    history.pass_time(minutes=1)
    history.attempt(first, 500)
    history.pass_time(minutes=1)
    history.attempt(first, 200)
    check(outbox, history)
    (_, other_again), (at, second) = history.ready()
    assert other_again == other
    assert second == DeliveryKey(first.webhook, first.position, 1)
    assert at == history.now


def test_after_the_last_attempt_it_is_a_dead_letter_and_the_next_comes(
    outbox: Tenant, history: OutboxHistory
) -> None:
    history.subscribe(["transfer.*"])
    history.announce(1, created(1))
    made_at = []
    for _ in range(ATTEMPTS_MAX):
        [(at, key)] = history.ready()
        made_at.append(at)
        history.now = max(history.now, at + timedelta(seconds=3))
        history.attempt(key, 503, effective_at=at)
    gaps = [later - earlier for earlier, later in itertools.pairwise(made_at)]
    for gap, delay in zip(gaps, deliveries.RETRY_DELAYS, strict=True):
        assert delay * 0.98 <= gap <= delay
    check(outbox, history)
    assert statuses(history) == [DEAD_LETTERED, PENDING]
    [(at, following)] = history.ready()
    assert (at, following.ordinal) == (made_at[-1], 1)


def test_a_dead_letter_that_is_sent_again_comes_before_what_waits(
    outbox: Tenant, history: OutboxHistory
) -> None:
    history.subscribe(["transfer.*"])
    history.announce(1, created(1))
    [(_, first)] = history.ready()
    for _ in range(ATTEMPTS_MAX):
        history.attempt(first, None)
    [(_, second)] = history.ready()
    history.attempt(second, 404)
    history.pass_time(days=1)
    history.send_again(first)
    check(outbox, history)
    assert [key for _, key in history.ready()] == [first]
    history.attempt(first, 200)
    check(outbox, history)
    assert [key for _, key in history.ready()] == [second]
    assert history.model.rows[first].attempts == ATTEMPTS_MAX + 1


def test_between_the_last_failure_and_giving_up_nothing_is_ready(
    outbox: Tenant, history: OutboxHistory
) -> None:
    """They are recorded together, but a batch may end between them."""
    history.subscribe(["transfer.*"])
    history.announce(1, created(1))
    [(_, before)] = history.ready()
    history.attempt(before, 200)
    [(_, key)] = history.ready()
    for _ in range(ATTEMPTS_MAX):
        history.attempt(key, 500)
    apply_batches(outbox, MODEL, [history.facts[:-1]])
    status, attempts, due_at, ready_at = shown(outbox)[key][2:6]
    assert (status, attempts, due_at, ready_at) == (PENDING, ATTEMPTS_MAX, None, None)


def test_a_deleted_webhook_leaves_nothing(outbox: Tenant, history: OutboxHistory) -> None:
    gone, kept = history.subscribe(["transfer.*"]), history.subscribe(["transfer.*"])
    history.announce(1, created(1))
    [first, _] = [key for _, key in history.ready()]
    history.attempt(first, 200)
    history.delete(gone)
    history.attempt(DeliveryKey(gone, first.position, 1), 200)
    history.announce(2, created(2))
    check(outbox, history)
    assert {key.webhook for key in shown(outbox)} == {kept}
    for table in ("webhook_receivers", "webhook_subscriptions"):
        assert outbox.rows(f"select distinct webhook from {{schema}}.{table}") == [(kept,)]


def test_attempts_are_counted_by_what_came_of_them(outbox: Tenant, history: OutboxHistory) -> None:
    history.subscribe(["transfer.created"])
    for number in (1, 2):
        history.announce(number, created(number))
    (_, first), (_, second) = history.ready()
    history.attempt(first, 200)
    for _ in range(ATTEMPTS_MAX):
        history.attempt(second, 500)
    history.send_again(second)
    check(outbox, history)
    assert dict(outbox.rows("select outcome, attempts from {schema}.webhook_attempts")) == {
        "succeeded": 1,
        "failed": ATTEMPTS_MAX,
        "dead_lettered": 1,
        "requeued": 1,
    }


def test_where_nobody_subscribed_nothing_is_written_and_little_is_asked() -> None:
    """One statement for a batch that announces something, none for one that does not."""
    history = OutboxHistory()
    history.announce(1, transfers.MfaFailed())
    written: list[str] = []
    MODEL.apply(history.facts, lambda statement, _=(): written.append(statement))
    assert written == []
    for number in range(50):
        history.announce(number, created(number))
    MODEL.apply(history.facts, lambda statement, _=(): written.append(statement))
    assert len(written) == 1


FACTS: tuple[Callable[[int], Any], ...] = (
    created,
    lambda number: created(number, awaits_mfa=True),
    lambda _: transfers.MfaVerified(),
    lambda _: transfers.ProcessingStarted(),
    lambda _: transfers.TransferSettled(),
    lambda _: transfers.MfaFailed(),
)
EVENTS = ("transfer.*", "transfer.created", "transfer.pending", "transfer.settled")


def _announce(history: OutboxHistory, draw: st.DrawFn) -> None:
    number = draw(st.integers(1, 3))
    history.announce(number, draw(st.sampled_from(FACTS))(number))


def _attempt(history: OutboxHistory, draw: st.DrawFn) -> None:
    """What is due, at its own time or late."""
    due = [(at, key) for at, key in history.ready() if at <= history.now]
    if due:
        at, key = draw(st.sampled_from(due))
        status = draw(st.sampled_from([200, 500, None]))
        history.attempt(key, status, at if draw(st.booleans()) else None)


def _give_up(history: OutboxHistory, draw: st.DrawFn) -> None:
    if history.ready():
        _, key = draw(st.sampled_from(history.ready()))
        while history.model.rows[key].status == PENDING:
            history.attempt(key, 500)


def _send_again(history: OutboxHistory, draw: st.DrawFn) -> None:
    if history.dead():
        history.send_again(draw(st.sampled_from(history.dead())))


def _subscribe(history: OutboxHistory, draw: st.DrawFn) -> None:
    history.subscribe([draw(st.sampled_from(EVENTS))], active=draw(st.booleans()))


def _update(history: OutboxHistory, draw: st.DrawFn) -> None:
    if history.model.webhooks:
        number = draw(st.sampled_from(sorted(history.model.webhooks)))
        events = draw(st.none() | st.lists(st.sampled_from(EVENTS), min_size=1, max_size=2))
        history.update(number, events=events, active=draw(st.none() | st.booleans()))


def _delete(history: OutboxHistory, draw: st.DrawFn) -> None:
    if history.model.webhooks:
        history.delete(draw(st.sampled_from(sorted(history.model.webhooks))))


STEPS = [*[_announce] * 5, *[_attempt] * 5, _give_up, _give_up, _send_again, _send_again, _subscribe, _update]


@st.composite
def histories(draw: st.DrawFn) -> OutboxHistory:
    """Webhooks come, change and go; transfers go on; deliveries are tried, given up, and sent again."""
    history = OutboxHistory()
    history.subscribe(["transfer.*"])
    for _ in range(draw(st.integers(1, 30))):
        history.pass_time(seconds=draw(st.sampled_from([0, 1, 60, 3_600])))
        draw(st.sampled_from([*STEPS, _delete]))(history, draw)
    return history


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(), data=st.data())
def test_any_history_in_any_batches_gives_what_the_model_says(
    outbox: Tenant, history: OutboxHistory, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(history.facts)), max_size=6).map(sorted))
    edges = [0, *cuts, len(history.facts)]
    batches = [history.facts[start:end] for start, end in itertools.pairwise(edges) if end > start]
    empty(outbox, MODEL)
    model = OutboxModel()
    for batch in batches:
        apply_batches(outbox, MODEL, [batch])
        for fact in batch:
            model.take(fact)
        assert shown(outbox) == model.contents()
        receivers = outbox.rows("select webhook, active_since from {schema}.webhook_receivers")
        assert dict(receivers) == {number: each.active_since for number, each in model.webhooks.items()}


def test_a_delivered_one_says_so(outbox: Tenant, history: OutboxHistory) -> None:
    history.subscribe(["transfer.created"])
    history.announce(1, created(1))
    [(_, key)] = history.ready()
    history.attempt(key, 200)
    check(outbox, history)
    assert statuses(history) == [DELIVERED]
    assert history.model.webhooks[key.webhook].surface == BACK_OFFICE
