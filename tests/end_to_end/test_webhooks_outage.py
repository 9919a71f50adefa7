"""A receiver that is down for a simulated day, and a worker that is killed meanwhile: nothing is lost."""

from datetime import datetime, timedelta
from pathlib import Path

from domain.deliveries import DELIVERED
from projections.webhook_delivery_pages import DeliveryView
from tests.end_to_end.webhook_stories import in_order, ledger_time, transfer, transfer_of, worker
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_receiver import Receiver, eventually, is_signed_as_back_office, webhook_receiver
from tests.webhook_subscriptions import SECRET, Bank


def test_a_day_of_outage_with_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """The receiver is down for a day of the ledger's clock, and the worker is killed in the middle of it.

    What was given up is sent again on request; in the end every event has come, in order per transfer.
    """
    with sandbox_service(tmp_path, "--rate-limits", "off") as service, webhook_receiver() as receiver:
        bank = Bank(service.data)
        webhook = bank.subscribe(receiver.url)
        with service.user() as user:
            receiver.answer = lambda _: 503
            made = [transfer(user, f"outage-{number}", "0.01") for number in range(6)]
            start = datetime.fromisoformat(ledger_time(service))
            _pass_time(service, start + timedelta(hours=8))
            worker(service).kill()
            made += [transfer(user, f"killed-{number}", "0.01") for number in range(3)]
            _pass_time(service, start + timedelta(days=2))
        dead = bank.dead_letters()
        assert dead
        receiver.answer = lambda _: 200
        bank.requeue([each.delivery_id for each in dead])
        _pass_time(service, start + timedelta(days=6))
        told = bank.deliveries(webhook)
        assert {each.status for each in told} == {DELIVERED}
        assert len(told) == 4 * len(made)
        _check_complete(receiver, told, made)


def _pass_time(service: SandboxService, until: datetime) -> None:
    """Moves the clock, again while nobody has taken over the killed worker's work."""

    def is_moved() -> bool:
        response = service.http.post("/sandbox/clock", json={"set": until.isoformat()})
        assert response.status_code in (200, 503), response.text
        return response.status_code == 200

    eventually(is_moved)


def _check_complete(receiver: Receiver, told: list[DeliveryView], made: list[str]) -> None:
    accepted = receiver.accepted
    assert len({each.webhook_id for each in accepted}) == len(told)
    assert all(is_signed_as_back_office(each, SECRET) for each in receiver.received)
    steps = ["transfer.created", "transfer.pending", "transfer.processing", "transfer.settled"]
    # What was given up once comes after what went on without it, but in order with what was given up, too.
    given_up = {each.webhook_id for each in receiver.received if each.status == 503}
    first = {transfer_of(each): in_order(accepted)[transfer_of(each)] for each in accepted}
    assert set(first) == set(made)
    assert all(sorted(events, key=steps.index) == steps for events in first.values())
    for transfer_id in made:
        own = [each for each in accepted if transfer_of(each) == transfer_id]
        for was_given_up in (True, False):
            events = [each.event for each in own if (each.webhook_id in given_up) is was_given_up]
            assert events == sorted(events, key=steps.index)
