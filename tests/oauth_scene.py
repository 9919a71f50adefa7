"""An authorization server with its clients and users, on a real Postgres and without the rest of a bank."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from litestar import Litestar
from litestar.datastructures import State

from api.exchange import Exchange
from api.oauth.routes import ROUTES
from api.surfaces import OAUTH
from application.access import ALL_ROLES, ALL_SCOPES, SignInUser
from domain.clients import GRANT_TYPES, Client, ClientSettings
from infrastructure.access_news import AccessNews
from infrastructure.authorization_codes import AuthorizationCodes
from infrastructure.caller_addresses import CallerAddresses
from infrastructure.client_directory import ClientDirectory
from infrastructure.event_store import Session
from infrastructure.nonces import Nonces
from infrastructure.oauth_clients import OAuthClients
from infrastructure.rate_limits import RateLimiter
from infrastructure.reads import Database
from infrastructure.refresh_tokens import RefreshTokens
from infrastructure.revocations import Revocations
from infrastructure.sealing import Seal
from infrastructure.second_factor import SecondFactor
from infrastructure.secret_hashes import SecretHashes
from infrastructure.sign_in import SignIn
from infrastructure.sign_in_sessions import SignInSessions
from infrastructure.tokens import Tokens

NOW = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
TENANT = "test-bank-001"
SECRET = "sandbox-secret"
PASSWORD = "a password of some length"
CALLBACK = "http://127.0.0.1:4000/callback"
SEAL = Seal(bytes(32))
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"


def settings(name: str, *scopes: str, **others: Any) -> ClientSettings:
    return ClientSettings(name, scopes, **others)


SANDBOX = settings(
    "Sandbox",
    *sorted(ALL_SCOPES),
    grant_types=GRANT_TYPES,
    redirect_uris=("http://127.0.0.1/callback", "http://localhost/callback"),
    roles=tuple(sorted(ALL_ROLES)),
)


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


class Users:
    """The users, by e-mail address. Tests change them."""

    def __init__(self) -> None:
        self.by_email: dict[str, SignInUser] = {}

    async def find_by_email(self, tenant: str, email: str) -> SignInUser | None:
        return self.by_email.get(email.lower()) if tenant == TENANT else None

    async def find(self, tenant: str, user_id: str) -> SignInUser | None:
        users = self.by_email.values() if tenant == TENANT else ()
        return next((user for user in users if user.user_id == user_id), None)


class AuthorizationServer:
    """One process of it, and an HTTP client that keeps cookies as a browser does."""

    def __init__(self, dsn: str, clock: Clock, users: Users, *, is_sandbox: bool = False) -> None:
        self.clock = clock
        self.users = users
        self.hashes = SecretHashes()
        self.revocations = Revocations(dsn, clock)
        self.tokens = Tokens(dsn, revoked=self.revocations)
        self.directory = ClientDirectory(dsn, lambda: SEAL)
        self.clients = OAuthClients(dsn, self.hashes, self.directory)
        self.news = AccessNews(dsn, self.revocations.look, self.directory.look, self.tokens.keys.look)
        self.limiter = RateLimiter(dsn)
        self.primary = Database(dsn)
        self.nonces = Nonces(self.primary)
        self.grants = Session(dsn, patience_seconds=5.0)
        self.services = SimpleNamespace(
            tokens=self.tokens,
            oauth_clients=self.clients,
            clock=clock,
            revocations=self.revocations,
            authorization_codes=AuthorizationCodes(self.grants),
            refresh_tokens=RefreshTokens(self.grants),
            sign_in_sessions=SignInSessions(self.grants),
            sign_in_users=users,
            sign_in=SignIn(
                users,
                self.hashes,
                self.limiter,
                SecondFactor(self.nonces, is_sandbox=is_sandbox),
                lambda: bytes(32),
            ),
            caller_addresses=CallerAddresses(()),
        )
        self.http: httpx.AsyncClient

    async def register(
        self, client_id: str, settings: ClientSettings, secret: str = SECRET, revision: int = 1
    ) -> Client:
        """Puts the client into the directory, as if an event had been recorded."""
        secret_hash = await self.hashes.hash(secret)
        sealed = SEAL.close(f"signing secret of {client_id}", client_id)
        client = Client(client_id, settings, secret_hash, sealed, NOW, NOW, revision)
        await self.clients.publish(TENANT, client)
        return client

    async def add_user(self, email: str, user_id: str, role: str = "customer", **others: Any) -> SignInUser:
        secret_hash = await self.hashes.hash(PASSWORD)
        user = SignInUser(user_id, role, is_active=True, password_hash=secret_hash, **others)
        self.users.by_email[email] = user
        return user

    async def post(self, form: Any, path: str = "/oauth/token", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(form, dict):
            return await self.http.post(path, data=form, headers=named)
        sent = {"content-type": "application/x-www-form-urlencoded"} | named
        return await self.http.post(path, content=form, headers=sent)

    async def close(self) -> None:
        await self.nonces.close()
        await self.limiter.close()
        await self.news.close()
        await self.clients.close()
        await self.directory.close()
        await self.grants.close()
        await self.tokens.close()
        await self.revocations.close()
        await self.primary.close()
        await self.hashes.close()


@asynccontextmanager
async def authorization_server(
    dsn: str, clock: Clock | None = None, users: Users | None = None, *, is_sandbox: bool = False
) -> AsyncIterator[AuthorizationServer]:
    server = AuthorizationServer(dsn, clock or Clock(), users or Users(), is_sandbox=is_sandbox)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        await server.primary.start()
        await server.tokens.start()
        await server.news.start()
        app = Litestar(
            ROUTES, state=State({"services": server.services}), openapi_config=None, logging_config=None
        )

        async def gated(scope: Any, receive: Any, send: Any) -> None:
            scope["daybook"] = Exchange(OAUTH, scope, receive, server.clock)
            await app(scope, receive, send)

        transport = httpx.ASGITransport(gated, client=("192.0.2.7", 4321))
        http = httpx.AsyncClient(transport=transport, base_url="http://bank.test")
        server.http = await stack.enter_async_context(http)
        yield server


def asked(**changes: Any) -> dict[str, str]:
    """The parameters of a good authorization request; None leaves one out."""
    given = {
        "response_type": "code",
        "client_id": "sandbox",
        "redirect_uri": CALLBACK,
        "scope": "transfers",
        "state": "some state",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def csrf_of(page: str) -> str:
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def sent_back(response: httpx.Response) -> dict[str, str]:
    """The parameters that the browser carries back to the client."""
    assert response.status_code in (302, 303), response.text
    where = urlsplit(response.headers["location"])
    return {name: values[0] for name, values in parse_qs(where.query).items()}


class Browsing:
    """A user in front of the pages."""

    def __init__(self, server: AuthorizationServer, path: str = "/oauth/authorize", **changes: Any) -> None:
        self.http = server.http
        self.path = path
        self.parameters = asked(**changes)
        self.csrf = ""

    async def open(self) -> httpx.Response:
        response = await self.http.get(self.path, params=self.parameters)
        self.csrf = csrf_of(response.text)
        return response

    async def send(self, action: str, **fields: str) -> httpx.Response:
        """Sends a form of the page that is shown; a redirect to our own page is followed."""
        form = {"csrf": self.csrf, "action": action} | fields
        response = await self.http.post(self.path, params=self.parameters, data=form)
        if response.headers.get("location", "").startswith(self.path):
            return await self.open()
        self.csrf = csrf_of(response.text) or self.csrf
        return response

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.send("sign_in", email=email, password=password)

    async def code(self, email: str = "demo@example.com") -> str:
        """All the way: the authorization code that the client gets."""
        await self.open()
        response = await self.sign_in(email)
        assert response.status_code == 200, response.text
        return sent_back(await self.send("allow"))["code"]


BY_BODY = {"client_id": "sandbox", "client_secret": SECRET}


def redeeming(code: str, /, **changes: Any) -> dict[str, str]:
    given = BY_BODY | {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def refreshing(token: str, /, **changes: Any) -> dict[str, str]:
    given = BY_BODY | {"grant_type": "refresh_token", "refresh_token": token}
    return {name: value for name, value in (given | changes).items() if value is not None}
