"""Examples for the OpenAPI document. Requests name the sandbox's fixtures, ready to be sent."""

from typing import Any

from api.cards.pages import PageWish, page_of
from api.exchange import decode_exactly, encode


def _exact(text: str) -> Any:
    return decode_exactly(text.encode())


def _page(*content: Any) -> Any:
    return decode_exactly(encode(page_of(content, PageWish(0, 20), len(content))))


_OWN_LIMITS = '"transactionLimit": 2000.00, "dailyLimit": 5000.00, "monthlyLimit": 20000.00'
_ATM = '"ATM": {"transactionLimit": 500.00, "dailyLimit": 1000.00}'
_E_COMMERCE = '"E_COMMERCE": {"transactionLimit": 1000.00, "dailyLimit": 3000.00}'
_POS = '"POS": {"transactionLimit": 2000.00, "dailyLimit": 5000.00}'
_LIMITS = f'{_OWN_LIMITS}, "channelLimits": {{{_ATM}, {_E_COMMERCE}, {_POS}}}'

LIMITS = _exact(f'{{"cardId": 789123456, {_LIMITS}, "lastUpdated": "2023-04-15T10:30:00Z"}}')
LIMITS_CHANGES = {
    "several": _exact(f'{{{_OWN_LIMITS}, "channelLimits": {{{_ATM}, {_E_COMMERCE}}}}}'),
    "one": _exact('{"dailyLimit": 4000.00}'),
    "without_a_channel": _exact('{"channelLimits": {"ATM": null}}'),
}
CHANGED_LIMITS = LIMITS | {"lastUpdated": "2023-05-02T11:45:00Z"}

_OVERRIDE = """
    "transactionLimit": 5000.00, "dailyLimit": 10000.00, "monthlyLimit": 30000.00,
    "reason": "Customer traveling abroad"
"""
OVERRIDE_REQUEST = _exact(f'{{{_OVERRIDE}, "expiresAt": "2123-05-15T23:59:59Z"}}')
OVERRIDE = _exact(f"""{{
    "id": 123456, "cardId": 789123456, {_OVERRIDE}, "createdBy": "admin-user",
    "createdAt": "2023-05-02T11:50:00Z", "expiresAt": "2023-05-15T23:59:59Z"
}}""")
OVERRIDES = _page(OVERRIDE)

SPENDING_SUMMARY = _exact("""{
    "cardId": 789123456, "fromDate": "2023-05-01T00:00:00Z", "toDate": "2023-05-02T23:59:59Z",
    "totalSpent": 200.75, "transactionCount": 2,
    "byChannel": {
        "POS": {"totalSpent": 125.50, "transactionCount": 1},
        "E_COMMERCE": {"totalSpent": 75.25, "transactionCount": 1}
    },
    "byMerchantCategory": {
        "5411": {"totalSpent": 125.50, "transactionCount": 1},
        "5732": {"totalSpent": 75.25, "transactionCount": 1}
    },
    "dailySpending": [
        {"date": "2023-05-01", "totalSpent": 125.50, "transactionCount": 1},
        {"date": "2023-05-02", "totalSpent": 75.25, "transactionCount": 1}
    ]
}""")

_CARD = '"maskedPan": "411111******1111", "expiryDate": "12/25"'
CARD_REQUEST = _exact(f"""{{
    "accountId": "test_checking_123", "panHash": "0f3c9a7d5e1b2846", "maskedPan": "411111******2222",
    "expiryDate": "12/35", "limits": {{{_OWN_LIMITS}, "channelLimits": {{{_ATM}}}}}
}}""")
CARD = _exact(f"""{{
    "cardId": 789123456, "accountId": 321654987, "accountSpaceId": 654987321, {_CARD},
    "status": "ACTIVE", "limits": {{{_LIMITS}}}, "createdAt": "2023-04-15T10:30:00Z"
}}""")
CARDS = _page(CARD)
STATUS_CHANGES = {
    "block": {"status": "BLOCKED", "reason": "Reported as lost"},
    "unblock": {"status": "ACTIVE", "reason": "Found again"},
}
BLOCKED_CARD = CARD | {"status": "BLOCKED"}

_WEBHOOK = {
    "url": "https://example.com/webhooks/card-authorization",
    "events": ["AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"],
}
WEBHOOK_REQUEST = _WEBHOOK | {"secret": "webhook-secret-key"}
WEBHOOK = {"id": "webhook-123456", **_WEBHOOK, "active": True, "createdAt": "2023-05-02T12:00:00Z"}
WEBHOOKS = _page(WEBHOOK)
