"""Members of a JSON body, each read on its own as it came, so that the error can name it."""

import msgspec

from api.exchange import invalid

_NAME_LENGTH_MAX = 64
_ABSENT = (b"", b"null", b'""')
_string_decoder = msgspec.json.Decoder(str)


def is_absent(raw: msgspec.Raw) -> bool:
    """Missing, null or empty: all the same."""
    return bytes(raw) in _ABSENT


def read_text(raw: msgspec.Raw, field: str, length_max: int) -> str:
    """A string of 1 to `length_max` characters without NUL or lone surrogates."""
    try:
        text = _string_decoder.decode(raw)
        text.encode()
    except (msgspec.DecodeError, UnicodeError):
        raise invalid(field, "must be a string") from None
    if not 1 <= len(text) <= length_max or "\x00" in text:
        raise invalid(field, f"must have 1 to {length_max} characters and no NUL")
    return text


def read_optional_text(raw: msgspec.Raw, field: str, length_max: int) -> str | None:
    return None if is_absent(raw) else read_text(raw, field, length_max)


def read_word(raw: msgspec.Raw, field: str, words: tuple[str, ...]) -> str:
    """One of `words`, however it was spelled in JSON."""
    try:
        word = _string_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError):
        word = ""
    if word not in words:
        raise invalid(field, f"must be {among(words)}")
    return word


def among(words: tuple[str, ...]) -> str:
    return " or ".join(words) if len(words) <= 2 else f"one of {', '.join(words)}"


def read_flag(raw: msgspec.Raw, field: str) -> bool:
    if bytes(raw) not in (b"true", b"false"):
        raise invalid(field, "must be true or false")
    return bytes(raw) == b"true"


def as_shown(name: str) -> str:
    """A name that the caller made up, as an error may show it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:_NAME_LENGTH_MAX])
