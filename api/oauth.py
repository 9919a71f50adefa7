"""The OAuth 2.0 token endpoint (RFC 6749) and what is published about it (RFC 7517, RFC 8414)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from api import service_operations as operations
from application.access import (
    ALL_SCOPES,
    AccessTokens,
    InvalidClient,
    OAuthClient,
    OAuthClients,
    TooManySecretChecks,
)
from application.clock import Clock
from application.store import StoreUnavailable

TOKEN_LIFETIME_SECONDS = 3600
BODY_BYTES_MAX = 64 * 1024
_FIELDS_MAX = 50
_FORM = "application/x-www-form-urlencoded"
_BASIC = {"WWW-Authenticate": 'Basic realm="daybook", charset="UTF-8"'}
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_Request = Request[Any, Any, State]


class OAuthError(Exception):
    """An error response of RFC 6749 5.2."""

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


class Credentials(msgspec.Struct, frozen=True):
    """What a client calls itself by; `spellings` are the ways its identifier and secret may be meant."""

    spellings: tuple[tuple[str, str], ...]
    headers: dict[str, str] = {}


@post(["/oauth/token", "/backoffice/v1/oauth/token"], status_code=200, operation=operations.TOKEN)
async def token(request: _Request) -> Response[bytes]:
    """Issues an access token to a client that proves who it is (grant `client_credentials`)."""
    try:
        body = await _grant(request)
    except OAuthError as error:
        answer = {"error": error.error, "error_description": error.description}
        return _respond(answer, error.status, _NO_STORE | error.headers)
    return _respond(body, 200, _NO_STORE)


@get("/.well-known/jwks.json", operation=operations.KEYS)
async def key_set(request: _Request) -> Response[bytes]:
    """The public keys that access tokens are verified with."""
    tokens: AccessTokens = request.app.state.services.tokens
    # Short enough for a rotated key to be seen soon; who meets an unknown key id asks again anyhow.
    return _respond(tokens.jwks(), 200, {"Cache-Control": "public, max-age=300"})


@get("/.well-known/oauth-authorization-server", operation=operations.METADATA)
async def metadata(request: _Request) -> Response[bytes]:
    """What the authorization server can do (RFC 8414)."""
    issuer = str(request.base_url).rstrip("/")
    described = {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        # Required by the RFC, and empty: there is no authorization endpoint.
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": sorted(ALL_SCOPES),
    }
    return _respond(described, 200, {"Cache-Control": "no-store"})


ROUTES = (token, key_set, metadata)


async def _grant(request: _Request) -> dict[str, Any]:
    form = await _form(request)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "grant_type is missing")
    credentials = _credentials(request, form)
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", "The grant type must be client_credentials")
    client = await _authenticated(request.app.state.services.oauth_clients, credentials)
    scopes = _granted_scopes(form.get("scope"), client)
    tokens: AccessTokens = request.app.state.services.tokens
    clock: Clock = request.app.state.services.clock
    issued = tokens.issue(
        subject=client.client_id,
        client_id=client.client_id,
        scopes=frozenset(scopes),
        roles=client.roles,
        tenant=client.tenant,
        lifetime_seconds=TOKEN_LIFETIME_SECONDS,
        now=clock.now(),
    )
    return {
        "access_token": issued,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_SECONDS,
        "scope": " ".join(scopes),
    }


async def _form(request: _Request) -> dict[str, str]:
    """The parameters of the body. Those without a value count as left out (RFC 6749 3.2)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise OAuthError("invalid_request", f"Content-Type must be {_FORM}")
    try:
        # It must be ASCII: what is not comes percent-encoded (HTML 4.01, 17.13.4.1).
        body = (await _body(request)).decode("ascii")
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise OAuthError("invalid_request", "The body is not a form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once")
    return {name: value for name, value in form.items() if value}


async def _body(request: _Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise OAuthError("invalid_request", "The body is too large", 413)
    except HTTPException as error:
        raise OAuthError("invalid_request", "The body is too large", error.status_code) from None
    return bytes(body)


def _credentials(request: _Request, form: Mapping[str, str]) -> Credentials:
    """From the header or the body, not from both (RFC 6749 2.3)."""
    header = request.headers.get("authorization")
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if header is None:
        if client_id is None or secret is None:
            raise OAuthError("invalid_client", "The client must authenticate itself", 401)
        return Credentials(((client_id, secret),))
    credentials = _basic_credentials(header)
    if secret is not None:
        raise OAuthError("invalid_request", "Credentials belong in the header or in the body, not in both")
    if client_id is not None and all(client_id != named for named, _ in credentials.spellings):
        raise OAuthError("invalid_request", "client_id is not the one in the header")
    return credentials


def _basic_credentials(header: str) -> Credentials:
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("another scheme")
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError("no secret")
        decoded = (unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict"))
    except (ValueError, binascii.Error):
        raise OAuthError(
            "invalid_client", "The Authorization header is not a Basic one", 401, _BASIC
        ) from None
    # Both halves are form-encoded before they go into the header (RFC 6749 2.3.1), but many clients leave
    # that out. Where it makes a difference, both meanings are tried.
    return Credentials(tuple(dict.fromkeys((decoded, (client_id, secret)))), _BASIC)


async def _authenticated(clients: OAuthClients, credentials: Credentials) -> OAuthClient:
    try:
        for client_id, secret in credentials.spellings:
            try:
                return await clients.authenticate(client_id, secret)
            except InvalidClient:
                continue
    except (StoreUnavailable, TooManySecretChecks):
        raise OAuthError("temporarily_unavailable", "Try again", 503, {"Retry-After": "1"}) from None
    raise OAuthError("invalid_client", "Unknown client or wrong secret", 401, credentials.headers)


def _granted_scopes(asked: str | None, client: OAuthClient) -> list[str]:
    """What was asked for, in that order; all that the client has where nothing was asked for."""
    if asked is None:
        return sorted(client.scopes)
    scopes = list(dict.fromkeys(word for word in asked.split(" ") if word))
    if not scopes or not client.scopes.issuperset(scopes):
        raise OAuthError("invalid_scope", "The client does not have every scope that is asked for")
    return scopes


def _respond(body: Any, status: int, headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/json", headers=dict(headers)
    )
