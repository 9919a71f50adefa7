"""Amounts in answers: JSON numbers that keep their digits."""

from typing import Annotated

from msgspec import Meta, Raw

from domain.money import Money

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
