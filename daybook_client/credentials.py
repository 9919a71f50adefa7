"""Who calls: with a token that it was given, a client's secret, a user's refresh token, or an API key."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from msgspec import Struct

from daybook_client.calls import Call, given, whole

TOKEN_ROUTE = "/oauth/token"
# A token is replaced this long before its end, or at nine tenths of its life where it is a short one.
_MARGIN_SECONDS = 60.0


class Token(Struct, frozen=True):
    """An access token, and what goes with it. `refresh_token` is there after a user's consent."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    refresh_token: str | None = None


@dataclass(frozen=True)
class BearerToken:
    """A token that is used as it is, until it is refused."""

    access_token: str = field(repr=False)


@dataclass(frozen=True)
class ApiKey:
    """A client's primary or secondary key, for the back office only."""

    api_key: str = field(repr=False)


@dataclass(frozen=True)
class ClientCredentials:
    """An OAuth client that acts for itself. Without `scope` its tokens have all that it may have."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


@dataclass(frozen=True)
class RefreshToken:
    """An OAuth client that acts for a user. Each use replaces the refresh token: `keep` is told of every new
    one before it is used, and has to store it."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    keep: Callable[[str], None]


Credentials = BearerToken | ApiKey | ClientCredentials | RefreshToken


class TokenKeeper:
    """The header that says who calls. Whoever holds it sees to it that one token is asked for at a time."""

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._refresh_token = getattr(credentials, "refresh_token", "")
        self._access_token: str | None = None
        self._good_until = 0.0

    @property
    def can_renew(self) -> bool:
        return isinstance(self._credentials, ClientCredentials | RefreshToken)

    def headers(self, now: float) -> dict[str, str] | None:
        """None: a token has to be asked for first. `now` is by a clock that only goes forward."""
        match self._credentials:
            case None:
                return {}
            case ApiKey(api_key):
                return {"X-API-Key": api_key}
            case BearerToken(access_token):
                return {"Authorization": f"Bearer {access_token}"}
            case ClientCredentials() | RefreshToken():
                if self._access_token is None or now >= self._good_until:
                    return None
                return {"Authorization": f"Bearer {self._access_token}"}

    def call(self) -> Call[Token]:
        """What asks for a token. A refresh token is good for one use: that is never tried again."""
        credentials = self._credentials
        assert isinstance(credentials, ClientCredentials | RefreshToken), "only these renew"
        form = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        if isinstance(credentials, ClientCredentials):
            form |= given({"grant_type": "client_credentials", "scope": credentials.scope})
        else:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        is_repeatable = isinstance(credentials, ClientCredentials)
        read = whole(Token)
        return Call("POST", TOKEN_ROUTE, TOKEN_ROUTE, read, form=form, is_repeatable=is_repeatable)

    def keep(self, token: Token, now: float) -> None:
        if isinstance(self._credentials, RefreshToken) and token.refresh_token is not None:
            self._credentials.keep(token.refresh_token)
            self._refresh_token = token.refresh_token
        self._access_token = token.access_token
        self._good_until = now + max(token.expires_in - _MARGIN_SECONDS, token.expires_in * 0.9)

    def forget(self, headers: dict[str, str]) -> None:
        """What was sent with these headers was refused. A token that came since is kept."""
        if headers.get("Authorization") == f"Bearer {self._access_token}":
            self._access_token = None


@dataclass(frozen=True)
class Signing:
    """For clients that have to sign their requests to the back office. `now` is the time in Unix seconds, to
    be given where the service's clock is another one."""

    signing_secret: str = field(repr=False)
    now: Callable[[], float] = time.time

    def sign(self, request: httpx.Request) -> None:
        """Each attempt anew: a nonce is good for one."""
        timestamp, nonce = str(int(self.now())), secrets.token_hex(16)
        digest = hashlib.sha256(request.content).hexdigest()
        lines = (request.method, request.url.raw_path.decode("ascii"), timestamp, nonce, digest)
        signature = hmac.new(self.signing_secret.encode(), "\n".join(lines).encode(), hashlib.sha256)
        request.headers["X-Timestamp"] = timestamp
        request.headers["X-Nonce"] = nonce
        request.headers["X-Signature"] = f"sha256={signature.hexdigest()}"
