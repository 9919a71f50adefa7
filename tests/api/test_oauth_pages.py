"""The sign-in and consent pages: nothing leads anywhere it should not, and guessing gets nowhere."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from api.oauth.grants import is_redirect_uri_of
from application.access import OAuthClient, SignInUser
from infrastructure.sign_in import PER_ACCOUNT, PER_ADDRESS
from tests.control_database import control_database
from tests.oauth_scene import (
    CALLBACK,
    NOW,
    PASSWORD,
    SANDBOX,
    TENANT,
    AuthorizationServer,
    Browsing,
    asked,
    authorization_server,
    csrf_of,
    redeeming,
    sent_back,
    settings,
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


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"scope": "no.such"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": "transfers\tgl.read"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_to_the_client(
    tell: Callable[[Story], None], change: dict[str, Any], error: str
) -> None:
    """RFC 6749 4.1.2.1, with the state and the issuer; before anybody is bothered with signing in."""

    async def story(server: AuthorizationServer) -> None:
        for send in (server.http.get, server.http.post):
            response = await send("/oauth/authorize", params=asked(**change))
            assert response.headers["location"].startswith(f"{CALLBACK}?")
            assert sent_back(response) == {"error": error, "state": "some state", "iss": "http://bank.test"}

    tell(story)


def test_nothing_is_sent_to_an_address_that_is_not_the_clients(tell: Callable[[Story], None]) -> None:
    """An unknown client, a foreign redirect URI: a page, whatever else is wrong."""

    async def story(server: AuthorizationServer) -> None:
        for change in (
            {"client_id": None},
            {"client_id": "no such"},
            {"client_id": "\x00"},
            {"redirect_uri": "https://evil.example/callback"},
            {"redirect_uri": "https://evil.example/callback", "response_type": "token"},
            {"redirect_uri": "https://evil.example/callback", "scope": "no.such"},
            {"redirect_uri": "javascript:alert(1)"},
            {"redirect_uri": "http://127.0.0.1:4000/callback/../other"},
            {"redirect_uri": "http://127.0.0.1:4000@evil.example/callback"},
            {"redirect_uri": "https://café.example/callback"},
            {"redirect_uri": "//evil.example"},
            # There are two, so none of them is meant.
            {"redirect_uri": None},
        ):
            response = await server.http.get("/oauth/authorize", params=asked(**change))
            assert_page(response, 400, 'role="alert"')
            assert "location" not in response.headers
            assert "evil" not in response.text
        for query in ("a=%ff", "client_id=sandbox&client_id=other", "&".join("a=1" for _ in range(60))):
            assert_page(await server.http.get(f"/oauth/authorize?{query}"), 400)

    tell(story)


def test_parameters_are_given_once(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        for name in ("response_type", "scope", "state", "code_challenge", "code_challenge_method"):
            twice = httpx.QueryParams([*asked().items(), (name, asked()[name])])
            response = await server.http.get("/oauth/authorize", params=twice)
            assert sent_back(response)["error"] == "invalid_request"
        for name in ("client_id", "redirect_uri"):
            twice = httpx.QueryParams([*asked().items(), (name, asked()[name])])
            assert_page(await server.http.get("/oauth/authorize", params=twice), 400)

    tell(story)


@pytest.mark.parametrize(
    ("uri", "is_known"),
    [
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True),
        ("http://localhost:8080/callback", True),
        ("http://[::1]:8080/callback", True),
        ("https://app.example/callback?x=1", True),
        ("https://app.example:8443/callback?x=1", False),
        ("https://app.example/callback", False),
        ("https://app.example/callback?x=1&y=2", False),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:/callback", False),
        ("http://127.0.0.1:80:80/callback", False),
        ("http://127.0.0.1:8080/callback/", False),
        ("http://127.0.0.1:8080/callback#fragment", False),
        ("http://127.0.0.1:8080/CALLBACK", False),
        ("http://127.0.0.2:8080/callback", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://user@127.0.0.1:8080/callback", False),
        ("https://127.0.0.1:8080/callback", False),
        ("http://127.0.0.1:8080\\@evil.example/callback", False),
        ("http://127.0.0.1:٨٠/callback", False),
        ("http://127.0.0.1:8080/callback\r\nX: y", False),
    ],
)
def test_redirect_uris_are_exact_but_for_the_port_of_a_loopback_address(uri: str, is_known: bool) -> None:
    uris = (
        "http://127.0.0.1/callback",
        "http://localhost:3000/callback",
        "http://[::1]/callback",
        "https://app.example/callback?x=1",
    )
    client = OAuthClient("app", TENANT, frozenset(), redirect_uris=uris)
    assert is_redirect_uri_of(client, uri) is is_known


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


def test_what_is_typed_is_shown_as_text(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        grants, uris = SANDBOX.grant_types, SANDBOX.redirect_uris
        bold = settings("<b>Bold</b>", "transfers", grant_types=grants, redirect_uris=uris)
        await server.register("bold", bold)
        browsing = Browsing(server, client_id="bold")
        assert "&lt;b&gt;Bold" in (await browsing.open()).text
        response = await browsing.sign_in('"><script>alert(1)</script>')
        assert_page(response, 400, "&quot;&gt;&lt;script&gt;")
        assert "<b>Bold" not in response.text

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


def test_a_form_from_elsewhere_does_nothing(tell: Callable[[Story], None]) -> None:
    """Without the token of this page and browser, or said to come from another site."""

    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server)
        await browsing.open()
        await browsing.sign_in("demo@example.com")
        right = browsing.csrf
        another_page = csrf_of(
            (await server.http.get("/oauth/authorize", params=asked(state="another"))).text
        )
        for csrf in ("", "x", "0" * 64, another_page, "é"):
            browsing.csrf = csrf
            assert_page(await browsing.send("allow"), 403, 'role="alert"')
        form = {"csrf": right, "action": "allow"}
        response = await server.http.post(
            "/oauth/authorize", params=asked(), data=form, headers={"sec-fetch-site": "cross-site"}
        )
        assert_page(response, 403)
        # Without the cookie that it belongs to.
        cookies = dict(server.http.cookies)
        server.http.cookies.clear()
        assert_page(await server.http.post("/oauth/authorize", params=asked(), data=form), 403)
        server.http.cookies.update(cookies)
        assert "code" in sent_back(await server.http.post("/oauth/authorize", params=asked(), data=form))

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


def test_a_user_delegates_what_the_role_reaches(tell: Callable[[Story], None]) -> None:
    """What was not named is cut to the role; what was named and does not fit is refused."""

    async def story(server: AuthorizationServer) -> None:
        for email, scope, given in (
            ("demo@example.com", "transfers", "transfers"),
            ("demo@example.com", None, "transfers"),
            ("demo@example.com", "transfers banking.read", None),
            ("demo@example.com", "banking.read", None),
            ("teller@example.com", "banking.read", "banking.read"),
            ("teller@example.com", "banking.admin", None),
            ("teller@example.com", "transfers", None),
        ):
            server.http.cookies.clear()
            browsing = Browsing(server, scope=scope)
            await browsing.open()
            response = await browsing.sign_in(email)
            if given is None:
                assert sent_back(response)["error"] == "invalid_scope"
            else:
                code = sent_back(await browsing.send("allow"))["code"]
                assert (await server.post(redeeming(code))).json()["scope"] == given

    tell(story)


def test_a_user_may_say_no(tell: Callable[[Story], None]) -> None:
    """Signed in or not."""

    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server)
        await browsing.open()
        expected = {"error": "access_denied", "state": "some state", "iss": "http://bank.test"}
        assert sent_back(await browsing.send("deny")) == expected
        await browsing.sign_in("demo@example.com")
        assert sent_back(await browsing.send("deny")) == expected
        assert_page(await browsing.send("no such action"), 400)

    tell(story)


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


def test_forms_lead_back_to_the_client_and_nowhere_else(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        response = await server.http.get("/oauth/authorize", params=asked())
        assert "form-action 'self' http://127.0.0.1:4000;" in response.headers["content-security-policy"]

    tell(story)
