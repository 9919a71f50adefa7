"""A sandbox that runs: `daybook serve --sandbox` as users start it, on a free port and in its own folder."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

MONDAY = "2025-10-20T15:30:00Z"
_START_SECONDS_MAX = 60
_STOP_SECONDS_MAX = 60


class SandboxService:
    """One running service, and a client that talks to it."""

    def __init__(
        self,
        port: int,
        process: subprocess.Popen[bytes],
        data: Path,
        log: Path,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.url = url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        self.process = process
        self.data = data
        self.http = httpx.Client(base_url=url, timeout=30, verify=tls or True)
        self._log = log

    def token(self, **wanted: Any) -> str:
        response = self.http.post("/sandbox/tokens", json=wanted)
        assert response.status_code == 200, response.text
        token: str = response.json()["access_token"]
        return token

    def user(self, subject: str = "user_demo", **wanted: Any) -> httpx.Client:
        """A client that speaks for a user, with a token that outlives any move of the clock."""
        token = self.token(subject=subject, **{"scope": "transfers", "expires_in": 10**8, **wanted})
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, timeout=30, headers=headers)

    def set_clock(self, instant: str) -> None:
        response = self.http.post("/sandbox/clock", json={"set": instant})
        assert response.status_code == 200, response.text

    def advance(self, seconds: int) -> None:
        response = self.http.post("/sandbox/clock", json={"advance_seconds": seconds})
        assert response.status_code == 200, response.text

    def reset(self) -> None:
        assert self.http.post("/sandbox/reset").status_code == 204

    def log(self) -> str:
        return self._log.read_text(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def sandbox_service(
    folder: Path,
    *options: str,
    clock: str | None = MONDAY,
    port: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[SandboxService]:
    """Runs the service on `folder` until the block ends, however that ends. `tls` is what its client trusts,
    where the options make it speak TLS."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "service.log"
    command = [sys.executable, "-m", "api.command_line", "serve", "--sandbox"]
    command += ["--data", str(folder / "data"), "--port", str(port), *options]
    if clock is not None:
        command += ["--clock", clock]
    # What the developer's own shell sets must not change what is tested.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    service = SandboxService(port, process, folder / "data", log, tls)
    try:
        wait_until_ready(service)
        yield service
    finally:
        service.http.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS_MAX)
        finally:
            process.kill()


def wait_until_ready(service: SandboxService) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert service.process.poll() is None, service.log()
        try:
            if service.http.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the service did not get ready: {service.log()}")
