"""The audit log under load: every call that was answered is in it once, through an end and a crash."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infrastructure.database import connect_owner
from infrastructure.embedded_postgres import EmbeddedPostgres
from tests.end_to_end.test_crashes import kill_api_workers
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_subscriptions import Bank

THREADS = 6
PATIENCE_SECONDS = 60.0
OPTIONS = ("--rate-limits", "off", "--workers", "2")


class Load:
    """Threads that call all the time; `answered` are the ids of the calls that got their answers."""

    def __init__(self, service: SandboxService, name: str) -> None:
        self.answered: list[str] = []
        self._service = service
        self._name = name
        self._is_over = threading.Event()
        token = service.token(client_id="load", scope="transfers", expires_in=10**8)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def await_answers(self, more: int) -> None:
        wanted = len(self.answered) + more
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.answered) < wanted:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.01)

    def _call(self, thread: int) -> None:
        number = 0
        while not self._is_over.is_set():
            # A new connection now and then, so that both processes get some of it.
            with httpx.Client(base_url=self._service.url, headers=self._headers, timeout=30) as client:
                for _ in range(20):
                    number += 1
                    request_id = f"{self._name}-{thread}-{number}"
                    path = "/api/transfers-v2" if number % 3 else "/api/nothing"
                    try:
                        client.get(path, headers={"X-Request-ID": request_id})
                    except httpx.TransportError:
                        self._is_over.wait(0.02)
                        break
                    self.answered.append(request_id)
                    if self._is_over.is_set():
                        return


@contextmanager
def load(service: SandboxService, name: str) -> Iterator[Load]:
    under = Load(service, name)
    under.start()
    try:
        yield under
    finally:
        under.stop()


def logged(dsn: str) -> Counter[str]:
    with connect_owner(dsn) as owner:
        rows = owner.execute("select request_id from daybook.audit_log where client_id = 'load'").fetchall()
    return Counter(request_id for (request_id,) in rows)


def await_logged(service: SandboxService, wanted: set[str]) -> Counter[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not wanted <= (found := logged(Bank(service.data).dsn)).keys():
        assert time.monotonic() < deadline, f"{len(wanted - found.keys())} calls are missing"
        time.sleep(0.05)
    return found


def test_a_service_that_is_ended_under_load_has_written_every_call_that_it_answered(tmp_path: Path) -> None:
    with sandbox_service(tmp_path, *OPTIONS) as service, load(service, "ended") as under:
        under.await_answers(300)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(PATIENCE_SECONDS)
        under.stop()
    with EmbeddedPostgres(service.data) as postgres:
        found = logged(postgres.dsn)
    assert set(under.answered) <= found.keys()
    assert set(found.values()) == {1}


@pytest.mark.slow
def test_processes_that_are_killed_lose_only_what_they_had_just_answered(tmp_path: Path) -> None:
    """What was in the log stays, and those that take over miss nothing."""
    with sandbox_service(tmp_path, *OPTIONS) as service:
        with load(service, "before") as before:
            before.await_answers(300)
            seen = set(before.answered)
            await_logged(service, seen)
            kill_api_workers(service)
            before.await_answers(100)
        with load(service, "after") as after:
            after.await_answers(300)
        found = await_logged(service, seen | set(after.answered))
        assert set(found.values()) == {1}
