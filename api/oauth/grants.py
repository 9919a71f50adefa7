"""The rules of RFC 6749, 7636 and 8252, as Authlib knows them: whether what is asked for may be granted.

Authlib's grants are synchronous and call back for what they need, in the middle of a decision. Here all of
it is fetched beforehand and handed to them, so they run as plain functions on the event loop, and what they
would write is written afterwards, by one conditional statement that decides races.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidRequestError,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

from api.oauth.errors import OAuthError
from application.access import OAuthClient, SignInUser, scopes_of_role
from domain.clients import AUTHORIZATION_CODE
from infrastructure.authorization_codes import AuthorizationCode
from infrastructure.refresh_tokens import RefreshToken

# Authlib refuses plain HTTP by the address that it is told; TLS may end before it reaches this process.
_ADDRESS = "https://authorization-server.invalid/"
_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?].*)?)"
)

_DESCRIPTIONS: Mapping[str, str] = {
    "invalid_request": "A parameter is missing or malformed",
    "invalid_grant": "The code or token is not valid, or not for this client",
    "invalid_scope": "The scope is more than may be granted",
    "unauthorized_client": "The client may not use this grant type",
    "unsupported_grant_type": (
        "The grant type must be client_credentials, authorization_code or refresh_token"
    ),
    "unsupported_response_type": "The response type must be code",
}
_NOT_VALID = "The request is not valid"


class Granted(NamedTuple):
    """What a token may say. `with_refresh_token`: the client may come back without the user."""

    subject: str
    roles: frozenset[str]
    scopes: tuple[str, ...]
    with_refresh_token: bool = False


class Asked(NamedTuple):
    """An authorization request that may be put to the user. `redirect_uri_given` None: it named none."""

    client: OAuthClient
    redirect_uri: str
    redirect_uri_given: str | None
    scopes: tuple[str, ...]
    is_scope_given: bool
    state: str | None
    code_challenge: str


class NotAsked(Exception):
    """An authorization request that is none: told to the client where `redirect_uri` is known to be its."""

    def __init__(self, error: str, description: str, redirect_uri: str | None, state: str | None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.state = state


class Fetched(NamedTuple):
    """What was looked up for a request, before it is decided."""

    client: OAuthClient | None
    now: datetime
    code: AuthorizationCode | None = None
    refresh_token: RefreshToken | None = None
    user: SignInUser | None = None


def decide(form: Mapping[str, str], fetched: Fetched) -> Granted:
    """What the token endpoint may grant. Raises OAuthError."""
    request = _Request("POST", list(form.items()))
    server = _Server(fetched)
    try:
        grant: Any = server.get_token_grant(request)
        grant.validate_token_request()
        status, _, _ = grant.create_token_response()
    except OAuth2Error as error:
        raise _as_ours(error) from None
    assert status == 200 and server.granted is not None, "it raises where it does not grant"
    return server.granted


def read_authorization_request(pairs: Sequence[tuple[str, str]], client: OAuthClient | None) -> Asked:
    """What the client asks the user for. Raises NotAsked."""
    request = _Request("GET", pairs)
    payload = request.sent
    server: Any = _Server(Fetched(client, datetime.max))
    try:
        grant = server.get_consent_grant(request)
    except OAuth2Error as error:
        code = str(error.error) if payload.response_type else "invalid_request"
        redirect_uri = _known_redirect_uri(error, payload, client)
        raise NotAsked(code, _DESCRIPTIONS.get(code, _NOT_VALID), redirect_uri, payload.state) from None
    except ValueError:
        # Authlib's own words about what was sent, where they are not ASCII.
        raise NotAsked("invalid_request", _DESCRIPTIONS["invalid_request"], None, payload.state) from None
    assert client is not None, "it raises where there is none"
    return Asked(
        client,
        grant.redirect_uri,
        payload.redirect_uri or None,
        tuple(request.scope.split()),
        bool(payload.scope),
        payload.state,
        payload.data["code_challenge"],
    )


def grantable(user: SignInUser, asked: Asked) -> tuple[str, ...] | None:
    """The scopes that the user may delegate; None where that is not what was asked for."""
    allowed = scopes_of_role(user.role)
    if asked.is_scope_given:
        return asked.scopes if allowed.issuperset(asked.scopes) else None
    return tuple(scope for scope in asked.scopes if scope in allowed) or None


def is_redirect_uri_of(client: OAuthClient, uri: str) -> bool:
    """Exactly one that is registered; a loopback address on any port (RFC 8252 7.3)."""
    if uri in client.redirect_uris:
        return True
    return any(_is_same_but_for_port(registered, uri) for registered in client.redirect_uris)


def _is_same_but_for_port(registered: str, uri: str) -> bool:
    known, given = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(uri)
    if known is None or given is None:
        return False
    is_port = given["port"] is None or 1 <= int(given["port"]) <= 65_535
    return is_port and (known["host"], known["rest"]) == (given["host"], given["rest"])


def _known_redirect_uri(error: OAuth2Error, payload: OAuth2Payload, client: OAuthClient | None) -> str | None:
    """Where the error may be sent, also one that Authlib leaves at home, such as a parameter given twice."""
    if any(len(payload.datalist.get(name, ())) > 1 for name in ("client_id", "redirect_uri")):
        return None
    if error.redirect_uri or client is None or not payload.redirect_uri:
        return str(error.redirect_uri) if error.redirect_uri else None
    return payload.redirect_uri if is_redirect_uri_of(client, payload.redirect_uri) else None


class _Payload(OAuth2Payload):
    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        # Parameters without a value count as left out (RFC 6749 3.1).
        self._data = {name: value for name, value in pairs if value}
        self._datalist: dict[str, list[str]] = {}
        for name, value in pairs:
            self._datalist.setdefault(name, []).append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> Any:
        return self._datalist


class _Request(OAuth2Request):
    def __init__(self, method: str, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(method, _ADDRESS)
        self.sent = self.payload = _Payload(pairs)

    @property
    def form(self) -> dict[str, str]:
        return self.sent.data


class _Client(ClientMixin):
    """A client in Authlib's terms. It has proved who it is before."""

    def __init__(self, client: OAuthClient) -> None:
        self.client = client

    def get_client_id(self) -> str:
        return self.client.client_id

    def get_default_redirect_uri(self) -> str:
        uris = self.client.redirect_uris
        return uris[0] if len(uris) == 1 else ""

    def get_allowed_scope(self, scope: Any) -> Any:
        """What was asked for, in that order, once; all that the client has where nothing was asked for."""
        if scope is None:
            return " ".join(sorted(self.client.scopes))
        scopes = list(dict.fromkeys(word for word in scope.split(" ") if word))
        return " ".join(scopes) if scopes and self.client.scopes.issuperset(scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return is_redirect_uri_of(self.client, redirect_uri)

    def check_response_type(self, _: str) -> bool:
        return AUTHORIZATION_CODE in self.client.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types


class _Server(AuthorizationServer):
    """Knows what was fetched, and keeps what is granted."""

    def __init__(self, fetched: Fetched) -> None:
        super().__init__()
        self.fetched = fetched
        self.granted: Granted | None = None
        self.register_grant(_ClientCredentials)
        self.register_grant(_AuthorizationCode, [_S256Required()])
        self.register_grant(_RefreshToken)

    def query_client(self, client_id: str) -> Any:
        client = self.fetched.client
        return _Client(client) if client is not None and client.client_id == client_id else None

    def authenticate_client(self, *_: Any, **__: Any) -> _Client:
        assert self.fetched.client is not None, "the token endpoint authenticates first"
        return _Client(self.fetched.client)

    def create_oauth2_request(self, request: Any) -> Any:
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def generate_token(self, *_: Any, **described: Any) -> dict[str, Any]:
        """Notes what a token would say; it is signed when nothing can go wrong any more."""
        client, user = self.fetched.client, described["user"]
        assert client is not None, "the token endpoint authenticates first"
        scopes = tuple(described["scope"].split())
        if user is None:
            self.granted = Granted(client.client_id, client.roles, scopes)
        else:
            is_refreshable = described["include_refresh_token"]
            self.granted = Granted(user.user_id, frozenset({user.role}), scopes, is_refreshable)
        return {}

    def save_token(self, token: Any, request: Any) -> None:
        """Written by whoever asked for the decision."""


class _ClientCredentials(ClientCredentialsGrant):
    def validate_token_request(self) -> None:
        super().validate_token_request()
        request: Any = self.request
        scope = self.client.get_allowed_scope(request.payload.scope)
        request.scope = scope
        if scope is None:
            raise OAuthError("invalid_scope", "The client does not have every scope that is asked for")

    def create_token_response(self) -> Any:
        self.server.generate_token(user=None, scope=self.request.scope)
        return 200, {}, []


class _Delegated(NamedTuple):
    """A code or a refresh token in Authlib's terms."""

    found: AuthorizationCode | RefreshToken
    scope: str

    @property
    def code_challenge(self) -> str | None:
        return self.found.code_challenge if isinstance(self.found, AuthorizationCode) else None

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str | None:
        return self.found.redirect_uri if isinstance(self.found, AuthorizationCode) else None

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: _Client) -> bool:
        return self.found.client_id == client.client.client_id and self.found.tenant == client.client.tenant


def _delegated(fetched: Fetched, found: AuthorizationCode | RefreshToken | None) -> _Delegated | None:
    """What the user granted, as far as the user's role and the client's scopes still reach."""
    if found is None or found.expires_at <= fetched.now:
        return None
    user = active(fetched)
    if user is None or fetched.client is None:
        return None
    allowed = scopes_of_role(user.role) & fetched.client.scopes
    scope = " ".join(word for word in found.scope.split() if word in allowed)
    return _Delegated(found, scope) if scope else None


def active(fetched: Fetched) -> SignInUser | None:
    return fetched.user if fetched.user is not None and fetched.user.is_active else None


class _AuthorizationCode(AuthorizationCodeGrant):
    def query_authorization_code(self, _: str, client: Any) -> _Delegated | None:
        delegated = _delegated(self.server.fetched, self.server.fetched.code)
        return delegated if delegated is not None and delegated.check_client(client) else None

    def authenticate_user(self, _: Any) -> SignInUser | None:
        return active(self.server.fetched)

    def delete_authorization_code(self, _: Any) -> None:
        """Used up by whoever asked for the decision."""


class _RefreshToken(RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, _: str) -> Any:
        found = self.server.fetched.refresh_token
        return None if found is None or found.is_ended else _delegated(self.server.fetched, found)

    def authenticate_user(self, _: Any) -> SignInUser | None:
        return active(self.server.fetched)

    def revoke_old_credential(self, _: Any) -> None:
        """Used up by whoever asked for the decision."""


_challenge_of: Callable[[str], str] = create_s256_code_challenge


class _S256Required(CodeChallenge):
    """PKCE is required, and `plain` is none (RFC 9700 2.1.1)."""

    def __init__(self) -> None:
        super().__init__(required=True)
        self.SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
        self.CODE_CHALLENGE_METHODS = {
            "S256": lambda verifier, challenge: hmac.compare_digest(_challenge_of(verifier), challenge)
        }

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        payload = grant.request.payload
        if not payload.data.get("code_challenge") or payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge with the method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


def _as_ours(error: OAuth2Error) -> OAuthError:
    code = error.error or "invalid_request"
    return OAuthError(code, _DESCRIPTIONS.get(code, _NOT_VALID))
