"""What requests of the cards surface may contain, field by field; each reader refuses with a 400 that names
the field.

Members of bodies come raw, as the request's own struct cut them out. Missing, null and empty is all the same.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from api import query_string
from api.amounts import read_amount
from api.cards.card_numbers import refuse_card_numbers
from api.cards.errors import ALTERNATIVE_PREFIX, not_found
from api.context import HttpRequest, decoded, json_bytes
from api.exchange import Exchange, invalid
from api.idempotency_keys import read_key as read_header
from api.instants import SECOND, Period, read_instant, read_period
from api.members import is_absent, read_flag, read_text, read_word
from application.idempotency import RequestKey
from domain.country_codes import COUNTRY_CODES
from domain.money import CURRENCIES, Money

TEXT_LENGTH_MAX = 255
ID_MAX = 2**53 - 1
STABLECOINS = frozenset({"USDC", "USDT"})

B = TypeVar("B")

_MCC = re.compile(r"[0-9]{4}")
_EXPIRY_DATE = re.compile(r"(?:0[1-9]|1[0-2])/[0-9]{2}")
_MASKED_PAN = re.compile(r"[0-9]{6}\*+[0-9]{4}")
_ID = re.compile(r"[1-9][0-9]{0,15}")
_FLAGS = {"true": True, "false": False}


async def body(request: HttpRequest, decoder: msgspec.json.Decoder[B], *, has_secret: bool = False) -> B:
    """The request's body. 415 where it is not said to be JSON; 400 where it is not, or has a card number in
    clear (a webhook's `secret` may look like one: `has_secret`)."""
    sent = await json_bytes(request)
    refuse_card_numbers(sent, has_secret=has_secret)
    return decoded(sent, decoder)


def key(exchange: Exchange, *content: str) -> RequestKey | None:
    """The `Idempotency-Key` header's, scoped to the client and the operation; None where none was sent.

    `content` is what the request asks for, as parsed: nothing of how it was written.
    """
    header = exchange.header(b"idempotency-key")
    if header is None:
        return None
    path = unquote(exchange.path).removeprefix(ALTERNATIVE_PREFIX).rstrip("/")
    return read_header(header, exchange.caller.client_id, f"{exchange.method} {path}", *content)


def path_id(text: str, what: str) -> int:
    """A number from the path. The 404 of `what` (`Card`, `Hold`) where it can be nobody's."""
    if not _ID.fullmatch(text) or int(text) > ID_MAX:
        raise not_found(what)
    return int(text)


def text(raw: msgspec.Raw, field: str) -> str:
    _require(raw, field)
    return read_text(raw, field, TEXT_LENGTH_MAX)


def optional_text(raw: msgspec.Raw, field: str) -> str | None:
    return None if is_absent(raw) else read_text(raw, field, TEXT_LENGTH_MAX)


def word(raw: msgspec.Raw, field: str, words: tuple[str, ...]) -> str:
    _require(raw, field)
    return read_word(raw, field, words)


def flag(raw: msgspec.Raw, field: str, *, default: bool) -> bool:
    if is_absent(raw):
        return default
    return read_flag(raw, field)


def amount(raw: msgspec.Raw, field: str, currency: str, message: str | None = None) -> Money:
    """More than zero, exactly as it was written. The document has a `message` for some."""
    _require(raw, field)
    return read_amount(raw, field, currency, message)


def currency(raw: msgspec.Raw, field: str = "currency") -> str:
    """An ISO 4217 code."""
    code = text(raw, field)
    if code not in CURRENCIES or code in STABLECOINS:
        raise invalid(field, "must be a currency code of ISO 4217")
    return code


def country_code(raw: msgspec.Raw, field: str = "countryCode") -> str:
    code = text(raw, field)
    if code not in COUNTRY_CODES:
        raise invalid(field, "must be a country code of ISO 3166-1 alpha-3")
    return code


def mcc(raw: msgspec.Raw, field: str = "mcc") -> str:
    return _formed(raw, field, _MCC, "must be 4 digits")


def expiry_date(raw: msgspec.Raw, field: str = "expiryDate") -> str:
    return _formed(raw, field, _EXPIRY_DATE, "must be a month and a year as MM/YY")


def masked_pan(raw: msgspec.Raw, field: str = "maskedPan") -> str:
    return _formed(raw, field, _MASKED_PAN, "must be 6 digits, asterisks and 4 digits")


def optional_masked_pan(raw: msgspec.Raw, field: str = "maskedPan") -> str | None:
    return None if is_absent(raw) else masked_pan(raw, field)


def instant(raw: msgspec.Raw, field: str) -> datetime:
    """ISO 8601 with a time zone; in UTC."""
    return read_instant(text(raw, field), field)


def optional_instant(raw: msgspec.Raw, field: str) -> datetime | None:
    return None if is_absent(raw) else instant(raw, field)


def account(raw: msgspec.Raw, field: str = "accountId") -> str:
    """Any of an account's identifiers: its id or number as a string, its accountId as a number too."""
    _require(raw, field)
    token = bytes(raw)
    if _ID.fullmatch(token.decode("latin-1")):
        return token.decode("ascii")
    if token.startswith(b'"'):
        return read_text(raw, field, TEXT_LENGTH_MAX)
    raise invalid(field, "must be an account's id, number or accountId")


def account_parameter(query: Mapping[str, str], name: str = "accountId") -> str:
    """The same, of a query string."""
    given = query.get(name)
    if not given:
        raise invalid(name, "is required")
    if len(given) > TEXT_LENGTH_MAX or not given.isprintable():
        raise invalid(name, f"must have 1 to {TEXT_LENGTH_MAX} printable characters")
    return given


def flag_parameter(query: Mapping[str, str], name: str) -> bool:
    """False where it was not sent."""
    return _FLAGS[query_string.one_of(query, name, tuple(_FLAGS)) or "false"]


def period(query: Mapping[str, str]) -> Period:
    """`fromDate` and `toDate`, both inclusive, each an instant or a UTC day.

    As answers show whole seconds, an instant without a fraction is that whole second.
    """
    return read_period(query, "fromDate", "toDate", SECOND)


def _formed(raw: msgspec.Raw, field: str, form: re.Pattern[str], constraint: str) -> str:
    given = text(raw, field)
    if not form.fullmatch(given):
        raise invalid(field, constraint)
    return given


def _require(raw: msgspec.Raw, field: str) -> None:
    if is_absent(raw):
        raise invalid(field, "is required")
