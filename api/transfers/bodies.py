"""What the transfers surface answers: exact amounts with two digits, times cut to whole seconds."""

from datetime import datetime
from typing import Any

from api.transfers.errors import number
from application.transfers import ChangedAnswer
from domain import transfers
from domain.transfers import Transfer

PROGRESS = {transfers.INITIATED: 25, transfers.PENDING: 50, transfers.PROCESSING: 75}
SETTLEMENT_ESTIMATES = {transfers.INTERNAL: "1 business day", transfers.INTERBANK: "3 business days"}

CREATED_MESSAGE = "Transfer initiated successfully"
REPLAYED_MESSAGE = "Transfer already exists (idempotent request)"
CANCELLED_MESSAGE = "Transfer cancelled successfully"
VERIFIED_MESSAGE = "MFA verified successfully - transfer is now pending"


def instant(at: datetime) -> str:
    return at.isoformat()[:19] + "Z"


def masked(account_number: str) -> str:
    return "*" * (len(account_number) - 4) + account_number[-4:]


def created_answer(transfer: Transfer, *, is_replay: bool) -> dict[str, Any]:
    created = transfer.created
    return {
        "transfer": transfer_body(transfer),
        "message": REPLAYED_MESSAGE if is_replay else CREATED_MESSAGE,
        "requires_mfa": transfer.requires_mfa,
        "settlement_estimate": SETTLEMENT_ESTIMATES[created.transfer_type],
        "fee": number(created.fee.minor),
    }


def transfer_body(transfer: Transfer) -> dict[str, Any]:
    created = transfer.created
    return {
        "id": created.transfer_id,
        "idempotency_key": created.idempotency_key,
        "user_id": created.user_id,
        "from_account_id": created.from_account_id,
        **_destination(transfer),
        "amount": number(created.amount.minor),
        "fee": number(created.fee.minor),
        "currency": created.amount.currency,
        "transfer_type": created.transfer_type,
        "status": transfer.status,
        "memo": created.memo,
        "reference": created.reference,
        "scheduled_settlement_at": instant(created.scheduled_settlement_at),
        "created_at": instant(created.created_at),
        "requires_mfa": transfer.requires_mfa,
        "mfa_verified": transfer.mfa_verified,
    }


def _destination(transfer: Transfer) -> dict[str, Any]:
    external = transfer.created.external
    if external is None:
        return {"to_account_id": transfer.created.to_account_id}
    return {
        "external_bank_name": external.bank_name,
        "external_routing_number": external.routing_number,
        "external_account_number": masked(external.account_number),
        "external_account_holder_name": external.account_holder_name,
    }


def cancelled_answer(changed: ChangedAnswer) -> dict[str, Any]:
    return {
        "message": CANCELLED_MESSAGE,
        "transfer": {
            "id": changed.transfer_id,
            "status": changed.status,
            "updated_at": instant(datetime.fromisoformat(changed.updated_at)),
        },
    }


def verified_answer(changed: ChangedAnswer) -> dict[str, Any]:
    return {
        "message": VERIFIED_MESSAGE,
        "transfer": {
            "id": changed.transfer_id,
            "status": changed.status,
            "mfa_verified": changed.mfa_verified,
            "updated_at": instant(datetime.fromisoformat(changed.updated_at)),
        },
    }
