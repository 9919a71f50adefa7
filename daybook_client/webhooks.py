"""Whether a message is the bank's: give the bytes as they came, before anything has parsed them.

There are three forms, and which one a message has follows from where it was subscribed. Each has a function
here, and none takes another's, so that nobody can choose the weaker one. `secrets` may be two while one
replaces the other.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from daybook_client.errors import InvalidWebhook

OFF_SECONDS_MAX = 300

_IN_BODY = re.compile(rb',"signature":"sha256=([0-9a-f]{64})"\}\Z')
_IN_HEADER = re.compile(r"sha256=([0-9a-f]{64})")
_SECONDS = re.compile(r"[0-9]{1,12}")


class Event(Struct, kw_only=True):
    """`id` stays the same however often the message is sent: an event that was seen is not to be acted on
    again. It is signed where it is in the body. Amounts in `data` are exact."""

    event: str
    id: str
    timestamp: datetime | None
    data: Any


_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def verify_back_office(body: bytes, headers: Mapping[str, str], secrets: str | Iterable[str]) -> Event:
    """`account.*`, `transaction.*`, `user.*`, `transfer.*`: the signature is the last member of the body, and
    of the rest of it. Raises InvalidWebhook."""
    found = _IN_BODY.search(body)
    if found is None:
        raise InvalidWebhook("there is no signature at the end of the body")
    _require(body[: found.start()] + b"}", found[1].decode(), secrets)
    return _event(body, headers)


def verify_cards(body: bytes, headers: Mapping[str, str], secrets: str | Iterable[str]) -> Event:
    """Authorizations, holds and limits: the signature is `X-Webhook-Signature`. Raises InvalidWebhook."""
    _require(body, _signature(headers, "X-Webhook-Signature"), secrets)
    return _event(body, headers)


def verify_timestamped(
    body: bytes, headers: Mapping[str, str], secrets: str | Iterable[str], *, now: float | None = None
) -> dict[str, Any]:
    """Where `X-Signature` is of `X-Timestamp`, a full stop and the body. The content, once it is known to be
    no older than five minutes by `now` (Unix seconds; this machine's if left out). Raises InvalidWebhook."""
    timestamp = _header(headers, "X-Timestamp")
    if _SECONDS.fullmatch(timestamp) is None:
        raise InvalidWebhook("there is no X-Timestamp")
    _require(timestamp.encode() + b"." + body, _signature(headers, "X-Signature"), secrets)
    if abs((time.time() if now is None else now) - int(timestamp)) > OFF_SECONDS_MAX:
        raise InvalidWebhook("the message is not of now")
    return _content(body)


def _signature(headers: Mapping[str, str], name: str) -> str:
    found = _IN_HEADER.fullmatch(_header(headers, name))
    if found is None:
        raise InvalidWebhook(f"there is no {name}")
    return found[1]


def _header(headers: Mapping[str, str], name: str) -> str:
    """Frameworks differ in how they write the names."""
    found = [value for key, value in headers.items() if key.lower() == name.lower()]
    return found[0] if len(found) == 1 else ""


def _require(signed: bytes, signature: str, secrets: str | Iterable[str]) -> None:
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    # All are looked at, whichever fits.
    fits = [
        hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(), signature)
        for secret in known
        if secret
    ]
    if not any(fits):
        raise InvalidWebhook("the signature is not of this message and secret")


def _content(body: bytes) -> dict[str, Any]:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidWebhook("the message is no JSON object") from error


def _event(body: bytes, headers: Mapping[str, str]) -> Event:
    content = _content(body)
    given = {"id": _header(headers, "X-Webhook-Id"), "timestamp": None, **content}
    try:
        return msgspec.convert(given, Event)
    except msgspec.ValidationError as error:
        raise InvalidWebhook(f"the message is no event: {error}") from error
