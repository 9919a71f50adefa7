"""Who may call: what an access token says, which scopes and roles there are, and the ports to check them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

import msgspec

Scope = Literal[
    "transfers",
    "authorizations.write",
    "authorizations.read",
    "holds.write",
    "holds.read",
    "cards.admin",
    "webhooks.admin",
    "banking.read",
    "banking.write",
    "banking.admin",
    "pii.read",
    "accounts.read",
    "accounts.write",
    "customers.read",
    "gl.read",
    "gl.write",
    "audit.read",
]
ALL_SCOPES: frozenset[str] = frozenset(get_args(Scope))
WALLET_ROLES = frozenset({"wallet_manager", "compliance_officer"})
USER_ROLES = frozenset({"admin", "teller", "compliance", "finance", "auditor", "customer"})
ALL_ROLES = WALLET_ROLES | USER_ROLES

# What a user may delegate to a client, by the user's role.
_STAFF_SCOPES = frozenset({"banking.read", "accounts.read", "customers.read"})
SCOPES_BY_ROLE: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"transfers"}),
    "teller": _STAFF_SCOPES | {"banking.write", "accounts.write", "holds.read", "authorizations.read"},
    "compliance": _STAFF_SCOPES | {"pii.read", "holds.read", "authorizations.read", "audit.read"},
    "finance": _STAFF_SCOPES | {"gl.read", "gl.write"},
    "auditor": _STAFF_SCOPES | {"gl.read", "audit.read", "holds.read", "authorizations.read"},
    "admin": ALL_SCOPES,
}


def scopes_of_role(role: str) -> frozenset[str]:
    return SCOPES_BY_ROLE.get(role, frozenset())


ACCESS_TOKEN_SECONDS = 3600
REFRESH_TOKEN_SECONDS = 30 * 86400


class InvalidToken(Exception):
    """The access token proves nothing. The reason is for operators; it never holds any of the token."""


class UnknownKey(InvalidToken):
    """Signed with a key that this process has not seen (yet): `verify_slowly` looks again."""


class InvalidClient(Exception):
    """Unknown client or wrong secret; which of the two is not said."""


class TooManySecretChecks(Exception):
    """More secrets wait to be checked than can be checked soon; try again later."""


class Claims(msgspec.Struct, frozen=True):
    """What a verified token says. Times are Unix seconds of the ledger clock.

    `family` names the user's authorization that the token came from, where it came from one.
    """

    subject: str
    client_id: str
    scopes: frozenset[str]
    roles: frozenset[str]
    tenant: str
    issued_at: int
    expires_at: int
    token_id: str
    family: str = ""


class OAuthClient(msgspec.Struct, frozen=True):
    """A client as the token endpoint and the gate know it. `signing_secret` is sealed text."""

    client_id: str
    tenant: str
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()
    name: str = ""
    grant_types: frozenset[str] = frozenset({"client_credentials"})
    redirect_uris: tuple[str, ...] = ()
    require_signing: bool = False
    ip_allowlist: tuple[str, ...] = ()
    signing_secret: str = ""


class SignInUser(msgspec.Struct, frozen=True):
    """A user as far as signing in must know."""

    user_id: str
    role: str
    is_active: bool
    password_hash: str | None = None
    totp_secret: str | None = None


class SignInUsers(Protocol):
    """Both raise StoreUnavailable."""

    async def find_by_email(self, tenant: str, email: str) -> SignInUser | None: ...

    async def find(self, tenant: str, user_id: str) -> SignInUser | None: ...


class CallRules(msgspec.Struct, frozen=True):
    """What every request of a client must keep to, beside having a valid token or key.

    `ip_allowlist` are networks (CIDR), none: every address. `signing_secret` is in clear, None where the
    client need not sign.
    """

    ip_allowlist: tuple[str, ...] = ()
    signing_secret: str | None = None


class ClientDirectory(Protocol):
    """The clients as every process knows them: told of each change at once."""

    def rules(self, client_id: str) -> CallRules | None:
        """From memory alone: it is asked for every request. None where there is no such client, or it has
        no rules. Raises StoreUnavailable where the memory may be stale."""
        ...

    async def find_api_key(self, key_hash: str) -> Claims | None:
        """Whose key that is, by the hexadecimal SHA-256 of it: `subject` and `client_id` are the client, and
        the scopes those of the key that the client still has. None where there is none, or not any more.
        Raises StoreUnavailable."""
        ...


class AccessTokens(Protocol):
    def verify(self, token: str, now: datetime) -> Claims:
        """Raises InvalidToken, and nothing else."""
        ...

    async def verify_slowly(self, token: str, now: datetime) -> Claims:
        """As `verify`, but looks for keys that other processes made. Raises StoreUnavailable, too."""
        ...

    def issue(
        self,
        *,
        subject: str,
        client_id: str,
        scopes: frozenset[str],
        roles: frozenset[str],
        tenant: str,
        lifetime_seconds: int,
        now: datetime,
        family: str = "",
    ) -> str: ...

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        ...


class Revoked(Protocol):
    """What ended before its time, from memory alone: it is asked for every request.

    `version` changes whenever what `ends` says may have changed.
    """

    version: int

    def ends(self, claims: Claims) -> bool: ...


class OAuthClients(Protocol):
    async def authenticate(self, client_id: str, secret: str) -> OAuthClient:
        """Raises InvalidClient, TooManySecretChecks or StoreUnavailable."""
        ...
