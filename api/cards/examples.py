"""Examples for the OpenAPI document. Requests name the sandbox's fixtures, ready to be sent."""

from typing import Any

from api.exchange import decode_exactly


def _exact(text: str) -> Any:
    return decode_exactly(text.encode())


PURCHASE = _exact("""{
    "maskedPan": "411111******1111", "panHash": "a1b2c3d4e5f6g7h8i9j0", "expiryDate": "12/25",
    "merchantId": "MERCH123456", "merchantName": "Example Merchant", "channel": "POS", "mcc": "5411",
    "countryCode": "USA", "transactionType": "PURCHASE", "amount": 125.50, "currency": "USD",
    "timestamp": "2023-05-01T14:30:00Z"
}""")

AUTHORIZATIONS = {
    "approved": PURCHASE,
    "declined": PURCHASE | {"panHash": "sandbox-low-funds", "expiryDate": "12/35"},
    "challenged": PURCHASE
    | _exact("""{
        "panHash": "sandbox-long", "expiryDate": "12/35", "channel": "E_COMMERCE", "countryCode": "GBR",
        "amount": 1000.00
    }"""),
    "refund": PURCHASE | {"panHash": "sandbox-long", "expiryDate": "12/35", "transactionType": "REFUND"},
}

APPROVED = _exact("""{
    "requestId": 123456789, "decisionId": 987654321, "decision": "APPROVED",
    "reasonCode": "APPROVED_TRANSACTION", "reasonMessage": "Transaction approved",
    "approvedAmount": 125.50, "currency": "USD", "authorizationCode": "123456", "riskScore": 25,
    "holdId": 456789123, "timestamp": "2023-05-01T14:30:05Z"
}""")

DECLINED = _exact("""{
    "requestId": 123456789, "decisionId": 987654321, "decision": "DECLINED",
    "reasonCode": "INSUFFICIENT_FUNDS", "reasonMessage": "Insufficient funds",
    "approvedAmount": 0.00, "currency": "USD", "riskScore": 25, "timestamp": "2023-05-01T14:30:05Z"
}""")

CHALLENGED = _exact("""{
    "requestId": 123456789, "decisionId": 987654321, "decision": "CHALLENGE",
    "reasonCode": "ADDITIONAL_AUTHENTICATION_REQUIRED",
    "reasonMessage": "Additional authentication required",
    "approvedAmount": 125.50, "currency": "USD", "riskScore": 75,
    "challengeUrl": "https://3ds.example.com/challenge/123456789", "timestamp": "2023-05-01T14:30:05Z"
}""")

REVERSED = _exact("""{
    "requestId": 123456789, "decisionId": 987654321, "decision": "DECLINED",
    "reasonCode": "AUTHORIZATION_REVERSED",
    "reasonMessage": "Authorization reversed: Merchant initiated reversal",
    "approvedAmount": 0.00, "currency": "USD", "riskScore": 25, "timestamp": "2023-05-01T15:30:05Z"
}""")

AFTER_CHALLENGE = APPROVED | {"timestamp": "2023-05-01T14:35:05Z"}

REVERSAL = {"reason": "Merchant initiated reversal"}
RELEASE = {"reason": "Merchant initiated release"}

COMPLETIONS = {
    "success": {
        "authenticationResult": "SUCCESS",
        "authenticationValue": "3ds-authentication-value",
        "eci": "05",
        "cavv": "cavv-value",
        "xid": "xid-value",
    },
    "failure": {"authenticationResult": "FAILURE"},
}

CAPTURES = {
    "all": _exact("""{"amount": 125.50, "currency": "USD", "reference": "SETTLEMENT-123456"}"""),
    "part": _exact("""{
        "amount": 25.00, "currency": "USD", "reference": "SETTLEMENT-123457", "final": false
    }"""),
}

HOLD = _exact("""{
    "holdId": 456789123, "requestId": 123456789, "cardId": 789123456, "accountId": 321654987,
    "accountSpaceId": 654987321, "amount": 125.50, "capturedAmount": 0.00, "currency": "USD",
    "merchantId": "MERCH123456", "merchantName": "Example Merchant", "status": "ACTIVE",
    "createdAt": "2023-05-01T14:30:05Z", "updatedAt": null, "expiresAt": "2023-05-08T14:30:05Z"
}""")

CAPTURED = HOLD | _exact("""{
    "capturedAmount": 125.50, "status": "CAPTURED", "updatedAt": "2023-05-02T10:15:00Z"
}""")

_CAPTURED_BEFORE = _exact("""{
    "holdId": 456789124, "requestId": 123456790, "cardId": 789123456, "accountId": 321654987,
    "accountSpaceId": 654987321, "amount": 75.25, "capturedAmount": 75.25, "currency": "USD",
    "merchantId": "MERCH789012", "merchantName": "Another Merchant", "status": "CAPTURED",
    "createdAt": "2023-04-30T09:15:00Z", "updatedAt": "2023-05-01T10:30:00Z",
    "expiresAt": "2023-05-07T09:15:00Z"
}""")

RELEASED = _exact("""{
    "accountId": 321654987, "accountSpaceId": 654987321, "availableBalance": 5000.00,
    "reservedBalance": 0.00, "postedBalance": 4500.00, "currency": "USD",
    "timestamp": "2023-05-02T10:20:00Z"
}""")

_SORTED = {"sorted": True, "unsorted": False, "empty": False}

HOLDS = {
    "content": [HOLD, _CAPTURED_BEFORE],
    "pageable": {
        "pageNumber": 0,
        "pageSize": 20,
        "sort": _SORTED,
        "offset": 0,
        "paged": True,
        "unpaged": False,
    },
    "totalElements": 2,
    "totalPages": 1,
    "last": True,
    "size": 20,
    "number": 0,
    "sort": _SORTED,
    "numberOfElements": 2,
    "first": True,
    "empty": False,
}

INVALID_AMOUNT = {
    "status": 400,
    "error": "Bad Request",
    "message": "Invalid transaction amount",
    "path": "/api/v1/authorizations",
    "timestamp": "2023-05-01T14:30:00Z",
    "details": {"field": "amount", "value": "-100.00", "constraint": "must be greater than 0"},
}
