"""The background worker's deliveries, outside the sandbox and where something of its own goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from application.transfers import create_transfer
from application.users import RegisterUser, register_user
from application.webhooks import Message, Notice
from domain.allowances import TREASURY
from domain.deliveries import DELIVERED, PENDING
from domain.users import UserRegistered
from infrastructure import settings as settings_module
from infrastructure import webhook_dispatcher, webhook_sender
from infrastructure.background import Background
from infrastructure.database import connect_owner, connect_service
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from infrastructure.tenants import create_tenant
from infrastructure.webhook_dispatcher import Dispatcher
from infrastructure.webhook_sender import WebhookSender
from projections import webhook_deliveries
from projections.catalogue import recreate
from projections.follower import Follower
from projections.webhook_delivery_pages import DeliveryView
from tests.infrastructure.test_background import put_money_in, transfer_of, worker
from tests.projections.test_follower import Following
from tests.webhook_receiver import Receiver, eventually, webhook_receiver
from tests.webhook_subscriptions import SECRET, Bank, caught_up


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
    postgres_dsn: str, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers, one after the other, on a receiver that hangs: nothing is lost, nothing overlaps."""
    create_tenant(postgres_dsn, "hanging")
    bank = Bank(tmp_path, "hanging", postgres_dsn)
    settings = settings_module.load({"data": tmp_path, "sandbox": True}, {})
    receiver.hangs.set()
    monkeypatch.setattr(webhook_sender, "ATTEMPT_SECONDS_MAX", 3_600.0)

    async def run() -> None:
        async with Working(settings, postgres_dsn, Written()):
            await asyncio.to_thread(bank.subscribe, receiver.url, ["transfer.created"])
            await asyncio.to_thread(bank.do, _fund)
            await asyncio.to_thread(bank.do, _create(*range(40)))
            await _until(lambda: len(receiver.received) == webhook_dispatcher.IN_FLIGHT_PER_WEBHOOK_MAX)
            # No more than that, however long one waits.
            await asyncio.sleep(0.5)
            assert len(receiver.received) == webhook_dispatcher.IN_FLIGHT_PER_WEBHOOK_MAX

    asyncio.run(run())

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


def test_an_outbox_on_its_way_through_the_log_sends_nothing_again(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Made anew, it shows as pending what was delivered long ago, until it has seen the attempts, too."""
    schema = create_tenant(postgres_dsn, "anew")
    bank = Bank(tmp_path, "anew", postgres_dsn)
    with worker(postgres_dsn, tmp_path, sandbox=True):
        webhook = bank.subscribe(receiver.url)
        bank.do(_fund)
        bank.do(_create(1))
        eventually(lambda: _all_delivered(bank.deliveries(webhook), 2))
    with connect_owner(postgres_dsn) as owner, owner.transaction():
        recreate(owner, schema, webhook_deliveries.MODEL)
    with Stepping(postgres_dsn, schema) as follower:
        follower.step_while(lambda: _statuses(postgres_dsn, schema) != [PENDING, PENDING])
        asyncio.run(_dispatch(bank, follower))
        assert _statuses(postgres_dsn, schema) == [DELIVERED, DELIVERED]
    assert len(receiver.received) == 2


def test_where_the_lease_is_no_longer_surely_ours_all_attempts_end_at_once(
    postgres_dsn: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Somebody else may hold it now; with the lease back, what was under way is sent again."""
    schema = create_tenant(postgres_dsn, "unsure")
    bank = Bank(tmp_path, "unsure", postgres_dsn)
    is_ours = [True]

    async def work(services: Services, ledger: Ledger) -> None:
        async with _dispatching(services, ledger, may_send=lambda: is_ours[0]) as dispatcher:
            await _until(lambda: len(receiver.received) == 3)
            assert dispatcher.under_way == 3
            is_ours[0] = False
            await _until(lambda: dispatcher.under_way == 0)
            receiver.hangs.clear()
            await asyncio.sleep(0.5)
            assert receiver.accepted == []
            is_ours[0] = True
            await _until(lambda: len({each.webhook_id for each in receiver.accepted}) == 3)

    receiver.hangs.set()
    with Following(Follower(partial(connect_service, postgres_dsn), schema)):
        bank.subscribe(receiver.url, ["transfer.created"])
        bank.do(_fund)
        bank.do(_create(1, 2, 3))
        asyncio.run(bank.work(work))


class Stepping:
    """A follower that goes on only when told to, event by event."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._follower = Follower(partial(connect_service, dsn), schema, batch_size=1)

    def __enter__(self) -> "Stepping":
        return self

    def __exit__(self, *_: object) -> None:
        self._follower.close()

    def step_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            assert self._follower.step()

    def finish(self) -> None:
        while self._follower.step():
            pass


async def _dispatch(bank: Bank, follower: Stepping) -> None:
    """With nobody following; then the follower goes on to the end."""

    async def work(services: Services, ledger: Ledger) -> None:
        async with _dispatching(services, ledger):
            await asyncio.sleep(1)
            await asyncio.to_thread(follower.finish)
            await caught_up(ledger)
            await asyncio.sleep(0.2)

    await bank.work(work)


@asynccontextmanager
async def _dispatching(
    services: Services, ledger: Ledger, may_send: Callable[[], bool] = lambda: True
) -> AsyncIterator[Dispatcher]:
    over, sender = asyncio.Event(), WebhookSender(allows_private_addresses=True)
    dispatcher = Dispatcher(
        ledger,
        services.seal,
        Written(),
        sender,
        asyncio.Semaphore(16),
        may_send=may_send,
        is_clock_movable=True,
    )
    running = asyncio.create_task(dispatcher.run(over))
    try:
        yield dispatcher
    finally:
        over.set()
        await running
        await sender.close()


def _statuses(dsn: str, schema: str) -> list[str]:
    with connect_owner(dsn) as owner:
        rows = owner.execute(f"select status from {schema}.webhook_deliveries".encode()).fetchall()
    return [status for (status,) in rows]


def _all_delivered(deliveries: list[DeliveryView], count: int) -> bool:
    return len(deliveries) == count and all(each.status == DELIVERED for each in deliveries)
