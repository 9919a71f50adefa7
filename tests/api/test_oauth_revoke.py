"""What a client gives back, or loses, ends at once on every process that checks tokens."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from application.access import ACCESS_TOKEN_SECONDS, InvalidToken
from infrastructure import revocations
from tests.control_database import control_database
from tests.oauth_scene import (
    BY_BODY,
    SANDBOX,
    TENANT,
    AuthorizationServer,
    Browsing,
    Clock,
    Users,
    authorization_server,
    redeeming,
    refreshing,
    settings,
)

Story = Callable[[AuthorizationServer, AuthorizationServer], Awaitable[None]]
GRANT = BY_BODY | {"grant_type": "client_credentials"}
# Long enough for the slowest machine; how soon it is in fact is asserted where it matters.
PATIENCE_SECONDS = 20


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def tell(dsn: str) -> Callable[[Story], None]:
    """Runs a story on two processes' worth of servers on one database."""

    async def run(story: Story) -> None:
        clock, users = Clock(), Users()
        async with (
            authorization_server(dsn, clock, users) as one,
            authorization_server(dsn, clock, users) as two,
        ):
            await one.register("sandbox", SANDBOX)
            await one.register("other", settings("Other", "gl.read"))
            await one.add_user("demo@example.com", "user_demo")
            await story(one, two)

    return lambda story: asyncio.run(run(story))


def is_good(server: AuthorizationServer, token: str) -> bool:
    try:
        server.tokens.verify(token, server.clock.now())
    except InvalidToken:
        return False
    return True


async def until(condition: Callable[[], bool]) -> float:
    """How many seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + PATIENCE_SECONDS
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def token_of(server: AuthorizationServer) -> str:
    return str((await server.post(GRANT)).json()["access_token"])


@pytest.mark.parametrize("path", ["/oauth/revoke", "/backoffice/v1/oauth/revoke"])
def test_a_revoked_token_ends_on_every_process(tell: Callable[[Story], None], path: str) -> None:
    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        revoked, kept = await token_of(one), await token_of(one)
        assert is_good(one, revoked) and is_good(two, revoked) and is_good(two, kept)
        response = await one.post(BY_BODY | {"token": revoked, "token_type_hint": "refresh_token"}, path)
        assert (response.status_code, response.json()) == (200, {})
        assert not is_good(one, revoked)
        await until(lambda: not is_good(two, revoked))
        assert is_good(one, kept) and is_good(two, kept)

    tell(story)


def test_a_revoked_refresh_token_ends_all_that_came_from_its_code(tell: Callable[[Story], None]) -> None:
    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        first = (await one.post(redeeming(await Browsing(one).code()))).json()
        second = (await one.post(refreshing(first["refresh_token"]))).json()
        # A used one tells the family as well.
        assert (
            await two.post(BY_BODY | {"token": first["refresh_token"]}, "/oauth/revoke")
        ).status_code == 200
        for token in (first["access_token"], second["access_token"]):
            assert not is_good(two, token)
            await until(lambda token=token: not is_good(one, token))  # type: ignore[misc]
        response = await one.post(refreshing(second["refresh_token"]))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")

    tell(story)


def test_a_revoked_access_token_leaves_the_refresh_token(tell: Callable[[Story], None]) -> None:
    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        body = (await one.post(redeeming(await Browsing(one).code()))).json()
        await one.post(BY_BODY | {"token": body["access_token"]}, "/oauth/revoke")
        assert not is_good(one, body["access_token"])
        assert (await one.post(refreshing(body["refresh_token"]))).status_code == 200

    tell(story)


def test_nobody_revokes_what_is_not_theirs(tell: Callable[[Story], None]) -> None:
    """200 all the same for whoever proves who it is, and for what is no token; 401 for others."""

    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        body = (await one.post(redeeming(await Browsing(one).code()))).json()
        other = {"client_id": "other", "client_secret": "sandbox-secret"}
        tokens = (body["access_token"], body["refresh_token"], "no token", "a.b.c")
        for token in tokens:
            response = await one.post(other | {"token": token}, "/oauth/revoke")
            assert (response.status_code, response.json()) == (200, {})
            for wrong in ({"client_secret": "wrong"}, {"client_id": "nobody"}):
                response = await one.post(BY_BODY | wrong | {"token": token}, "/oauth/revoke")
                assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert is_good(one, body["access_token"])
        assert (await one.post(refreshing(body["refresh_token"]))).status_code == 200
        response = await one.post(BY_BODY, "/oauth/revoke")
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")

    tell(story)


def test_a_deleted_client_and_its_tokens_end_everywhere(tell: Callable[[Story], None]) -> None:
    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        own = await token_of(one)
        delegated = (await one.post(redeeming(await Browsing(one).code()))).json()
        await one.revocations.end_client(TENANT, "sandbox")
        for token in (own, delegated["access_token"]):
            assert not is_good(one, token)
            await until(lambda token=token: not is_good(two, token))  # type: ignore[misc]
        response = await two.post(refreshing(delegated["refresh_token"]))
        assert response.json()["error"] == "invalid_grant"

    tell(story)


def test_a_user_comes_back_and_other_banks_users_never_left(tell: Callable[[Story], None]) -> None:
    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        def token(subject: str, tenant: str) -> str:
            return one.tokens.issue(
                subject=subject,
                client_id="sandbox",
                scopes=frozenset({"transfers"}),
                roles=frozenset(),
                tenant=tenant,
                lifetime_seconds=3600,
                now=one.clock.now(),
            )

        left, same_name, other = token("u", TENANT), token("u", "other-bank"), token("v", TENANT)
        await one.revocations.end_subject(TENANT, "u")
        await until(lambda: not is_good(two, left))
        assert all(is_good(server, good) for server in (one, two) for good in (same_name, other))
        await two.revocations.restore_subject(TENANT, "u")
        assert is_good(two, left)
        await until(lambda: is_good(one, left))

    tell(story)


def test_a_process_that_starts_knows_what_ended_before(dsn: str) -> None:
    async def run() -> None:
        clock = Clock()
        async with authorization_server(dsn, clock) as one:
            await one.register("sandbox", SANDBOX)
            token = await token_of(one)
            await one.post(BY_BODY | {"token": token}, "/oauth/revoke")
        async with authorization_server(dsn, clock) as two:
            assert not is_good(two, token)

    asyncio.run(run())


def test_a_process_that_hears_nothing_asks_by_itself(dsn: str) -> None:
    """Its listening connection is cut off again and again; what ends meanwhile is seen by asking."""

    async def run() -> None:
        clock, users = Clock(), Users()
        async with (
            authorization_server(dsn, clock, users) as one,
            authorization_server(dsn, clock, users) as two,
        ):
            await one.register("sandbox", SANDBOX)
            for _ in range(3):
                token = await token_of(one)
                await until(lambda: two.news.is_listening)
                with psycopg.connect(dsn, autocommit=True) as owner:
                    owner.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where query ilike 'listen %' and datname = current_database()"
                    )
                await one.post(BY_BODY | {"token": token}, "/oauth/revoke")
                await until(lambda token=token: not is_good(two, token))  # type: ignore[misc]

    asyncio.run(run())


def test_what_has_expired_is_forgotten(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and memories stay as small as what is still needed."""
    monkeypatch.setattr(revocations, "_SWEEP_EVERY", 1)

    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        one.revocations._until_sweep = 1
        for number in range(5):
            expires_at = one.clock.now() + timedelta(seconds=ACCESS_TOKEN_SECONDS)
            await one.revocations.end_token(TENANT, f"token {number}", expires_at)
        one.clock.advance(days=1)
        await one.revocations.end_subject(TENANT, "u")
        rows = await one.primary.fetch("daybook", "select kind from {schema}.revocations", {})
        assert [row["kind"] for row in rows] == ["subject"]

    tell(story)


def test_what_a_client_signs_with_reaches_every_process(tell: Callable[[Story], None]) -> None:
    """Rules and their changes, and that there are none any more."""

    async def story(one: AuthorizationServer, two: AuthorizationServer) -> None:
        listed = settings("Listed", "gl.read", require_signing=True, ip_allowlist=("192.0.2.0/24",))
        await one.register("listed", listed)
        await until(lambda: two.clients.rules("listed") is not None)
        rules = two.clients.rules("listed")
        assert rules is not None
        assert (rules.ip_allowlist, rules.signing_secret) == (("192.0.2.0/24",), "signing secret of listed")
        await one.register("listed", settings("Listed", "gl.read"), revision=2)
        assert one.clients.rules("listed") is None
        await until(lambda: two.clients.rules("listed") is None)

    tell(story)
