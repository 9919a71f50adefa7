"""Access tokens: signed JWTs that are verified once and then remembered until they expire."""

import hashlib
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from joserfc import jws

from application.access import ALL_ROLES, ALL_SCOPES, Claims, InvalidToken, Revoked, UnknownKey
from infrastructure.external_issuers import ExternalIssuer, ExternalIssuers, NoSuchKey, NotBelieved
from infrastructure.recently_used import RecentlyUsed
from infrastructure.signing_keys import ALGORITHM, SigningKeys

__all__ = ["ALL_ROLES", "ALL_SCOPES", "Claims", "InvalidToken", "Tokens", "UnknownKey"]

TOKEN_LENGTH_MAX = 8 * 1024
_REMEMBERED = 50_000
_REMEMBERED_REFUSALS = 20_000

# Exactly one algorithm: neither `none` nor a public key taken for an HMAC secret gets as far as a key.
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])

_Time = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]  # up to the year 9999
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class _Payload(msgspec.Struct, frozen=True):
    sub: _Name
    client_id: _Name
    scope: str
    roles: tuple[str, ...]
    tenant: _Name
    iat: _Time
    exp: _Time
    jti: _Name
    family: str = ""
    nbf: _Time = 0


class _Remembered:
    """A verified token. `version` is of the revocations that it was compared with last."""

    __slots__ = ("claims", "expires", "version")

    def __init__(self, expires: datetime, claims: Claims) -> None:
        self.expires = expires
        self.claims = claims
        self.version = -1


class _NothingRevoked:
    version = 0

    def ends(self, _: Claims) -> bool:
        return False


_decoder = msgspec.json.Decoder(_Payload)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Tokens:
    def __init__(
        self,
        dsn: str,
        keys: SigningKeys | None = None,
        revoked: Revoked | None = None,
        issuers: Sequence[ExternalIssuer] = (),
    ) -> None:
        self.keys = keys or SigningKeys(dsn)
        self.external = ExternalIssuers(issuers, on_change=self._forget_all)
        self._revoked = revoked or _NothingRevoked()
        self._keys_version = 0
        # By digest: a token has most of a kilobyte, and fifty thousand of them are remembered.
        self._remembered: RecentlyUsed[bytes, _Remembered] = RecentlyUsed(_REMEMBERED)
        self._refused: RecentlyUsed[bytes, str] = RecentlyUsed(_REMEMBERED_REFUSALS)

    async def start(self) -> None:
        """Loads the keys, and makes the first one where there is none."""
        await self.keys.start()
        self.external.start()

    async def close(self) -> None:
        await self.external.close()
        await self.keys.close()

    def verify(self, token: str, now: datetime) -> Claims:
        """What `token` says at `now`, the ledger's. Raises InvalidToken, and nothing else.

        A token's life is judged by the ledger clock alone: a sandbox's may be years from the machine's.
        """
        if self._keys_version != self.keys.version:
            self._forget_all()
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        remembered = self._remembered.get(digest)
        if remembered is None:
            remembered = self._verify_in_full(token, digest, now)
        if now >= remembered.expires:
            raise InvalidToken("expired")
        if remembered.version != self._revoked.version:
            version = self._revoked.version
            if self._revoked.ends(remembered.claims):
                raise InvalidToken("revoked")
            remembered.version = version
        return remembered.claims

    async def verify_slowly(self, token: str, now: datetime) -> Claims:
        """As `verify`, but reads the keys anew for a key id that this process doesn't know."""
        try:
            return self.verify(token, now)
        except UnknownKey:
            issuer = self.external.issuer_of(token)
            await (self.keys.look_again() if issuer is None else self.external.look_again(issuer))
            return self.verify(token, now)

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
    ) -> str:
        issued_at = int(now.timestamp())
        payload = _Payload(
            sub=subject,
            client_id=client_id,
            scope=" ".join(sorted(scopes)),
            roles=tuple(sorted(roles)),
            tenant=tenant,
            iat=issued_at,
            exp=issued_at + lifetime_seconds,
            jti=secrets.token_urlsafe(16),
            family=family,
        )
        members = msgspec.to_builtins(payload)
        del members["nbf"]
        if not family:
            del members["family"]
        signer = self.keys.signer
        header = {"alg": ALGORITHM, "kid": signer.key_id, "typ": "JWT"}
        return jws.serialize_compact(header, _encode(members), signer.key, registry=_REGISTRY)

    def jwks(self) -> dict[str, Any]:
        return {"keys": self.keys.public_keys()}

    def _forget_all(self) -> None:
        # A key was retired: whatever it signed is no longer worth remembering.
        self._remembered.clear()
        self._keys_version = self.keys.version

    def _verify_in_full(self, token: str, digest: bytes, now: datetime) -> _Remembered:
        refusal = InvalidToken("malformed")
        try:
            return self._checked(token, digest, now)
        except InvalidToken as precise:
            refusal = precise
        except Exception:
            pass
        # Whatever the libraries make of hostile input is a refusal, raised out here so that it carries
        # none of their exceptions, which may quote the token.
        raise refusal

    def _checked(self, token: str, digest: bytes, now: datetime) -> _Remembered:
        if len(token) > TOKEN_LENGTH_MAX:
            raise InvalidToken("too long")
        if not token.isascii():
            raise InvalidToken("not ASCII")
        if (issuer := self.external.issuer_of(token)) is not None:
            return self._remember_external(issuer, token, digest, now)
        parts = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
        header = parts.headers()
        if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
            raise InvalidToken("not signed as tokens are here")
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not self.keys.could_exist(key_id):
            raise InvalidToken("no such key")
        live = self.keys.find(key_id)
        if live is None:
            raise UnknownKey("no such key here")
        if (reason := self._refused.get(digest)) is not None:
            raise InvalidToken(reason)
        if not jws.validate_compact(parts, live.key, registry=_REGISTRY):
            self._refused.put(digest, "bad signature")
            raise InvalidToken("bad signature")
        return self._remember(digest, _decoder.decode(parts.payload), now)

    def _remember_external(self, issuer: str, token: str, digest: bytes, now: datetime) -> _Remembered:
        try:
            said = self.external.verify(issuer, token)
        except NoSuchKey as error:
            raise UnknownKey(str(error)) from None
        except NotBelieved as error:
            raise InvalidToken(str(error)) from None
        payload = said.payload
        ours = _Payload(
            sub=payload.sub,
            client_id=payload.client_id or payload.azp or payload.sub,
            scope=" ".join(payload.scopes),
            roles=payload.roles,
            tenant=said.tenant,
            iat=payload.iat,
            exp=payload.exp,
            jti=payload.jti or digest.hex(),
            nbf=payload.nbf,
        )
        return self._remember(digest, ours, now)

    def _remember(self, digest: bytes, payload: _Payload, now: datetime) -> _Remembered:
        expires = datetime.fromtimestamp(payload.exp, UTC)
        if now >= expires:
            raise InvalidToken("expired")
        if now.timestamp() < payload.nbf:
            raise InvalidToken("not valid yet")
        claims = Claims(
            subject=payload.sub,
            client_id=sys.intern(payload.client_id),
            scopes=_shared(tuple(payload.scope.split())),
            roles=_shared(payload.roles),
            tenant=sys.intern(payload.tenant),
            issued_at=payload.iat,
            expires_at=payload.exp,
            token_id=payload.jti,
            family=payload.family,
        )
        remembered = _Remembered(expires, claims)
        self._remembered.put(digest, remembered)
        return remembered


@lru_cache(maxsize=1024)
def _shared(words: tuple[str, ...]) -> frozenset[str]:
    # A set of all scopes has two kilobytes, and fifty thousand tokens are remembered.
    return frozenset(words)
