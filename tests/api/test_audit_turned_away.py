"""Without room in the audit log nothing is done for a caller, who is told so in the surface's own words."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from api.gate import Gate
from infrastructure.audit_log import AuditLog
from infrastructure.metrics import Metrics
from infrastructure.runtime import Services
from infrastructure.settings import Settings

NOWHERE = "host=127.0.0.1 port=1"


def called(folder: Path, path: str, room: int) -> tuple[list[Any], AuditLog]:
    """What the gate sends where the log has that much room."""

    async def run() -> AuditLog:
        services = Services(Settings(data=folder), NOWHERE, NOWHERE, observer=None)
        services.audit_log = AuditLog(NOWHERE, services.clock, waiting_max=room)
        gate = Gate(Litestar([], openapi_config=None), Metrics(), {})
        gate.open(services)
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"x-request-id", b"turned-away")],
            "client": ("127.0.0.1", 1),
            "scheme": "http",
        }
        await gate(scope, receive, send)
        return services.audit_log

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    sent: list[Any] = []
    log = asyncio.run(run())
    return sent, log


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/transfers-v2", "unavailable"),
        ("/backoffice/v1/users", "SERVICE_UNAVAILABLE"),
        ("/ledger/v1/events", "unavailable"),
    ],
)
def test_a_caller_is_turned_away_where_the_log_is_full(tmp_path: Path, path: str, code: str) -> None:
    (start, body), log = called(tmp_path, path, room=0)
    assert start["status"] == 503
    headers = dict(start["headers"])
    assert headers[b"retry-after"] == b"1"
    assert headers[b"x-request-id"] == b"turned-away"
    answer = msgspec.json.decode(body["body"])
    error = answer if "code" in answer else answer["error"]
    assert error["code"] == code
    assert (log.turned_away, log.waiting) == (1, 0)


def test_a_call_that_is_let_in_is_noted(tmp_path: Path) -> None:
    (start, _), log = called(tmp_path, "/api/transfers-v2", room=1)
    assert start["status"] == 401
    assert (log.turned_away, log.waiting) == (0, 1)
    assert not log.has_room()
