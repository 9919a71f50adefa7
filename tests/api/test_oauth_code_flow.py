"""A user signs in, allows a client, and the client gets tokens for that user: each code and token once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from application.access import InvalidToken, SignInUser
from infrastructure.authorization_codes import hashed
from tests.control_database import control_database
from tests.oauth_scene import (
    CALLBACK,
    SANDBOX,
    TENANT,
    AuthorizationServer,
    Browsing,
    Clock,
    Users,
    authorization_server,
    challenge,
    redeeming,
    refreshing,
    sent_back,
    settings,
)

Story = Callable[[AuthorizationServer], Awaitable[None]]
OTHER = settings(
    "Other", "transfers", grant_types=SANDBOX.grant_types, redirect_uris=("https://other.example/callback",)
)


async def prepare(server: AuthorizationServer) -> None:
    await server.register("sandbox", SANDBOX)
    await server.register("other", OTHER)
    await server.add_user("demo@example.com", "user_demo")
    await server.add_user("teller@example.com", "user_teller", "teller")


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


def assert_error(response: httpx.Response, status: int, error: str) -> None:
    assert (response.status_code, response.json().get("error")) == (status, error)
    assert response.headers["cache-control"] == "no-store"
    assert response.json().keys() == {"error", "error_description"}


def assert_ended(server: AuthorizationServer, token: str) -> None:
    with pytest.raises(InvalidToken, match="revoked"):
        server.tokens.verify(token, server.clock.now())


async def tokens_of(server: AuthorizationServer, **asked: Any) -> dict[str, Any]:
    code = await Browsing(server, **asked).code()
    response = await server.post(redeeming(code))
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize("prefix", ["", "/backoffice/v1"])
def test_a_client_gets_tokens_for_a_user_who_allowed_it(tell: Callable[[Story], None], prefix: str) -> None:
    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server, f"{prefix}/oauth/authorize")
        assert "<h1>Sign in</h1>" in (await browsing.open()).text
        page = await browsing.sign_in("demo@example.com")
        assert "Sandbox" in page.text and "make transfers" in page.text
        back = await browsing.send("allow")
        assert back.headers["location"].startswith(f"{CALLBACK}?")
        given = sent_back(back)
        assert given.keys() == {"code", "state", "iss"}
        assert (given["state"], given["iss"]) == ("some state", "http://bank.test")
        response = await server.post(redeeming(given["code"]), f"{prefix}/oauth/token")
        assert response.status_code == 200, response.text
        body = response.json()
        assert body.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
        assert (body["expires_in"], body["scope"]) == (3600, "transfers")
        claims = server.tokens.verify(body["access_token"], server.clock.now())
        assert (claims.subject, claims.client_id, claims.tenant) == ("user_demo", "sandbox", TENANT)
        assert (claims.scopes, claims.roles) == (frozenset({"transfers"}), frozenset({"customer"}))
        response = await server.post(refreshing(body["refresh_token"]), f"{prefix}/oauth/refresh")
        assert response.status_code == 200, response.text
        assert response.json()["refresh_token"] != body["refresh_token"]
        assert (
            server.tokens.verify(response.json()["access_token"], server.clock.now()).subject == "user_demo"
        )

    tell(story)


def test_a_code_used_again_ends_what_came_from_it(tell: Callable[[Story], None]) -> None:
    """Access token and refresh token, also those that were refreshed meanwhile."""

    async def story(server: AuthorizationServer) -> None:
        code = await Browsing(server).code()
        first = (await server.post(redeeming(code))).json()
        second = (await server.post(refreshing(first["refresh_token"]))).json()
        assert_error(await server.post(redeeming(code)), 400, "invalid_grant")
        for token in (first["access_token"], second["access_token"]):
            assert_ended(server, token)
        assert_error(await server.post(refreshing(second["refresh_token"])), 400, "invalid_grant")

    tell(story)


def test_a_refresh_token_used_again_ends_its_family(tell: Callable[[Story], None]) -> None:
    """Whoever had it first. Another authorization of the same user goes on."""

    async def story(server: AuthorizationServer) -> None:
        first, bystander = await tokens_of(server), await tokens_of(server)
        second = (await server.post(refreshing(first["refresh_token"]))).json()
        assert_error(await server.post(refreshing(first["refresh_token"])), 400, "invalid_grant")
        assert_error(await server.post(refreshing(second["refresh_token"])), 400, "invalid_grant")
        for token in (first["access_token"], second["access_token"]):
            assert_ended(server, token)
        server.tokens.verify(bystander["access_token"], server.clock.now())
        assert (await server.post(refreshing(bystander["refresh_token"]))).status_code == 200

    tell(story)


async def form_with_code(server: AuthorizationServer) -> dict[str, str]:
    return redeeming(await Browsing(server).code())


async def form_with_refresh_token(server: AuthorizationServer) -> dict[str, str]:
    return refreshing((await tokens_of(server))["refresh_token"])


@pytest.mark.parametrize("make_form", [form_with_code, form_with_refresh_token])
def test_of_many_who_use_one_code_or_token_at_once_one_gets_something(
    dsn: str, make_form: Callable[[AuthorizationServer], Awaitable[dict[str, str]]]
) -> None:
    """On two processes; and what it got is ended by those who came too late."""

    async def run() -> None:
        clock, users = Clock(), Users()
        async with (
            authorization_server(dsn, clock, users) as one,
            authorization_server(dsn, clock, users) as two,
        ):
            await prepare(one)
            form = await make_form(one)
            answers = await asyncio.gather(*(server.post(form) for server in (one, two) * 4))
            won = [answer.json() for answer in answers if answer.status_code == 200]
            assert len(won) == 1
            for answer in answers:
                if answer.status_code != 200:
                    assert_error(answer, 400, "invalid_grant")
            assert_error(await one.post(refreshing(won[0]["refresh_token"])), 400, "invalid_grant")
            for server in (one, two):
                await server.revocations.look()
                assert_ended(server, won[0]["access_token"])

    asyncio.run(run())


def test_codes_live_ten_minutes_and_refresh_tokens_thirty_days(tell: Callable[[Story], None]) -> None:
    """By the ledger's clock; each refresh token has thirty days of its own."""

    async def story(server: AuthorizationServer) -> None:
        late, in_time = await Browsing(server).code(), await Browsing(server).code()
        server.clock.advance(minutes=9, seconds=59)
        body = (await server.post(redeeming(in_time))).json()
        server.clock.advance(seconds=1)
        assert_error(await server.post(redeeming(late)), 400, "invalid_grant")
        server.clock.advance(minutes=60)
        with pytest.raises(InvalidToken, match="expired"):
            server.tokens.verify(body["access_token"], server.clock.now())
        server.clock.advance(days=29)
        body = (await server.post(refreshing(body["refresh_token"]))).json()
        server.clock.advance(days=29)
        body = (await server.post(refreshing(body["refresh_token"]))).json()
        server.clock.advance(days=30)
        assert_error(await server.post(refreshing(body["refresh_token"])), 400, "invalid_grant")

    tell(story)


def test_a_code_is_good_only_as_it_was_asked_for(tell: Callable[[Story], None]) -> None:
    """Another client, redirect URI or verifier gets nothing, and the code stays good for whom it is."""

    async def story(server: AuthorizationServer) -> None:
        code = await Browsing(server).code()
        for change, error in (
            ({"client_id": "other"}, "invalid_grant"),
            ({"redirect_uri": "http://127.0.0.1:4001/callback"}, "invalid_grant"),
            ({"redirect_uri": None}, "invalid_grant"),
            ({"code": code[:-1]}, "invalid_grant"),
            ({"code": None}, "invalid_request"),
            ({"code_verifier": None}, "invalid_request"),
            ({"code_verifier": "short"}, "invalid_request"),
            ({"code_verifier": "x" * 43}, "invalid_grant"),
            ({"code_verifier": challenge()}, "invalid_grant"),
        ):
            assert_error(await server.post(redeeming(code, **change)), 400, error)
        assert (await server.post(redeeming(code))).status_code == 200

    tell(story)


def test_what_was_not_named_when_asking_need_not_be_named_when_redeeming(
    tell: Callable[[Story], None],
) -> None:
    """A client with one redirect URI may leave it out; its user then gets there all the same."""

    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server, client_id="other", redirect_uri=None)
        await browsing.open()
        await browsing.sign_in("demo@example.com")
        back = await browsing.send("allow")
        assert back.headers["location"].startswith("https://other.example/callback?")
        form = redeeming(sent_back(back)["code"], client_id="other", redirect_uri=None)
        assert (await server.post(form)).status_code == 200

    tell(story)


def test_refreshing_never_gives_more_than_was_allowed(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        browsing = Browsing(server, scope="banking.read banking.write")
        code = await browsing.code("teller@example.com")
        body = (await server.post(redeeming(code))).json()
        more = refreshing(body["refresh_token"], scope="banking.read banking.write customers.read")
        assert_error(await server.post(more), 400, "invalid_scope")
        fewer = refreshing(body["refresh_token"], scope="banking.read")
        body = (await server.post(fewer)).json()
        assert body["scope"] == "banking.read"
        body = (await server.post(refreshing(body["refresh_token"]))).json()
        assert body["scope"].split() == ["banking.read", "banking.write"]
        # The user has another role now, and the client fewer scopes.
        await server.add_user("teller@example.com", "user_teller", "compliance")
        body = (await server.post(refreshing(body["refresh_token"]))).json()
        assert body["scope"] == "banking.read"
        claims = server.tokens.verify(body["access_token"], server.clock.now())
        assert claims.roles == {"compliance"}
        await server.add_user("teller@example.com", "user_teller", "customer")
        assert_error(await server.post(refreshing(body["refresh_token"])), 400, "invalid_grant")

    tell(story)


def test_a_refresh_token_is_its_clients_alone(tell: Callable[[Story], None]) -> None:
    """Another client that has it gets nothing, and does no harm."""

    async def story(server: AuthorizationServer) -> None:
        body = await tokens_of(server)
        stolen = refreshing(body["refresh_token"], client_id="other")
        assert_error(await server.post(stolen), 400, "invalid_grant")
        assert (await server.post(refreshing(body["refresh_token"]))).status_code == 200
        used = refreshing(body["refresh_token"], client_id="other")
        assert_error(await server.post(used), 400, "invalid_grant")
        server.tokens.verify(body["access_token"], server.clock.now())
        assert_error(await server.post(refreshing("no such")), 400, "invalid_grant")
        assert_error(await server.post(refreshing("")), 400, "invalid_request")

    tell(story)


def test_a_user_who_is_inactive_gets_nothing_more(tell: Callable[[Story], None]) -> None:
    """Neither tokens for a code, nor fresh ones; what there was has ended, also after a return."""

    async def story(server: AuthorizationServer) -> None:
        code, body = await Browsing(server).code(), await tokens_of(server)
        user = server.users.by_email["demo@example.com"]
        server.users.by_email["demo@example.com"] = SignInUser(user.user_id, user.role, False)
        assert_error(await server.post(refreshing(body["refresh_token"])), 400, "invalid_grant")
        await server.revocations.end_subject(TENANT, "user_demo")
        assert_ended(server, body["access_token"])
        server.users.by_email["demo@example.com"] = user
        await server.revocations.restore_subject(TENANT, "user_demo")
        assert_ended(server, body["access_token"])
        assert_error(await server.post(redeeming(code)), 400, "invalid_grant")
        assert_error(await server.post(refreshing(body["refresh_token"])), 400, "invalid_grant")
        assert (await tokens_of(server)).keys() >= {"access_token", "refresh_token"}

    tell(story)


def test_a_client_uses_the_grants_that_it_has(tell: Callable[[Story], None]) -> None:
    """No refresh token without that grant, and no other's grant."""

    async def story(server: AuthorizationServer) -> None:
        uris = SANDBOX.redirect_uris
        only_codes = settings("Codes", "transfers", grant_types=("authorization_code",), redirect_uris=uris)
        await server.register("codes", only_codes)
        browsing = Browsing(server, client_id="codes")
        body = (await server.post(redeeming(await browsing.code(), client_id="codes"))).json()
        assert "refresh_token" not in body
        for form in (
            {"grant_type": "client_credentials"},
            {"grant_type": "refresh_token", "refresh_token": "any"},
        ):
            response = await server.post({"client_id": "codes", "client_secret": "sandbox-secret"} | form)
            assert_error(response, 400, "unauthorized_client")
        await server.register("machine", settings("Machine", "transfers"))
        assert_error(await server.post(redeeming("any", client_id="machine")), 400, "unauthorized_client")

    tell(story)


def test_codes_and_tokens_are_kept_as_hashes_only(tell: Callable[[Story], None]) -> None:
    async def story(server: AuthorizationServer) -> None:
        code = await Browsing(server).code()
        body = (await server.post(redeeming(code))).json()
        kept = ""
        for table in ("authorization_codes", "refresh_tokens", "refresh_families", "sign_in_sessions"):
            rows = await server.primary.fetch(
                "daybook", f"select t::text as row from {{schema}}.{table} t", {}
            )
            kept += "".join(row["row"] for row in rows)
        for secret in (code, body["refresh_token"], *server.http.cookies.values()):
            assert secret not in kept
            assert hashed(secret).hex() in kept

    tell(story)
