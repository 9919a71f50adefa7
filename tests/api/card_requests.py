"""Requests of the cards surface as tests send them, to the sandbox's cards."""

import json
from typing import Any, NamedTuple

import httpx

CARDS_CLOCK = "2023-05-01T14:30:00Z"
CARDS_SCOPES = "authorizations.read authorizations.write holds.read holds.write cards.admin webhooks.admin"

AUTHORIZATIONS, HOLDS, ADMIN = "/api/v1/authorizations", "/api/v1/holds", "/api/v1/admin"
ALTERNATIVE_PREFIX = "/card-authorization"
ACCOUNT = 321654987
REVERSAL = {"reason": "Merchant initiated reversal"}
RELEASE = {"reason": "Merchant initiated release"}
SUCCESS, FAILURE = {"authenticationResult": "SUCCESS"}, {"authenticationResult": "FAILURE"}


class Plastic(NamedTuple):
    """A card of the sandbox, as merchants know it."""

    card_id: int
    pan_hash: str
    masked_pan: str
    expiry: str


DOCUMENTED = Plastic(789123456, "a1b2c3d4e5f6g7h8i9j0", "411111******1111", "12/25")
LOW_FUNDS = Plastic(789123457, "sandbox-low-funds", "411111******1112", "12/35")
BLOCKED = Plastic(789123458, "sandbox-blocked", "411111******1113", "12/35")
LONG = Plastic(789123459, "sandbox-long", "411111******1114", "12/35")


def purchase(plastic: Plastic = LONG, amount: Any = 125.50, **changes: Any) -> dict[str, Any]:
    """The document's first request, with that card."""
    return {
        "maskedPan": plastic.masked_pan,
        "panHash": plastic.pan_hash,
        "expiryDate": plastic.expiry,
        "merchantId": "MERCH123456",
        "merchantName": "Example Merchant",
        "channel": "POS",
        "mcc": "5411",
        "countryCode": "USA",
        "transactionType": "PURCHASE",
        "amount": amount,
        "currency": "USD",
        "timestamp": "2023-05-01T14:30:00Z",
        **changes,
    }


def challenged(plastic: Plastic = LONG, **changes: Any) -> dict[str, Any]:
    """What a fresh card is challenged for: much, on the web, from abroad."""
    return purchase(plastic, 1000, channel="E_COMMERCE", countryCode="GBR", **changes)


def post(
    client: httpx.Client, path: str, body: Any, status: int = 200, key: str | None = None
) -> dict[str, Any]:
    """Sends it, checks the status, and gives the body."""
    response = client.post(path, json=body, headers={} if key is None else {"Idempotency-Key": key})
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def get(client: httpx.Client, path: str, expected: int = 200, /, **parameters: Any) -> dict[str, Any]:
    response = client.get(path, params=parameters)
    assert response.status_code == expected, response.text
    answer: dict[str, Any] = response.json()
    return answer


def authorize(client: httpx.Client, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return post(client, AUTHORIZATIONS, body, status)


def declined(client: httpx.Client, body: dict[str, Any]) -> str:
    """The reason of what must be declined."""
    answer = authorize(client, body, 422)
    assert answer["decision"] == "DECLINED"
    reason: str = answer["reasonCode"]
    return reason


def decision(client: httpx.Client, decision_id: int) -> dict[str, Any]:
    return get(client, f"{AUTHORIZATIONS}/{decision_id}")


def latest(client: httpx.Client, request_id: int) -> dict[str, Any]:
    return get(client, f"{AUTHORIZATIONS}/request/{request_id}")


def reverse(client: httpx.Client, request_id: int, status: int = 200) -> dict[str, Any]:
    return post(client, f"{AUTHORIZATIONS}/{request_id}/reverse", REVERSAL, status)


def complete(
    client: httpx.Client, request_id: int, body: dict[str, Any] = SUCCESS, status: int = 200
) -> dict[str, Any]:
    return post(client, f"{AUTHORIZATIONS}/{request_id}/challenge-complete", body, status)


def placed_hold(client: httpx.Client, amount: Any = 125.50, plastic: Plastic = LONG, **changes: Any) -> int:
    hold_id: int = authorize(client, purchase(plastic, amount, **changes))["holdId"]
    return hold_id


def hold(client: httpx.Client, hold_id: int) -> dict[str, Any]:
    return get(client, f"{HOLDS}/{hold_id}")


def capture(
    client: httpx.Client, hold_id: int, amount: Any, status: int = 200, **changes: Any
) -> dict[str, Any]:
    body = {"amount": amount, "currency": "USD", "reference": "SETTLEMENT-123456", **changes}
    return post(client, f"{HOLDS}/{hold_id}/capture", body, status)


def release(client: httpx.Client, hold_id: int, status: int = 200) -> dict[str, Any]:
    return post(client, f"{HOLDS}/{hold_id}/release", RELEASE, status)


def holds(client: httpx.Client, **parameters: Any) -> list[dict[str, Any]]:
    """Those on one page of the account's list."""
    content: list[dict[str, Any]] = get(client, HOLDS, **{"accountId": ACCOUNT, **parameters})["content"]
    return content


def balance(client: httpx.Client) -> tuple[str, str, str]:
    """Posted, held and available on the cards' account, as auditors see it."""
    shown = get(client, f"/ledger/v1/accounts/{ACCOUNT}/balance")
    return shown["posted"], shown["held"], shown["available"]


def with_raw(member: str, raw: bytes, body: dict[str, Any] | None = None) -> bytes:
    """The request with that member as the given bytes."""
    return json.dumps((body or purchase()) | {member: "@"}).encode().replace(b'"@"', raw)


def limits_of(
    transaction: Any, daily: Any, monthly: Any, **channels: tuple[Any, Any] | None
) -> dict[str, Any]:
    """A card's limits; a channel's are per transaction and per day."""
    return {
        "transactionLimit": transaction,
        "dailyLimit": daily,
        "monthlyLimit": monthly,
        "channelLimits": {
            name: None if pair is None else {"transactionLimit": pair[0], "dailyLimit": pair[1]}
            for name, pair in channels.items()
        },
    }


def issue(
    client: httpx.Client,
    pan_hash: str,
    account: Any = ACCOUNT,
    limits: dict[str, Any] | None = None,
    expiry: str = "12/35",
) -> Plastic:
    """A new card on that account; without limits worth mentioning where none are given."""
    sent = {
        "accountId": account,
        "panHash": pan_hash,
        "maskedPan": "411111******2222",
        "expiryDate": expiry,
        "limits": limits or limits_of(100_000, 100_000, 100_000),
    }
    answer = post(client, f"{ADMIN}/cards", sent, 201)
    return Plastic(answer["cardId"], pan_hash, answer["maskedPan"], expiry)


def change_limits(client: httpx.Client, plastic: Plastic, limits: dict[str, Any]) -> None:
    response = client.put(f"{ADMIN}/cards/{plastic.card_id}/limits", json=limits)
    assert response.status_code == 200, response.text


def set_status(client: httpx.Client, plastic: Plastic, status: str) -> None:
    post(client, f"{ADMIN}/cards/{plastic.card_id}/status", {"status": status, "reason": "test"})
