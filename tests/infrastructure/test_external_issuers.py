"""Another issuer's tokens are believed as far as it was set, by keys that its own server publishes."""

import asyncio
import base64
import hmac
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from application.access import Claims, InvalidToken
from application.store import StoreUnavailable
from infrastructure import external_issuers
from infrastructure.external_issuers import ExternalIssuer, read_issuers
from infrastructure.settings import SettingsError, load
from infrastructure.signing_keys import SigningKeys
from infrastructure.tokens import Tokens
from tests.control_database import control_database

NOW = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
ISSUER = "https://login.example"
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})
# The same key, for signing as it is not meant to.
MISUSED_KEY = RSAKey.import_key(
    {name: value for name, value in RSA_KEY.as_dict(private=True).items() if name != "alg"}
)
EC_KEY = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})


class KeyServer:
    """Publishes keys on loopback, as an issuer does."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSA_KEY, EC_KEY]
        self.status = 200
        self.body: bytes | None = None
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                listed = [key.as_dict(private=False) for key in outer.keys]
                body = outer.body or json.dumps({"keys": listed}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def wait_for_requests(self, more: int) -> None:
        wanted, deadline = self.requests + more, time.monotonic() + 20
        while self.requests < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    server = KeyServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


def issuer(server: KeyServer, **changes: Any) -> ExternalIssuer:
    given: dict[str, Any] = {"issuer": ISSUER, "jwks_url": server.url, "tenant": "test-bank-001"}
    return ExternalIssuer(**(given | changes))


def payload(**changes: Any) -> dict[str, Any]:
    seconds = int(NOW.timestamp())
    given = {
        "iss": ISSUER,
        "sub": "alice",
        "azp": "their-app",
        "scope": "transfers",
        "roles": ["customer"],
        "iat": seconds,
        "exp": seconds + 3600,
    }
    return {name: value for name, value in (given | changes).items() if value is not ...}


def signed(said: Any = None, key: Any = RSA_KEY, alg: str = "RS256", **header: Any) -> str:
    header = {"alg": alg, "kid": key.as_dict().get("kid", "")} | header
    raw = json.dumps(payload() if said is None else said).encode()
    registry = jws.JWSRegistry(algorithms=[alg])
    return jws.serialize_compact(header, raw, key, registry=registry)


def segment(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_public_key_as_secret(said: Any) -> str:
    """What is public of the key, taken for a secret that both sides share."""
    content = f"{segment({'alg': 'HS256', 'kid': 'rsa-1'})}.{segment(said)}"
    secret = RSA_KEY.as_pem(private=False)
    return f"{content}.{segment(hmac.digest(secret, content.encode(), 'sha256'))}"


Story = Callable[[Tokens], Awaitable[None]]


def with_tokens(dsn: str, issuers: list[ExternalIssuer], story: Story) -> None:
    async def run() -> None:
        tokens = Tokens(dsn, SigningKeys(dsn, 0.0), issuers=issuers)
        await tokens.start()
        try:
            await story(tokens)
        finally:
            await tokens.close()

    asyncio.run(run())


async def assert_refused(tokens: Tokens, token: str) -> None:
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await tokens.verify_slowly(token, NOW)


def test_a_token_of_the_issuer_is_believed(server: KeyServer, dsn: str) -> None:
    """Its keys are fetched when they are needed; then it costs what our own cost."""

    async def story(tokens: Tokens) -> None:
        for key, algorithm in ((RSA_KEY, "RS256"), (EC_KEY, "ES256")):
            claims = await tokens.verify_slowly(signed(key=key, alg=algorithm), NOW)
            assert (claims.subject, claims.client_id, claims.tenant) == (
                "alice",
                "their-app",
                "test-bank-001",
            )
            assert claims.scopes == {"transfers"} and claims.roles == {"customer"}
            assert claims.token_id
            assert tokens.verify(signed(key=key, alg=algorithm), NOW) == claims or algorithm == "ES256"
        listed = payload(scope=..., scp=["gl.read", "audit.read"], client_id="c", jti="j", roles=...)
        claims = tokens.verify(signed(listed), NOW)
        assert claims == Claims(
            "alice",
            "c",
            frozenset({"gl.read", "audit.read"}),
            frozenset(),
            "test-bank-001",
            int(NOW.timestamp()),
            int(NOW.timestamp()) + 3600,
            "j",
        )
        with pytest.raises(InvalidToken, match="expired"):
            tokens.verify(signed(), NOW + timedelta(hours=1))

    with_tokens(dsn, [issuer(server)], story)


def test_the_tenant_may_be_a_claim(server: KeyServer, dsn: str) -> None:
    async def story(tokens: Tokens) -> None:
        claims = await tokens.verify_slowly(signed(payload(org="another-bank")), NOW)
        assert claims.tenant == "another-bank"
        for wrong in (..., "", 7, None, ["a"], "x" * 256):
            await assert_refused(tokens, signed(payload(org=wrong)))

    with_tokens(dsn, [issuer(server, tenant=None, tenant_claim="org")], story)


def test_what_the_issuer_did_not_sign_is_refused(server: KeyServer, dsn: str) -> None:
    """No algorithm, another one, a public key taken for a secret, another's key, another audience."""

    async def story(tokens: Tokens) -> None:
        good = payload(aud=["bank", "other"])
        await tokens.verify_slowly(signed(good), NOW)
        own = tokens.keys.signer
        head, body, signature = signed(good).split(".")
        stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})
        for token in (
            f"{segment({'alg': 'none', 'kid': 'rsa-1'})}.{segment(good)}.",
            with_public_key_as_secret(good),
            signed(good, stranger),
            signed(good, MISUSED_KEY, "PS256"),
            signed(good, MISUSED_KEY, "RS512"),
            signed(good, EC_KEY, kid="rsa-1", alg="ES256"),
            signed(good, own.key, "ES256", kid=own.key_id),
            signed(good, kid="no such"),
            signed(payload(aud="other")),
            signed(payload(aud=...)),
            signed(payload(aud="bank", nbf=int(NOW.timestamp()) + 1)),
            signed(payload(aud="bank", sub="")),
            signed(payload(aud="bank", exp=...)),
            signed(payload(aud="bank", exp="soon")),
            f"{head}.{body}.{signature[:-4]}AAAA",
            f"{head}.{body}.",
            f"{head}.{body}",
        ):
            await assert_refused(tokens, token)
        # And its keys sign nothing that says to be ours.
        await assert_refused(tokens, signed(payload(iss=..., client_id="sandbox", tenant="t", jti="1")))
        await assert_refused(tokens, signed(payload(iss="https://stranger.example")))

    with_tokens(dsn, [issuer(server, audience="bank")], story)


def test_keys_come_and_go_as_the_issuer_publishes_them(
    server: KeyServer, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key is found when a token names it; one that is gone ends what it signed, remembered or not."""
    monkeypatch.setattr(external_issuers, "REFRESH_SECONDS", 0.05)

    async def story(tokens: Tokens) -> None:
        tokens.external._fetch_interval_seconds = 0.0
        old = signed()
        await tokens.verify_slowly(old, NOW)
        newer = RSAKey.generate_key(2048, {"kid": "rsa-2"})
        server.keys = [newer]
        assert (await tokens.verify_slowly(signed(key=newer), NOW)).subject == "alice"
        await assert_refused(tokens, old)
        server.status = 500
        await asyncio.to_thread(server.wait_for_requests, 2)
        # What was fetched stays good while nothing can be fetched.
        assert tokens.verify(signed(key=newer), NOW).subject == "alice"

    with_tokens(dsn, [issuer(server)], story)


def test_made_up_key_ids_do_not_have_the_issuer_asked_for_each(server: KeyServer, dsn: str) -> None:
    async def story(tokens: Tokens) -> None:
        await tokens.verify_slowly(signed(), NOW)
        before = server.requests
        for number in range(20):
            await assert_refused(tokens, signed(kid=f"made up {number}"))
        assert server.requests <= before + 1

    with_tokens(dsn, [issuer(server)], story)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"no JSON", b'{"keys": [7]}', b'{"keys": "x"}', b" " * 300_000]
)
def test_without_any_keys_it_is_not_the_callers_fault(server: KeyServer, dsn: str, body: bytes) -> None:
    """Not refused, but not to be decided now; our own tokens work all the while."""
    server.body = body

    async def story(tokens: Tokens) -> None:
        with pytest.raises(StoreUnavailable):
            await tokens.verify_slowly(signed(), NOW)
        own = tokens.issue(
            subject="u",
            client_id="c",
            scopes=frozenset(),
            roles=frozenset(),
            tenant="t",
            lifetime_seconds=60,
            now=NOW,
        )
        assert tokens.verify(own, NOW).subject == "u"

    with_tokens(dsn, [issuer(server)], story)


GOOD = {"issuer": ISSUER, "jwks_url": "https://login.example/jwks.json", "tenant": "t"}


def test_the_setting_is_a_list_of_issuers() -> None:
    read = read_issuers(json.dumps([GOOD, GOOD | {"issuer": "https://b", "algorithms": ["PS256"]}]))
    assert [each.algorithms for each in read] == [("RS256", "ES256"), ("PS256",)]
    assert read_issuers("") == ()


@contextmanager
def refused(setting: str) -> Iterator[None]:
    with pytest.raises(SettingsError) as refusal:
        load({"external_issuers": setting}, {})
    assert "issuer" in str(refusal.value)
    yield


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"jwks_url": "http://login.example/jwks.json"},
        {"jwks_url": "ftp://127.0.0.1/"},
        {"tenant": None},
        {"tenant_claim": "org"},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"no_such": 1},
    ],
)
def test_a_setting_that_is_wrong_is_told_at_the_start(change: dict[str, Any]) -> None:
    with refused(json.dumps([GOOD | change])):
        pass


def test_a_setting_that_is_no_list_is_told_at_the_start() -> None:
    for wrong in ("{}", "no JSON", json.dumps([GOOD, GOOD])):
        with refused(wrong):
            pass
