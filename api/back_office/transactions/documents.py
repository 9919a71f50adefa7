"""The bodies of transactions: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.amounts import Amount
from api.back_office.envelope import Instant
from api.back_office.errors import ErrorContent

DESCRIPTION_LENGTH_MAX, REASON_LENGTH_MAX, ACCOUNT_LENGTH_MAX = 255, 255, 255
BATCH_MAX = 1_000

Type = Literal["deposit", "withdrawal", "transfer", "fee", "interest", "adjustment"]
ShownType = Literal[Type, "card_payment", "card_refund"]
Status = Literal["completed", "failed"]
Source = Literal["back_office", "transfers", "cards", "core_banking", "stablecoin", "import", "other"]

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", extra_json_schema={"format": "date"})]
Account = Annotated[
    str,
    Meta(min_length=1, max_length=ACCOUNT_LENGTH_MAX, description="The account's id, number or accountId."),
]
GivenAmount = Annotated[
    Raw,
    Meta(
        description="A number, or the same as a string; no exponent, no more digits than the currency has.",
        extra_json_schema={
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**15},
                {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,6})?$"},
            ]
        },
    ),
]


class TransactionRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """`to_account_id` is for transfers, `direction` for adjustments. Without a currency it is the account's,
    without a date today's."""

    type: Type
    account_id: Account
    amount: GivenAmount
    to_account_id: Account | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    direction: Literal["credit", "debit"] | UnsetType | None = UNSET
    description: Annotated[str, Meta(max_length=DESCRIPTION_LENGTH_MAX)] | UnsetType | None = UNSET
    effective_date: Day | UnsetType | None = UNSET


class ReversalRequest(Struct, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] | UnsetType | None = UNSET


class BatchRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    transactions: Annotated[list[TransactionRequest], Meta(min_length=1, max_length=BATCH_MAX)]
    atomic: bool = False


class TransactionShown(Struct):
    """`source` is the surface that it came from. A transfer between two accounts is one transaction."""

    id: str
    type: ShownType
    status: Status
    account_id: str
    to_account_id: str | None
    amount: Amount
    currency: str
    description: str | None
    effective_date: Day
    reversal_of: str | None
    reversed_by: str | None
    source: Source
    created_at: Instant


class BatchResult(Struct):
    """`not_posted`: nothing is wrong with it, but with another one of an atomic batch."""

    index: int
    status: Literal["completed", "failed", "not_posted"]
    transaction: TransactionShown | None
    error: ErrorContent | None


class BatchShown(Struct):
    atomic: bool
    posted: int
    failed: int
    results: list[BatchResult]
