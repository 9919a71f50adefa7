"""An OAuth client: a program that gets tokens for itself or for users, and what it may do.

Secrets come here hashed or sealed: the log never holds one in clear.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, assert_never

import msgspec

from domain import errors
from domain.events import Event

CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN = (
    "client_credentials",
    "authorization_code",
    "refresh_token",
)
GRANT_TYPES = (CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN)

KeyKind = Literal["primary", "secondary"]
PRIMARY: KeyKind = "primary"
SECONDARY: KeyKind = "secondary"
KEY_KINDS: tuple[KeyKind, ...] = (PRIMARY, SECONDARY)


class ClientSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an administrator sets. `ip_allowlist` are networks (CIDR); empty allows every address."""

    name: str
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...] = (CLIENT_CREDENTIALS,)
    redirect_uris: tuple[str, ...] = ()
    require_signing: bool = False
    ip_allowlist: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


class ClientRegistered(Event, frozen=True):
    """`secret_hash` is an Argon2 hash; `signing_secret` is sealed text, bound to the client's id."""

    TOPIC = "client.registered"
    client_id: str
    settings: ClientSettings
    secret_hash: str
    signing_secret: str
    registered_at: datetime


class ClientUpdated(Event, frozen=True):
    """All settings as they are from now on."""

    TOPIC = "client.updated"
    settings: ClientSettings
    updated_at: datetime


class ApiKeyRotated(Event, frozen=True):
    """The new key of that kind, as the hexadecimal SHA-256 of it; the one before it ends."""

    TOPIC = "client.api_key_rotated"
    kind: KeyKind
    key_hash: str
    scopes: tuple[str, ...]
    rotated_at: datetime


class ClientDeleted(Event, frozen=True):
    """Its tokens and keys end."""

    TOPIC = "client.deleted"


ClientEvent = ClientRegistered | ClientUpdated | ApiKeyRotated | ClientDeleted


class ApiKey(msgspec.Struct, frozen=True):
    key_hash: str
    scopes: tuple[str, ...]


class Client(msgspec.Struct, frozen=True):
    """`revision` counts its events: of two views of a client the one with more is the newer."""

    client_id: str
    settings: ClientSettings
    secret_hash: str
    signing_secret: str
    created_at: datetime
    updated_at: datetime
    revision: int
    api_keys: Mapping[KeyKind, ApiKey] = {}
    is_deleted: bool = False


def stream(client_id: str) -> str:
    return f"client-{client_id}"


def register(existing: Client | None, registered: ClientRegistered) -> ClientRegistered:
    if existing is not None:
        raise errors.ClientExists(existing.client_id)
    return registered


def require(client: Client | None, client_id: str) -> Client:
    """The client, unless it was deleted."""
    if client is None or client.is_deleted:
        raise errors.ClientNotFound(client_id)
    return client


def update(settings: ClientSettings, at: datetime) -> ClientUpdated:
    if AUTHORIZATION_CODE in settings.grant_types and not settings.redirect_uris:
        raise errors.InvalidClientSettings("redirect_uris")
    return ClientUpdated(settings, at)


def rotate_key(
    client: Client, kind: KeyKind, key_hash: str, scopes: Sequence[str] | None, at: datetime
) -> ApiKeyRotated:
    """Without `scopes` the key keeps those that it had, or gets the client's; never more than these."""
    before = client.api_keys.get(kind)
    wanted = scopes if scopes is not None else before.scopes if before else client.settings.scopes
    if scopes is not None and not set(scopes) <= set(client.settings.scopes):
        raise errors.InvalidClientSettings("scopes")
    return ApiKeyRotated(kind, key_hash, tuple(wanted), at)


def evolve(client: Client | None, event: ClientEvent) -> Client:
    if isinstance(event, ClientRegistered):
        return Client(
            event.client_id,
            event.settings,
            event.secret_hash,
            event.signing_secret,
            event.registered_at,
            event.registered_at,
            revision=1,
        )
    assert client is not None, "a client's first event registers it"
    revision = client.revision + 1
    match event:
        case ClientUpdated():
            return msgspec.structs.replace(
                client, settings=event.settings, updated_at=event.updated_at, revision=revision
            )
        case ApiKeyRotated():
            api_keys = {**client.api_keys, event.kind: ApiKey(event.key_hash, event.scopes)}
            return msgspec.structs.replace(
                client, api_keys=api_keys, updated_at=event.rotated_at, revision=revision
            )
        case ClientDeleted():
            return msgspec.structs.replace(client, is_deleted=True, revision=revision)
        case _:
            assert_never(event)
