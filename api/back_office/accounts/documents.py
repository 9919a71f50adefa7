"""The bodies of accounts: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from api.amounts import Amount
from api.back_office.envelope import Instant

CUSTOMER_LENGTH_MAX, NICKNAME_LENGTH_MAX, REASON_LENGTH_MAX = 255, 140, 255

AccountType = Literal["checking", "savings", "business", "escrow"]
Status = Literal["active", "frozen", "closed"]

GivenLimit = Annotated[
    Raw,
    Meta(
        description="0 or more: a number, or the same as a string; no more digits than the currency has.",
        extra_json_schema={
            "anyOf": [
                {"type": "number", "minimum": 0, "exclusiveMaximum": 10**15},
                {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,6})?$"},
            ]
        },
    ),
]
Nickname = Annotated[str, Meta(max_length=NICKNAME_LENGTH_MAX)]
Reason = Annotated[str, Meta(max_length=REASON_LENGTH_MAX)]


class AccountRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """The currency is USD unless another is named."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=CUSTOMER_LENGTH_MAX)]
    account_type: AccountType
    currency: str | UnsetType | None = UNSET
    overdraft_limit: GivenLimit | UnsetType | None = UNSET
    nickname: Nickname | UnsetType | None = UNSET


class AccountChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays; a nickname that is null is taken away."""

    nickname: Nickname | UnsetType | None = UNSET
    overdraft_limit: GivenLimit | UnsetType = UNSET
    status: Literal["active", "frozen"] | UnsetType = UNSET
    reason: Reason | UnsetType | None = UNSET


class AccountClosing(Struct, forbid_unknown_fields=True):
    reason: Reason | UnsetType | None = UNSET


class AccountShown(Struct):
    """`accountId` and `accountSpaceId` are what the card surface calls it, null where it was never numbered.

    `updated_at` is when anything but its balance changed.
    """

    id: str
    account_number: str
    customer_id: str
    account_type: str
    currency: str
    balance: Amount
    available_balance: Amount
    overdraft_limit: Amount
    nickname: str | None
    status: Status
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    account_id: int | None = field(name="accountId")
    account_space_id: int | None = field(name="accountSpaceId")
