"""Webhooks of a running sandbox: told in order, signed, at least once, whoever is down, slow or killed."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from domain.deliveries import DEAD_LETTERED, DELIVERED, PENDING, RETRY_DELAYS
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import schema_for
from tests.end_to_end.webhook_stories import in_order, ledger_time, transfer, transfer_of, worker
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_receiver import (
    Received,
    Receiver,
    eventually,
    is_signed_as_back_office,
    webhook_receiver,
)
from tests.webhook_subscriptions import SECRET, Bank

DAY_SECONDS = 86_400
ATTEMPTS_MAX = len(RETRY_DELAYS) + 1


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    with sandbox_service(tmp_path_factory.mktemp("webhooks"), "--rate-limits", "off") as service:
        yield service


@pytest.fixture
def bank(service: SandboxService) -> Bank:
    service.reset()
    return Bank(service.data)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def user(service: SandboxService) -> Iterator[httpx.Client]:
    with service.user() as user:
        yield user


def test_a_transfers_way_is_told_step_by_step(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    bank.subscribe(receiver.url)
    created_at = service.http.get("/sandbox/clock").json()["now"][:10]
    transfer_id = transfer(user, "told")
    receiver.wait_for(2)
    service.advance(5 * DAY_SECONDS)
    told = receiver.received
    assert [each.event for each in told] == [
        "transfer.created",
        "transfer.pending",
        "transfer.processing",
        "transfer.settled",
    ]
    statuses = [each.content["data"]["status"] for each in told]
    assert statuses == ["initiated", "pending", "processing", "settled"]
    for each in told:
        assert each.path == "/hook"
        assert each.headers["Content-Type"] == "application/json"
        assert list(each.content) == ["event", "timestamp", "data", "signature"]
        assert list(each.content["data"]) == ["transfer_id", "user_id", "amount", "status"]
        assert (transfer_of(each), each.content["data"]["user_id"]) == (transfer_id, "user_demo")
        assert b'"amount":1.00,' in each.body
        assert is_signed_as_back_office(each, SECRET)
    assert told[0].content["timestamp"][:10] == created_at
    assert told[-1].content["timestamp"].endswith("T12:00:00Z")
    assert len({each.webhook_id for each in told}) == 4


def test_every_receiver_gets_an_event_under_the_same_id(
    bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    with webhook_receiver() as other:
        bank.subscribe(receiver.url, ["transfer.created"])
        bank.subscribe(other.url, ["transfer.created"])
        transfer(user, "both")
        [one], [same] = receiver.wait_for(1), other.wait_for(1)
    assert one.webhook_id == same.webhook_id
    assert one.body == same.body


def test_what_fails_holds_up_its_own_transfer_and_no_other(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    bank.subscribe(receiver.url)
    failing: set[str] = set()
    receiver.answer = lambda received: 500 if transfer_of(received) in failing or not failing else 200
    failing.add(transfer(user, "failing"))
    receiver.wait_for(1)
    others = [transfer(user, f"other-{number}") for number in range(3)]
    receiver.wait_for(6, accepted=True)
    assert in_order(receiver.accepted) == {
        other: ["transfer.created", "transfer.pending"] for other in others
    }
    failed, *again = [each for each in receiver.received if transfer_of(each) in failing]
    assert {each.event for each in (failed, *again)} == {"transfer.created"}
    failing.add("none")
    failing.difference_update([transfer_of(failed)])
    service.advance(10)
    receiver.wait_for(8, accepted=True)
    assert in_order(receiver.accepted)[transfer_of(failed)] == ["transfer.created", "transfer.pending"]
    [accepted] = [each for each in receiver.accepted if each.webhook_id == failed.webhook_id]
    assert accepted.body == failed.body


def test_a_receiver_that_hangs_delays_nobody_else(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    with webhook_receiver() as hanging:
        hanging.hangs.set()
        bank.subscribe(hanging.url)
        bank.subscribe(receiver.url)
        made = [transfer(user, f"hang-{number}", "0.01") for number in range(9)]
        hanging.wait_for(1)
        # All of them are delivered while the other's first attempts are still waited for.
        receiver.wait_for(2 * len(made))
        assert all(each.status is None for each in hanging.received)
        assert {each.event for each in hanging.received} == {"transfer.created"}
        assert in_order(receiver.received) == {
            each: ["transfer.created", "transfer.pending"] for each in made
        }
        # The worker ends with attempts under way, within seconds, and its successor makes them again.
        before = worker(service)
        hanging.wait_for(len(made))
        before.send_signal(signal.SIGTERM)
        before.wait(60)
        hanging.hangs.clear()
        hanging.wait_for(2 * len(made), accepted=True)
        assert {each.webhook_id for each in hanging.accepted} == {
            each.webhook_id for each in receiver.received
        }


def test_retries_come_at_their_times_by_the_ledgers_clock(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    webhook = bank.subscribe(receiver.url, ["transfer.created"])
    receiver.answer = lambda _: 503
    transfer(user, "retried")
    receiver.wait_for(1)
    eventually(lambda: bank.deliveries(webhook)[0].attempts >= 1)
    for _ in RETRY_DELAYS[:6]:
        [delivery] = bank.deliveries(webhook)
        assert (delivery.status, delivery.response_status) == (PENDING, 503)
        assert delivery.last_attempt_at is not None
        assert delivery.next_attempt_at is not None
        delay, pause = (
            RETRY_DELAYS[delivery.attempts - 1],
            delivery.next_attempt_at - delivery.last_attempt_at,
        )
        assert delay * 0.98 <= pause <= delay
        # The clock runs: half of a short delay may have passed by itself.
        if delay >= timedelta(minutes=5):
            service.set_clock((delivery.next_attempt_at - pause / 2).isoformat())
            assert len(receiver.received) == delivery.attempts
        service.set_clock(max(ledger_time(service), delivery.next_attempt_at.isoformat()))
        assert len(receiver.received) > delivery.attempts
    receiver.answer = lambda _: 204
    service.advance(3 * 3_600)
    [delivery] = bank.deliveries(webhook)
    assert (delivery.status, delivery.response_status) == (DELIVERED, 204)
    assert len({each.webhook_id for each in receiver.received}) == 1


def test_what_is_given_up_is_a_dead_letter_until_it_is_sent_again(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    """A day passes at once: each attempt counts as made at its own time, and the next is reckoned from it."""
    webhook = bank.subscribe(receiver.url, ["transfer.created", "transfer.pending"])
    receiver.answer = lambda _: 500
    transfer(user, "given-up")
    receiver.wait_for(1)
    service.advance(23 * 3_600)
    [dead, waiting] = bank.deliveries(webhook)
    assert (dead.status, dead.attempts) == (DEAD_LETTERED, ATTEMPTS_MAX)
    assert bank.dead_letters() == [dead]
    # The one behind it had its turn when the first was given up, so it is in the middle of its retries.
    assert waiting.status == PENDING
    assert waiting.attempts > 1
    assert dead.last_attempt_at is not None
    assert waiting.last_attempt_at is not None
    assert waiting.last_attempt_at > dead.last_attempt_at
    receiver.answer = lambda _: 200
    bank.requeue([dead.delivery_id])
    service.advance(12 * 3_600)
    assert [each.status for each in bank.deliveries(webhook)] == [DELIVERED, DELIVERED]
    assert [each.event for each in receiver.accepted] == ["transfer.created", "transfer.pending"]
    assert bank.dead_letters() == []
    metrics = service.http.get("/metrics").text
    for line in (
        f'daybook_webhook_attempts_total{{outcome="failed",tenant="{SANDBOX_TENANT}"}} ',
        f'daybook_webhook_attempts_total{{outcome="dead_lettered",tenant="{SANDBOX_TENANT}"}} 1.0',
        f'daybook_webhook_attempts_total{{outcome="requeued",tenant="{SANDBOX_TENANT}"}} 1.0',
        f'daybook_webhook_attempts_total{{outcome="succeeded",tenant="{SANDBOX_TENANT}"}} 2.0',
        f'daybook_webhook_deliveries_pending{{tenant="{SANDBOX_TENANT}"}} 0.0',
        f'daybook_webhook_oldest_pending_seconds{{tenant="{SANDBOX_TENANT}"}} 0.0',
    ):
        assert line in metrics


def test_nothing_is_queued_while_inactive_and_nothing_is_sent(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    webhook = bank.subscribe(receiver.url, ["transfer.created"])
    receiver.answer = lambda _: 500
    first = transfer(user, "before")
    receiver.wait_for(1)
    bank.update(webhook, active=False)
    service.advance(0)
    before = len(receiver.received)
    transfer(user, "meanwhile")
    service.advance(3_600)
    assert len(receiver.received) == before
    receiver.answer = lambda _: 200
    bank.update(webhook, active=True)
    last = transfer(user, "after")
    receiver.wait_for(2, accepted=True)
    assert {transfer_of(each) for each in receiver.accepted} == {first, last}
    bank.delete(webhook)
    transfer(user, "too-late")
    service.advance(1)
    assert len(receiver.accepted) == 2
    assert bank.deliveries(webhook) == []


def test_a_changed_url_counts_from_the_next_attempt(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    with webhook_receiver() as before:
        before.answer = lambda _: 500
        webhook = bank.subscribe(before.url, ["transfer.created"])
        transfer(user, "moved")
        before.wait_for(1)
        bank.update(webhook, url=receiver.url)
        service.advance(0)
        tried = len(before.received)
        service.advance(60)
        receiver.wait_for(1)
        assert len(before.received) == tried


def test_a_redirect_is_a_failure(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    with webhook_receiver() as elsewhere:
        receiver.headers["Location"] = elsewhere.url
        receiver.answer = lambda _: 307
        webhook = bank.subscribe(receiver.url, ["transfer.created"])
        transfer(user, "redirected")
        receiver.wait_for(1)
        service.advance(10)
        assert len(receiver.received) >= 2
        assert elsewhere.received == []
    [delivery] = bank.deliveries(webhook)
    assert (delivery.status, delivery.response_status, delivery.error) == (PENDING, 307, "status_307")


def test_a_receiver_that_is_gone_is_tried_again(
    service: SandboxService, bank: Bank, user: httpx.Client
) -> None:
    with webhook_receiver() as gone:
        url = gone.url
    webhook = bank.subscribe(url, ["transfer.created"])
    transfer(user, "gone")
    service.advance(0)
    [delivery] = bank.deliveries(webhook)
    assert delivery.status == PENDING
    assert delivery.attempts >= 1
    assert (delivery.response_status, delivery.error) == (None, "connection_failed")


def test_a_killed_worker_loses_no_event(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    """Killed while attempts are under way and others wait: all come, those twice under the same id."""
    bank.subscribe(receiver.url)
    receiver.answer = _slow
    made = [transfer(user, f"killed-{number}", "0.01") for number in range(9)]
    receiver.wait_for(3)
    worker(service).kill()
    receiver.wait_for(2 * len(made), accepted=True)
    eventually(lambda: len({each.webhook_id for each in receiver.accepted}) == 2 * len(made))
    assert in_order(receiver.accepted) == {each: ["transfer.created", "transfer.pending"] for each in made}


def _slow(_: Received) -> int:
    time.sleep(0.3)
    return 200


def test_a_reset_clears_webhooks(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    receiver.answer = lambda _: 500
    webhook = bank.subscribe(receiver.url)
    transfer(user, "forgotten")
    receiver.wait_for(1)
    service.reset()
    before = len(receiver.received)
    transfer(user, "forgotten")
    service.advance(DAY_SECONDS)
    assert len(receiver.received) == before
    assert bank.deliveries(webhook) == []


def test_the_secret_is_nowhere_in_clear(
    service: SandboxService, bank: Bank, receiver: Receiver, user: httpx.Client
) -> None:
    receiver.answer = lambda _: 500
    bank.subscribe(receiver.url)
    transfer(user, "secret")
    receiver.wait_for(1)
    schema = schema_for(SANDBOX_TENANT)
    with psycopg.connect(bank.dsn) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = %s", (schema,)
        ).fetchall()
        assert len(tables) > 10
        for (table,) in tables:
            rows = connection.execute(f"select t::text from {schema}.{table} t".encode()).fetchall()
            text = "".join(row for (row,) in rows)
            assert SECRET not in text
            assert SECRET.encode().hex() not in text, table
    assert SECRET not in service.log()
    key = service.data / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
