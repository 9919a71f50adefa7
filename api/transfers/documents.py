"""The bodies of the transfers surface, member by member in the documented order.

Answers are made of these structs, and the OpenAPI document is made from them: what is described is what is
sent. Amounts are raw JSON, because a number like 500.00 has to keep its digits.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.amounts import Amount

Status = Literal["initiated", "pending", "processing", "settled", "failed", "cancelled", "reversed"]
TransferTypeName = Literal["internal", "interbank"]
ErrorCode = Literal[
    "validation_error",
    "insufficient_balance",
    "invalid_account",
    "same_account",
    "limit_exceeded",
    "cannot_cancel",
    "unauthorized",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "idempotency_conflict",
    "payload_too_large",
    "unsupported_media_type",
    "rate_limit",
    "internal_error",
    "unavailable",
]

_AMOUNT_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,2})?$"
GivenAmount = Annotated[
    Raw,
    Meta(
        description="A number, or the same as a string; no exponent, and two digits after the point at most.",
        extra_json_schema={
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**15},
                {"type": "string", "pattern": _AMOUNT_PATTERN},
            ]
        },
    ),
]
Instant = Annotated[str, Meta(description="UTC, whole seconds.", extra_json_schema={"format": "date-time"})]
Key = Annotated[str, Meta(min_length=1, max_length=255)]
Name = Annotated[str, Meta(min_length=1, max_length=140)]
Memo = Annotated[str, Meta(max_length=500)]
RoutingNumber = Annotated[str, Meta(pattern="^[0-9]{9}$")]
ExternalAccountNumber = Annotated[str, Meta(pattern="^[0-9A-Za-z]{4,17}$")]


class InternalTransferRequest(Struct, kw_only=True):
    """Money to another account of the bank. Accounts go by their id, number or card account id."""

    idempotency_key: Key
    from_account_id: Name
    to_account_id: Name
    amount: GivenAmount
    memo: Memo | None = None
    transfer_type: Literal["internal"]


class InterbankTransferRequest(Struct, kw_only=True):
    """Money to an account of another bank."""

    idempotency_key: Key
    from_account_id: Name
    external_bank_name: Name
    external_routing_number: RoutingNumber
    external_account_number: ExternalAccountNumber
    external_account_holder_name: Name
    amount: GivenAmount
    memo: Memo | None = None
    transfer_type: Literal["interbank"]


class CancelRequest(Struct):
    """Ends a transfer that is not being processed yet."""

    action: Literal["cancel"]


class VerifyMfaRequest(Struct):
    """The second factor of a transfer that waits for one."""

    action: Literal["verify_mfa"]
    mfa_code: Annotated[str, Meta(min_length=1, max_length=16)]


class TransferTerms(Struct, kw_only=True):
    """What a transfer says of itself wherever it is shown whole.

    An external account's number shows its last four digits only.
    """

    id: str
    idempotency_key: str
    user_id: str
    from_account_id: str
    to_account_id: str | UnsetType = UNSET
    external_bank_name: str | UnsetType = UNSET
    external_routing_number: str | UnsetType = UNSET
    external_account_number: str | UnsetType = UNSET
    external_account_holder_name: str | UnsetType = UNSET
    amount: Amount
    fee: Amount
    currency: str
    transfer_type: TransferTypeName
    status: Status
    memo: str | None
    reference: str
    scheduled_settlement_at: Instant
    created_at: Instant


class CreatedTransfer(TransferTerms, kw_only=True):
    """A transfer as the answer to its creation."""

    requires_mfa: bool
    mfa_verified: bool


class TransferCreatedAnswer(Struct):
    transfer: CreatedTransfer
    message: str
    requires_mfa: bool
    settlement_estimate: str
    fee: Amount


class ListedTransfer(Struct, kw_only=True):
    id: str
    from_account_id: str
    to_account_id: str | UnsetType = UNSET
    external_bank_name: str | UnsetType = UNSET
    amount: Amount
    fee: Amount
    transfer_type: TransferTypeName
    status: Status
    reference: str
    scheduled_settlement_at: Instant
    created_at: Instant


class TransferList(Struct):
    """Newest first. `next_cursor` is null on the last page."""

    transfers: list[ListedTransfer]
    next_cursor: str | None


class DetailedTransfer(TransferTerms, kw_only=True):
    """A transfer as it is now. `failure_reason` is there where it failed."""

    updated_at: Instant
    failure_reason: str | UnsetType = UNSET


class AccountSummary(Struct):
    account_number: str
    account_type: str


class TransferHold(Struct):
    id: str
    account_id: str
    amount: Amount
    hold_type: Literal["outgoing"]
    status: Literal["active", "captured", "released"]
    created_at: Instant


class TransferLedgerEntry(Struct):
    """`balance_after` is the available balance for hold and release, the posted one otherwise."""

    id: str
    entry_type: Literal["hold", "release", "debit", "credit", "fee"]
    amount: Amount
    balance_after: Amount
    category: str
    description: str
    created_at: Instant


class TransferEvent(Struct):
    id: str
    from_status: Status
    to_status: Status
    event_type: Literal["status_change"]
    details: str
    created_at: Instant


class TransferDetail(Struct):
    """A transfer in full. `to_account` is null for one that goes to another bank."""

    transfer: DetailedTransfer
    from_account: AccountSummary
    to_account: AccountSummary | None
    holds: list[TransferHold]
    ledger_entries: list[TransferLedgerEntry]
    events: list[TransferEvent]
    progress: Literal[25, 50, 75, 100]


class CancelledTransfer(Struct):
    id: str
    status: Status
    updated_at: Instant


class TransferCancelledAnswer(Struct):
    message: str
    transfer: CancelledTransfer


class VerifiedTransfer(Struct):
    id: str
    status: Status
    mfa_verified: bool
    updated_at: Instant


class MfaVerifiedAnswer(Struct):
    message: str
    transfer: VerifiedTransfer


class ActiveHold(Struct):
    """`transfer_id` is null where the money is held for something else than a transfer."""

    id: str
    transfer_id: str | None
    amount: Amount
    hold_type: Literal["outgoing"]
    status: Literal["active"]
    created_at: Instant


class RecentTransaction(Struct):
    id: str
    amount: Amount
    type: str
    description: str
    created_at: Instant


class AccountBalance(Struct):
    """`available_balance` is what may be spent: posted, without outgoing holds, plus the overdraft limit."""

    account_id: str
    account_number: str
    account_type: str
    currency: str
    balance: Amount
    available_balance: Amount
    pending_balance: Amount
    outgoing_holds: Amount
    incoming_holds: Amount
    active_holds: list[ActiveHold]
    recent_transactions: list[RecentTransaction]
    last_updated: Instant


class TransferError(Struct, kw_only=True):
    """What went wrong, in words and as a code; some errors say more."""

    error: str
    code: ErrorCode
    details: str | UnsetType = UNSET
    available_balance: Amount | UnsetType = UNSET
    required_amount: Amount | UnsetType = UNSET
    count: int | UnsetType = UNSET
    limit: int | UnsetType = UNSET
