"""What people are found by: the words of a name or an e-mail address and how these begin, as keyed digests.

The database never sees a word. Whoever searches gives all of a word or how it begins, of a phone number how
it begins or ends; case and accents do not count.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

FIELDS: Final = ("name", "email", "phone")

_WORD = re.compile(r"[^\W_]+")
_PHONE = re.compile(r"[0-9+(). /-]+")
# A word is known by this much of it.
_WORD_LENGTH_MAX = 32
_BEGINNING_LENGTH_MIN = 2
_PHONE_BEGINNING_LENGTH_MIN, _PHONE_END_LENGTH_MIN = 3, 4
_DIGITS_MAX = 20
_WORDS_MAX = 40


class SubjectWords:
    """`key` is the tenant's: digests of one bank say nothing about another's."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, field: str, text: str | None) -> list[int]:
        """All that the field's text may be found by."""
        if not text:
            return []
        findable = _of_phone(text) if field == "phone" else _of_words(text)
        return sorted(self._digest(field, each) for each in findable)

    def searched(self, field: str, text: str) -> list[int]:
        """What the field must have for the search to find it; nothing where it cannot have it."""
        if field != "phone":
            return [self._digest(field, word) for word in _words(text)[:_WORDS_MAX]]
        digits = _digits(text)
        return [self._digest(field, digits)] if _PHONE.fullmatch(text) and digits else []

    def _digest(self, field: str, word: str) -> int:
        digest = hmac.digest(self._key, f"{field}:{word}".encode(), hashlib.sha256)
        return int.from_bytes(digest[:8], signed=True)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word[:_WORD_LENGTH_MAX] for word in _WORD.findall(plain)]


def _of_words(text: str) -> set[str]:
    return {part for word in _words(text) for part in (word, *_beginnings(word, _BEGINNING_LENGTH_MIN))}


def _of_phone(text: str) -> set[str]:
    digits = _digits(text)
    ends = (digits[-length:] for length in range(_PHONE_END_LENGTH_MIN, len(digits)))
    return {digits, *_beginnings(digits, _PHONE_BEGINNING_LENGTH_MIN), *ends}


def _beginnings(word: str, length_min: int) -> Iterable[str]:
    return (word[:length] for length in range(length_min, len(word)))


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")[:_DIGITS_MAX]
