"""Money is a whole number of a currency's minor units; nothing here is ever a binary fraction.

    ValueError
    ├── InvalidAmount           an amount as text that cannot be taken
    │   ├── AmountNotANumber        not of the form -?[0-9]{1,15}(\\.[0-9]+)?
    │   ├── TooManyDigits           more than 15 digits before the point
    │   └── TooManyFractionDigits   more digits after the point than the currency has
    ├── UnknownCurrency         a code that is not in CURRENCIES
    ├── CurrencyMismatch        arithmetic or comparison across currencies
    └── InvalidRate             a rate that is negative, not finite, or absurdly long

Every class has a stable ``code``. No message repeats the refused text: it may be hostile, huge or
a card number, and messages end up in answers and logs.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from types import MappingProxyType
from typing import ClassVar

import msgspec

# ISO 4217, list one: every active code that has a minor unit (funds codes too, metals and test
# codes not), by its number of minor digits; then the two stablecoins.
_MINOR_DIGITS: dict[str, int] = {
    code: digits
    for digits, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP "
            "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR "
            "FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR "
            "KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV "
            "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
            "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
            "USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
        (6, "USDC USDT"),
    )
    for code in codes.split()
}
CURRENCIES: Mapping[str, int] = MappingProxyType(_MINOR_DIGITS)

_POWERS_OF_TEN = tuple(10**exponent for exponent in range(max(_MINOR_DIGITS.values()) + 1))

_MAX_INTEGER_DIGITS = 15
# Longer than any acceptable amount. What is longer is cut to this before anything looks at it:
# the cut text still fails for the right reason, and a megabyte costs no more than a line.
_MAX_TEXT_LENGTH = 64
# The same for a quoted JSON string, in which each character may be written as six (``\u0031``).
_MAX_ESCAPED_LENGTH = 6 * _MAX_TEXT_LENGTH + 2

# Always with fullmatch: ``$`` would let a trailing newline pass. ``\d`` would let other scripts'
# digits pass.
_match_amount = re.compile(r"(-?[0-9]{1,15})(?:\.([0-9]+))?").fullmatch
_match_long_number = re.compile(r"-?[0-9]{16,}(?:\.[0-9]+)?").fullmatch

# Precise enough for any amount times any sane rate, and it says so when it is not: a product that
# does not fit is refused instead of being rounded twice.
_EXACT_DIGITS = 200
_MAX_RATE_EXPONENT = 30


class InvalidAmount(ValueError):
    """An amount, as text, that cannot be taken. ``str()`` of it may be shown to the caller."""

    code: ClassVar[str] = "invalid_amount"


class AmountNotANumber(InvalidAmount):
    code = "amount_not_a_number"

    def __init__(self) -> None:
        super().__init__("amount must be a plain decimal number such as 125.50")


class TooManyDigits(InvalidAmount):
    code = "amount_too_many_digits"

    def __init__(self) -> None:
        super().__init__(f"amount has more than {_MAX_INTEGER_DIGITS} integer digits")


class TooManyFractionDigits(InvalidAmount):
    code = "amount_too_many_fraction_digits"

    def __init__(self, currency: str, allowed_digits: int) -> None:
        super().__init__(f"amount in {currency} may have at most {allowed_digits} fraction digits")
        self.currency = currency
        self.allowed_digits = allowed_digits


class UnknownCurrency(ValueError):
    code: ClassVar[str] = "unknown_currency"

    def __init__(self) -> None:
        super().__init__("currency is not an active ISO 4217 code, USDC or USDT")


class CurrencyMismatch(ValueError):
    code: ClassVar[str] = "currency_mismatch"

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right} cannot be added or compared")
        self.left = left
        self.right = right


class InvalidRate(ValueError):
    code: ClassVar[str] = "invalid_rate"

    def __init__(self) -> None:
        super().__init__("rate must be a finite decimal number, not negative and of sane length")


# gc=False: an int and a str can form no cycle, and the collector need not visit cached amounts.
class Money(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An exact amount, stored as ``[12550, "USD"]``.

    The currency is not looked up here, so that history stays loadable when a code is retired.
    """

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: "Money") -> bool:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return self.minor <= other.minor

    def __gt__(self, other: "Money") -> bool:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return self.minor > other.minor

    def __ge__(self, other: "Money") -> bool:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return self.minor >= other.minor

    def decimal(self) -> str:
        """With exactly the currency's minor digits: ``125.50``, JPY ``500``, ``-0.05``."""
        digits = minor_digits(self.currency)
        if digits == 0:
            return str(self.minor)
        whole, fraction = divmod(abs(self.minor), _POWERS_OF_TEN[digits])
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{whole}.{fraction:0{digits}d}"


def minor_digits(currency: str) -> int:
    """How many digits the currency has after the point. Raises UnknownCurrency."""
    try:
        return _MINOR_DIGITS[currency]
    except KeyError:
        raise UnknownCurrency from None


def parse_amount(text: str | bytes, currency: str) -> Money:
    """The amount that a client wrote, exactly, or the InvalidAmount that says what is wrong.

    Sign and zero are the caller's to judge; ``-0`` is zero. Trailing zeros count as digits.
    """
    digits = minor_digits(currency)
    text = text[:_MAX_TEXT_LENGTH]
    if isinstance(text, bytes):
        # Never fails; bytes beyond ASCII become letters, which the form refuses.
        text = text.decode("latin-1")
    match = _match_amount(text)
    if match is None:
        raise TooManyDigits if _match_long_number(text) else AmountNotANumber
    whole, fraction = match.groups()
    if fraction is None:
        return Money(int(whole) * _POWERS_OF_TEN[digits], currency)
    missing_digits = digits - len(fraction)
    if missing_digits < 0:
        raise TooManyFractionDigits(currency, digits)
    # The sign stands before both parts, so "-0" + "05" is -5.
    return Money(int(whole + fraction) * _POWERS_OF_TEN[missing_digits], currency)


def parse_json_amount(raw: bytes, currency: str) -> Money:
    """As parse_amount, from one raw JSON token as it was sent: ``125.50`` or ``"125.50"``.

    That the token is JSON at all (``007`` is not) was checked by the decoder that cut it out.
    """
    if raw[:1] != b'"':
        return parse_amount(raw, currency)
    length = len(raw)
    if length < 2 or raw[-1:] != b'"':
        raise AmountNotANumber
    if length <= _MAX_ESCAPED_LENGTH and b"\\" in raw:
        return parse_amount(_unescape(raw), currency)
    return parse_amount(raw[1 : min(length - 1, _MAX_TEXT_LENGTH + 1)], currency)


def _unescape(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise AmountNotANumber from None


def split(amount: Money, weights: Sequence[int]) -> list[Money]:
    """Shares in proportion to the weights that add up to the amount to the minor unit.

    Largest remainder: each share is its exact value rounded towards zero, and the units left over
    go one each to those that lost most, the earlier one first where two lost the same.
    """
    total_weight = sum(weights)
    if total_weight <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and one must be positive")
    sign = -1 if amount.minor < 0 else 1
    units = abs(amount.minor)
    shares = [units * weight // total_weight for weight in weights]
    units_left = units - sum(shares)
    by_loss = sorted(range(len(weights)), key=lambda i: -(units * weights[i] % total_weight))
    for position in by_loss[:units_left]:
        shares[position] += 1
    return [Money(sign * share_units, amount.currency) for share_units in shares]


def convert(amount: Money, rate: Decimal, currency: str) -> Money:
    """What the amount is worth in another currency: amount × rate, rounded once, half-even.

    Raises UnknownCurrency and InvalidRate. The process's decimal context plays no part.
    """
    shift = minor_digits(currency) - minor_digits(amount.currency)
    if not rate.is_finite() or rate < 0 or abs(rate.adjusted()) > _MAX_RATE_EXPONENT:
        raise InvalidRate
    exact = Context(
        prec=_EXACT_DIGITS,
        rounding=ROUND_HALF_EVEN,
        traps=[InvalidOperation, DivisionByZero, Inexact],
    )
    try:
        product = exact.multiply(Decimal(amount.minor), rate)
    except Inexact:
        raise InvalidRate from None
    return Money(int(exact.to_integral_value(exact.scaleb(product, shift))), currency)


def share(amount: Money, rate: Decimal) -> Money:
    """A part of the amount, such as a fee of ``Decimal("0.0025")``, rounded once, half-even."""
    return convert(amount, rate, amount.currency)
