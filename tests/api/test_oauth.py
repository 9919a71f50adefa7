"""The token endpoint gives tokens to clients that prove who they are, and RFC 6749's errors to all else."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import quote_plus

import httpx
import psycopg
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jws
from joserfc.jwk import ECKey

from application.access import ALL_ROLES, ALL_SCOPES, InvalidClient, OAuthClient, TooManySecretChecks
from infrastructure import secret_hashes
from tests.control_database import control_database
from tests.oauth_scene import (
    NOW,
    SANDBOX,
    SECRET,
    TENANT,
    AuthorizationServer,
    authorization_server,
    settings,
)

PLATFORM = settings("Stablecoin platform", "accounts.read", "accounts.write", "gl.write", "customers.read")
AWKWARD, AWKWARD_ID = settings("Awkward", "gl.read"), "an awkward+client"
AWKWARD_SECRET = "50%25+more: &=/ %zz"
GRANT = {"grant_type": "client_credentials"}
BY_BODY = GRANT | {"client_id": "stablecoin-platform", "client_secret": SECRET}

Endpoint = AuthorizationServer
Story = Callable[[Endpoint], Awaitable[None]]


async def register_all(server: Endpoint) -> None:
    await server.register("sandbox", SANDBOX)
    await server.register("stablecoin-platform", PLATFORM)
    await server.register(AWKWARD_ID, AWKWARD, AWKWARD_SECRET)


@pytest.fixture
def tell(postgres_dsn: str) -> Iterator[Callable[[Story], None]]:
    """Runs a story against the endpoint with the three clients above."""
    with control_database(postgres_dsn) as dsn:

        async def run(story: Story) -> None:
            async with authorization_server(dsn) as server:
                await register_all(server)
                await story(server)

        yield lambda story: asyncio.run(run(story))


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def assert_error(response: httpx.Response, status: int, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error", "error_description"}
    assert SECRET not in response.text


@pytest.mark.parametrize("path", ["/oauth/token", "/backoffice/v1/oauth/token"])
def test_a_client_gets_a_token_for_itself(tell: Callable[[Story], None], path: str) -> None:
    """The documented request, and what the token then says."""

    async def story(server: Endpoint) -> None:
        form = BY_BODY | {"scope": "accounts.read accounts.write gl.write"}
        response = await server.post(form, path)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        body = response.json()
        assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
        assert body["scope"] == "accounts.read accounts.write gl.write"
        claims = server.tokens.verify(body["access_token"], NOW)
        assert claims.subject == claims.client_id == "stablecoin-platform"
        assert claims.tenant == "test-bank-001"
        assert claims.scopes == {"accounts.read", "accounts.write", "gl.write"}
        assert claims.roles == set()
        assert claims.expires_at == NOW.timestamp() + 3600

    tell(story)


def test_all_scopes_and_roles_of_the_client_come_unasked(tell: Callable[[Story], None]) -> None:
    """No scope, an empty one: all that the client has. Asked twice counts once."""

    async def story(server: Endpoint) -> None:
        for scope in ({}, {"scope": ""}):
            response = await server.post(GRANT | scope, authorization=basic("sandbox", SECRET))
            assert response.json()["scope"].split() == sorted(ALL_SCOPES)
            claims = server.tokens.verify(response.json()["access_token"], NOW)
            assert claims.scopes == ALL_SCOPES
            assert claims.roles == ALL_ROLES
        response = await server.post(BY_BODY | {"scope": "gl.write  accounts.read gl.write"})
        assert response.json()["scope"] == "gl.write accounts.read"

    tell(story)


def test_basic_credentials_are_taken_encoded_and_plain(tell: Callable[[Story], None]) -> None:
    """Form-encoded inside the header as RFC 6749 2.3.1 says, and also as clients send it that do not."""

    async def story(server: Endpoint) -> None:
        encoded = basic(quote_plus(AWKWARD_ID), quote_plus(AWKWARD_SECRET))
        plain = basic(AWKWARD_ID, AWKWARD_SECRET)
        for header in (encoded, plain, encoded.replace("Basic", "bAsIc")):
            response = await server.post(GRANT, authorization=header)
            assert response.status_code == 200, response.text
            assert server.tokens.verify(response.json()["access_token"], NOW).tenant == TENANT
        by_body = GRANT | {"client_id": AWKWARD_ID, "client_secret": AWKWARD_SECRET}
        assert (await server.post(by_body)).status_code == 200
        named_too = GRANT | {"client_id": "sandbox"}
        assert (await server.post(named_too, authorization=basic("sandbox", SECRET))).status_code == 200

    tell(story)


def test_who_cannot_prove_itself_gets_nothing(tell: Callable[[Story], None]) -> None:
    """401 invalid_client, the same for an unknown client as for a wrong secret; the challenge where due."""

    async def story(server: Endpoint) -> None:
        bodies = []
        for change in (
            {"client_secret": "wrong"},
            {"client_id": "nobody"},
            {"client_secret": SECRET + " "},
            {"client_secret": "x" * 10_000},
            {"client_id": "sand\0box"},
        ):
            response = await server.post(BY_BODY | change)
            assert_error(response, 401, "invalid_client")
            assert "www-authenticate" not in response.headers
            bodies.append(response.text)
        assert len(set(bodies)) == 1
        for missing in ("client_id", "client_secret"):
            form = {name: value for name, value in BY_BODY.items() if name != missing}
            assert_error(await server.post(form), 401, "invalid_client")
        for header in (
            basic("sandbox", "wrong"),
            basic("sandbox", ""),
            "Basic",
            "Basic !!!",
            "Basic c2FuZGJveA==",
            "Basic /////w==",
            "Bearer abc",
            "",
        ):
            response = await server.post(GRANT, authorization=header)
            assert_error(response, 401, "invalid_client")
            assert response.headers["www-authenticate"].startswith("Basic ")

    tell(story)


def test_requests_that_are_none_are_refused(tell: Callable[[Story], None]) -> None:
    """Each kind of bad request has its code from RFC 6749 5.2."""

    async def story(server: Endpoint) -> None:
        good = httpx.QueryParams(BY_BODY)
        credentials = {name: BY_BODY[name] for name in ("client_id", "client_secret")}
        both = await server.post(BY_BODY, authorization=basic("sandbox", SECRET))
        other = await server.post(GRANT | {"client_id": "x"}, authorization=basic("sandbox", SECRET))
        for response in (
            both,
            other,
            await server.post(credentials),
            await server.post(credentials | {"grant_type": ""}),
            await server.post(f"{good}&scope=gl.write&scope=gl.write"),
            await server.post(f"{good}&grant_type=client_credentials"),
            await server.post(f"{good}&scope=%ff"),
            await server.post("grant_type=ü".encode()),
            await server.post("&".join(f"a{number}=1" for number in range(100))),
            await server.post(b""),
            await server.post(str(good), content_type="text/plain"),
            await server.post(b'{"grant_type": "client_credentials"}', content_type="application/json"),
            await server.post(str(good), content_type=""),
        ):
            assert_error(response, 400, "invalid_request")
        for grant_type in ("password", "implicit", "CLIENT_CREDENTIALS"):
            response = await server.post(credentials | {"grant_type": grant_type})
            assert_error(response, 400, "unsupported_grant_type")
        for scope in ("banking.admin", "gl.write banking.admin", "no.such", "gl.write\tgl.read", " ", "\0"):
            assert_error(await server.post(BY_BODY | {"scope": scope}), 400, "invalid_scope")
        assert_error(await server.post(b"a=" + b"x" * 65_535), 413, "invalid_request")
        padded = BY_BODY | {"ignored": "x" * 60_000}
        assert (await server.post(padded)).status_code == 200
        charset = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
        assert (await server.post(str(good), content_type=charset)).status_code == 200

    tell(story)


def test_the_published_keys_verify_what_is_issued(tell: Callable[[Story], None]) -> None:
    """A stranger with nothing but the metadata finds the key set and verifies a token."""

    async def story(server: Endpoint) -> None:
        described = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        assert described["issuer"] == "http://bank.test"
        assert described["grant_types_supported"] == [
            "client_credentials",
            "authorization_code",
            "refresh_token",
        ]
        assert described["code_challenge_methods_supported"] == ["S256"]
        # What the RFC asks of the document; it wants TLS, which ends before this process.
        secure = {
            name: value.replace("http://", "https://") if isinstance(value, str) else value
            for name, value in described.items()
        }
        AuthorizationServerMetadata(secure).validate()
        issued = (await server.post(BY_BODY, described["token_endpoint"])).json()["access_token"]
        response = await server.http.get(described["jwks_uri"])
        assert response.headers["cache-control"] == "public, max-age=300"
        (key,) = response.json()["keys"]
        assert "d" not in key
        assert jws.deserialize_compact(issued, ECKey.import_key(key)).headers()["kid"] == key["kid"]

    tell(story)


def test_a_changed_client_is_another_at_once(tell: Callable[[Story], None]) -> None:
    """A new secret ends the old one although that was remembered; new scopes are given at once."""

    async def story(server: Endpoint) -> None:
        assert (await server.clients.authenticate("sandbox", SECRET)).scopes == ALL_SCOPES
        fewer = settings("Sandbox", "gl.read")
        await server.register("sandbox", fewer, "another secret", revision=2)
        with pytest.raises(InvalidClient):
            await server.clients.authenticate("sandbox", SECRET)
        assert (await server.clients.authenticate("sandbox", "another secret")).scopes == {"gl.read"}

    tell(story)


def test_an_older_view_of_a_client_never_replaces_a_newer_one(tell: Callable[[Story], None]) -> None:
    """Whichever of two processes is the last to write into the directory."""

    async def story(server: Endpoint) -> None:
        await server.register("sandbox", settings("Newer", "gl.read"), revision=5)
        await server.register("sandbox", settings("Older", "gl.write"), revision=4)
        assert (await server.clients.authenticate("sandbox", SECRET)).name == "Newer"

    tell(story)


def test_a_client_calls_from_where_it_may(tell: Callable[[Story], None]) -> None:
    """The allowlist holds at the token endpoint, for those who prove who they are."""

    async def story(server: Endpoint) -> None:
        for revision, (networks, status) in enumerate(
            ((("192.0.2.0/24",), 200), (("198.51.100.0/24", "2001:db8::/32"), 403)), start=2
        ):
            listed = settings("Listed", "gl.read", ip_allowlist=networks)
            await server.register("stablecoin-platform", listed, revision=revision)
            response = await server.post(BY_BODY)
            assert response.status_code == status
        assert_error(response, 403, "access_denied")
        assert_error(await server.post(BY_BODY | {"client_secret": "wrong"}), 401, "invalid_client")

    tell(story)


def test_secrets_are_kept_as_argon2_hashes_only(postgres_dsn: str) -> None:
    """And what clients sign with is sealed."""

    def stored(dsn: str) -> list[tuple[str, ...]]:
        with psycopg.connect(dsn) as connection:
            return connection.execute("select oauth_clients::text from daybook.oauth_clients").fetchall()

    async def start(dsn: str) -> None:
        async with authorization_server(dsn) as server:
            await register_all(server)

    with control_database(postgres_dsn) as dsn:
        asyncio.run(start(dsn))
        first = stored(dsn)
        assert len(first) == 3
        assert all("$argon2id$" in row and SECRET not in row for (row,) in first)
        assert not any("signing secret of" in row for (row,) in first)


def test_guessed_secrets_are_turned_away_before_they_pile_up(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound 503 and try again; who is remembered is not held up."""
    monkeypatch.setattr(secret_hashes, "_WAITING_MAX", 3)

    async def story(server: Endpoint) -> None:
        await server.clients.authenticate("sandbox", SECRET)
        guesses = [server.clients.authenticate("sandbox", f"guess {number}") for number in range(10)]
        answers = await asyncio.gather(
            *guesses, server.clients.authenticate("sandbox", SECRET), return_exceptions=True
        )
        known = answers[-1]
        assert isinstance(known, OAuthClient)
        assert known.name == "Sandbox"
        assert any(isinstance(answer, TooManySecretChecks) for answer in answers)
        assert all(isinstance(answer, InvalidClient | TooManySecretChecks) for answer in answers[:-1])
        monkeypatch.setattr(secret_hashes, "_WAITING_MAX", 0)
        response = await server.post(BY_BODY | {"client_secret": "guess"})
        assert_error(response, 503, "temporarily_unavailable")
        assert response.headers["retry-after"] == "1"

    tell(story)
