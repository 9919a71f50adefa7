"""The bodies of authorizations and holds, member by member in the documented order.

Answers are made of these structs, and the OpenAPI document is made from them: what is described is what is
sent.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.amounts import Amount

Channel = Literal["POS", "ATM", "E_COMMERCE", "CONTACTLESS", "MOTO"]
TransactionType = Literal["PURCHASE", "CASH_WITHDRAWAL", "PRE_AUTHORIZATION", "REFUND"]
DecisionWord = Literal["APPROVED", "DECLINED", "CHALLENGE"]
HoldStatus = Literal["ACTIVE", "CAPTURED", "RELEASED", "EXPIRED"]
Reason = Literal[
    "APPROVED_TRANSACTION",
    "ADDITIONAL_AUTHENTICATION_REQUIRED",
    "CARD_NOT_FOUND",
    "CARD_BLOCKED",
    "INVALID_EXPIRY_DATE",
    "CARD_EXPIRED",
    "ACCOUNT_NOT_ACTIVE",
    "CURRENCY_NOT_SUPPORTED",
    "TRANSACTION_LIMIT_EXCEEDED",
    "CHANNEL_TRANSACTION_LIMIT_EXCEEDED",
    "DAILY_LIMIT_EXCEEDED",
    "CHANNEL_DAILY_LIMIT_EXCEEDED",
    "MONTHLY_LIMIT_EXCEEDED",
    "INSUFFICIENT_FUNDS",
    "SUSPECTED_FRAUD",
    "CHALLENGE_FAILED",
    "CHALLENGE_EXPIRED",
    "AUTHORIZATION_REVERSED",
]

GivenAmount = Annotated[
    Raw,
    Meta(
        description="A number, or the same as a string; no exponent, no more digits than the currency has.",
        extra_json_schema={
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**15},
                {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,4})?$"},
            ]
        },
    ),
]
Instant = Annotated[str, Meta(description="UTC, whole seconds.", extra_json_schema={"format": "date-time"})]
Number = Annotated[int, Meta(ge=0, lt=2**53)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Currency = Annotated[str, Meta(description="ISO 4217.", pattern="^[A-Z]{3}$")]
Country = Annotated[str, Meta(description="ISO 3166-1 alpha-3.", pattern="^[A-Z]{3}$")]
MerchantCategory = Annotated[str, Meta(description="ISO 18245.", pattern="^[0-9]{4}$")]
ExpiryDate = Annotated[str, Meta(description="MM/YY.", pattern="^(0[1-9]|1[0-2])/[0-9]{2}$")]
MaskedPan = Annotated[
    str, Meta(description="Six digits, asterisks, four digits.", pattern=r"^[0-9]{6}\*+[0-9]{4}$")
]
PanHash = Annotated[str, Meta(description="By which the card is known.", min_length=1, max_length=255)]


class AuthorizationRequest(Struct, kw_only=True, rename="camel"):
    """A card transaction, as the merchant asks for it. `timestamp` is the merchant's and decides nothing."""

    masked_pan: MaskedPan | None = None
    pan_hash: PanHash
    expiry_date: ExpiryDate
    merchant_id: Text
    merchant_name: Text
    channel: Channel
    mcc: MerchantCategory
    country_code: Country
    transaction_type: TransactionType
    amount: GivenAmount
    currency: Currency
    timestamp: Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None = None


class AuthorizationDecision(Struct, kw_only=True, rename="camel"):
    """One decision. Approved purchases have an authorization code and a hold, refunds no hold.

    `challengeUrl` is where the cardholder proves who they are.
    """

    request_id: Number
    decision_id: Number
    decision: DecisionWord
    reason_code: Reason
    reason_message: str
    approved_amount: Amount
    currency: str
    authorization_code: str | UnsetType = UNSET
    risk_score: Annotated[int, Meta(ge=0, le=100)]
    hold_id: Number | UnsetType = UNSET
    challenge_url: str | UnsetType = UNSET
    timestamp: Instant


class AnnouncedDecision(AuthorizationDecision, kw_only=True, rename="camel"):
    """A decision as webhooks are told of it. `cardId` is null where the card is not known."""

    card_id: Number | None


class AnnouncedBreach(AnnouncedDecision, kw_only=True, rename="camel"):
    """A decision by which a limit was kept: which one, and how high it is."""

    limit: str
    limit_amount: Amount


class ReversalRequest(Struct, rename="camel"):
    reason: Text


class ChallengeCompletion(Struct, kw_only=True, rename="camel"):
    """How the cardholder's authentication ended, with what the 3-D Secure server gave as its proof."""

    authentication_result: Literal["SUCCESS", "FAILURE"]
    authentication_value: Text | None = None
    eci: Text | None = None
    cavv: Text | None = None
    xid: Text | None = None


class CardHold(Struct, rename="camel"):
    """Money set aside. `updatedAt` is null while nothing has happened to the hold."""

    hold_id: Number
    request_id: Number
    card_id: Number
    account_id: Number
    account_space_id: Number
    amount: Amount
    captured_amount: Amount
    currency: str
    merchant_id: str
    merchant_name: str
    status: HoldStatus
    created_at: Instant
    updated_at: Instant | None
    expires_at: Instant


class CaptureRequest(Struct, kw_only=True, rename="camel"):
    """What of a hold is taken. With `final` false the rest stays held, otherwise it is freed."""

    amount: GivenAmount
    currency: Currency
    reference: Text | None = None
    final: bool | None = None


class ReleaseRequest(Struct, rename="camel"):
    reason: Text


class ReleasedBalance(Struct, rename="camel"):
    """The account when the hold was released: what may be spent, what is held, what is booked."""

    account_id: Number
    account_space_id: Number
    available_balance: Amount
    reserved_balance: Amount
    posted_balance: Amount
    currency: str
    timestamp: Instant
