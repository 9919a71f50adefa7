"""What callers ask for: an account, a change of one, a page of the list."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from api.back_office.accounts.documents import (
    CUSTOMER_LENGTH_MAX,
    NICKNAME_LENGTH_MAX,
    REASON_LENGTH_MAX,
)
from api.back_office.requests import Members, is_null, is_sent, require
from api.back_office.transactions.requests import read_currency, read_digits
from api.exchange import invalid
from api.members import is_absent, read_optional_text, read_text, read_word
from api.query_string import one_of
from application.customer_accounts import ChangeAccount, CreateAccount, Nickname, Unchanged
from domain import accounts
from domain.money import CURRENCIES, InvalidAmount, Money, parse_json_amount
from projections.account_pages import Wanted

CREATION = ("customer_id", "account_type", "currency", "overdraft_limit", "nickname")
CHANGE = ("nickname", "overdraft_limit", "status", "reason")
FILTERS = ("customer_id", "account_type", "currency", "status")

TYPES = ("checking", "savings", "business", "escrow")
STATUSES = (accounts.ACTIVE, accounts.FROZEN, accounts.CLOSED)
_DEFAULT_CURRENCY = "USD"
_FILTER_LENGTH_MAX = 255


def read_account(members: Members, number: int) -> CreateAccount:
    """`number` is the first of a fresh block."""
    require(members, "customer_id", "account_type")
    currency, limit = members["currency"], members["overdraft_limit"]
    code = read_currency(currency) if is_sent(currency) and not is_null(currency) else _DEFAULT_CURRENCY
    return CreateAccount(
        number,
        read_text(members["customer_id"], "customer_id", CUSTOMER_LENGTH_MAX),
        read_word(members["account_type"], "account_type", TYPES),
        code,
        _read_limit(limit, code).minor if is_sent(limit) and not is_null(limit) else 0,
        read_optional_text(members["nickname"], "nickname", NICKNAME_LENGTH_MAX),
    )


def _read_limit(raw: Raw, currency: str) -> Money:
    try:
        limit = parse_json_amount(bytes(raw), currency)
    except InvalidAmount as error:
        raise invalid("overdraft_limit", str(error).removeprefix("amount ")) from None
    if limit.minor < 0:
        raise invalid("overdraft_limit", "must not be negative")
    return limit


def content_of_creation(command: CreateAccount) -> tuple[str, ...]:
    """All that was asked for, as an idempotent request is compared by."""
    nickname = command.nickname or ""
    terms = (command.customer_id, command.account_type, command.currency)
    return (*terms, str(command.overdraft_limit), nickname)


def read_change(members: Members, identifier: str) -> tuple[ChangeAccount, tuple[str, ...]]:
    """The command without its key, and what an idempotent request is compared by."""
    nickname = _nickname(members["nickname"])
    limit, size = None, ""
    if is_sent(members["overdraft_limit"]):
        limit, finest = read_digits(members["overdraft_limit"], "overdraft_limit", None)
        size = str(finest)
        if finest < 0:
            raise invalid("overdraft_limit", "must not be negative")
    status: Any = None
    if is_sent(members["status"]):
        status = read_word(members["status"], "status", (accounts.ACTIVE, accounts.FROZEN))
    reason = read_reason(members)
    return ChangeAccount(identifier, nickname, limit, status, reason), (
        repr(nickname),
        size,
        status or "",
        reason,
    )


def _nickname(raw: Raw) -> Nickname | Unchanged:
    if not is_sent(raw):
        return Unchanged()
    return Nickname(None if is_absent(raw) else read_text(raw, "nickname", NICKNAME_LENGTH_MAX))


def read_reason(members: Members) -> str:
    return read_optional_text(members["reason"], "reason", REASON_LENGTH_MAX) or ""


def read_wanted(given: Mapping[str, str]) -> Wanted:
    customer_id = given.get("customer_id")
    if customer_id is not None and not (
        1 <= len(customer_id) <= _FILTER_LENGTH_MAX and customer_id.isprintable()
    ):
        raise invalid("customer_id", f"must have 1 to {_FILTER_LENGTH_MAX} printable characters")
    return Wanted(
        customer_id,
        one_of(given, "account_type", TYPES),
        one_of(given, "currency", tuple(CURRENCIES)),
        one_of(given, "status", STATUSES),
    )
