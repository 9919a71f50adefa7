"""Requests of the transfers surface as tests send them, and answers with their numbers as written."""

import json
from decimal import Decimal
from typing import Any

import httpx
import msgspec

CHECKING, SAVINGS, OTHER = "test_checking_123", "test_savings_456", "test_checking_other"
TRANSFERS = "/api/transfers-v2"


def internal(key: str, amount: Any = 100.00, **changes: Any) -> dict[str, Any]:
    return {
        "idempotency_key": key,
        "from_account_id": CHECKING,
        "to_account_id": SAVINGS,
        "amount": amount,
        "transfer_type": "internal",
        **changes,
    }


def interbank(key: str, amount: Any = 1000.00, **changes: Any) -> dict[str, Any]:
    return {
        "idempotency_key": key,
        "from_account_id": CHECKING,
        "external_bank_name": "Test Bank",
        "external_routing_number": "123456789",
        "external_account_number": "9876543210",
        "external_account_holder_name": "Test User",
        "amount": amount,
        "transfer_type": "interbank",
        **changes,
    }


def create(client: httpx.Client, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    """Sends it, checks the status, and gives the body."""
    response = client.post(TRANSFERS, json=body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def created_id(client: httpx.Client, body: dict[str, Any]) -> str:
    transfer_id: str = create(client, body)["transfer"]["id"]
    return transfer_id


def refusal(client: httpx.Client, body: dict[str, Any], status: int) -> tuple[str, str]:
    """The words and the code of what must be refused with that status."""
    answer = create(client, body, status)
    return answer["error"], answer["code"]


def change(client: httpx.Client, transfer_id: str, action: str, **more: Any) -> httpx.Response:
    return client.patch(f"{TRANSFERS}/{transfer_id}", json={"action": action, **more})


def detail(client: httpx.Client, transfer_id: str) -> dict[str, Any]:
    response = client.get(f"{TRANSFERS}/{transfer_id}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def balance(client: httpx.Client, account_id: str = CHECKING) -> dict[str, Any]:
    response = client.get(f"/api/accounts/{account_id}/balance")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def totals(client: httpx.Client, account_id: str = CHECKING) -> tuple[float, float, float, float, float]:
    """Posted, available, pending, outgoing and incoming."""
    shown = balance(client, account_id)
    names = ("balance", "available_balance", "pending_balance", "outgoing_holds", "incoming_holds")
    posted, available, pending, outgoing, incoming = (shown[name] for name in names)
    return posted, available, pending, outgoing, incoming


def exactly(response: httpx.Response) -> Any:
    """The body with numbers as they were written: 100.00 is not 100.0."""
    return msgspec.json.Decoder(float_hook=_Written).decode(response.content)


class _Written(Decimal):
    """Equal only to the same digits."""

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    __hash__ = Decimal.__hash__


def with_raw(member: str, raw: bytes) -> bytes:
    """The request with that member as the given bytes."""
    return json.dumps(internal("hostile") | {member: "@"}).encode().replace(b'"@"', raw)
