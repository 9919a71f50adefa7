"""Second factors: the codes of RFC 6238, each once, a step early or late, and in the sandbox one for all."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from infrastructure.nonces import Nonces
from infrastructure.reads import Database
from infrastructure.second_factor import SANDBOX_CODE, SecondFactor, new_secret, otpauth_uri
from tests.api.user_requests import totp

T = TypeVar("T")

NOW = datetime(2025, 10, 20, 15, 30, 7, tzinfo=UTC)
STEP = timedelta(seconds=30)
# The RFC's own example (appendix B), of whose eight digits the last six count.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = {59: "287082", 1111111109: "081804", 1234567890: "005924", 2000000000: "279037"}


def with_factor(dsn: str, work: Callable[[SecondFactor], Awaitable[T]], *, is_sandbox: bool = False) -> T:
    async def run() -> T:
        database = Database(dsn)
        await database.start()
        nonces = Nonces(database)
        try:
            return await work(SecondFactor(nonces, is_sandbox=is_sandbox))
        finally:
            await nonces.close()
            await database.close()

    return asyncio.run(run())


def code(secret: str, at: datetime) -> str:
    return totp(secret, int(at.timestamp()))


@pytest.mark.parametrize("seconds", RFC_CODES)
def test_codes_are_those_of_the_standard(postgres_dsn: str, seconds: int) -> None:
    assert totp(RFC_SECRET, seconds) == RFC_CODES[seconds]
    at = datetime.fromtimestamp(seconds, UTC)

    async def work(factor: SecondFactor) -> bool:
        return await factor.is_right("bank", f"rfc-{seconds}", RFC_SECRET, RFC_CODES[seconds], at)

    assert with_factor(postgres_dsn, work)


def test_a_code_is_right_once(postgres_dsn: str) -> None:
    """Of several who send it at once for one of them."""
    secret = new_secret()

    async def work(factor: SecondFactor) -> list[bool]:
        asked = (factor.is_right("bank", "once", secret, code(secret, NOW), NOW) for _ in range(5))
        return await asyncio.gather(*asked)

    assert sorted(with_factor(postgres_dsn, work)) == [False] * 4 + [True]


def test_a_code_is_right_a_step_early_and_a_step_late(postgres_dsn: str) -> None:
    secret = new_secret()

    async def work(factor: SecondFactor) -> list[bool]:
        asked = [(f"step-{n}", code(secret, NOW + n * STEP)) for n in (-2, -1, 0, 1, 2)]
        return [await factor.is_right("bank", who, secret, sent, NOW) for who, sent in asked]

    assert with_factor(postgres_dsn, work) == [False, True, True, True, False]


def test_each_users_and_each_secrets_codes_are_their_own(postgres_dsn: str) -> None:
    secret, other = new_secret(), new_secret()

    async def work(factor: SecondFactor) -> list[bool]:
        sent = code(secret, NOW)
        return [
            await factor.is_right("bank", "ann", other, sent, NOW),
            await factor.is_right("bank", "ann", secret, sent, NOW),
            await factor.is_right("bank", "bob", secret, sent, NOW),
            await factor.is_right("other bank", "ann", secret, sent, NOW),
            # Enrolled anew within the same step.
            await factor.is_right("bank", "ann", other, code(other, NOW), NOW),
        ]

    assert with_factor(postgres_dsn, work) == [False, True, True, True, True]


@pytest.mark.parametrize(
    "sent", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "\x00" * 6, "\ud800", "1" * 100]
)
def test_what_is_no_code_is_wrong(postgres_dsn: str, sent: str) -> None:
    async def work(factor: SecondFactor) -> bool:
        return await factor.is_right("bank", "none", new_secret(), sent, NOW)

    assert not with_factor(postgres_dsn, work)
    assert not with_factor(postgres_dsn, work, is_sandbox=True)


def test_without_a_secret_no_code_is_right_but_the_sandboxs(postgres_dsn: str) -> None:
    async def work(factor: SecondFactor) -> bool:
        return await factor.is_right("bank", "nobody", None, SANDBOX_CODE, NOW)

    assert not with_factor(postgres_dsn, work)
    for _ in range(2):
        assert with_factor(postgres_dsn, work, is_sandbox=True)


def test_an_authenticator_is_told_all_it_needs() -> None:
    uri = otpauth_uri(RFC_SECRET, "ann@example.com")
    assert uri == f"otpauth://totp/Daybook:ann%40example.com?secret={RFC_SECRET}&issuer=Daybook"
