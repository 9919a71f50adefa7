"""Card authorizations and their holds, for acquirers and issuers."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from daybook_client.calls import (
    Amount,
    Call,
    Listing,
    Page,
    Values,
    given,
    listing,
    money,
    reading,
    whole,
    writing,
)

T = TypeVar("T")

AUTHORIZATIONS = "/api/v1/authorizations"
DECISION, LATEST = f"{AUTHORIZATIONS}/{{decisionId}}", f"{AUTHORIZATIONS}/request/{{requestId}}"
REVERSE = f"{AUTHORIZATIONS}/{{requestId}}/reverse"
COMPLETE_CHALLENGE = f"{AUTHORIZATIONS}/{{requestId}}/challenge-complete"
HOLDS, HOLD = "/api/v1/holds", "/api/v1/holds/{holdId}"
CAPTURE, RELEASE = f"{HOLD}/capture", f"{HOLD}/release"

# A decline is a decision like any other.
_DECLINED = frozenset({422})


class Decision(Struct, kw_only=True, rename="camel"):
    """`decision` is APPROVED, DECLINED or CHALLENGE. Approved has a code, and but for refunds a hold."""

    request_id: int
    decision_id: int
    decision: str
    reason_code: str
    reason_message: str
    approved_amount: Decimal
    currency: str
    risk_score: int
    timestamp: datetime
    authorization_code: str | None = None
    hold_id: int | None = None
    challenge_url: str | None = None

    @property
    def is_approved(self) -> bool:
        return self.decision == "APPROVED"


class CardHold(Struct, rename="camel"):
    hold_id: int
    request_id: int
    card_id: int
    account_id: int
    account_space_id: int
    amount: Decimal
    captured_amount: Decimal
    currency: str
    merchant_id: str
    merchant_name: str
    status: str
    created_at: datetime
    updated_at: datetime | None
    expires_at: datetime


class ReleasedBalance(Struct, rename="camel"):
    account_id: int
    account_space_id: int
    available_balance: Decimal
    reserved_balance: Decimal
    posted_balance: Decimal
    currency: str
    timestamp: datetime


class _SpringPage(Struct, Generic[T]):
    content: list[T]
    number: int
    last: bool


def spring_page(kind: type[T]) -> Callable[[bytes], Page[T]]:
    """Reads a page of the card surfaces."""
    decoder: msgspec.json.Decoder[_SpringPage[T]] = msgspec.json.Decoder(_SpringPage[kind])  # type: ignore[valid-type]

    def read(content: bytes) -> Page[T]:
        found = decoder.decode(content)
        return Page(found.content, None if found.last else {"page": str(found.number + 1)})

    return read


def authorize(
    *,
    pan_hash: str,
    expiry_date: str,
    merchant_id: str,
    merchant_name: str,
    channel: str,
    mcc: str,
    country_code: str,
    transaction_type: str,
    amount: Amount,
    currency: str,
    masked_pan: str | None = None,
    timestamp: datetime | None = None,
    idempotency_key: str | None = None,
) -> Call[Decision]:
    """Approved, declined or to be challenged: all three are answers."""
    body = {
        "panHash": pan_hash,
        "expiryDate": expiry_date,
        "merchantId": merchant_id,
        "merchantName": merchant_name,
        "channel": channel,
        "mcc": mcc,
        "countryCode": country_code,
        "transactionType": transaction_type,
        "amount": money(amount),
        "currency": currency,
        "maskedPan": masked_pan,
        "timestamp": timestamp,
    }
    return _decided(AUTHORIZATIONS, body, idempotency_key)


def _decided(route: str, body: Values, key: str | None, **ids: int) -> Call[Decision]:
    return writing("POST", route, whole(Decision), body, key=key, answers=_DECLINED, **ids)


def decision(decision_id: int) -> Call[Decision]:
    """As it was made."""
    return reading(DECISION, whole(Decision), decisionId=decision_id)


def latest_decision(request_id: int) -> Call[Decision]:
    return reading(LATEST, whole(Decision), requestId=request_id)


def complete_challenge(
    request_id: int,
    authentication_result: str,
    *,
    authentication_value: str | None = None,
    eci: str | None = None,
    cavv: str | None = None,
    xid: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Decision]:
    """`authentication_result` is SUCCESS or FAILURE."""
    body = {
        "authenticationResult": authentication_result,
        "authenticationValue": authentication_value,
        "eci": eci,
        "cavv": cavv,
        "xid": xid,
    }
    return _decided(COMPLETE_CHALLENGE, given(body), idempotency_key, requestId=request_id)


def reverse(request_id: int, reason: str, *, idempotency_key: str | None = None) -> Call[Decision]:
    return _decided(REVERSE, {"reason": reason}, idempotency_key, requestId=request_id)


def list_holds(
    account_id: str | int,
    *,
    status: str | None = None,
    from_date: date | datetime | None = None,
    to_date: date | datetime | None = None,
    size: int | None = None,
) -> Listing[CardHold]:
    """Newest first. The account goes by its accountId, id or number."""
    query = {"accountId": account_id, "status": status, "fromDate": from_date, "toDate": to_date}
    return listing(HOLDS, spring_page(CardHold), {**query, "size": size})


def hold(hold_id: int) -> Call[CardHold]:
    return reading(HOLD, whole(CardHold), holdId=hold_id)


def capture(
    hold_id: int,
    amount: Amount,
    currency: str,
    *,
    reference: str | None = None,
    final: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[CardHold]:
    """With `final` false the rest stays held."""
    body = {"amount": money(amount), "currency": currency, "reference": reference, "final": final}
    return writing("POST", CAPTURE, whole(CardHold), body, key=idempotency_key, holdId=hold_id)


def release(hold_id: int, reason: str, *, idempotency_key: str | None = None) -> Call[ReleasedBalance]:
    body = {"reason": reason}
    return writing("POST", RELEASE, whole(ReleasedBalance), body, key=idempotency_key, holdId=hold_id)
