"""What the cards surface takes for each field, and what it refuses by name."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from api.cards import fields
from api.exchange import ApiError
from domain.country_codes import COUNTRY_CODES
from domain.money import Money
from tests.api.card_exchanges import exchange

Read = Callable[[msgspec.Raw], Any]
AFTERNOON = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)


def raw(token: str | bytes) -> msgspec.Raw:
    return msgspec.Raw(token if isinstance(token, bytes) else token.encode())


def refusal(read: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read()
    return caught.value


def usd(token: msgspec.Raw) -> Money:
    return fields.amount(token, "amount", "USD")


def channel(token: msgspec.Raw) -> str:
    return fields.word(token, "channel", ("POS", "ATM", "MOTO"))


def name(token: msgspec.Raw) -> str:
    return fields.text(token, "merchantName")


def expires(token: msgspec.Raw) -> datetime:
    return fields.instant(token, "expiresAt")


def final(token: msgspec.Raw) -> bool:
    return fields.flag(token, "final", default=True)


@pytest.mark.parametrize(
    ("read", "token", "value"),
    [
        (name, '"Example Merchant"', "Example Merchant"),
        (name, '"' + "é" * 255 + '"', "é" * 255),
        (channel, '"POS"', "POS"),
        (channel, '"\\u0050OS"', "POS"),
        (usd, "125.50", Money(12550, "USD")),
        (usd, '"125.50"', Money(12550, "USD")),
        (usd, "0.01", Money(1, "USD")),
        (usd, "9" * 15, Money((10**15 - 1) * 100, "USD")),
        (fields.currency, '"JPY"', "JPY"),
        (fields.country_code, '"USA"', "USA"),
        (fields.mcc, '"0742"', "0742"),
        (fields.expiry_date, '"12/25"', "12/25"),
        (fields.expiry_date, '"01/00"', "01/00"),
        (fields.masked_pan, '"411111******1111"', "411111******1111"),
        (fields.optional_masked_pan, '"411111*1111"', "411111*1111"),
        (fields.optional_masked_pan, "null", None),
        (expires, '"2023-05-01T14:30:00Z"', AFTERNOON),
        (expires, '"2023-05-01T16:30:00.000000000+02:00"', AFTERNOON),
        (final, "false", False),
        (final, "true", True),
        (final, "null", True),
        (fields.account, "321654987", "321654987"),
        (fields.account, '"0321654987"', "0321654987"),
        (fields.account, '"test_checking_123"', "test_checking_123"),
    ],
)
def test_a_good_field_is_read(read: Read, token: str, value: Any) -> None:
    assert read(raw(token)) == value


BAD = [
    (name, "merchantName", ["7", "[]", "{}", "true", '"\\u0000"', '"\\ud800"', '"' + "x" * 256 + '"']),
    (channel, "channel", ['"pos"', '"WEB"', "1", '["POS"]', '"\\ud800"']),
    (
        usd,
        "amount",
        [
            "0",
            "-0",
            "0.00",
            "-100.00",
            "1.005",
            "1.000",
            "1e3",
            "1" * 16,
            "true",
            "[]",
            '"NaN"',
            '" 1"',
            '"1_0"',
        ],
    ),
    (fields.currency, "currency", ['"usd"', '"USDC"', '"USDT"', '"XXX"', '"US"', "840"]),
    (fields.country_code, "countryCode", ['"US"', '"usa"', '"XKX"', '"ZZZ"', "840"]),
    (fields.mcc, "mcc", ["5411", '"541"', '"54111"', '"٥٤١١"', '"5411\\n"']),
    (fields.expiry_date, "expiryDate", ['"13/25"', '"00/25"', '"1/25"', '"12/2025"', '"12-25"', '"12/25 "']),
    (fields.masked_pan, "maskedPan", ['"411111"', '"4111111111"', '"41111******1111"', '"411111xxxxxx1111"']),
    (
        expires,
        "expiresAt",
        ['"2023-05-01"', '"2023-05-01T14:30:00"', '"tomorrow"', "1682951400", '"0001-01-01T00:00:00Z"'],
    ),
    (final, "final", ["1", '"false"', "[]"]),
    (fields.account, "accountId", ["0", "-1", "1.0", "1e3", "12345678901234567", "true", "[]", '"\\u0000"']),
]


@pytest.mark.parametrize(
    ("read", "field", "token"),
    [(read, field, token) for read, field, tokens in BAD for token in tokens],
)
def test_a_bad_field_is_refused_by_name(read: Read, field: str, token: str) -> None:
    """400, with what it must be."""
    error = refusal(lambda: read(raw(token)))
    assert (error.status, error.code, error.field) == (400, "validation_error", field)
    assert error.constraint
    assert error.message == f"{field} {error.constraint}"


@pytest.mark.parametrize("token", ["", "null", '""'])
@pytest.mark.parametrize(
    "read",
    [name, channel, usd, fields.currency, fields.country_code, fields.mcc, fields.expiry_date, expires],
)
def test_missing_null_and_empty_is_all_the_same(read: Read, token: str) -> None:
    assert refusal(lambda: read(raw(token))).constraint == "is required"
    assert fields.optional_text(raw(token), "reason") is None
    assert fields.optional_instant(raw(token), "timestamp") is None


def test_an_amount_has_the_documented_words() -> None:
    error = refusal(lambda: fields.amount(raw("-100.00"), "amount", "USD", "Invalid transaction amount"))
    assert (error.message, error.constraint) == ("Invalid transaction amount", "must be greater than 0")
    assert refusal(lambda: fields.amount(raw("0.5"), "amount", "JPY")).field == "amount"


def test_there_are_as_many_countries_as_the_standard_has() -> None:
    assert len(COUNTRY_CODES) == 249
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in COUNTRY_CODES)


@pytest.mark.parametrize("number", [1, 456789123, 2**53 - 1])
def test_an_identifier_in_a_path_is_a_number(number: int) -> None:
    assert fields.path_id(str(number), "Hold") == number


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "+1", "01", "1.0", "1e3", "x", " 1", "1\n", "٣", "９", str(2**53), "9" * 16, "9" * 5_000],
)
def test_a_malformed_identifier_is_not_found(text: str) -> None:
    error = refusal(lambda: fields.path_id(text, "Limit override"))
    assert (error.status, error.message, error.field) == (404, "Limit override not found", None)


def test_a_key_does_not_see_the_prefix_nor_how_the_path_is_written() -> None:
    def key(path: str, *content: str, method: str = "POST", sent: str = "k") -> Any:
        asked = exchange(method, path, headers={"Idempotency-Key": sent})
        return fields.key(asked, *content)

    plain = key("/api/v1/holds/7/capture", "1")
    for same in (
        "/card-authorization/api/v1/holds/7/capture",
        "/api/v1/holds/%37/capture",
        "/api/v1/holds/7/capture/",
    ):
        assert key(same, "1") == plain
    for other in (
        key("/api/v1/holds/8/capture", "1"),
        key("/api/v1/holds/7/capture", "1", method="PUT"),
        key("/api/v1/holds/7/capture", "1", sent="l"),
    ):
        assert other.request_id != plain.request_id
    changed = key("/api/v1/holds/7/capture", "2")
    assert changed.request_id == plain.request_id
    assert changed.content_hash != plain.content_hash
    assert fields.key(exchange()) is None
    for bad in ("", "k" * 256):
        assert refusal(lambda bad=bad: key("/api/v1/holds/7/capture", sent=bad)).field == "Idempotency-Key"  # type: ignore[misc]


def test_a_period_has_whole_days_and_whole_seconds() -> None:
    """Both ends inclusive: what is shown as 14:30:00 is found by 14:30:00."""

    def period(**query: str) -> tuple[datetime, datetime]:
        read = fields.period(query)
        return read.start, read.end

    day = datetime(2023, 5, 1, tzinfo=UTC)
    assert period(fromDate="2023-05-01", toDate="2023-05-01") == (day, day.replace(day=2))
    instant = "2023-05-01T14:30:00Z"
    assert period(fromDate=instant, toDate=instant) == (AFTERNOON, AFTERNOON.replace(second=1))
    exact = period(fromDate=instant, toDate="2023-05-01T14:30:00.5Z")
    assert exact == (AFTERNOON, AFTERNOON.replace(microsecond=500_001))
    assert period(fromDate="2023-05-01T16:30:00 02:00")[0] == AFTERNOON
    assert period()[0].year == 1970


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"fromDate": "2023-05-02", "toDate": "2023-05-01"}, "fromDate"),
        ({"fromDate": "2023-05-01T14:30:01Z", "toDate": "2023-05-01T14:30:00Z"}, "fromDate"),
        ({"fromDate": "2023-05-01T14:30:00.5Z", "toDate": "2023-05-01T14:30:00Z"}, "fromDate"),
        ({"fromDate": "2023-05-02T00:00:00Z", "toDate": "2023-05-01"}, "fromDate"),
        ({"fromDate": "2023-02-30"}, "fromDate"),
        ({"toDate": "now"}, "toDate"),
        ({"toDate": "9999-12-31"}, "toDate"),
    ],
)
def test_a_period_that_is_none_is_refused(query: dict[str, str], field: str) -> None:
    assert refusal(lambda: fields.period(query)).field == field


def test_parameters_of_query_strings() -> None:
    assert fields.account_parameter({"accountId": "0321654987"}) == "0321654987"
    for bad in ({}, {"accountId": ""}, {"accountId": "x" * 256}, {"accountId": "a\0"}):
        assert refusal(lambda bad=bad: fields.account_parameter(bad)).field == "accountId"  # type: ignore[misc]
    flags = [{}, {"includeExpired": "false"}, {"includeExpired": "true"}]
    assert [fields.flag_parameter(query, "includeExpired") for query in flags] == [False, False, True]
    assert (
        refusal(lambda: fields.flag_parameter({"includeExpired": "1"}, "includeExpired")).field
        == "includeExpired"
    )
