"""Signed requests: who holds a client's signing secret, and when the request was made.

    X-Timestamp: 1729438200
    X-Nonce: 16 to 128 visible ASCII characters, not used before
    X-Signature: sha256=<hex HMAC-SHA256 of the canonical string with the signing secret>

The canonical string is five lines, the last one without an end: the method, the path and query as they were
sent, the timestamp, the nonce, and the hexadecimal SHA-256 of the body.
"""

import hashlib
import hmac
import re

from api.exchange import ApiError, Exchange, unavailable
from application.store import StoreUnavailable
from infrastructure.nonces import Nonces

TIMESTAMP_OFF_SECONDS_MAX = 300

_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_NONCE = re.compile(rb"[\x21-\x7e]{16,128}")
_SIGNATURE = re.compile(rb"sha256=([0-9a-fA-F]{64})")


def invalid_signature() -> ApiError:
    # Which part of it is wrong is not said.
    return ApiError(
        401,
        "invalid_signature",
        "Missing or invalid request signature",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def require_signature(exchange: Exchange, secret: str, nonces: Nonces) -> None:
    """401 unless the request is signed with the secret, now, and for the first time.

    A nonce is used up only by a valid signature. Raises BodyTooLarge.
    """
    timestamp = exchange.headers.get(b"x-timestamp", b"")
    nonce = exchange.headers.get(b"x-nonce", b"")
    signature = _SIGNATURE.fullmatch(exchange.headers.get(b"x-signature", b""))
    if signature is None or not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)):
        raise invalid_signature()
    now = exchange.now
    if abs(now.timestamp() - int(timestamp)) > TIMESTAMP_OFF_SECONDS_MAX:
        raise invalid_signature()
    body_digest = hashlib.sha256(await exchange.body()).hexdigest().encode()
    given = signature[1].lower()
    is_valid = False
    for target in _targets(exchange):
        content = b"\n".join((exchange.method.encode(), target, timestamp, nonce, body_digest))
        expected = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
        is_valid |= hmac.compare_digest(expected, given)
    if not is_valid:
        raise invalid_signature()
    try:
        is_new = await nonces.use(exchange.caller.client_id, nonce.decode("ascii"), now)
    except StoreUnavailable:
        raise unavailable() from None
    if not is_new:
        raise invalid_signature()


def _targets(exchange: Exchange) -> tuple[bytes, ...]:
    path = exchange.path.encode("latin-1")
    if exchange.query_string:
        return (path + b"?" + exchange.query_string,)
    # The server does not tell whether a question mark with nothing behind it was sent; both mean the same.
    return path, path + b"?"
