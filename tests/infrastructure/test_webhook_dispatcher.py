"""The background worker's deliveries, outside the sandbox and where something of its own goes wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from application.transfers import create_transfer
from application.users import RegisterUser, register_user
from application.webhooks import Message, Notice
from domain.allowances import TREASURY
from domain.deliveries import DELIVERED, PENDING
from domain.users import UserRegistered
from infrastructure import settings as settings_module
from infrastructure import webhook_dispatcher
from infrastructure.background import Background
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from infrastructure.tenants import create_tenant
from projections.webhook_delivery_pages import DeliveryView
from tests.infrastructure.test_background import put_money_in, transfer_of, worker
from tests.webhook_receiver import Receiver, eventually, webhook_receiver
from tests.webhook_subscriptions import SECRET, Bank


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


async def _fund(_: Services, ledger: Ledger) -> None:
    await put_money_in(ledger, 0)
    await put_money_in(ledger, 1)
    registered = UserRegistered("user_demo", "customer", "USA")
    await ledger.execute(register_user, RegisterUser(registered, TREASURY))


def _create(*numbers: int) -> Callable[[Services, Ledger], Awaitable[None]]:
    async def create(_: Services, ledger: Ledger) -> None:
        for number in numbers:
            await ledger.execute(create_transfer, transfer_of(number))

    return create


class Written:
    """Messages that are as long as their event's type, but for one type that cannot be written."""

    def __init__(self, unwritable: str = "") -> None:
        self._unwritable = unwritable
        self.notices: list[Notice] = []

    def compose(self, notice: Notice) -> Message:
        self.notices.append(notice)
        if notice.event_type == self._unwritable:
            raise LookupError(notice.event_type)
        body = f'{{"event":"{notice.event_type}"}}'.encode()
        return Message(notice.url, body, {"X-Webhook-Id": notice.event_id})


class Working:
    """A background worker in this process, until `stop`."""

    def __init__(self, settings: Settings, dsn: str, messages: Written) -> None:
        self.services = Services(settings, dsn, dsn, observer=None)
        self._stop = asyncio.Event()
        self._messages = messages

    async def __aenter__(self) -> "Working":
        await self.services.start()
        self._task = asyncio.create_task(Background(self.services, self._messages).run(self._stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, 60)
        await self.services.close()


def test_outside_the_sandbox_loopback_is_refused(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    create_tenant(postgres_dsn, "refusing")
    bank = Bank(tmp_path, "refusing", postgres_dsn)
    with worker(postgres_dsn, tmp_path):
        webhook = bank.subscribe(receiver.url, ["transfer.created"])
        bank.do(_fund)
        bank.do(_create(1))
        eventually(lambda: bank.deliveries(webhook)[0].attempts == 1)
    [delivery] = bank.deliveries(webhook)
    assert (delivery.status, delivery.error) == (PENDING, "address_not_allowed")
    assert receiver.received == []


def test_processes_without_the_same_key_are_told_so_and_tell_nobody_else(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    create_tenant(postgres_dsn, "keyless")
    bank = Bank(tmp_path / "api", "keyless", postgres_dsn)
    with worker(postgres_dsn, tmp_path / "worker"):
        webhook = bank.subscribe(receiver.url, ["transfer.created"])
        bank.do(_fund)
        bank.do(_create(1))
        eventually(lambda: bank.deliveries(webhook)[0].attempts == 1)
    assert bank.deliveries(webhook)[0].error == webhook_dispatcher.SECRET_UNREADABLE
    assert receiver.received == []


async def _until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)


def test_a_message_that_cannot_be_written_fails_and_others_are_delivered(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    create_tenant(postgres_dsn, "unwritable")
    bank = Bank(tmp_path, "unwritable", postgres_dsn)
    messages = Written(unwritable="transfer.created")

    async def run() -> list[Notice]:
        settings = settings_module.load({"data": tmp_path, "sandbox": True}, {})
        async with Working(settings, postgres_dsn, messages):
            await asyncio.to_thread(bank.subscribe, receiver.url, ["transfer.created"])
            await asyncio.to_thread(bank.subscribe, receiver.url, ["transfer.pending"])
            await asyncio.to_thread(bank.do, _fund)
            await asyncio.to_thread(bank.do, _create(1))
            await _until(lambda: len(receiver.received) == 1 and len(messages.notices) == 2)
        return messages.notices

    notices = asyncio.run(run())
    assert [each.event for each in receiver.received] == ["transfer.pending"]
    for notice in notices:
        assert notice.secret == SECRET
        assert [fact.event.TOPIC for fact in notice.history] == ["transfer.created"]


def test_the_worker_stops_with_attempts_under_way_and_no_two_are_made_at_once(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Two workers, one after the other, on a receiver that hangs: nothing is lost, nothing overlaps."""
    create_tenant(postgres_dsn, "hanging")
    bank = Bank(tmp_path, "hanging", postgres_dsn)
    settings = settings_module.load({"data": tmp_path, "sandbox": True}, {})
    receiver.hangs.set()

    async def run() -> float:
        async with Working(settings, postgres_dsn, Written()):
            await asyncio.to_thread(bank.subscribe, receiver.url, ["transfer.created"])
            await asyncio.to_thread(bank.do, _fund)
            await asyncio.to_thread(bank.do, _create(*range(40)))
            await _until(lambda: len(receiver.received) == webhook_dispatcher.IN_FLIGHT_PER_WEBHOOK_MAX)
            # No more than that, however long one waits.
            await asyncio.sleep(0.5)
            assert len(receiver.received) == webhook_dispatcher.IN_FLIGHT_PER_WEBHOOK_MAX
            started = time.monotonic()
        return time.monotonic() - started

    assert asyncio.run(run()) < 10

    async def again() -> None:
        async with Working(settings, postgres_dsn, Written()):
            await _until(lambda: len({each.webhook_id for each in receiver.accepted}) == 40)

    receiver.hangs.clear()
    asyncio.run(again())
    accepted = [each.webhook_id for each in receiver.accepted]
    assert len(accepted) == len(set(accepted)) == 40


def test_of_two_workers_at_once_each_event_is_sent_by_one(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    create_tenant(postgres_dsn, "shared")
    bank = Bank(tmp_path, "shared", postgres_dsn)
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(worker(postgres_dsn, tmp_path, sandbox=True))
        webhook = bank.subscribe(receiver.url)
        bank.do(_fund)
        bank.do(_create(*range(30)))
        eventually(lambda: _all_delivered(bank.deliveries(webhook), 60))
    assert len(receiver.received) == 60


def _all_delivered(deliveries: list[DeliveryView], count: int) -> bool:
    return len(deliveries) == count and all(each.status == DELIVERED for each in deliveries)
