"""Codes and refresh tokens are used once, also where the database's answer was lost and it is asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import psycopg
import pytest
from psycopg.rows import TupleRow

from infrastructure import authorization_codes, refresh_tokens, sign_in_sessions
from infrastructure.authorization_codes import AuthorizationCodes
from infrastructure.event_store import Session
from infrastructure.refresh_tokens import RefreshTokens, new_refresh_token
from infrastructure.sign_in_sessions import SignedIn, SignInSessions
from tests.control_database import control_database
from tests.oauth_scene import NOW, TENANT, challenge

R = TypeVar("R")
DAY = timedelta(days=1)


class ForgetfulSession(Session):
    """Does everything twice, as one whose first answer was lost."""

    async def run(self, work: Callable[[psycopg.AsyncConnection[TupleRow]], Awaitable[R]]) -> R:
        await super().run(work)
        return await super().run(work)


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


async def issue(codes: AuthorizationCodes) -> str:
    return await codes.issue(
        tenant=TENANT,
        client_id="sandbox",
        subject="user_demo",
        scope="transfers",
        redirect_uri=None,
        code_challenge=challenge(),
        now=NOW,
    )


def test_what_was_done_and_not_heard_of_is_done(dsn: str) -> None:
    """The same attempt again finds its own work and says yes; another attempt is told no."""

    async def run() -> None:
        session = ForgetfulSession(dsn, patience_seconds=5.0)
        codes, tokens = AuthorizationCodes(session), RefreshTokens(session)
        try:
            code, first, second = await issue(codes), new_refresh_token(), new_refresh_token()
            assert await codes.redeem(code, "transfers", first, NOW)
            assert not await codes.redeem(code, "transfers", new_refresh_token(), NOW)
            found = await tokens.find(first)
            assert found is not None
            assert (found.subject, found.scope, found.is_ended) == ("user_demo", "transfers", False)
            assert await tokens.rotate(first, found.family, second, NOW)
            assert not await tokens.rotate(first, found.family, new_refresh_token(), NOW)
            again = await tokens.find(second)
            assert again is not None and again.used_by is None and again.family == found.family
        finally:
            await session.close()

    asyncio.run(run())


def test_what_is_over_is_forgotten_after_a_while(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables do not grow with what nobody can use any more."""
    for module in (authorization_codes, refresh_tokens, sign_in_sessions):
        monkeypatch.setattr(module, "_SWEEP_EVERY", 1)

    async def run() -> None:
        session = Session(dsn, patience_seconds=5.0)
        codes, tokens, sessions = (
            AuthorizationCodes(session),
            RefreshTokens(session),
            SignInSessions(session),
        )
        try:
            code, first = await issue(codes), new_refresh_token()
            assert await codes.redeem(code, "transfers", first, NOW)
            cookie = await sessions.begin(SignedIn(TENANT, "user_demo", owes_code=False), NOW)
            assert await sessions.find(cookie, NOW) is not None
            later = NOW + 40 * DAY
            # Each of these sweeps on its way.
            await codes.issue(
                tenant=TENANT,
                client_id="sandbox",
                subject="user_demo",
                scope="transfers",
                redirect_uri=None,
                code_challenge=challenge(),
                now=later,
            )
            await tokens.rotate("no such", "no such", new_refresh_token(), later)
            await sessions.begin(SignedIn(TENANT, "user_demo", owes_code=True), later)
            assert await codes.find(code) is None
            assert await tokens.find(first) is None
            assert await sessions.find(cookie, NOW) is None
        finally:
            await session.close()

    asyncio.run(run())
