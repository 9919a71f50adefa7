"""A card number in clear is never taken: a body that has one is refused before anything looks at it.

What looks like one is a text with 12 or more digits in a row, whatever blanks and dashes stand between them,
of whatever script, written as whatever escapes; in unknown and nested members and in names, too.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from unicodedata import digit

from api.exchange import ApiError, invalid

PAN_HASH_LENGTH_MIN = 16
PAN_LENGTHS = range(13, 20)
REFERENCE_LENGTH_MAX = 255
PATH_LENGTH_MAX = 255

MESSAGE = "Card numbers are not accepted in clear"
NO_JSON = "The body is not valid JSON"
CONSTRAINT = "must not have a card number in it"

# Digits of all scripts, and those that are raised, lowered or in circles and brackets.
_DIGIT = (
    r"[\d\u00b2\u00b3\u00b9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c"
    r"\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792"
    r"\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a\U0001f100-\U0001f10a]"
)
# What may stand between digits without parting them: spaces, dashes and what looks like them, and what is not
# seen at all (controls, soft hyphens, joiners, accents, marks of direction, variation selectors, tags).
_BETWEEN = (
    r"[\x00-\x20\x7f-\xa0\u00ad\u0300-\u036f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u20e3\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0001-\U000e01ef"
    r"\-\u02d7\u058a\u05be\u1400\u1806\u2010-\u2015\u2043\u207b\u208b\u2212\u2796\u2e17\u2e1a\u2e3a\u2e3b\u2e40"
    r"\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead]"
)

# For bodies without escapes, in ASCII, as their bytes came: twelve that are digits, blanks or dashes in a row
# are rare, and a tenth of the time to look for.
_DOZEN = b"0" * 12
_DOZENS = bytes(ord("0") if byte <= 0x20 or byte in b"0123456789-\x7f" else ord(".") for byte in range(256))

# Possessive, like all here: what was passed over is not tried again, so that no body takes longer than its
# length.
_search_plain = re.compile(rb"[0-9](?:[\x00-\x20\x7f-]*+[0-9]){11}").search
_search_text = re.compile(rf"{_DIGIT}(?:{_BETWEEN}*+{_DIGIT}){{11}}").search
_find_surrogate = re.compile(r"[\ud800-\udfff]").search
_find_runs = re.compile(rf"{_DIGIT}(?:{_BETWEEN}*+{_DIGIT})*+").finditer
_find_groups = re.compile(rf"{_DIGIT}++").findall

# Amounts and identifiers where the surface knows them as such: their own readers bound them.
_is_typed = re.compile(
    r"amount|accountId"
    r"|(?:limits\.)?(?:channelLimits\.[A-Z_]{1,20}\.)?(?:transactionLimit|dailyLimit|monthlyLimit)"
).fullmatch
_IDENTIFIERS = frozenset({"requestId", "decisionId", "holdId", "cardId", "accountSpaceId"})
_REFERENCES = frozenset({"merchantId", "reference"})


class CardNumberRefused(ApiError):
    """400. What was sent stays out of the answer; `field` is None where the name itself has the digits."""

    def __init__(self, field: str | None) -> None:
        super().__init__(400, "validation_error", MESSAGE, field=field, constraint=CONSTRAINT)


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """All members of a JSON object, those that are named twice, too."""


def refuse_card_numbers(body: bytes, *, has_secret: bool = False) -> None:
    """Raises CardNumberRefused, or ApiError 400 where the body is no JSON. `has_secret`: a webhook's."""
    is_plain = body.isascii() and b"\\" not in body
    if is_plain and (_DOZEN not in body.translate(_DOZENS) or _search_plain(body) is None):
        return
    for path, value in _scalars(_decode(body)):
        if not _is_text(value):
            raise invalid(path.replace("[]", ""), "must not have lone surrogates")
        if has_card_number(value) and not _is_exempt(path, value, has_secret=has_secret):
            raise CardNumberRefused(path.replace("[]", "") or None)


def _is_text(value: str) -> bool:
    # JSON can escape half a character. The decoder would refuse it, too, without a name.
    return value.isascii() or not _find_surrogate(value)


def has_card_number(text: str) -> bool:
    """Whether the text could have a card number in it: 12 or more digits in a row."""
    return _search_text(text) is not None


def _is_exempt(path: str, value: str, *, has_secret: bool) -> bool:
    if _is_typed(path):
        return True
    if isinstance(value, _Number):
        return path in _IDENTIFIERS
    if path == "panHash":
        return len(value) >= PAN_HASH_LENGTH_MIN and any(character.isalpha() for character in value)
    if path in _REFERENCES:
        # What is longer is no reference, and not worth the time.
        return len(value) <= REFERENCE_LENGTH_MAX and not _has_valid_card_number(value)
    return path == "secret" and has_secret


def _has_valid_card_number(text: str) -> bool:
    """Whether 13 to 19 digits that pass Luhn's check stand in the text: one or more whole groups of digits
    that nothing but blanks and dashes part."""
    for run in _find_runs(text):
        groups = _find_groups(run[0])
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) >= PAN_LENGTHS.stop:
                    break
                if len(digits) in PAN_LENGTHS and _passes_luhn(digits):
                    return True
    return False


def _passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    numbers = [digit(character) for character in reversed(digits)]
    doubled = (2 * number - 9 * (number > 4) for number in numbers[1::2])
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def _decode(body: bytes) -> Any:
    # Every member counts here, the earlier one of two with one name, too, and numbers as they were written;
    # and the decoder that reads the request must not see a text that this one does not.
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_Object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise ApiError(400, "validation_error", NO_JSON) from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _scalars(decoded: Any) -> Iterator[tuple[str, str]]:
    """Strings and numbers with their paths, such as `channelLimits.ATM.dailyLimit`; `[]` stands for an item
    of a list. Raises CardNumberRefused for names."""
    waiting: list[tuple[str, Any]] = [("", decoded)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, _Object):
            for name, member in reversed(value):
                if not _is_text(name):
                    raise ApiError(400, "validation_error", NO_JSON)
                if has_card_number(name):
                    raise CardNumberRefused(None)
                waiting.append((_below(path, name), member))
        elif isinstance(value, list):
            items = f"{path}[]"[:PATH_LENGTH_MAX]
            waiting += [(items, item) for item in reversed(value)]


def _below(path: str, name: str) -> str:
    """Cut, so that many members below a long path take no more than their share of memory."""
    if "." in name:
        # A name with a dot must not read like a path.
        name = f"[{name}]"
    return (f"{path}.{name}" if path else name)[:PATH_LENGTH_MAX]
