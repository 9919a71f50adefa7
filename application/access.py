"""Who may call: what an access token says, which scopes and roles there are, and the ports to check them."""

from datetime import datetime
from typing import Any, Protocol

import msgspec

ALL_SCOPES = frozenset(
    {
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
    }
)
WALLET_ROLES = frozenset({"wallet_manager", "compliance_officer"})
USER_ROLES = frozenset({"admin", "teller", "compliance", "finance", "auditor", "customer"})
ALL_ROLES = WALLET_ROLES | USER_ROLES


class InvalidToken(Exception):
    """The access token proves nothing. The reason is for operators; it never holds any of the token."""


class UnknownKey(InvalidToken):
    """Signed with a key that this process has not seen (yet): `verify_slowly` looks again."""


class InvalidClient(Exception):
    """Unknown client or wrong secret; which of the two is not said."""


class TooManySecretChecks(Exception):
    """More secrets wait to be checked than can be checked soon; try again later."""


class Claims(msgspec.Struct, frozen=True):
    """What a verified token says. Times are Unix seconds of the ledger clock."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    roles: frozenset[str]
    tenant: str
    issued_at: int
    expires_at: int
    token_id: str


class OAuthClient(msgspec.Struct, frozen=True):
    client_id: str
    tenant: str
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()


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
    ) -> str: ...

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        ...


class OAuthClients(Protocol):
    async def authenticate(self, client_id: str, secret: str) -> OAuthClient:
        """Raises InvalidClient, TooManySecretChecks or StoreUnavailable."""
        ...
