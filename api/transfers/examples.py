"""Examples for the OpenAPI document. Requests name the sandbox's fixtures, ready to be sent."""

from typing import Any

from api.exchange import decode_exactly


def _exact(text: str) -> Any:
    return decode_exactly(text.encode())


REQUESTS = {
    "internal": _exact("""{
        "idempotency_key": "test_internal_001", "from_account_id": "test_checking_123",
        "to_account_id": "test_savings_456", "amount": 100.00, "transfer_type": "internal"
    }"""),
    "insufficient_balance": _exact("""{
        "idempotency_key": "test_insufficient_001", "from_account_id": "test_checking_123",
        "to_account_id": "test_savings_456", "amount": 20000.00, "transfer_type": "internal"
    }"""),
    "second_factor": _exact("""{
        "idempotency_key": "test_mfa_001", "from_account_id": "test_checking_123",
        "external_bank_name": "Test Bank", "external_routing_number": "123456789",
        "external_account_number": "9876543210", "external_account_holder_name": "Test User",
        "amount": 6000.00, "transfer_type": "interbank"
    }"""),
    "network_failure": _exact("""{
        "idempotency_key": "test_ach_fail_001", "from_account_id": "test_checking_123",
        "external_bank_name": "Test Bank", "external_routing_number": "999999999",
        "external_account_number": "9876543210", "external_account_holder_name": "Test User",
        "amount": 100.00, "transfer_type": "interbank"
    }"""),
}

CHANGES = {
    "cancel": {"action": "cancel"},
    "verify_mfa": {"action": "verify_mfa", "mfa_code": "123456"},
}

_TERMS = """
    "id": "tx_abc123def456", "idempotency_key": "client-uuid-12345", "user_id": "user_xyz789",
    "from_account_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "to_account_id": "f6e5d4c3-b2a1-0987-6543-210fedcba098",
    "amount": 500.00, "fee": 0.00, "currency": "USD", "transfer_type": "internal"
"""
_SCHEDULE = """
    "memo": "Rent payment", "reference": "FTZ251020ABCD1234",
    "scheduled_settlement_at": "2025-10-21T12:00:00Z", "created_at": "2025-10-20T15:30:00Z"
"""

CREATED = _exact(f"""{{
    "transfer": {{{_TERMS}, "status": "pending", {_SCHEDULE}, "requires_mfa": false, "mfa_verified": false}},
    "message": "Transfer initiated successfully", "requires_mfa": false,
    "settlement_estimate": "1 business day", "fee": 0.00
}}""")

LISTED = _exact("""{
    "transfers": [
        {
            "id": "tx_abc123", "from_account_id": "acct_123", "to_account_id": "acct_456",
            "amount": 500.00, "fee": 0.00, "transfer_type": "internal", "status": "pending",
            "reference": "FTZ251020ABCD1234", "scheduled_settlement_at": "2025-10-21T12:00:00Z",
            "created_at": "2025-10-20T15:30:00Z"
        },
        {
            "id": "tx_def456", "from_account_id": "acct_123", "external_bank_name": "Bank of America",
            "amount": 1000.00, "fee": 2.50, "transfer_type": "interbank", "status": "processing",
            "reference": "FTZ251019EFGH5678", "scheduled_settlement_at": "2025-10-23T12:00:00Z",
            "created_at": "2025-10-19T10:15:00Z"
        }
    ],
    "next_cursor": null
}""")

DETAIL = _exact(f"""{{
    "transfer": {{{_TERMS}, "status": "processing", {_SCHEDULE}, "updated_at": "2025-10-21T10:00:00Z"}},
    "from_account": {{"account_number": "1234567890", "account_type": "checking"}},
    "to_account": {{"account_number": "0987654321", "account_type": "savings"}},
    "holds": [
        {{
            "id": "hold_123", "account_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "amount": 500.00,
            "hold_type": "outgoing", "status": "active", "created_at": "2025-10-20T15:30:00Z"
        }}
    ],
    "ledger_entries": [
        {{
            "id": "ledger_001", "entry_type": "hold", "amount": 500.00, "balance_after": 4500.00,
            "category": "transfer_hold", "description": "Transfer hold: Rent payment",
            "created_at": "2025-10-20T15:30:00Z"
        }}
    ],
    "events": [
        {{
            "id": "event_001", "from_status": "initiated", "to_status": "pending",
            "event_type": "status_change", "details": "Status changed from initiated to pending",
            "created_at": "2025-10-20T15:30:00Z"
        }},
        {{
            "id": "event_002", "from_status": "pending", "to_status": "processing",
            "event_type": "status_change", "details": "Status changed from pending to processing",
            "created_at": "2025-10-21T10:00:00Z"
        }}
    ],
    "progress": 75
}}""")

CANCELLED = {
    "message": "Transfer cancelled successfully",
    "transfer": {"id": "tx_abc123def456", "status": "cancelled", "updated_at": "2025-10-20T16:00:00Z"},
}

BALANCE = _exact("""{
    "account_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "account_number": "1234567890",
    "account_type": "checking", "currency": "USD", "balance": 5000.00, "available_balance": 4500.00,
    "pending_balance": 500.00, "outgoing_holds": 500.00, "incoming_holds": 0.00,
    "active_holds": [
        {
            "id": "hold_123", "transfer_id": "tx_abc123", "amount": 500.00, "hold_type": "outgoing",
            "status": "active", "created_at": "2025-10-20T15:30:00Z"
        }
    ],
    "recent_transactions": [
        {
            "id": "txn_001", "amount": 500.00, "type": "transfer", "description": "Transfer to savings",
            "created_at": "2025-10-20T15:30:00Z"
        }
    ],
    "last_updated": "2025-10-20T15:30:00Z"
}""")

MISSING_FIELDS = {
    "error": "Missing required fields: idempotency_key, from_account_id, amount, transfer_type",
    "code": "validation_error",
}
UNKNOWN_TRANSFER = {"error": "Transfer not found", "code": "not_found"}
UNKNOWN_ACCOUNT = {"error": "Account not found", "code": "not_found"}
USED_UP = _exact("""{
    "error": "Daily amount limit exceeded", "code": "rate_limit",
    "details": "Daily limit is $25000. You have used $22000.00 today."
}""")
