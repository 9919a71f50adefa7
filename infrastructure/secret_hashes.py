"""Secrets that people and programs present are kept only as Argon2 hashes, and checked off the event loop."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from application.access import TooManySecretChecks
from infrastructure.recently_used import RecentlyUsed

_REMEMBERED = 1_000
_WAITING_MAX = 64

# 19 MiB and two passes: OWASP's choice for Argon2id where several may be checked at once.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# An unknown name costs the same time as a wrong secret, so that nobody learns which names there are.
NOBODYS_HASH = _hasher.hash("nobody knows this secret and it would not help")


class SecretHashes:
    def __init__(self) -> None:
        # One thread: secrets that are guessed must not take the machine from everything else.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="argon2")
        self._waiting = 0
        # Pairs of hash and secret that were found to match, as digests. A new secret has a new hash.
        self._matched: RecentlyUsed[bytes, bool] = RecentlyUsed(_REMEMBERED)

    async def hash(self, secret: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _hasher.hash, secret)

    async def matches(self, secret_hash: str | None, secret: str) -> bool:
        """False for a hash that is not there, after the same time. Raises TooManySecretChecks."""
        digest = hashlib.sha256(f"{secret_hash}\n{secret}".encode()).digest()
        if secret_hash is not None and self._matched.get(digest):
            return True
        if self._waiting >= _WAITING_MAX:
            raise TooManySecretChecks
        self._waiting += 1
        try:
            matches = await asyncio.get_running_loop().run_in_executor(
                self._thread, _is_match, secret_hash or NOBODYS_HASH, secret
            )
        finally:
            self._waiting -= 1
        if secret_hash is None or not matches:
            return False
        self._matched.put(digest, True)
        return True

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)


def _is_match(secret_hash: str, secret: str) -> bool:
    with suppress(VerificationError, InvalidHashError):
        return _hasher.verify(secret_hash, secret)
    return False
