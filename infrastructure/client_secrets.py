"""Secrets of clients that are shown once: made so that the same request gets the same one again.

A secret is an HMAC under a key that only the service has, over a salt that is recorded and what is not
recorded: the idempotency key, or chance where there is none. So the hash is all that is kept of it, and a
request that is repeated because its answer was lost still gets what the first one would have got.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, Self

_PURPOSE = b"client secrets that are shown once"
_SALT_BYTES = 16
CLIENT_SECRET: Final = "client secret"
SIGNING_SECRET: Final = "signing secret"
# Tells what it is where it is found by accident, as in a repository.
API_KEY_PREFIX = "dbk_"


class ClientSecrets:
    def __init__(self, master_key: bytes) -> None:
        self._key = hmac.digest(master_key, _PURPOSE, hashlib.sha256)

    def new(self, idempotency_key: str | None) -> "SecretsShownOnce":
        """Those of one request."""
        unrecorded = secrets.token_urlsafe(32) if idempotency_key is None else idempotency_key
        return SecretsShownOnce(self._key, secrets.token_urlsafe(_SALT_BYTES), unrecorded)


class SecretsShownOnce:
    def __init__(self, key: bytes, salt: str, unrecorded: str) -> None:
        self._key = key
        self._unrecorded = unrecorded
        self.salt = salt

    def made(self, use: str) -> str:
        """256 bits as text. `use` tells the secrets of one request apart."""
        parts = (self.salt, self._unrecorded, use)
        content = "".join(f"{len(part)}:{part}" for part in parts).encode()
        digest = hmac.digest(self._key, content, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def with_salt(self, salt: str) -> Self:
        """What the request that recorded that salt was answered with, if it had the same idempotency key."""
        return type(self)(self._key, salt, self._unrecorded)


def new_client_id() -> str:
    return f"client_{secrets.token_hex(10)}"


def api_key_hash(api_key: str) -> str:
    """Fast, because a key of 256 random bits cannot be guessed."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).hexdigest()
