"""Webhooks as they are shown, their deliveries page by page, and a rebuild that gives the same again."""

from datetime import timedelta

import psycopg
import pytest

from domain import transfers
from domain.catalogue import encode
from domain.deliveries import RETRY_DELAYS
from domain.events import Envelope
from domain.webhooks import BACK_OFFICE, CARDS, webhook_id
from infrastructure.database import connect_owner
from projections import webhook_deliveries, webhook_delivery_pages, webhook_dispatch, webhooks
from projections.rebuild import rebuild
from projections.sql import bind
from tests.projections.bank_decisions import contents_for_every_cut, make_tables
from tests.projections.conftest import Tenant, answer
from tests.projections.outbox_model import OutboxHistory, created

MODELS = (webhooks.MODEL, webhook_deliveries.MODEL)

_APPEND = """
select {schema}.append_events(%b, %b::bigint[], %b, %b, '{}', '{}', epoch) from {schema}.log_head where k = 1
"""


def append(connection: psycopg.Connection, schema: str, history: OutboxHistory) -> None:
    """Writes the history's facts as the service writes them."""
    columns = [
        [fact.stream for fact in history.facts],
        [fact.version for fact in history.facts],
        [fact.topic for fact in history.facts],
        [encode(Envelope(fact.recorded_at, fact.event, fact.effective_at)) for fact in history.facts],
    ]
    connection.execute(bind(_APPEND, schema).encode(), columns)


@pytest.fixture
def history() -> OutboxHistory:
    """Three webhooks; transfers told to them, tried, given up and sent again."""
    history = OutboxHistory()
    history.subscribe(["transfer.*"])
    history.subscribe(["transfer.created"])
    history.subscribe(["AUTHORIZATION_DECISION"], CARDS)
    for number in range(1, 6):
        history.pass_time(seconds=1)
        history.announce(number, created(number))
    history.announce(1, transfers.ProcessingStarted())
    for _ in range(3):
        for at, key in history.ready():
            history.now = max(history.now, at)
            history.attempt(key, 200 if key.position % 2 else 500, at)
    (_, given_up), *_ = history.ready()
    for _ in RETRY_DELAYS:
        history.attempt(given_up, None)
    history.pass_time(hours=1)
    history.update(2, active=False)
    return history


@pytest.fixture
def projected(tenant: Tenant, history: OutboxHistory) -> Tenant:
    append(tenant.service, tenant.schema, history)
    tenant.project(batch_size=3)
    return tenant


def test_a_surfaces_webhooks_come_newest_first(projected: Tenant, history: OutboxHistory) -> None:
    page = answer(webhooks.page(projected.fetch, BACK_OFFICE, limit=1))
    assert page.total == 2
    assert [(each.webhook_id, each.is_active) for each in page.webhooks] == [("webhook-2", False)]
    page = answer(webhooks.page(projected.fetch, BACK_OFFICE, limit=5, offset=1))
    assert [(each.webhook_id, each.events) for each in page.webhooks] == [("webhook-1", ["transfer.*"])]


def test_a_webhook_is_found_on_its_surface(projected: Tenant) -> None:
    found = answer(webhooks.one(projected.fetch, CARDS, "webhook-3"))
    assert found is not None
    assert (found.url, found.events) == ("https://3.example", ["AUTHORIZATION_DECISION"])
    assert answer(webhooks.one(projected.fetch, BACK_OFFICE, "webhook-3")) is None
    assert answer(webhooks.one(projected.fetch, CARDS, "webhook-4\x00")) is None


def test_webhooks_may_be_cut_anywhere(tenant: Tenant, history: OutboxHistory) -> None:
    history.delete(3)
    make_tables(tenant, webhooks.MODEL)
    contents = contents_for_every_cut(tenant, webhooks.MODEL, history.facts)
    assert len(contents[0]["webhooks"]) == 2
    assert all(other == contents[0] for other in contents)


def test_a_webhooks_deliveries_come_newest_first_with_what_is_needed_to_show_them(
    projected: Tenant, history: OutboxHistory
) -> None:
    page = answer(webhook_delivery_pages.of_webhook(projected.fetch, "webhook-1", limit=4, offset=1))
    keys = sorted((key for key in history.model.rows if key.webhook == 1), reverse=True)
    assert page.total == len(keys) == 11
    assert [each.key for each in page.deliveries] == keys[1:5]
    for each in page.deliveries:
        row = history.model.rows[each.key]
        shown = (each.event_type, each.attempts, each.status, each.response_status, each.error)
        assert shown == (row.event_type, row.attempts, row.status, row.response_status, row.error)
        assert (each.last_attempt_at, each.next_attempt_at) == (row.last_attempt_at, row.due_at)
    histories = answer(
        webhook_delivery_pages.histories(projected.fetch, [each.position for each in page.deliveries])
    )
    for each in page.deliveries:
        facts = [
            fact
            for fact in history.facts
            if fact.position <= each.position and fact.stream == history.facts[each.position - 1].stream
        ]
        assert [fact.event for fact in histories[each.position]] == [fact.event for fact in facts]
        assert histories[each.position][-1].position == each.position
    assert answer(webhook_delivery_pages.of_webhook(projected.fetch, "nonsense", limit=5)).total == 0


def test_dead_letters_are_listed_and_found_by_their_ids(projected: Tenant, history: OutboxHistory) -> None:
    [key] = history.dead()
    page = answer(webhook_delivery_pages.dead_letters(projected.fetch, limit=5))
    assert ([each.key for each in page.deliveries], page.total) == ([key], 1)
    found = answer(webhook_delivery_pages.one(projected.fetch, key.delivery_id))
    assert found == page.deliveries[0]
    assert found.webhook_id == webhook_id(key.webhook)
    for delivery_id in ("dlv_1_0_1", "x"):
        assert answer(webhook_delivery_pages.one(projected.fetch, delivery_id)) is None


def test_what_is_ready_is_the_active_ones_and_no_more_than_asked_for(
    projected: Tenant, history: OutboxHistory
) -> None:
    expected = [(at, key) for at, key in history.ready() if key.webhook == 1]
    last = expected[-1][0]
    ready = answer(webhook_dispatch.ready(projected.fetch, last, 100))
    assert [(each.due_at, each.key) for each in ready.deliveries] == expected
    assert ready.shown == len(history.facts)
    assert ready.next_due_at is None
    assert all(each.secret == "sealed" for each in ready.deliveries)
    first = expected[0][0]
    ready = answer(webhook_dispatch.ready(projected.fetch, first, 1))
    assert [each.key for each in ready.deliveries] == [expected[0][1]]
    assert ready.next_due_at == min(at for at, _ in expected if at > first)
    ready = answer(webhook_dispatch.ready(projected.fetch, first - timedelta(microseconds=1), 1))
    assert (ready.deliveries, ready.next_due_at) == ([], first)
    assert answer(webhook_dispatch.is_anything_due(projected.fetch, first))
    assert not answer(webhook_dispatch.is_anything_due(projected.fetch, first - timedelta(microseconds=1)))


def test_what_is_activated_again_is_due_from_then_on(tenant: Tenant, history: OutboxHistory) -> None:
    history.update(2, active=True)
    append(tenant.service, tenant.schema, history)
    tenant.project()
    ready = answer(webhook_dispatch.ready(tenant.fetch, history.now, 100))
    own = [each for each in ready.deliveries if each.key.webhook == 2]
    assert own
    assert {each.due_at for each in own} == {history.now}


def test_the_backlog_is_counted(projected: Tenant, history: OutboxHistory) -> None:
    pending = {key: row for key, row in history.model.rows.items() if row.status == "pending"}
    backlog = answer(webhook_dispatch.backlog(projected.fetch, history.now))
    assert backlog.pending == len(pending)
    oldest = history.facts[min(key.position for key in pending) - 1].recorded_at
    assert backlog.oldest_seconds == (history.now - oldest).total_seconds()
    assert backlog.attempts["dead_lettered"] == 1
    assert sum(backlog.attempts.values()) == sum(
        fact.stream.startswith("delivery-") for fact in history.facts
    )


def test_an_empty_ledger_has_no_backlog(tenant: Tenant) -> None:
    tenant.project()
    assert answer(webhook_dispatch.backlog(tenant.fetch, OutboxHistory().now)) == (0, 0.0, {})
    assert answer(webhook_dispatch.ready(tenant.fetch, OutboxHistory().now, 5)) == (0, [], None)


def test_a_rebuild_gives_the_same_outbox_again(projected: Tenant) -> None:
    before = projected.contents(MODELS)
    assert len(before["webhook_deliveries"]) > 10
    report = rebuild(lambda: connect_owner(projected.dsn), projected.schema)
    assert report.differences == ()
    assert report.is_switched
    assert projected.contents(MODELS) == before
    # Lost, and made again from nothing.
    for table in (*webhooks.MODEL.table_names, *webhook_deliveries.MODEL.table_names):
        projected.owner.execute(f"drop table {projected.schema}.{table}".encode())
    assert rebuild(lambda: connect_owner(projected.dsn), projected.schema).is_switched
    assert projected.contents(MODELS) == before


def test_of_a_long_stream_its_first_and_last_events_are_the_history(tenant: Tenant) -> None:
    history = OutboxHistory()
    history.announce(1, created(1, awaits_mfa=True))
    for _ in range(webhook_dispatch.HISTORY_EVENTS_MAX + 50):
        history.announce(1, transfers.MfaFailed())
    append(tenant.service, tenant.schema, history)
    facts = answer(webhook_dispatch.history(tenant.fetch, len(history.facts) - 1))
    assert len(facts) == webhook_dispatch.HISTORY_EVENTS_MAX
    assert [facts[0].version, facts[-1].version] == [1, len(history.facts) - 1]
    assert answer(webhook_dispatch.history(tenant.fetch, 10**9)) == []
