"""The sign-in and consent pages: nothing leads anywhere it should not, and forms come from them alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from api.oauth.grants import is_redirect_uri_of
from application.access import OAuthClient
from tests.control_database import control_database
from tests.oauth_scene import (
    CALLBACK,
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


def test_forms_lead_back_to_the_client_unencrypted_only_on_the_users_machine(
    tell: Callable[[Story], None],
) -> None:
    async def story(server: AuthorizationServer) -> None:
        grants, uris = SANDBOX.grant_types, ("https://app.example/callback",)
        web = settings("Web", "transfers", grant_types=grants, redirect_uris=uris)
        await server.register("web", web)
        for parameters, allowed in (
            (asked(), "form-action 'self' http: https:;"),
            (asked(client_id="web", redirect_uri=uris[0]), "form-action 'self' https:;"),
            (asked(client_id="no such"), "form-action 'self';"),
        ):
            response = await server.http.get("/oauth/authorize", params=parameters)
            assert allowed in response.headers["content-security-policy"]

    tell(story)
