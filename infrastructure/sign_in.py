"""Signing in: a password, a second factor where one is enrolled, and a bound on how often one may guess.

Nothing tells an unknown e-mail address from a wrong password: neither the answer nor the time it takes.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final

from application.access import SignInUser, SignInUsers
from infrastructure.rate_limits import Limit, RateLimiter
from infrastructure.second_factor import SecondFactor
from infrastructure.secret_hashes import SecretHashes

EMAIL_LENGTH_MAX = 254
PASSWORD_LENGTH_MAX = 1024
_PURPOSE: Final = b"counters of attempts to sign in\n"

# Attempts, right ones too: of several at once none may look before the others are counted.
PER_ACCOUNT = Limit("sign-in account", 20, 900)
PER_ADDRESS = Limit("sign-in address", 100, 900)


class WrongCredentials(Exception):
    """No such user, another password, or a user who may not sign in: which of them is not said."""


class TooManyAttempts(Exception):
    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class SignIn:
    """`limit_factor` multiplies what is allowed; `digest_key` is the service's own secret. All methods raise
    StoreUnavailable."""

    def __init__(
        self,
        users: SignInUsers,
        hashes: SecretHashes,
        limiter: RateLimiter,
        second_factor: SecondFactor,
        digest_key: Callable[[], bytes],
        limit_factor: int = 1,
    ) -> None:
        self._users = users
        self._hashes = hashes
        self._limiter = limiter
        self._second_factor = second_factor
        self._digest_key = digest_key
        self._per_account = PER_ACCOUNT._replace(requests=PER_ACCOUNT.requests * limit_factor)
        self._per_address = PER_ADDRESS._replace(requests=PER_ADDRESS.requests * limit_factor)

    async def with_password(
        self, tenant: str, email: str, password: str, address: str, now: datetime
    ) -> SignInUser:
        """Whose e-mail address and password they are. The second factor is not looked at.

        Raises WrongCredentials, TooManyAttempts or TooManySecretChecks.
        """
        await self._count(tenant, email.strip().lower(), address, now)
        is_plausible = 0 < len(email) <= EMAIL_LENGTH_MAX and len(password) <= PASSWORD_LENGTH_MAX
        user = await self._users.find_by_email(tenant, email) if is_plausible else None
        secret_hash = None if user is None else user.password_hash
        matches = await self._hashes.matches(secret_hash, password[:PASSWORD_LENGTH_MAX])
        if user is None or not matches or not user.is_active:
            raise WrongCredentials
        return user

    async def with_code(self, tenant: str, user: SignInUser, code: str, address: str, now: datetime) -> None:
        """Raises WrongCredentials where the code is not the user's now, or was used; or TooManyAttempts."""
        await self._count(tenant, f"code of {user.user_id}", address, now)
        code = code.replace(" ", "")
        if not await self._second_factor.is_right(tenant, user.user_id, user.totp_secret, code, now):
            raise WrongCredentials

    async def _count(self, tenant: str, account: str, address: str, now: datetime) -> None:
        for limit, who in ((self._per_address, address), (self._per_account, f"{tenant}\n{account}")):
            # Counted by a digest: a table of counters is no place for e-mail addresses.
            content = _PURPOSE + who.encode("utf-8", "surrogatepass")
            digest = hmac.digest(self._digest_key(), content, hashlib.sha256).hex()
            verdict = await self._limiter.hit(digest, (limit,), now)
            if not verdict.allowed:
                raise TooManyAttempts(verdict.retry_after)
