"""Signing in: by password and second factor, in this browser alone; guessing gets nowhere."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import httpx
import pyotp
import pytest

from application.access import SignInUser
from infrastructure.sign_in import PER_ACCOUNT, PER_ADDRESS
from tests.control_database import control_database
from tests.oauth_scene import (
    NOW,
    PASSWORD,
    SANDBOX,
    AuthorizationServer,
    Browsing,
    Clock,
    Users,
    asked,
    authorization_server,
    sent_back,
)

Story = Callable[[AuthorizationServer], Awaitable[None]]
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


async def prepare(server: AuthorizationServer) -> None:
    await server.register("sandbox", SANDBOX)
    await server.add_user("demo@example.com", "user_demo")
    await server.add_user("teller@example.com", "user_teller", "teller")
    await server.add_user("careful@example.com", "user_careful", totp_secret=TOTP_SECRET)


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def tell(dsn: str) -> Callable[[Story], None]:
    async def run(story: Story) -> None:
        async with authorization_server(dsn) as server:
            await prepare(server)
            await story(server)

    return lambda story: asyncio.run(run(story))


def assert_page(response: httpx.Response, status: int, *texts: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert "<script" not in response.text and "onclick" not in response.text
    for text in texts:
        assert text in response.text


def test_a_wrong_password_an_unknown_user_and_an_inactive_one_look_the_same(
    tell: Callable[[Story], None],
) -> None:
    async def story(server: AuthorizationServer) -> None:
        gone = await server.add_user("gone@example.com", "user_gone")
        server.users.by_email["gone@example.com"] = type(gone)(
            "user_gone", "customer", False, gone.password_hash
        )
        seen = set()
        for email, password in (
            ("demo@example.com", "wrong"),
            ("nobody@example.com", PASSWORD),
            ("gone@example.com", PASSWORD),
            ("", ""),
            ("demo@example.com", ""),
            ("x" * 300, PASSWORD),
            ("demo@example.com", PASSWORD + "x" * 2000),
            ("\x00", "\x00"),
        ):
            browsing = Browsing(server)
            await browsing.open()
            response = await browsing.sign_in(email, password)
            assert_page(response, 400, "is wrong", 'role="alert"', 'aria-invalid="true"', "<title>Error: ")
            assert PASSWORD not in response.text
            seen.add(response.text.replace(email, "EMAIL") if email else "")
            assert "access" in (await browsing.open()).text
        assert len({text.replace(" autofocus", "") for text in seen if text}) == 1

    tell(story)


def test_guessing_is_slowed_down_per_account_and_per_address(tell: Callable[[Story], None]) -> None:
    """The right password, too, until the window is over; an unknown account is treated like a known one."""

    async def story(server: AuthorizationServer) -> None:
        for email in ("demo@example.com", "nobody@example.com"):
            browsing = Browsing(server)
            await browsing.open()
            for _ in range(PER_ACCOUNT.requests):
                assert (await browsing.sign_in(email, "wrong")).status_code == 400
            response = await browsing.sign_in(email.upper())
            assert_page(response, 429, "too many attempts", 'role="alert"')
            assert 0 < int(response.headers["retry-after"]) <= PER_ACCOUNT.window_seconds
        left = PER_ADDRESS.requests - 2 * PER_ACCOUNT.requests - 2
        guesses = [await browsing.sign_in(f"user{number}@example.com", "x") for number in range(left + 1)]
        assert [guess.status_code for guess in guesses].count(429) >= 1
        assert (await browsing.sign_in("teller@example.com")).status_code == 429
        server.clock.advance(seconds=PER_ADDRESS.window_seconds)
        assert (await browsing.sign_in("demo@example.com")).status_code == 200
        rows = await server.primary.fetch("daybook", "select counter from {schema}.rate_counters", {})
        assert rows and not any("@" in row["counter"] for row in rows)

    tell(story)


def test_signing_in_gives_the_browser_another_cookie(tell: Callable[[Story], None]) -> None:
    """So that one that somebody planted there is worth nothing; it is for HTTP alone."""

    async def story(server: AuthorizationServer) -> None:
        planted = "x" * 43
        server.http.cookies.set("daybook", planted, domain="bank.test", path="/")
        browsing = Browsing(server)
        await browsing.open()
        form = {"csrf": browsing.csrf, "action": "sign_in", "email": "demo@example.com", "password": PASSWORD}
        response = await server.http.post("/oauth/authorize", params=asked(), data=form)
        told = response.headers["set-cookie"]
        assert "HttpOnly" in told and "SameSite=lax" in told and "Secure" not in told
        assert planted not in told
        server.http.cookies.clear()
        server.http.cookies.set("daybook", planted, domain="bank.test", path="/")
        assert "<h1>Sign in</h1>" in (await browsing.open()).text

    tell(story)


def test_behind_tls_the_cookie_is_secure(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        response = await server.http.get("https://bank.test/oauth/authorize", params=asked())
        told = response.headers["set-cookie"]
        assert told.startswith("__Host-daybook=") and "Secure" in told and "Path=/" in told

    tell(story)


def test_a_second_factor_is_asked_for_where_one_is_enrolled(tell: Callable[[Story], None]) -> None:
    """After the password. Without it nothing is allowed; each code works once, on every process."""

    async def story(server: AuthorizationServer) -> None:
        totp = pyotp.TOTP(TOTP_SECRET)
        browsing = Browsing(server)
        await browsing.open()
        assert_page(await browsing.sign_in("careful@example.com", "wrong"), 400)
        assert "six-digit" in (await browsing.sign_in("careful@example.com")).text.lower()
        assert "six-digit" in (await browsing.send("allow")).text.lower()
        for wrong in ("000000", "12345", "", "１２３４５６", totp.at(NOW + timedelta(seconds=150)), "123456"):
            assert_page(await browsing.send("code", code=wrong), 400, "code is wrong")
        right = totp.at(NOW)
        assert "Allow access?" in (await browsing.send("code", code=f"{right[:3]} {right[3:]}")).text
        assert "code" in sent_back(await browsing.send("allow"))
        assert "<h1>Sign in</h1>" in (await browsing.send("sign_out")).text
        await browsing.sign_in("careful@example.com")
        assert_page(await browsing.send("code", code=right), 400, "used before")
        server.clock.advance(seconds=30)
        assert (
            "Allow access?" in (await browsing.send("code", code=totp.at(NOW + timedelta(seconds=30)))).text
        )

    tell(story)


def test_the_code_page_waits_five_minutes(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server)
        await browsing.open()
        await browsing.sign_in("careful@example.com")
        server.clock.advance(minutes=5)
        response = await browsing.send("code", code=pyotp.TOTP(TOTP_SECRET).at(server.clock.now()))
        assert "<h1>Sign in</h1>" in response.text

    tell(story)


def test_the_sandboxs_code_is_taken_in_a_sandbox(dsn: str) -> None:
    async def run() -> None:
        async with authorization_server(dsn, is_sandbox=True) as server:
            await prepare(server)
            browsing = Browsing(server)
            await browsing.open()
            await browsing.sign_in("careful@example.com")
            assert "Allow access?" in (await browsing.send("code", code="123456")).text

    asyncio.run(run())


def test_a_signed_in_user_is_asked_again_for_an_hour(tell: Callable[[Story], None]) -> None:
    """Consent is asked for each time; the password once an hour, at this bank, while the user is active."""

    async def story(server: AuthorizationServer) -> None:
        await Browsing(server).code()
        browsing = Browsing(server)
        assert "Allow access?" in (await browsing.open()).text
        user = server.users.by_email["demo@example.com"]
        server.users.by_email["demo@example.com"] = SignInUser(user.user_id, user.role, False)
        assert "<h1>Sign in</h1>" in (await browsing.open()).text
        assert "<h1>Sign in</h1>" in (await browsing.send("allow")).text
        server.users.by_email["demo@example.com"] = user
        server.clock.advance(hours=1)
        assert "<h1>Sign in</h1>" in (await browsing.open()).text

    tell(story)


def test_attempts_are_counted_over_all_processes(dsn: str) -> None:
    """However many come at once, and to which: no more are looked at than one process would."""

    async def run() -> None:
        clock, users = Clock(), Users()
        async with (
            authorization_server(dsn, clock, users) as one,
            authorization_server(dsn, clock, users) as two,
        ):
            await prepare(one)
            pages = [Browsing(server) for server in (one, two)]
            for page in pages:
                await page.open()
            guesses = [
                page.sign_in("demo@example.com", f"guess {number}")
                for number in range(PER_ACCOUNT.requests)
                for page in pages
            ]
            answers = [answer.status_code for answer in await asyncio.gather(*guesses)]
            assert answers.count(400) == answers.count(429) == PER_ACCOUNT.requests

    asyncio.run(run())
