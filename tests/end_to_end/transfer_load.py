"""Clients that send transfers all the time, and again under the same key until they have an answer."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

import httpx
import psycopg

from application.decision import Known
from bench.seed import account_id, seed, user_id
from domain.catalogue import decode
from domain.transfers import Transfer, TransferCreated
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.settings import Settings
from infrastructure.tenants import schema_for
from tests.audit import audit, read_log
from tests.sandbox_service import SandboxService

PATIENCE_SECONDS = 90
OPENING_BALANCE = 1_000_000_00


class Bank:
    """The sandbox's tenant with some rich users, looked at from behind."""

    def __init__(self, service: SandboxService, users: int) -> None:
        self._data = service.data
        settings = Settings(data=self._data, sandbox=True)
        seed(settings, self.dsn, SANDBOX_TENANT, users)
        # Tokens that outlive any move of the clock.
        self.tokens = [service.token(subject=user_id(user), expires_in=10**8) for user in range(users)]

    @property
    def dsn(self) -> str:
        return EmbeddedPostgres(self._data).dsn

    def audited(self) -> tuple[dict[str, Known], list[TransferCreated]]:
        """All states of the log, after everything that must hold of it was found to hold."""
        with self._connect() as connection:
            facts = read_log(connection, schema_for(SANDBOX_TENANT))
        states = audit(facts)
        events = [decode(fact.topic, fact.state).data for fact in facts]
        return states, [event for event in events if isinstance(event, TransferCreated)]

    def _connect(self) -> psycopg.Connection:
        """Waits for a database that is on its way back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return psycopg.connect(self.dsn, autocommit=True)
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database does not come back"
                time.sleep(0.05)

    def statuses(self) -> set[str]:
        """Those that there are among all transfers."""
        states, _ = self.audited()
        return {known.state.status for known in states.values() if isinstance(known.state, Transfer)}

    def wait_for_a_settlement(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "settled" not in self.statuses():
            assert time.monotonic() < deadline, "nothing is settled"


class Clients:
    """Threads that send one transfer after the other, each user from its own account to the next one's."""

    def __init__(
        self, urls: Sequence[str], tokens: Sequence[str], *, per_user: int = 2, amount: str = "1.00"
    ) -> None:
        self._urls = urls
        self._tokens = tokens
        self._amount = amount
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._threads = [
            threading.Thread(target=self._send_all, args=(user, number), daemon=True)
            for user in range(len(tokens))
            for number in range(per_user)
        ]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Until that many more transfers were acknowledged."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"only {len(self.acknowledged)} of {wanted} were acknowledged"
            assert not self._stopped.is_set(), f"something else than yes or try again: {self.statuses}"
            time.sleep(0.01)

    def _send_all(self, user: int, number: int) -> None:
        count = 0
        with httpx.Client(timeout=30) as http:
            while not self._stopped.is_set():
                count += 1
                self._send(http, user, f"{user}-{number}-{count}", self._urls[count % len(self._urls)])

    def _send(self, http: httpx.Client, user: int, key: str, url: str) -> None:
        body = {
            "idempotency_key": key,
            "from_account_id": account_id(user),
            "to_account_id": account_id((user + 1) % len(self._tokens)),
            "amount": self._amount,
            "transfer_type": "internal",
        }
        headers = {"Authorization": f"Bearer {self._tokens[user]}"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                response = http.post(f"{url}/api/transfers-v2", json=body, headers=headers)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            with self._lock:
                self.statuses[response.status_code] += 1
            if response.status_code in (httpx.codes.CREATED, httpx.codes.OK):
                with self._lock:
                    self.acknowledged[key] = response.json()["transfer"]["id"]
                return
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                self._stopped.set()
                return
            time.sleep(0.05)
        with self._lock:
            self.unanswered.add(key)


def settle_everything(service: SandboxService) -> None:
    """Moves the clock on by three days, also where the service dies meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            with httpx.Client(base_url=service.url, timeout=PATIENCE_SECONDS) as http:
                moved = http.post("/sandbox/clock", json={"advance_seconds": 3 * 86_400})
            if moved.status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise AssertionError("the clock could not be moved")


def check(bank: Bank, clients: Clients) -> None:
    """Every acknowledged transfer is there once and whole, and no request was left without an answer."""
    assert not clients.unanswered
    assert set(clients.statuses) <= {httpx.codes.CREATED, httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}
    _, created = bank.audited()
    by_key = Counter(event.idempotency_key for event in created)
    assert set(by_key.values()) == {1}
    ids = {event.idempotency_key: event.transfer_id for event in created}
    assert {key: ids.get(key) for key in clients.acknowledged} == clients.acknowledged
