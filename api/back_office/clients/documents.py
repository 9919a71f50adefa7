"""The bodies of clients and API keys: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.back_office.envelope import Instant
from application.access import Scope

GrantType = Literal["client_credentials", "authorization_code", "refresh_token"]
KeyKind = Literal["primary", "secondary"]

Name = Annotated[str, Meta(min_length=1, max_length=140)]
Scopes = Annotated[list[Scope], Meta(min_length=1)]
GrantTypes = Annotated[list[GrantType], Meta(min_length=1)]
RedirectUris = Annotated[
    list[Annotated[str, Meta(max_length=2048, extra_json_schema={"format": "uri"})]], Meta(max_length=20)
]
Networks = Annotated[list[str], Meta(max_length=100, description="Networks (CIDR); empty: everywhere.")]


class ClientRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A client; for `client_credentials` if nothing else is said. `authorization_code` needs redirect URIs:
    https, or http to a loopback address."""

    name: Name
    scopes: Scopes
    grant_types: GrantTypes | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    require_signing: bool = False
    ip_allowlist: Networks | UnsetType = UNSET


class ClientChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays."""

    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    grant_types: GrantTypes | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    require_signing: bool | UnsetType = UNSET
    ip_allowlist: Networks | UnsetType = UNSET


class ClientShown(Struct, kw_only=True):
    client_id: str
    name: str
    scopes: list[Scope]
    grant_types: list[GrantType]
    redirect_uris: list[str]
    require_signing: bool
    ip_allowlist: list[str]
    status: Literal["active", "deleted"]
    created_at: Instant
    updated_at: Instant


class NewClientShown(ClientShown, kw_only=True):
    """With its secrets, which are shown only now."""

    client_secret: str
    signing_secret: str


class RotationRequest(Struct, forbid_unknown_fields=True):
    """Without `scopes` the new key has those of the old one, or all of the client's."""

    scopes: Scopes | None = None


class ApiKeyShown(Struct):
    """A new API key, which is shown only now."""

    client_id: str
    kind: KeyKind
    api_key: str
    scopes: list[Scope]
    created_at: Instant
