"""The service's processes: who starts whom, who is started again, and in what order they end."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

import httpx
import structlog

from infrastructure import bootstrap
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.settings import Settings, to_environment

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.1
DRAIN_SECONDS = 30
READY_SECONDS = 60


def end_with_parent() -> None:
    """Asks the kernel (Linux) to stop this process when its parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Stopped(BaseException):
    """SIGTERM or SIGINT arrived."""


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGINT into Stopped, once: a second one does not break the shutdown."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def database(settings: Settings) -> Iterator[tuple[str, str, EmbeddedPostgres | None]]:
    """The service's DSN and the owner's; starts the embedded Postgres where none is configured."""
    if settings.database_url is not None:
        yield settings.database_url, settings.migrations_url or settings.database_url, None
        return
    with EmbeddedPostgres(settings.data) as postgres:
        yield postgres.dsn, postgres.dsn, postgres


class Child:
    """A process of the service that is started again when it dies."""

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self.command = command
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.command_line", self.command],
            env=self._environment,
            start_new_session=True,
        )

    def revive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            log.warning("process died", command=self.command, status=self._process.returncode)
            time.sleep(0.2)
            self.start()

    def renew(self) -> None:
        """Has it read its certificate again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Asks it to drain and end; kills it where it does not within its time."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def run_service(settings: Settings) -> None:
    """Runs everything until SIGTERM or SIGINT: Postgres, API processes, background process."""
    children: list[Child] = []
    try:
        with stopping_on_signals(), database(settings) as (dsn, owner_dsn, postgres):
            bootstrap.prepare(settings, dsn, owner_dsn)
            environment = {
                **os.environ,
                **to_environment(settings),
                **_shared_metrics(settings),
                "DAYBOOK_DATABASE_URL": dsn,
                "DAYBOOK_MIGRATIONS_URL": owner_dsn,
            }
            try:
                children = [Child("api", environment), Child("worker", environment)]
                for child in children:
                    child.start()
                if settings.tls_files is not None:
                    signal.signal(signal.SIGHUP, lambda *_: children[0].renew())
                _announce(settings)
                _watch(children, postgres)
            finally:
                # The API first, so that what it has accepted is finished while everything still runs.
                for child in children:
                    child.stop()
    except Stopped:
        return


def _shared_metrics(settings: Settings) -> dict[str, str]:
    """Where several API processes put their numbers together; emptied at each start."""
    if settings.workers == 1:
        return {}
    folder = settings.data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def _watch(children: list[Child], postgres: EmbeddedPostgres | None) -> None:
    while True:
        time.sleep(WATCH_SECONDS)
        if postgres is not None and not postgres.is_running():
            log.warning("Postgres died, starting it again")
            postgres.start()
        for child in children:
            child.revive()


def _announce(settings: Settings) -> None:
    url = settings.url
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _is_ready(settings, url):
            print(f"Daybook listens on {url}", flush=True)
            return
        time.sleep(0.02)
    log.error("the service is not ready", url=url, waited_seconds=READY_SECONDS)


def _is_ready(settings: Settings, url: str) -> bool:
    try:
        if settings.tls_files is not None:
            # Its own client has no certificate to show, and the service listens when it is ready.
            with socket.create_connection((settings.host, settings.port), timeout=1):
                return True
        return httpx.get(f"{url}/health/ready", timeout=1).status_code == httpx.codes.OK
    except (httpx.TransportError, OSError):
        return False
