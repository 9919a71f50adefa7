"""The service under test, as its users start it: `daybook serve` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import psutil

from infrastructure.settings import Settings, to_environment

READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


class ServiceFailed(Exception):
    """The service did not start or did not stay."""


class Service:
    def __init__(self, process: subprocess.Popen[bytes], settings: Settings) -> None:
        self.process = process
        self.settings = settings

    def is_ready(self) -> bool:
        url = f"http://{self.settings.host}:{self.settings.port}/health/ready"
        try:
            return httpx.get(url, timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def api_memory_bytes(self) -> int:
        """Resident memory of the largest API process."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return max(
            child.memory_info().rss for child in children if "api" in child.cmdline() and child.is_running()
        )


@contextmanager
def running(settings: Settings, extra: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Started and ready; stopped at the end, whatever happens."""
    environment = {**os.environ, **to_environment(settings), **(extra or {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.command_line", "serve"], env=environment, stdout=subprocess.DEVNULL
    )
    service = Service(process, settings)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not service.is_ready():
        if service.process.poll() is not None:
            raise ServiceFailed(f"the service ended with status {service.process.returncode}")
        if time.monotonic() > deadline:
            raise ServiceFailed(f"not ready after {READY_SECONDS_MAX} s")
        time.sleep(0.01)
