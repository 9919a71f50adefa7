"""Money is exact, in its own currency, and no text a client sends can make it anything else."""

import json
import math
import operator
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    CURRENCIES,
    AmountNotANumber,
    CurrencyMismatch,
    InvalidAmount,
    InvalidRate,
    Money,
    TooManyDigits,
    TooManyFractionDigits,
    UnknownCurrency,
    convert,
    minor_digits,
    parse_amount,
    parse_json_amount,
    share,
    split,
)

MEGABYTE = 10**6

currencies = st.sampled_from(sorted(CURRENCIES))


@st.composite
def amounts(draw: st.DrawFn) -> Money:
    currency = draw(currencies)
    bound = 10 ** (15 + CURRENCIES[currency]) - 1
    return Money(draw(st.integers(-bound, bound)), currency)


rates = st.decimals(min_value=0, max_value=10**6, places=9)

# Refused as text, as bytes, as a bare JSON token and as a quoted one.
NOT_NUMBERS = [
    *("", "-", ".", "1.", ".5", "-.5", "+1", "--1", "1-", "1.2.3", "1,00", "1'000", "$1", "0x1f", "1f"),
    *("NaN", "nan", "sNaN", "-NaN", "Infinity", "-Infinity", "inf", "1e5", "1E5", "1e400000", "1e-2", "1_0"),
    *(" 1", "1 ", "1\n", "\n1", "1\t", "1\x00", "\ufeff1", "1\u00a0", "\u2212" + "1", "1\u066b5"),
    *("１２", "١٢", "1²", "½", "true", "false", "null", "{}", "[]", "[1]", '{"amount":1}', "1/2", "(1)"),
    "\ud800",
]


def refusal(parse: Callable[[], object]) -> type[InvalidAmount]:
    with pytest.raises(InvalidAmount) as caught:
        parse()
    return caught.type


def test_money_is_stored_as_minor_units_and_currency() -> None:
    assert msgspec.json.encode(Money(12550, "USD")) == b'[12550,"USD"]'
    assert msgspec.json.decode(b'[12550,"USD"]', type=Money) == Money(12550, "USD")


@given(amounts())
def test_every_amount_survives_storage(amount: Money) -> None:
    assert msgspec.json.decode(msgspec.json.encode(amount), type=Money) == amount


def test_arithmetic_stays_in_the_currency() -> None:
    assert Money(100, "USD") + Money(25, "USD") == Money(125, "USD")
    assert Money(100, "USD") - Money(125, "USD") == Money(-25, "USD")
    assert -Money(5, "USD") == Money(-5, "USD")
    assert Money(1, "USD") != Money(1, "EUR")
    assert not Money(0, "USD")
    assert Money(-1, "USD")


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@given(st.integers(-2, 2), st.integers(-2, 2))
def test_amounts_are_ordered_as_their_minor_units(
    compare: Callable[[object, object], bool], left: int, right: int
) -> None:
    assert compare(Money(left, "USD"), Money(right, "USD")) is compare(left, right)


@pytest.mark.parametrize(
    "combine", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge]
)
def test_currencies_never_mix(combine: Callable[[object, object], object]) -> None:
    with pytest.raises(CurrencyMismatch) as caught:
        combine(Money(1, "USD"), Money(1, "EUR"))
    assert (caught.value.left, caught.value.right) == ("USD", "EUR")


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("USD", 2),
        ("JPY", 0),
        ("ISK", 0),
        ("BHD", 3),
        ("CLF", 4),
        ("UYW", 4),
        ("UYI", 0),
        ("USDC", 6),
        ("USDT", 6),
    ],
)
def test_each_currency_has_its_own_minor_digits(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("code", ["", "usd", "XYZ", "DEM", "XXX", "XAU", "USD ", "USD-EQUIVALENT"])
def test_only_active_currencies_are_known(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        minor_digits(code)
    with pytest.raises(UnknownCurrency):
        parse_amount("1", code)
    with pytest.raises(UnknownCurrency):
        convert(Money(1, "USD"), Decimal(1), code)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(12550, "USD"), "125.50"),
        (Money(0, "USD"), "0.00"),
        (Money(-5, "USD"), "-0.05"),
        (Money(-12345, "USD"), "-123.45"),
        (Money(500, "JPY"), "500"),
        (Money(-500, "JPY"), "-500"),
        (Money(1, "BHD"), "0.001"),
        (Money(1_000_000_000, "USDC"), "1000.000000"),
    ],
)
def test_amounts_are_shown_with_exactly_their_minor_digits(amount: Money, shown: str) -> None:
    assert amount.decimal() == shown


@given(amounts())
def test_what_is_shown_reads_back_as_the_same_amount(amount: Money) -> None:
    shown = amount.decimal()
    assert Fraction(shown) == Fraction(amount.minor, 10 ** CURRENCIES[amount.currency])
    assert parse_amount(shown, amount.currency) == amount
    assert parse_amount(shown.encode(), amount.currency) == amount
    assert parse_json_amount(shown.encode(), amount.currency) == amount
    assert parse_json_amount(json.dumps(shown).encode(), amount.currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("100", "USD", 10_000),
        ("100.0", "USD", 10_000),
        ("100.00", "USD", 10_000),
        ("007", "USD", 700),
        ("-0.05", "USD", -5),
        ("0", "USD", 0),
        ("-0", "USD", 0),  # the form allows it; whoever needs a positive amount refuses the zero
        ("-0.00", "USD", 0),
        ("999999999999999.99", "USD", 99_999_999_999_999_999),
        ("000000000000001", "JPY", 1),
        ("999999999999999.999999", "USDC", 999_999_999_999_999_999_999),
    ],
)
def test_plain_decimal_numbers_are_read_exactly(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == Money(minor, currency)
    assert parse_amount(text.encode(), currency) == Money(minor, currency)
    assert parse_json_amount(text.encode(), currency) == Money(minor, currency)
    assert parse_json_amount(f'"{text}"'.encode(), currency) == Money(minor, currency)


@pytest.mark.parametrize("text", NOT_NUMBERS, ids=ascii)
def test_what_is_not_a_plain_number_is_refused(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    assert refusal(lambda: parse_amount(text, "USD")) is AmountNotANumber
    assert refusal(lambda: parse_amount(raw, "USD")) is AmountNotANumber
    assert refusal(lambda: parse_json_amount(raw, "USD")) is AmountNotANumber
    assert refusal(lambda: parse_json_amount(b'"' + raw + b'"', "USD")) is AmountNotANumber
    assert refusal(lambda: parse_json_amount(json.dumps(text).encode(), "USD")) is AmountNotANumber


@pytest.mark.parametrize(
    "raw",
    [
        b'"',
        b'""',
        b'"1',
        b'1"',
        b'""1""',
        b'"1\\"',
        b'"1\\',
        b'"\\q1"',
        b'"\\ud800"',
        b'"1\\n"',
        b"'1'",
        b"\xff",
        b'"\\u00b2\xff"',
    ],
    ids=ascii,
)
def test_broken_json_tokens_are_refused(raw: bytes) -> None:
    assert refusal(lambda: parse_json_amount(raw, "USD")) is AmountNotANumber


def test_a_quoted_amount_may_be_escaped_as_any_json_string() -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in "-999999999999999.999999")
    assert parse_json_amount(f'"{escaped}"'.encode(), "USDC") == Money(-999_999_999_999_999_999_999, "USDC")


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.005", "USD"),
        ("1.000", "USD"),
        ("1.0", "JPY"),
        ("0.0000001", "USDC"),
        ("-1.00000", "CLF"),
        ("1.0000", "BHD"),
    ],
)
def test_more_fraction_digits_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(TooManyFractionDigits) as caught:
        parse_amount(text, currency)
    assert (caught.value.currency, caught.value.allowed_digits) == (currency, CURRENCIES[currency])


@pytest.mark.parametrize("text", ["1" * 16, "-" + "1" * 16, "0" * 15 + "1", "1" * 16 + ".50", "9" * 63])
def test_more_than_fifteen_integer_digits_are_refused(text: str) -> None:
    assert refusal(lambda: parse_amount(text, "USD")) is TooManyDigits
    assert refusal(lambda: parse_json_amount(f'"{text}"'.encode(), "USD")) is TooManyDigits


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1" * MEGABYTE, TooManyDigits),
        ("-" + "0" * MEGABYTE, TooManyDigits),
        ("1." + "0" * MEGABYTE, TooManyFractionDigits),
        ("x" * MEGABYTE, AmountNotANumber),
        ("1" + " " * MEGABYTE, AmountNotANumber),
        ("\\u0031" * MEGABYTE, AmountNotANumber),
        ("1e" + "9" * MEGABYTE, AmountNotANumber),
    ],
    ids=lambda value: value[:4] if isinstance(value, str) else None,
)
def test_a_huge_text_is_refused_for_the_right_reason(text: str, reason: type[InvalidAmount]) -> None:
    assert refusal(lambda: parse_amount(text, "USD")) is reason
    assert refusal(lambda: parse_amount(text.encode(), "USD")) is reason
    assert refusal(lambda: parse_json_amount(text.encode(), "USD")) is reason
    assert refusal(lambda: parse_json_amount(f'"{text}"'.encode(), "USD")) is reason


class _SliceOnly(str):
    """A text that counts the characters which anyone gets to see of it."""

    seen = 0

    def __getitem__(self, key: object) -> str:
        part = super().__getitem__(key)  # type: ignore[index]
        self.seen += len(part)
        return part


def test_of_a_huge_text_only_the_beginning_is_looked_at() -> None:
    text = _SliceOnly("1" * MEGABYTE)
    with pytest.raises(TooManyDigits):
        parse_amount(text, "USD")
    assert 0 < text.seen < 100


@given(st.text(alphabet='0123456789.-+e_ \n\\"１', max_size=30) | st.text(max_size=10), currencies)
def test_any_text_is_either_an_exact_amount_or_refused(text: str, currency: str) -> None:
    try:
        amount = parse_amount(text, currency)
    except InvalidAmount as refused:
        assert refused.code.startswith("amount_")
        assert refusal(lambda: parse_json_amount(json.dumps(text).encode(), currency)) is type(refused)
    else:
        assert Fraction(amount.minor, 10 ** CURRENCIES[currency]) == Fraction(text)
        assert parse_json_amount(json.dumps(text).encode(), currency) == amount


def test_every_refusal_has_a_code_of_its_own_and_never_repeats_the_text() -> None:
    codes = set()
    for text in ("4111111111111111", "1.4111111111111111", "4111x"):
        with pytest.raises(InvalidAmount) as caught:
            parse_amount(text, "USD")
        assert "4111" not in str(caught.value)
        codes.add(caught.value.code)
    assert codes == {"amount_too_many_digits", "amount_too_many_fraction_digits", "amount_not_a_number"}


weights_lists = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


@given(amounts(), weights_lists)
def test_a_split_conserves_and_each_share_is_within_one_unit_of_exact(
    amount: Money, weights: list[int]
) -> None:
    shares = split(amount, weights)
    assert sum(part.minor for part in shares) == amount.minor
    for part, weight in zip(shares, weights, strict=True):
        assert part.currency == amount.currency
        assert abs(part.minor - Fraction(amount.minor * weight, sum(weights))) < 1
    assert split(-amount, weights) == [-part for part in shares]


@pytest.mark.parametrize(
    ("minor", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (10, [1, 2, 4], [1, 3, 6]),
        (1, [1, 3], [0, 1]),
        (5, [0, 1, 0], [0, 5, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_units_left_over_go_to_the_largest_remainders_then_to_the_earlier(
    minor: int, weights: list[int], shares: list[int]
) -> None:
    assert split(Money(minor, "USD"), weights) == [Money(part, "USD") for part in shares]


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [2, -1], [-1]])
def test_weights_that_divide_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(Money(100, "USD"), weights)


@given(amounts(), rates, currencies)
def test_conversion_rounds_the_exact_value_once_half_even(
    amount: Money, rate: Decimal, currency: str
) -> None:
    scale = Fraction(10) ** (CURRENCIES[currency] - CURRENCIES[amount.currency])
    exact = amount.minor * Fraction(rate) * scale
    # Fraction's round() is half-even.
    assert convert(amount, rate, currency) == Money(round(exact), currency)


@given(st.integers(-(10**9), 10**9), st.sampled_from(["0.5", "1.5", "0.05", "0.25", "0.0025"]))
def test_exact_halves_go_to_the_even_unit(minor: int, rate: str) -> None:
    rounded = share(Money(minor, "USD"), Decimal(rate))
    exact = minor * Fraction(rate)
    assert rounded == Money(round(exact), "USD")
    if exact - math.floor(exact) == Fraction(1, 2):
        assert rounded.minor % 2 == 0


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [
        (Money(1_000_000_000, "USDC"), "279.34625", Money(27_934_625, "PKR")),
        (Money(1, "JPY"), "0.005", Money(0, "USD")),
        (Money(3, "JPY"), "0.005", Money(2, "USD")),
        (Money(-3, "JPY"), "0.005", Money(-2, "USD")),
        (Money(100, "USD"), "1", Money(1_000_000, "USDC")),
        (Money(100, "USD"), "0", Money(0, "EUR")),
        (Money(100, "USD"), "1e2", Money(10_000, "EUR")),
    ],
)
def test_known_conversions(amount: Money, rate: str, expected: Money) -> None:
    assert convert(amount, Decimal(rate), expected.currency) == expected


def test_a_fee_is_a_share_in_the_same_currency() -> None:
    assert share(Money(100_000, "USD"), Decimal("0.0025")) == Money(250, "USD")
    assert share(Money(200, "USD"), Decimal("0.0025")) == Money(0, "USD")  # half a cent, to even
    assert share(Money(600, "USD"), Decimal("0.0025")) == Money(2, "USD")  # one and a half


def test_the_decimal_context_of_the_process_changes_nothing() -> None:
    with localcontext() as context:
        context.prec = 2
        context.rounding = "ROUND_UP"
        converted = convert(Money(123_456_789, "USD"), Decimal("1.23456789"), "EUR")
        assert not any(context.flags.values())
    assert converted == Money(152_415_788, "EUR")


@pytest.mark.parametrize(
    "rate", ["NaN", "sNaN", "Infinity", "-1", "-0.01", "1e400000", "1e-400000", "1." + "1" * 300]
)
def test_rates_that_make_no_sense_are_refused(rate: str) -> None:
    with pytest.raises(InvalidRate):
        convert(Money(12_345, "USD"), Decimal(rate), "EUR")
