"""Tokens of other issuers that this service is told to believe: their keys, and what their claims mean here.

Keys are fetched from the issuer's JWKS address and remembered. Which algorithms an issuer signs with is set
here and never read from a token; symmetric ones and `none` are not among them.
"""

import asyncio
import math
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from joserfc import jws
from joserfc.jwk import Key, KeySet
from msgspec import Meta

from application.store import StoreUnavailable
from infrastructure.tasks import end_task

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
REFRESH_SECONDS = 300.0
# Tokens with made-up key ids must not have the issuer asked for each.
FETCH_INTERVAL_SECONDS_MIN = 10.0
_FETCH_SECONDS_MAX = 5.0
_KEY_SET_BYTES_MAX = 256 * 1024
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_Text = Annotated[str, Meta(min_length=1, max_length=2048)]
_Time = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # up to the year 9999

log = structlog.get_logger()


class ExternalIssuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the setting `external_issuers`. Its tokens are for one `tenant`, or name it in a claim."""

    issuer: _Text
    jwks_url: _Text
    tenant: _Text | None = None
    tenant_claim: _Text | None = None
    audience: _Text | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")


class ExternalPayload(msgspec.Struct, frozen=True):
    """What such a token says, in the spellings that issuers use."""

    iss: str
    sub: Annotated[str, Meta(min_length=1, max_length=255)]
    exp: _Time
    iat: _Time = 0
    nbf: _Time = 0
    jti: Annotated[str, Meta(max_length=255)] = ""
    client_id: Annotated[str, Meta(max_length=255)] = ""
    azp: Annotated[str, Meta(max_length=255)] = ""
    scope: str = ""
    scp: str | tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    aud: str | tuple[str, ...] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        listed = self.scp.split() if isinstance(self.scp, str) else self.scp
        return (*self.scope.split(), *listed)


class ExternalClaims(msgspec.Struct, frozen=True):
    payload: ExternalPayload
    tenant: str


class NotBelieved(Exception):
    """The token proves nothing. The reason holds nothing of the token."""


class NoSuchKey(NotBelieved):
    """It is signed with a key that was not fetched (yet)."""


class _Issued(msgspec.Struct, frozen=True):
    iss: str = ""


_peek = msgspec.json.Decoder(_Issued)
_decoder = msgspec.json.Decoder(ExternalPayload)
_members = msgspec.json.Decoder(dict[str, Any])
_settings = msgspec.json.Decoder(list[ExternalIssuer])


def read_issuers(text: str) -> tuple[ExternalIssuer, ...]:
    """The setting: a JSON list. Raises ValueError that says what is wrong."""
    if not text.strip():
        return ()
    try:
        issuers = tuple(_settings.decode(text))
    except msgspec.DecodeError as error:
        raise ValueError(f"external_issuers must be a JSON list of issuers: {error}") from None
    for issuer in issuers:
        if (issuer.tenant is None) == (issuer.tenant_claim is None):
            raise ValueError(f"external issuer {issuer.issuer} needs tenant or tenant_claim, not both")
        unknown = [algorithm for algorithm in issuer.algorithms if algorithm not in ALGORITHMS]
        if unknown or not issuer.algorithms:
            raise ValueError(
                f"external issuer {issuer.issuer} needs algorithms among {', '.join(ALGORITHMS)}"
            )
        where = urlsplit(issuer.jwks_url)
        if where.scheme != "https" and not (where.scheme == "http" and where.hostname in _LOOPBACK_HOSTS):
            raise ValueError(f"external issuer {issuer.issuer} needs a jwks_url that is https")
    if len({issuer.issuer for issuer in issuers}) != len(issuers):
        raise ValueError("each external issuer must be given once")
    return issuers


class _Keys:
    """One issuer's keys as they were fetched last."""

    def __init__(self, issuer: ExternalIssuer) -> None:
        self.issuer = issuer
        self.registry = jws.JWSRegistry(algorithms=list(issuer.algorithms))
        self.by_id: dict[str, Key] = {}
        self.fetched_at: float | None = None
        self.tried_at = -math.inf
        self.fetching = asyncio.Lock()


class ExternalIssuers:
    """`on_change` is run when a key was taken away: what it signed is believed no more."""

    def __init__(
        self,
        issuers: Sequence[ExternalIssuer],
        on_change: Callable[[], None],
        fetch_interval_seconds: float = FETCH_INTERVAL_SECONDS_MIN,
    ) -> None:
        self._keys = {issuer.issuer: _Keys(issuer) for issuer in issuers}
        self._on_change = on_change
        self._fetch_interval_seconds = fetch_interval_seconds
        self._http: httpx.AsyncClient | None = None
        self._refresher: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._keys:
            self._http = httpx.AsyncClient(timeout=_FETCH_SECONDS_MAX, trust_env=False)
            self._refresher = asyncio.create_task(self._keep_fresh(), name="external-issuers")

    async def close(self) -> None:
        if self._refresher is not None:
            await end_task(self._refresher)
        if self._http is not None:
            await self._http.aclose()

    def issuer_of(self, token: str) -> str | None:
        """Which of the issuers the token says it is from; None where it says none of them."""
        if not self._keys:
            return None
        payload = token.split(".", 2)[1:2]
        try:
            said = _peek.decode(_decoded(payload[0])).iss if payload else ""
        except (ValueError, msgspec.DecodeError):
            return None
        return said if said in self._keys else None

    def verify(self, name: str, token: str) -> ExternalClaims:
        """What a token of that issuer says. Raises NotBelieved, or what the libraries make of hostile input.

        Its times are not looked at.
        """
        keys = self._keys[name]
        parts = jws.extract_compact(token.encode("ascii"), registry=keys.registry)
        header = parts.headers()
        algorithm = header.get("alg")
        if algorithm not in keys.issuer.algorithms or "crit" in header or "b64" in header:
            raise NotBelieved("not signed as this issuer signs")
        key = keys.by_id.get(str(header.get("kid", "")))
        if key is None:
            raise NoSuchKey("no such key of this issuer")
        if key.get("alg", algorithm) != algorithm:
            raise NotBelieved("the key is for another algorithm")
        if not jws.validate_compact(parts, key, registry=keys.registry):
            raise NotBelieved("bad signature")
        return _claims(keys.issuer, parts.payload)

    async def look_again(self, name: str) -> None:
        """Fetches the issuer's keys anew, unless that was done just now. Raises StoreUnavailable where there
        are none at all and none can be fetched."""
        keys = self._keys[name]
        async with keys.fetching:
            if time.monotonic() >= keys.tried_at + self._fetch_interval_seconds:
                await self._fetch(keys)
        if keys.fetched_at is None:
            raise StoreUnavailable("the issuer's keys cannot be fetched")

    async def _keep_fresh(self) -> None:
        while True:
            for keys in self._keys.values():
                async with keys.fetching:
                    await self._fetch(keys)
            await asyncio.sleep(REFRESH_SECONDS)

    async def _fetch(self, keys: _Keys) -> None:
        """Keys that were fetched before stay where they cannot be fetched now."""
        assert self._http is not None, "start() comes first"
        try:
            fetched = _read_key_set(await _body(self._http, keys.issuer.jwks_url))
        except (httpx.HTTPError, ValueError) as error:
            log.warning("keys not fetched", issuer=keys.issuer.issuer, reason=type(error).__name__)
            keys.tried_at = time.monotonic()
            return
        before, keys.by_id = keys.by_id, fetched
        keys.fetched_at = keys.tried_at = time.monotonic()
        gone = [
            key_id
            for key_id, key in before.items()
            if key_id not in fetched or fetched[key_id].thumbprint() != key.thumbprint()
        ]
        if gone:
            self._on_change()


async def _body(http: httpx.AsyncClient, url: str) -> bytes:
    async with http.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"status {response.status_code}")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _KEY_SET_BYTES_MAX:
                raise ValueError("the key set is too large")
        return bytes(body)


def _read_key_set(body: bytes) -> dict[str, Key]:
    """Public keys for signatures, by their ids. Raises ValueError."""
    try:
        listed = msgspec.json.decode(body)["keys"]
        usable = [
            each
            for each in listed
            if each.get("kty") in ("RSA", "EC", "OKP") and each.get("kid") and each.get("use", "sig") == "sig"
        ]
        key_set = KeySet.import_key_set({"keys": usable})
    except Exception as error:
        raise ValueError("no key set") from error
    return {str(key.kid): key for key in key_set.keys}


def _claims(issuer: ExternalIssuer, raw: bytes) -> ExternalClaims:
    payload = _decoder.decode(raw)
    audiences = (payload.aud,) if isinstance(payload.aud, str) else payload.aud
    if payload.iss != issuer.issuer:
        raise NotBelieved("another issuer")
    if issuer.audience is not None and issuer.audience not in audiences:
        raise NotBelieved("for another audience")
    tenant = issuer.tenant or _members.decode(raw).get(str(issuer.tenant_claim))
    if not isinstance(tenant, str) or not 0 < len(tenant) <= 255:
        raise NotBelieved("names no tenant")
    return ExternalClaims(payload, tenant)


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment.encode("ascii") + b"=" * (-len(segment) % 4))
