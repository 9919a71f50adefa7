"""Second factors: time-based one-time codes (RFC 6238) of the user's own secret, each good once."""

import hashlib
import hmac
from datetime import datetime

import pyotp

from infrastructure.nonces import Nonces

SANDBOX_CODE = "123456"
ISSUER = "Daybook"

_STEP_SECONDS = 30
_DIGITS = 6


class WrongCode(Exception):
    """Not the user's code now, or used before."""


class SecondFactor:
    """In the sandbox one fixed code is accepted, too."""

    def __init__(self, nonces: Nonces, *, is_sandbox: bool) -> None:
        self._nonces = nonces
        self._is_sandbox = is_sandbox

    async def is_right(self, tenant: str, user_id: str, secret: str | None, code: str, now: datetime) -> bool:
        """Whether it is the user's code now, `secret` being the user's, None where none is enrolled.

        A right code is used up by that, whichever process it comes to. Raises StoreUnavailable.
        """
        if self.is_fixed(code):
            return True
        step = _step_of(secret, code, now)
        if step is None or secret is None:
            return False
        # Of each secret: whoever enrols another one may use its code at once.
        used = hashlib.sha256(secret.encode()).hexdigest()
        return await self._nonces.use(f"totp {tenant} {user_id}", f"{used} {step}", now)

    def is_fixed(self, code: str) -> bool:
        """Whether it is the sandbox's, which is everybody's and never used up."""
        return self._is_sandbox and hmac.compare_digest(
            code.encode("utf-8", "surrogatepass"), SANDBOX_CODE.encode()
        )


def new_secret() -> str:
    """160 random bits, as authenticators take them (base32)."""
    return pyotp.random_base32()


def otpauth_uri(secret: str, account: str) -> str:
    """What an authenticator scans as a QR code."""
    return pyotp.TOTP(secret, digits=_DIGITS, interval=_STEP_SECONDS).provisioning_uri(
        name=account, issuer_name=ISSUER
    )


def _step_of(secret: str | None, code: str, now: datetime) -> int | None:
    """The time step that the code is of: the present one or one beside it, for clocks that differ."""
    if secret is None or not (code.isascii() and code.isdigit() and len(code) == _DIGITS):
        return None
    present = int(now.timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(secret, digits=_DIGITS, interval=_STEP_SECONDS)
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(totp.at(step * _STEP_SECONDS).encode(), code.encode()):
            return step
    return None
