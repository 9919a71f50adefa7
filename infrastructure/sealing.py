"""Secrets inside events and tables are sealed: AES-256-GCM under the service's master key.

A sealed text is bound to its place (a webhook's id): elsewhere it does not open.
"""

import base64
import binascii
import contextlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_FILE = "master.key"
_NONCE_BYTES = 12
# Says how a text was sealed, should that ever change.
_VERSION = "1."


class InvalidMasterKey(ValueError):
    """Not the base64 of 32 bytes."""

    def __init__(self) -> None:
        super().__init__(f"master_key must be the base64 of {KEY_BYTES} bytes")


class CannotOpen(Exception):
    """Sealed under another key or for another place, or no sealed text at all."""


class Seal:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, text: str, place: str) -> str:
        """The sealed text, different each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), place.encode())
        return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """What was sealed for that place. Raises CannotOpen."""
        version, content = sealed[: len(_VERSION)], sealed[len(_VERSION) :]
        try:
            if version != _VERSION:
                raise CannotOpen
            raw = base64.urlsafe_b64decode(content)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise CannotOpen from None


def decode_key(text: str) -> bytes:
    """Raises InvalidMasterKey, which does not repeat the text."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidMasterKey from None
    if len(key) != KEY_BYTES:
        raise InvalidMasterKey
    return key


def load_key(folder: Path, given: str | None) -> bytes:
    """The key that was given, or the one in the folder, which is made where there is none yet."""
    if given is not None:
        return decode_key(given)
    file = folder / KEY_FILE
    if not file.exists():
        _make(file)
    return decode_key(file.read_text().strip())


def _make(file: Path) -> None:
    """Of several processes that make the key at once all use the one that was there first, and whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    own = file.with_name(f"{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(own, file)
    finally:
        own.unlink()
