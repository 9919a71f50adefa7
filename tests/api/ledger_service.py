"""A sandbox of its own, served over real HTTP, for the tests of the ledger's surface."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

START = "2025-10-20T15:30:00Z"
PATIENCE_SECONDS = 60.0


class LedgerService:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self._tokens: dict[str, str] = {}

    def token(self, scope: str, tenant: str = "test-bank-001", **claims: Any) -> str:
        """One token for each scope and tenant, unless it is a special one."""
        key = f"{tenant} {scope} {claims}"
        if key not in self._tokens:
            body = {"scope": scope, "tenant": tenant, "expires_in": 86_400 * 30, **claims}
            answer = self.http.post("/sandbox/tokens", json=body)
            assert answer.status_code == 200, answer.text
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    def headers(self, scope: str = "audit.read", tenant: str = "test-bank-001") -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(scope, tenant)}"}

    def get(self, path: str, scope: str = "audit.read", accept: str = "", **query: Any) -> httpx.Response:
        headers = self.headers(scope) | ({"accept": accept} if accept else {})
        named = {name.rstrip("_"): value for name, value in query.items()}
        return self.http.get(f"/ledger/v1/{path}", params=named, headers=headers)

    def read(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def transfer(self, key: str, amount: str) -> int:
        """From checking to savings; gives the position of its last event."""
        body = {
            "idempotency_key": key,
            "from_account_id": "test_checking_123",
            "to_account_id": "test_savings_456",
            "amount": amount,
            "transfer_type": "internal",
        }
        answer = self.http.post("/api/transfers-v2", json=body, headers=self.headers("transfers"))
        assert answer.status_code == 201, answer.text
        return int(answer.headers["x-ledger-position"])

    def advance(self, seconds: int) -> None:
        answer = self.http.post("/sandbox/clock", json={"advance_seconds": seconds})
        assert answer.status_code == 200, answer.text


@contextmanager
def ledger_service(data: Path) -> Iterator[LedgerService]:
    """`daybook serve --sandbox` with everything in `data`, stopped at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--sandbox", "--clock", START, "--rate-limits", "off")
    environment = {name: value for name, value in os.environ.items() if not re.match("DAYBOOK_", name)}
    process = subprocess.Popen(
        (sys.executable, "-m", "api.command_line", "serve", *options, "--port", str(port), "--data", data),
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            _wait_until_ready(http, process)
            yield LedgerService(http)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_until_ready(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, "the service ended"
        try:
            if http.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "the service did not become ready"
        time.sleep(0.05)
