"""What clients may send about authorizations and holds, checked field by field in the documented order.

With each comes its `content`: all that was asked for as it was parsed, by which the same idempotency key is
seen to come with the same request.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from api.cards import fields
from api.cards.pages import PageWish, read_page
from api.exchange import ApiError
from api.instants import Period
from api.query_string import one_of
from domain import holds
from domain.authorization_checks import TRANSACTION_TYPES, Terms
from domain.authorizations import ChallengeResult
from domain.card_limits import CHANNELS
from domain.money import CURRENCIES, Money

CHALLENGE_RESULTS: tuple[ChallengeResult, ...] = ("SUCCESS", "FAILURE")

# An amount whose currency is none is still looked at, because it comes first: in the one with most digits.
_WIDEST_CURRENCY = max(CURRENCIES.keys() - fields.STABLECOINS, key=lambda code: CURRENCIES[code])


class AuthorizationBody(msgspec.Struct, rename="camel"):
    """Members as they came: each is looked at on its own, so that the error can name it."""

    masked_pan: msgspec.Raw = msgspec.Raw()
    pan_hash: msgspec.Raw = msgspec.Raw()
    expiry_date: msgspec.Raw = msgspec.Raw()
    merchant_id: msgspec.Raw = msgspec.Raw()
    merchant_name: msgspec.Raw = msgspec.Raw()
    channel: msgspec.Raw = msgspec.Raw()
    mcc: msgspec.Raw = msgspec.Raw()
    country_code: msgspec.Raw = msgspec.Raw()
    transaction_type: msgspec.Raw = msgspec.Raw()
    amount: msgspec.Raw = msgspec.Raw()
    currency: msgspec.Raw = msgspec.Raw()
    timestamp: msgspec.Raw = msgspec.Raw()


class ReasonBody(msgspec.Struct):
    reason: msgspec.Raw = msgspec.Raw()


class CompletionBody(msgspec.Struct, rename="camel"):
    authentication_result: msgspec.Raw = msgspec.Raw()
    authentication_value: msgspec.Raw = msgspec.Raw()
    eci: msgspec.Raw = msgspec.Raw()
    cavv: msgspec.Raw = msgspec.Raw()
    xid: msgspec.Raw = msgspec.Raw()


class CaptureBody(msgspec.Struct):
    amount: msgspec.Raw = msgspec.Raw()
    currency: msgspec.Raw = msgspec.Raw()
    reference: msgspec.Raw = msgspec.Raw()
    final: msgspec.Raw = msgspec.Raw()


authorization_decoder = msgspec.json.Decoder(AuthorizationBody)
reason_decoder = msgspec.json.Decoder(ReasonBody)
completion_decoder = msgspec.json.Decoder(CompletionBody)
capture_decoder = msgspec.json.Decoder(CaptureBody)


class AskedAuthorization(NamedTuple):
    pan_hash: str
    expiry: str
    terms: Terms
    content: tuple[str, ...]


def read_authorization(body: AuthorizationBody) -> AskedAuthorization:
    masked_pan = fields.optional_masked_pan(body.masked_pan)
    pan_hash = fields.text(body.pan_hash, "panHash")
    expiry = fields.expiry_date(body.expiry_date)
    merchant_id = fields.text(body.merchant_id, "merchantId")
    merchant_name = fields.text(body.merchant_name, "merchantName")
    channel = fields.word(body.channel, "channel", CHANNELS)
    category = fields.mcc(body.mcc)
    country = fields.country_code(body.country_code)
    transaction_type = fields.word(body.transaction_type, "transactionType", TRANSACTION_TYPES)
    amount = _amount(body.amount, body.currency, "Invalid transaction amount")
    timestamp = fields.optional_instant(body.timestamp, "timestamp")
    return AskedAuthorization(
        pan_hash,
        expiry,
        Terms(transaction_type, amount, channel, category, country, merchant_id, merchant_name),
        (
            masked_pan or "",
            pan_hash,
            expiry,
            merchant_id,
            merchant_name,
            channel,
            category,
            country,
            transaction_type,
            str(amount.minor),
            amount.currency,
            "" if timestamp is None else timestamp.isoformat(),
        ),
    )


def _amount(raw: msgspec.Raw, raw_currency: msgspec.Raw, message: str) -> Money:
    """The amount in its currency; of the two the amount is named first where both are wrong."""
    try:
        currency = fields.currency(raw_currency)
    except ApiError:
        fields.amount(raw, "amount", _WIDEST_CURRENCY, message)
        raise
    return fields.amount(raw, "amount", currency, message)


def read_reason(body: ReasonBody) -> str:
    return fields.text(body.reason, "reason")


class AskedCompletion(NamedTuple):
    result: ChallengeResult
    content: tuple[str, ...]


def read_completion(body: CompletionBody) -> AskedCompletion:
    """What proves the authentication is the 3-D Secure server's to judge: it is read and not kept."""
    result = fields.word(body.authentication_result, "authenticationResult", CHALLENGE_RESULTS)
    proofs = (
        fields.optional_text(body.authentication_value, "authenticationValue"),
        fields.optional_text(body.eci, "eci"),
        fields.optional_text(body.cavv, "cavv"),
        fields.optional_text(body.xid, "xid"),
    )
    content = (result, *(proof or "" for proof in proofs))
    return AskedCompletion("SUCCESS" if result == "SUCCESS" else "FAILURE", content)


class AskedCapture(NamedTuple):
    amount: Money
    reference: str
    is_final: bool
    content: tuple[str, ...]


def read_capture(body: CaptureBody) -> AskedCapture:
    amount = _amount(body.amount, body.currency, "Invalid capture amount")
    reference = fields.optional_text(body.reference, "reference") or ""
    is_final = fields.flag(body.final, "final", default=True)
    content = (str(amount.minor), amount.currency, reference, str(is_final))
    return AskedCapture(amount, reference, is_final, content)


class HoldsWish(NamedTuple):
    """`account` is any of the account's identifiers."""

    account: str
    status: str | None
    created: Period
    page: PageWish


def read_holds_wish(query: Mapping[str, str]) -> HoldsWish:
    return HoldsWish(
        fields.account_parameter(query),
        one_of(query, "status", holds.STATUSES),
        fields.period(query),
        read_page(query),
    )
