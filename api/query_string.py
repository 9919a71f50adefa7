"""A request's query string, read strictly: what is ambiguous is refused."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from api.context import HttpRequest
from api.exchange import ApiError, invalid
from api.members import among, as_shown

PARAMETERS_MAX = 100


def query_of(request: HttpRequest, *names: str) -> Mapping[str, str]:
    """Those of the parameters `names` that were sent. 400 where one is sent twice or is not UTF-8; others are
    left alone."""
    return _read([(name, value) for name, value in _pairs(request) if name in names])


def known_query_of(request: HttpRequest, *names: str) -> Mapping[str, str]:
    """The same, but 400 that names it where there is a parameter that is not among `names`."""
    pairs = _pairs(request)
    for name, _ in pairs:
        if name not in names:
            raise invalid(as_shown(name), "is not known here")
    return _read(pairs)


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    raw: bytes = request.scope["query_string"]
    if not raw:
        return []
    try:
        return parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except ValueError:
        raise ApiError(400, "validation_error", "The query string is not valid") from None


def _read(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise invalid(name, "must be given once")
        given[name] = value
    return given


def one_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    """The parameter's value, None where it was not sent. 400 where it is not one of `known`."""
    value = given.get(name)
    if value is not None and value not in known:
        raise invalid(name, f"must be {among(known)}")
    return value


def whole_number(given: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    """The parameter as a whole number. 400 where it is none, or not between `least` and `most`."""
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most):
        raise invalid(name, f"must be a whole number from {least} to {most}")
    return int(text)
