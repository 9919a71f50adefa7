"""The administrative examples of the cards document, sent as they stand, on the days that they tell of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.card_administration import CARDS, WEBHOOKS, delete_override, done, put_limits, send
from tests.api.card_requests import (
    ALTERNATIVE_PREFIX,
    CARDS_CLOCK,
    CARDS_SCOPES,
    DOCUMENTED,
    authorize,
    purchase,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService, sandbox_service

LIMITS_PATH = f"{CARDS}/{DOCUMENTED.card_id}/limits"
OVERRIDES_PATH = f"{CARDS}/{DOCUMENTED.card_id}/limit-overrides"

LIMITS = {
    "cardId": 789123456,
    "transactionLimit": 2000.00,
    "dailyLimit": 5000.00,
    "monthlyLimit": 20000.00,
    "channelLimits": {
        "ATM": {"transactionLimit": 500.00, "dailyLimit": 1000.00},
        "E_COMMERCE": {"transactionLimit": 1000.00, "dailyLimit": 3000.00},
        "POS": {"transactionLimit": 2000.00, "dailyLimit": 5000.00},
    },
}
CHANGE = {
    "transactionLimit": 2000.00,
    "dailyLimit": 5000.00,
    "monthlyLimit": 20000.00,
    "channelLimits": {
        "ATM": {"transactionLimit": 500.00, "dailyLimit": 1000.00},
        "E_COMMERCE": {"transactionLimit": 1000.00, "dailyLimit": 3000.00},
    },
}
OVERRIDE = {
    "transactionLimit": 5000.00,
    "dailyLimit": 10000.00,
    "monthlyLimit": 30000.00,
    "reason": "Customer traveling abroad",
    "expiresAt": "2023-05-15T23:59:59Z",
}
SUMMARY = {
    "cardId": 789123456,
    "fromDate": "2023-05-01T00:00:00Z",
    "toDate": "2023-05-02T23:59:59Z",
    "totalSpent": 200.75,
    "transactionCount": 2,
    "byChannel": {
        "POS": {"totalSpent": 125.50, "transactionCount": 1},
        "E_COMMERCE": {"totalSpent": 75.25, "transactionCount": 1},
    },
    "byMerchantCategory": {
        "5411": {"totalSpent": 125.50, "transactionCount": 1},
        "5732": {"totalSpent": 75.25, "transactionCount": 1},
    },
    "dailySpending": [
        {"date": "2023-05-01", "totalSpent": 125.50, "transactionCount": 1},
        {"date": "2023-05-02", "totalSpent": 75.25, "transactionCount": 1},
    ],
}
WEBHOOK = {
    "url": "https://example.com/webhooks/card-authorization",
    "events": ["AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"],
}
PAGE = {
    "pageable": {
        "pageNumber": 0,
        "pageSize": 20,
        "sort": {"sorted": True, "unsorted": False, "empty": False},
        "offset": 0,
        "paged": True,
        "unpaged": False,
    },
    "totalElements": 1,
    "totalPages": 1,
    "last": True,
    "size": 20,
    "number": 0,
    "sort": {"sorted": True, "unsorted": False, "empty": False},
    "numberOfElements": 1,
    "first": True,
    "empty": False,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    folder: Path = tmp_path_factory.mktemp("document")
    with sandbox_service(folder, "--rate-limits", "off", clock=CARDS_CLOCK) as service:
        yield service


@pytest.fixture
def admin(service: SandboxService) -> Iterator[httpx.Client]:
    with service.user("admin-user", scope=CARDS_SCOPES) as client:
        yield client


def apart_from(body: dict[str, Any], *names: str) -> tuple[dict[str, Any], list[Any]]:
    return {key: value for key, value in body.items() if key not in names}, [body[name] for name in names]


def test_the_documents_examples(service: SandboxService, admin: httpx.Client) -> None:
    """Each request as documented is answered as documented, but for numbers and seconds; members in order."""
    shown, [issued] = apart_from(done(admin.get(LIMITS_PATH)), "lastUpdated")
    assert (shown, list(shown)) == (LIMITS, list(LIMITS))
    assert issued >= CARDS_CLOCK
    authorize(admin, purchase(DOCUMENTED, 125.50))
    service.set_clock("2023-05-02T10:00:00Z")
    authorize(admin, purchase(DOCUMENTED, 75.25, channel="E_COMMERCE", mcc="5732"))
    for dates in (("2023-05-01", "2023-05-02"), ("2023-05-01T00:00:00Z", "2023-05-02T23:59:59Z")):
        parameters = {"fromDate": dates[0], "toDate": dates[1]}
        response = admin.get(f"{CARDS}/{DOCUMENTED.card_id}/spending-summary", params=parameters)
        assert (done(response), list(done(response))) == (SUMMARY, list(SUMMARY))
        assert str(exactly(response)["totalSpent"]) == "200.75"

    service.set_clock("2023-05-02T11:45:00Z")
    changed, [last_updated] = apart_from(done(put_limits(admin, CHANGE, DOCUMENTED)), "lastUpdated")
    assert changed == LIMITS
    assert last_updated >= "2023-05-02T11:45:00Z"
    assert done(admin.get(ALTERNATIVE_PREFIX + LIMITS_PATH))["lastUpdated"] == last_updated

    service.set_clock("2023-05-02T11:50:00Z")
    made = done(send(admin, "POST", OVERRIDES_PATH, OVERRIDE), 201)
    content, [number, created_at] = apart_from(made, "id", "createdAt")
    assert content == {**OVERRIDE, "cardId": 789123456, "createdBy": "admin-user"}
    assert created_at >= "2023-05-02T11:50:00Z"
    assert done(admin.get(OVERRIDES_PATH)) == {"content": [made], **PAGE}
    assert delete_override(admin, number).status_code == 204

    service.set_clock("2023-05-02T12:00:00Z")
    asked = {**WEBHOOK, "secret": "webhook-secret-key"}
    webhook = done(send(admin, "POST", WEBHOOKS, asked), 201)
    content, [identifier, created_at] = apart_from(webhook, "id", "createdAt")
    assert content == {**WEBHOOK, "active": True}
    assert identifier.startswith("webhook-")
    assert created_at >= "2023-05-02T12:00:00Z"
    assert send(admin, "DELETE", f"{WEBHOOKS}/{identifier}").status_code == 204
