"""A bank's transactions as CSV, row by row: each is a command that takes it over, or says what is wrong."""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from application.accounts import Post
from application.idempotency import RequestKey
from application.transaction_import import ImportTransaction, account_numbers
from domain.chart_of_accounts import (
    ACH_CLEARING,
    CARD_SETTLEMENT,
    CASH,
    FEE_REVENUE,
    INTEREST_EXPENSE,
    SUSPENSE,
)
from domain.money import InvalidAmount, Money, parse_amount
from domain.requests import identity

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = (
    "transaction_id",
    "account_id",
    "date",
    "direction",
    "operation",
    "amount",
    "balance_after",
    "category",
    "counterparty_bank",
    "counterparty_account",
)

# The category decides first: a statement fee is a fee however it was taken.
CONTRA_BY_CATEGORY = {"interest": INTEREST_EXPENSE, "statement_fee": FEE_REVENUE, "penalty": FEE_REVENUE}
CONTRA_BY_OPERATION = {
    "cash_deposit": CASH,
    "cash_withdrawal": CASH,
    "transfer_in": ACH_CLEARING,
    "transfer_out": ACH_CLEARING,
    "card_withdrawal": CARD_SETTLEMENT,
    "interest": INTEREST_EXPENSE,
    "statement_fee": FEE_REVENUE,
    "fee": FEE_REVENUE,
}

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_WORD = re.compile(r"[A-Za-z0-9_.: -]{0,64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class NotATransactionFile(Exception):
    """The file cannot be read, or its first line does not name the columns."""


class BadRow(NamedTuple):
    """Nothing of it is posted. `line` is where it ends in the file, counted from 1."""

    line: int
    reason: str


class Transaction(NamedTuple):
    line: int
    transaction_id: str
    command: ImportTransaction
    effective_at: datetime


class _Refused(ValueError):
    """What is wrong with one row."""


def count_rows(file: Path) -> int:
    """About how many rows the file has, for a progress bar. Raises NotATransactionFile."""
    try:
        with file.open("rb") as stream:
            return max(0, sum(1 for _ in stream) - 1)
    except OSError as error:
        raise NotATransactionFile(f"{file}: {error.strerror}") from error


def read_transactions(file: Path, currency: str) -> Iterator[Transaction | BadRow]:
    """The file's rows in order, one at a time. Raises NotATransactionFile where there is no such header."""
    # A byte that is no UTF-8 becomes a character that no column allows, so it is refused in its row.
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        reader = csv.reader(stream, strict=True)
        header = _next_row(reader)
        if header is None or isinstance(header, BadRow) or tuple(header) != COLUMNS:
            raise NotATransactionFile(f"{file}: the first line must be {','.join(COLUMNS)}")
        while (row := _next_row(reader)) is not None:
            if isinstance(row, BadRow):
                yield row
            elif row:
                yield _transaction(reader.line_num, row, currency)


def _next_row(reader: "Reader") -> list[str] | BadRow | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return BadRow(reader.line_num, str(error))


def _transaction(line: int, row: list[str], currency: str) -> Transaction | BadRow:
    if len(row) != len(COLUMNS):
        return BadRow(line, f"{len(row)} columns instead of {len(COLUMNS)}")
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        return _read(line, values, currency)
    except (_Refused, InvalidAmount) as error:
        return BadRow(line, str(error))


def _read(line: int, values: dict[str, str], currency: str) -> Transaction:
    transaction_id, account_id = (
        _matching(_IDENTIFIER, name, values[name]) for name in ("transaction_id", "account_id")
    )
    effective_at = _instant(values["date"])
    direction = _direction(values["direction"])
    amount = parse_amount(values["amount"], currency)
    if amount.minor <= 0:
        raise _Refused("amount must be more than zero")
    balance_after = parse_amount(values["balance_after"], currency)
    for name in COLUMNS[-3:]:
        _matching(_WORD, name, values[name])
    operation = _matching(_WORD, "operation", values["operation"])
    own_id = f"bank-{account_id}"
    command = ImportTransaction(
        Post(
            account_id=own_id,
            direction=direction,
            amount=amount,
            contra=_contra(operation, values["category"]),
            kind=_kind(operation, values["category"]),
            posting_id=transaction_id,
            description=_description(values),
        ),
        key=RequestKey(
            identity("import-transactions", transaction_id),
            _content_hash(values, amount, balance_after),
        ),
        owner_id=f"holder-{account_id}",
        account_type="checking",
        numbers=account_numbers(account_id),
        balance_after=balance_after.minor,
    )
    return Transaction(line, transaction_id, command, effective_at)


def _matching(form: re.Pattern[str], name: str, text: str) -> str:
    if not form.fullmatch(text):
        raise _Refused(f"{name} is empty, too long or has characters that it may not have")
    return text


def _instant(text: str) -> datetime:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise _Refused("date must be a day such as 1993-02-16")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _direction(text: str) -> Literal["credit", "debit"]:
    match text:
        case "credit" | "debit":
            return text
        case _:
            raise _Refused("direction must be credit or debit")


def _contra(operation: str, category: str) -> str:
    # Whatever nobody has a name for waits in suspense, where finance looks for it.
    return CONTRA_BY_CATEGORY.get(category) or CONTRA_BY_OPERATION.get(operation, SUSPENSE)


def _kind(operation: str, category: str) -> str:
    return category if category in CONTRA_BY_CATEGORY else operation or "posting"


def _description(values: dict[str, str]) -> str:
    words = (values["operation"] or values["category"]).replace("_", " ").capitalize()
    purpose = values["category"].replace("_", " ") if values["operation"] and values["category"] else ""
    bank = f"{values['counterparty_bank']} {values['counterparty_account']}".strip()
    return ", ".join(part for part in (words, purpose, bank) if part)


def _content_hash(values: dict[str, str], amount: Money, balance_after: Money) -> str:
    """Of what the row says, not of how it writes it: 700.00 and 700.0 are the same amount."""
    as_read = {**values, "amount": str(amount.minor), "balance_after": str(balance_after.minor)}
    return identity(amount.currency, *(as_read[name] for name in COLUMNS))
