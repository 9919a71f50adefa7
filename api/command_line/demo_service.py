"""A sandbox service for the time of a demonstration: its own folder, a free port, gone afterwards."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from api.command_line.exits import CommandFailed, Exit
from infrastructure.settings import ENVIRONMENT_PREFIX

CLOCK = "2025-10-20T15:30:00Z"
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
_LOG_LINES_SHOWN = 15


class RunningService(NamedTuple):
    url: str
    data: Path


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running_sandbox(clock: str = CLOCK) -> Iterator[RunningService]:
    """Starts `daybook serve --sandbox` in a temporary folder, and stops it and removes the folder after."""
    with tempfile.TemporaryDirectory(prefix="daybook-demo-") as folder:
        data, port = Path(folder) / "data", free_port()
        log_path = Path(folder) / "service.log"
        with log_path.open("wb") as log:
            service = subprocess.Popen(
                [
                    *(sys.executable, "-m", "api.command_line", "serve", "--sandbox"),
                    *("--data", str(data), "--port", str(port), "--clock", clock, "--log-level", "warning"),
                ],
                stdout=log,
                stderr=log,
                env=_without_settings(),
                # An interrupt from the terminal is for the demonstration, which stops the service itself.
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(service, url, log_path)
            yield RunningService(url, data)
        finally:
            _stop(service)


def _without_settings() -> dict[str, str]:
    # The demonstration is the same whatever the settings of a service on this machine are.
    return {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}


def _await_ready(service: subprocess.Popen[bytes], url: str, log_path: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    last_lines = "\n".join(log_path.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
    raise CommandFailed(f"the service did not start:\n{last_lines}", Exit.UNAVAILABLE)


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    try:
        service.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
