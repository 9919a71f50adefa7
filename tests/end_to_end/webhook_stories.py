"""What stories about webhooks are told with: transfers, what a receiver heard, the worker's process."""

import httpx
import psutil

from tests.end_to_end.test_crashes import processes
from tests.sandbox_service import SandboxService
from tests.webhook_receiver import Received, eventually


def transfer(user: httpx.Client, key: str, amount: str = "1.00") -> str:
    response = user.post(
        "/api/transfers-v2",
        json={
            "idempotency_key": key,
            "from_account_id": "test_checking_123",
            "to_account_id": "test_savings_456",
            "amount": amount,
            "transfer_type": "internal",
        },
    )
    assert response.status_code == 201, response.text
    return str(response.json()["transfer"]["id"])


def transfer_of(received: Received) -> str:
    return str(received.content["data"]["transfer_id"])


def in_order(received: list[Received]) -> dict[str, list[str]]:
    """The events of each transfer in the order in which they came first."""
    told: dict[str, list[str]] = {}
    for each in received:
        events = told.setdefault(transfer_of(each), [])
        if each.event not in events:
            events.append(each.event)
    return told


def worker(service: SandboxService) -> psutil.Process:
    eventually(lambda: processes(service, "worker"))
    return processes(service, "worker")[0]


def ledger_time(service: SandboxService) -> str:
    now: str = service.http.get("/sandbox/clock").json()["now"]
    return now.replace("Z", "+00:00")
