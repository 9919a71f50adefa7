"""No body gets a card number past the check, and hardly any without one is held up by it."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from unicodedata import category, digit

import pytest

from api.cards.card_numbers import CardNumberRefused, has_card_number, refuse_card_numbers
from api.exchange import ApiError

PAN = "4111111111111111"
ESCAPED = "".join(f"\\u003{figure}" for figure in PAN)

AUTHORIZATION = {
    "maskedPan": "411111******1111",
    "panHash": "a1b2c3d4e5f6g7h8i9j0",
    "expiryDate": "12/25",
    "merchantId": "MERCH123456",
    "merchantName": "Example Merchant",
    "channel": "POS",
    "mcc": "5411",
    "countryCode": "USA",
    "transactionType": "PURCHASE",
    "amount": 125.50,
    "currency": "USD",
    "timestamp": "2023-05-01T14:30:00Z",
}
LIMITS = {"transactionLimit": 10**14, "channelLimits": {"ATM": {"dailyLimit": "123456789012345.00"}}}


def encoded(body: Any, *, is_ascii: bool = True) -> bytes:
    return json.dumps(body, ensure_ascii=is_ascii).encode()


def refused_field(body: bytes) -> str | None:
    with pytest.raises(CardNumberRefused) as caught:
        refuse_card_numbers(body)
    error = caught.value
    assert error.status == 400
    assert error.constraint == "must not have a card number in it"
    assert PAN not in f"{error.message} {error.field}"
    return error.field


@pytest.mark.parametrize(
    "body",
    [
        AUTHORIZATION,
        {},
        {"merchantName": "12345678901"},
        {"merchantName": "12345678901x2345678901"},
        {"merchantName": "411111.111111.1111"},
        {"amount": 123456789012.50},
        {"amount": "123456789012345"},
        {"accountId": 123456789012345},
        {"accountId": "acc_1234567890123456"},
        {"requestId": 2**53 - 1, "holdId": 2**53 - 1},
        LIMITS,
        {"limits": LIMITS},
        {"panHash": "a" + "1" * 60},
        {"merchantId": "123456789012"},
        {"merchantId": "MERCH4111111111111112"},
        {"reference": "ARN 24011345123456789012345"},
        {"nested": {"deep": ["1", "2", {"a": "12345678901"}]}},
        {"emoji": "💳 gültig", "escaped": 'tab\tquote"'},
    ],
    ids=repr,
)
def test_what_has_no_card_number_passes(body: dict[str, Any]) -> None:
    for is_ascii in (True, False):
        refuse_card_numbers(encoded(body, is_ascii=is_ascii))
        refuse_card_numbers(json.dumps(body, ensure_ascii=is_ascii, indent=8).encode())


SEPARATED = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111 - 1111 - 1111 - 1111",
    "4111\t1111\n1111\r1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "4111\u20131111\u20141111\u22121111",
    "4111\u200b1111\u2060\ufeff1111\u00ad1111",
    "4\ufe0f\u20e31\ufe0f\u20e3" + "1\ufe0f\u20e3" * 14,
]
OTHER_DIGITS = [
    "٤١١١١١١١١١١١١١١١",
    "４１１１１１１１１１１１１１１１",
    "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
    "④①①①①①①①①①①①①①①①",
    "⁴¹¹¹¹¹¹¹¹¹¹¹¹¹¹¹",
]


@pytest.mark.parametrize("number", [PAN, "4" * 12, *SEPARATED, *OTHER_DIGITS])
def test_a_card_number_is_found_however_it_is_written(number: str) -> None:
    """In every kind of member, escaped or not, alone or within a text."""
    for shown in (number, f"card {number} of mine"):
        for body in (
            {"merchantName": shown},
            {"unknown": shown},
            {"unknown": {"deep": [[{"er": shown}]]}},
            [shown],
            {"maskedPan": shown},
            {"expiryDate": shown},
            {"secret": shown},
            {"amount": [shown]},
            {"channelLimits": {"ATM": shown}},
            {"limits.dailyLimit": shown},
            {shown: 1},
            {"deep": {shown: 1}},
        ):
            refused_field(encoded(body))
            refused_field(encoded(body, is_ascii=False))


@pytest.mark.parametrize(
    "body",
    [
        '{"merchantName": "' + ESCAPED + '"}',
        '{"\\u0061": "\\u00344111111 1111111"}',
        '{"a": "4111\\u0000111111111111"}',
        '{"a": "' + PAN + '", "a": "harmless"}',
        '{"a": ' + PAN + "}",
        '{"a": ' + PAN + ".00}",
        '{"a": [-' + PAN + "]}",
        '{"a": 1} {"a": "' + PAN + '"}',
        f'"{PAN}"',
        PAN,
    ],
)
def test_the_spelling_in_json_hides_nothing(body: str) -> None:
    """Escapes, members that are named twice, numbers, bodies that are no object or more than one."""
    with pytest.raises(ApiError) as caught:
        refuse_card_numbers(body.encode())
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"merchantName": PAN}, "merchantName"),
        ({"a": {"b": [{"c": PAN}]}}, "a.b.c"),
        ({"a": [PAN]}, "a"),
        ({"a": 1, "b": PAN, "c": PAN}, "b"),
        ({PAN: PAN}, None),
        ({"a": {PAN: 1}}, None),
        ([PAN], None),
        ({"x" * 5_000: PAN}, "x" * 255),
    ],
)
def test_the_refusal_names_the_field(body: Any, field: str | None) -> None:
    """Unless the name is the card number."""
    assert refused_field(encoded(body)) == field


def test_references_fail_only_on_numbers_that_pass_luhn() -> None:
    """13 to 19 digits; the groups that make the number may have others before and after them."""
    for field in ("merchantId", "reference"):
        for good in ("4222222222222", PAN, "378282246310005", "6304000000000000000"):
            for shown in (good, f"X{good}Y", f"2024-01-15-{good}", f"{good[:4]}-{good[4:8]} {good[8:]}"):
                assert refused_field(encoded({field: shown})) == field
        for passing in ("4222222222223", "411111111111", "1" * 20, f"{PAN}0000", "1234567890123456789012"):
            refuse_card_numbers(encoded({field: passing}))
        assert refused_field(encoded({field: "1" * 256})) == field
        assert refused_field(encoded({"nested": {field: "4111111111111112"}})) == f"nested.{field}"
    assert refused_field(encoded({"merchantId": OTHER_DIGITS[0]})) == "merchantId"


def test_a_hash_must_look_like_one() -> None:
    """16 or more characters, and a letter among them."""
    for hash_ in (PAN, "1" * 15, "1111-1111-1111-1111", "a11111111111111"):
        assert refused_field(encoded({"panHash": hash_})) == "panHash"
    assert refused_field(encoded({"nested": {"panHash": f"a{PAN}"}})) == "nested.panHash"


def test_secrets_are_webhooks_only() -> None:
    body = encoded({"url": "https://example.com/", "secret": PAN})
    refuse_card_numbers(body, has_secret=True)
    assert refused_field(body) == "secret"
    with pytest.raises(CardNumberRefused):
        refuse_card_numbers(encoded({"url": f"https://example.com/{PAN}", "secret": ""}), has_secret=True)


def test_every_digit_and_every_blank_and_dash_of_unicode_is_known() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    assert [c for c in characters if digit(c, None) is not None and not has_card_number(c * 12)] == []
    between = [c for c in characters if category(c) in {"Zs", "Zl", "Zp", "Pd", "Cc"}]
    assert [c for c in between if not has_card_number(c.join(PAN))] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": "\\x"}',
        b'{"a": NaN, "b": "\\u0031"}',
        b'{"a": "\\u0031"}x',
        b"[" * 60_000 + b"\\",
        '{"a": "é'.encode(),
        json.dumps({"a": PAN}).encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused_here_or_by_the_decoder(body: bytes) -> None:
    """Never read in two ways."""
    try:
        refuse_card_numbers(body)
    except ApiError as error:
        assert (error.status, error.field) == (400, None)


HOSTILE: list[Callable[[int], str]] = [
    lambda size: '"' + "1 " * (size // 24) + "x" + "1" + " " * (size // 2) + '"',
    lambda size: '"' + ("1" + " " * (size // 24)) * 11 + "x" + '"',
    lambda size: '"' + "11111111111x" * (size // 12) + '"',
    lambda size: '"' + "é11111111111" * (size // 13) + '"',
    lambda size: '"' + "\u0301\u0316" * (size // 4) + '"',
    lambda size: '"é' + "-" * (size - 4) + '"',
    lambda size: '"é1' + "\u2013" * (size // 3 - 4) + '"',
    lambda size: json.dumps({"é" + "x" * (size // 2): {f"a{n}": "é" for n in range(size // 28)}}),
    lambda size: json.dumps({"reference": "é" + "1-" * (size // 2 - 20)}),
    lambda size: json.dumps({f"é{n}": [n] for n in range(size // 20)}),
    lambda size: '{"amount":' + "9" * (size - 12) + "}",
    lambda size: '{"é":' * 400 + "1" * (size - 3_000) + "x",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_time_grows_no_faster_than_the_body(hostile: Callable[[int], str]) -> None:
    """Eight times the size takes far less than the 64 times of a quadratic search."""

    def seconds(size: int) -> float:
        body = hostile(size).encode()
        taken = []
        for _ in range(5):
            started = time.process_time()
            try:
                refuse_card_numbers(body)
            except ApiError as error:
                assert error.status == 400
            taken.append(time.process_time() - started)
        return min(taken)

    floor = 0.0005
    assert seconds(64_000) < 30 * max(seconds(8_000), floor)
