"""What callers ask for: a transaction, a batch of them, a page of the list."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec

from api.back_office.requests import Members, is_null, is_sent, nested_members, require
from api.back_office.transactions.documents import (
    ACCOUNT_LENGTH_MAX,
    BATCH_MAX,
    DESCRIPTION_LENGTH_MAX,
    REASON_LENGTH_MAX,
)
from api.exchange import ApiError, invalid
from api.instants import is_date, read_day_or_instant
from api.members import read_optional_text, read_text, read_word
from api.query_string import one_of
from application.transactions import Asked
from domain import transactions
from domain.errors import InvalidValue
from domain.money import CURRENCIES, InvalidAmount, TooManyFractionDigits, parse_json_amount
from projections.transaction_pages import Wanted
from projections.transactions import ALL_TYPES, SOURCES, STATUSES

MEMBERS = (
    "type",
    "account_id",
    "to_account_id",
    "amount",
    "currency",
    "direction",
    "description",
    "effective_date",
)
FILTERS = ("account_id", "type", "status", "currency", "source", "date_from", "date_to")

# As many digits as any currency has: what can be read in it can be told apart in it.
_FINEST = "USDC"
_ITEM = "transaction"
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class Read(NamedTuple):
    """`content` is all of it, as an idempotent request is compared by."""

    asked: Asked | InvalidValue
    content: tuple[str, ...]


def read_transaction(members: Members) -> tuple[Asked, tuple[str, ...]]:
    """400 that names the first member that is missing or wrong, as far as that needs no ledger."""
    require(members, "type", "account_id", "amount")
    kind: Any = read_word(members["type"], "type", transactions.TYPES)
    account = read_text(members["account_id"], "account_id", ACCOUNT_LENGTH_MAX)
    to_account = _to_account(members, kind)
    currency = _currency(members)
    amount, finest = read_digits(members["amount"], "amount", currency)
    if finest <= 0:
        raise invalid("amount", "must be greater than 0")
    asked = Asked(
        kind,
        account,
        amount,
        to_account,
        currency,
        _direction(members, kind),
        read_optional_text(members["description"], "description", DESCRIPTION_LENGTH_MAX) or "",
        _effective_date(members),
    )
    content = msgspec.structs.replace(asked, amount=str(finest))
    return asked, (msgspec.json.encode(content).decode(),)


def read_digits(raw: msgspec.Raw, field: str, currency: str | None) -> tuple[str, int]:
    """An amount as it was written, to be read in a currency that only the ledger knows, and its size: in
    millionths, whatever the currency."""
    try:
        if currency is not None:
            parse_json_amount(bytes(raw), currency)
        finest = parse_json_amount(bytes(raw), _FINEST)
    except TooManyFractionDigits:
        raise invalid(field, "has more fraction digits than the currency") from None
    except InvalidAmount as error:
        raise invalid(field, str(error).removeprefix("amount ")) from None
    written = msgspec.json.decode(raw, type=str) if bytes(raw)[:1] == b'"' else bytes(raw).decode()
    return written, finest.minor


def _to_account(members: Members, kind: str) -> str | None:
    raw = members["to_account_id"]
    if kind == transactions.TRANSFER:
        require(members, "to_account_id")
        return read_text(raw, "to_account_id", ACCOUNT_LENGTH_MAX)
    if is_sent(raw) and not is_null(raw):
        raise invalid("to_account_id", "is for transfers only")
    return None


def _direction(members: Members, kind: str) -> Any:
    raw = members["direction"]
    if not is_sent(raw) or is_null(raw):
        return transactions.CREDIT if kind == transactions.ADJUSTMENT else None
    if kind != transactions.ADJUSTMENT:
        raise invalid("direction", "is for adjustments only")
    return read_word(raw, "direction", transactions.DIRECTIONS)


def _currency(members: Members) -> str | None:
    raw = members["currency"]
    return None if not is_sent(raw) or is_null(raw) else read_currency(raw)


def read_currency(raw: msgspec.Raw) -> str:
    try:
        code = msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeError):
        code = ""
    if code not in CURRENCIES:
        raise invalid("currency", "must be an active ISO 4217 code, USDC or USDT")
    return code


def _effective_date(members: Members) -> date | None:
    raw = members["effective_date"]
    if not is_sent(raw) or is_null(raw):
        return None
    return read_day(read_text(raw, "effective_date", 255), "effective_date")


def read_day(text: str, field: str) -> date:
    """A UTC day; 400 also where it is an instant."""
    if not is_date(text):
        raise invalid(field, "must be a date such as 2025-10-20")
    start, _ = read_day_or_instant(text, field)
    return start.date()


def read_reason(members: Members) -> str:
    return read_optional_text(members["reason"], "reason", REASON_LENGTH_MAX) or ""


def read_batch(members: Members) -> list[Read]:
    """Each on its own: what is wrong with one is its result, and none of the others'."""
    require(members, "transactions")
    try:
        given = _list_decoder.decode(members["transactions"])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("transactions", "must be a list") from None
    if not 1 <= len(given) <= BATCH_MAX:
        raise invalid("transactions", f"must have 1 to {BATCH_MAX} members")
    return [_read_item(raw) for raw in given]


def _read_item(raw: msgspec.Raw) -> Read:
    try:
        return Read(*read_transaction(nested_members(raw, _ITEM, *MEMBERS)))
    except ApiError as error:
        field = (error.field or "").removeprefix(f"{_ITEM}.")
        constraint = error.constraint or error.message
        return Read(InvalidValue(field, constraint), (field, constraint))


def read_wanted(given: Mapping[str, str], account_id: str | None) -> Wanted:
    """`given` are the filters that were sent; `account_id` is whom the one of that name stands for."""
    first, last = (read_day(given[name], name) if name in given else None for name in FILTERS[-2:])
    if first is not None and last is not None and first > last:
        raise invalid("date_from", "must not be after date_to")
    return Wanted(
        account_id,
        one_of(given, "type", ALL_TYPES),
        one_of(given, "status", STATUSES),
        one_of(given, "currency", tuple(CURRENCIES)),
        one_of(given, "source", SOURCES),
        first,
        last,
    )
