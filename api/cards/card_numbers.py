"""A card number in clear is never taken: a body that has one is refused before anything looks at it.

What looks like one is a string with 12 or more digits in a row, whatever blanks and dashes stand between
them, of whatever script, written as whatever escapes; in unknown and nested members and in names, too.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from unicodedata import normalize

from api.exchange import ApiError
from api.idempotency_keys import KEY_LENGTH_MAX

PAN_HASH_LENGTH_MIN = 16
PAN_LENGTHS = range(13, 20)

MESSAGE = "Card numbers are not accepted in clear"
CONSTRAINT = "must not have a card number in it"

# As its bytes came, where nothing in the body is escaped and all of it is ASCII. Possessive, like all here:
# what was passed over once is never tried again, so that no body takes longer than its length.
_search_plain = re.compile(rb"[0-9](?:[\x00-\x20\x7f-]*+[0-9]){11}").search

# What may stand between digits unseen or as a blank or dash: controls and spaces; the soft hyphen; joiners,
# marks of direction and variation selectors; the dashes and what looks like one (bullets, minus signs).
_BETWEEN = (
    r"[\x00-\x20\x7f-\xa0\u00ad\u034f\u061c\u1680\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u20e3"
    r"\u3000\ufe00-\ufe0f\ufeff\U000e0001-\U000e01ef"
    r"\-\u02d7\u058a\u05be\u1400\u1806\u2010-\u2015\u2043\u207b\u208b\u2212\u2796\u2e17\u2e1a\u2e3a\u2e3b\u2e40"
    r"\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d]"
)
_search_text = re.compile(rf"\d(?:{_BETWEEN}*+\d){{11}}").search
_find_runs = re.compile(rf"\d(?:{_BETWEEN}*+\d)*+").finditer
_find_groups = re.compile(r"\d++").findall

# Amounts and identifiers where the surface knows them as such. Their own readers bound them.
_LIMITS = ("transactionLimit", "dailyLimit", "monthlyLimit")
_TYPED = re.compile(
    rf"amount|accountId|(?:limits\.)?(?:channelLimits\.[A-Z_]{{1,20}}\.)?(?:{'|'.join(_LIMITS)})"
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
    if body.isascii() and b"\\" not in body and _search_plain(body) is None:
        return
    for path, value in _scalars(_decode(body)):
        if not _is_exempt(path, value, has_secret=has_secret) and has_card_number(value):
            raise CardNumberRefused(path)


def has_card_number(text: str) -> bool:
    """Whether the text could have a card number in it: 12 or more digits in a row."""
    # Digits that only look different (in circles, raised) are told by their compatibility forms.
    return _search_text(text if text.isascii() else normalize("NFKC", text)) is not None


def _is_exempt(path: str, value: str, *, has_secret: bool) -> bool:
    if _TYPED(path):
        return True
    if isinstance(value, _Number):
        return path in _IDENTIFIERS
    if path == "panHash":
        return len(value) >= PAN_HASH_LENGTH_MIN and any(character.isalpha() for character in value)
    if path in _REFERENCES:
        return not _has_valid_card_number(value)
    return path == "secret" and has_secret


def _has_valid_card_number(text: str) -> bool:
    """Whether 13 to 19 digits that pass Luhn's check stand in the text: whole groups of digits, one or more
    that only blanks and dashes part."""
    if len(text) > KEY_LENGTH_MAX:
        return True  # too long for any reference, and not worth the time
    for run in _find_runs(normalize("NFKC", text)):
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
    numbers = [int(digit) for digit in reversed(digits)]
    doubled = (2 * number - 9 * (number > 4) for number in numbers[1::2])
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def _decode(body: bytes) -> Any:
    # Every member counts here, the earlier one of two with one name, too, and numbers as they were written;
    # and the decoder that reads the request must not see a string that this one does not.
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_Object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise ApiError(400, "validation_error", "The body is not valid JSON") from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _scalars(decoded: Any) -> Iterator[tuple[str, str]]:
    """Strings and numbers with their paths, such as `channelLimits.ATM.dailyLimit`. Items of a list have a
    path that no member has. Raises CardNumberRefused for names."""
    waiting: list[tuple[str, Any]] = [("", decoded)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, _Object):
            for name, member in value:
                if has_card_number(name):
                    raise CardNumberRefused(None)
                waiting.append((f"{path}.{name}" if path else name, member))
        elif isinstance(value, list):
            waiting += [(f"{path}[]", item) for item in value]
