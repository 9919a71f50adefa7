"""Rates of exchange, as the configured source gave them: what one unit of a currency is worth in another.

Each pair is a stream of its own, so that what a conversion was reckoned with can always be looked up.
"""

import re
from decimal import Decimal

import msgspec

from domain.events import Event
from domain.money import InvalidRate, minor_digits

SANDBOX_SPREAD = "0.005"

# Nine digits before the point and twelve after it: any real rate, and products that stay exact.
_RATE = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?")
RATE_LENGTH_MAX = 9 + 1 + 12


class RateSet(Event, frozen=True):
    """`rate` and `spread` are plain decimal numbers as text, so that they stay exact for ever.

    `spread` is the part of the rate that the bank keeps.
    """

    TOPIC = "rate.set"
    from_currency: str
    to_currency: str
    rate: str
    spread: str


class Rate(msgspec.Struct, frozen=True):
    rate: str
    spread: str

    def middle(self) -> Decimal:
        return Decimal(self.rate)


INITIAL = tuple(
    RateSet(coin, currency, rate, SANDBOX_SPREAD)
    for coin in ("USDC", "USDT")
    for currency, rate in (("PKR", "280.75"), ("USD", "1.00"))
)


def stream(from_currency: str, to_currency: str) -> str:
    return f"rate-{from_currency}-{to_currency}"


def set_rate(existing: Rate | None, wanted: RateSet) -> RateSet | None:
    """None where that is the rate already. Raises UnknownCurrency or InvalidRate."""
    for currency in (wanted.from_currency, wanted.to_currency):
        minor_digits(currency)
    if wanted.from_currency == wanted.to_currency or not is_rate(wanted.rate) or not is_spread(wanted.spread):
        raise InvalidRate
    return None if existing == Rate(wanted.rate, wanted.spread) else wanted


def is_rate(text: str) -> bool:
    """Whether it is a plain decimal number above zero, of sane length."""
    return len(text) <= RATE_LENGTH_MAX and _RATE.fullmatch(text) is not None and Decimal(text) > 0


def is_spread(text: str) -> bool:
    """Whether it is a part of the whole: from 0 to below 1."""
    return len(text) <= RATE_LENGTH_MAX and _RATE.fullmatch(text) is not None and Decimal(text) < 1


def evolve(_: Rate | None, event: RateSet) -> Rate:
    return Rate(event.rate, event.spread)
