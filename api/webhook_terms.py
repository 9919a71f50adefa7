"""What is asked of a webhook, whichever surface it is configured on: its address, its events, its secret."""

import hashlib
import hmac

import msgspec

from api.exchange import Exchange, invalid
from api.members import among, is_absent, read_text
from domain.webhooks import EVENT_TYPES, FAMILIES, knows
from infrastructure.webhook_addresses import URL_LENGTH_MAX, is_allowed_url

_events_decoder = msgspec.json.Decoder(list[str])


def read_url(raw: msgspec.Raw, *, is_sandbox: bool, message: str | None = None) -> str:
    """Outside the sandbox only receivers on the public internet are taken. Errors have the surface's own
    `message` where it has one, here and below."""
    if is_absent(raw):
        raise invalid("url", "is required")
    url = read_text(raw, "url", URL_LENGTH_MAX)
    if not is_allowed_url(url, is_sandbox=is_sandbox):
        place = "" if is_sandbox else " of the public internet"
        raise invalid("url", f"must be an http or https address{place}, without user and password", message)
    return url


def read_events(raw: msgspec.Raw, surface: str, message: str | None = None) -> tuple[str, ...]:
    """Event types of the surface, or families of them: each once, in the order in which they were named."""
    try:
        events = [] if is_absent(raw) else _events_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("events", "must be a list of events", message) from None
    if not events:
        raise invalid("events", "must name at least one event", message)
    if not all(knows(surface, event) for event in events):
        known = (*EVENT_TYPES[surface], *FAMILIES.get(surface, ()))
        raise invalid("events", f"must only name known events: {among(known)}", message)
    return tuple(dict.fromkeys(events))


def secret_digest(exchange: Exchange, secret: str) -> str:
    """What of a secret goes into the content of an idempotent request.

    That is recorded as a digest. Salted with the key, which is not recorded, it does not help to guess the
    secret.
    """
    salt = (exchange.header(b"idempotency-key") or "").encode()
    return hmac.new(salt, secret.encode(), hashlib.sha256).hexdigest()
