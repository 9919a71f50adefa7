"""Amounts as callers send them, read exactly, and as answers show them: numbers that keep their digits."""

from typing import Annotated

from msgspec import Meta, Raw

from api.exchange import invalid
from domain.money import InvalidAmount, Money, parse_json_amount

Amount = Annotated[
    Raw,
    Meta(
        description="Exactly as many digits after the point as the currency has.",
        extra_json_schema={"type": "number"},
    ),
]


def amount_of(money: Money) -> Raw:
    """`125.50`, raw, because a number would lose its last digit."""
    return Raw(money.decimal().encode())


def read_amount(raw: Raw, field: str, currency: str, message: str | None = None) -> Money:
    """More than zero, exactly as it was written: a number, or the same as a string. 400 that names the field,
    in the words of `message` where there is one."""
    try:
        read = parse_json_amount(bytes(raw), currency)
    except InvalidAmount as error:
        raise invalid(field, str(error).removeprefix("amount "), message) from None
    if read.minor <= 0:
        raise invalid(field, "must be greater than 0", message)
    return read
