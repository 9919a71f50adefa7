"""OAuth clients and their API keys."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from daybook_client.back_office.envelope import PREFIX, data_of, sorted_listing
from daybook_client.calls import Call, Listing, reading, writing

CLIENTS, CLIENT = f"{PREFIX}/clients", f"{PREFIX}/clients/{{clientId}}"
ROTATE = f"{CLIENT}/api-keys/{{kind}}/rotate"


class OAuthClient(Struct, kw_only=True):
    """Both secrets are there once, where the client was just registered."""

    client_id: str
    name: str
    scopes: list[str]
    grant_types: list[str]
    redirect_uris: list[str]
    require_signing: bool
    ip_allowlist: list[str]
    status: str
    created_at: datetime
    updated_at: datetime
    client_secret: str | None = None
    signing_secret: str | None = None


class NewApiKey(Struct):
    """Shown this once."""

    client_id: str
    kind: str
    api_key: str
    scopes: list[str]
    created_at: datetime


def list_clients(
    *, sort: str | None = None, order: str | None = None, limit: int | None = None
) -> Listing[OAuthClient]:
    return sorted_listing(CLIENTS, OAuthClient, {}, sort=sort, order=order, limit=limit)


def register(
    name: str,
    scopes: Sequence[str],
    *,
    grant_types: Sequence[str] | None = None,
    redirect_uris: Sequence[str] | None = None,
    require_signing: bool | None = None,
    ip_allowlist: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Call[OAuthClient]:
    body = {
        "name": name,
        "scopes": scopes,
        "grant_types": grant_types,
        "redirect_uris": redirect_uris,
        "require_signing": require_signing,
        "ip_allowlist": ip_allowlist,
    }
    return writing("POST", CLIENTS, data_of(OAuthClient), body, key=idempotency_key)


def show(client_id: str) -> Call[OAuthClient]:
    return reading(CLIENT, data_of(OAuthClient), clientId=client_id)


def change(
    client_id: str,
    *,
    name: str | None = None,
    scopes: Sequence[str] | None = None,
    grant_types: Sequence[str] | None = None,
    redirect_uris: Sequence[str] | None = None,
    require_signing: bool | None = None,
    ip_allowlist: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Call[OAuthClient]:
    """What is left out stays."""
    body = {
        "name": name,
        "scopes": scopes,
        "grant_types": grant_types,
        "redirect_uris": redirect_uris,
        "require_signing": require_signing,
        "ip_allowlist": ip_allowlist,
    }
    return writing("PUT", CLIENT, data_of(OAuthClient), body, key=idempotency_key, clientId=client_id)


def delete(client_id: str, *, idempotency_key: str | None = None) -> Call[OAuthClient]:
    return writing("DELETE", CLIENT, data_of(OAuthClient), key=idempotency_key, clientId=client_id)


def rotate_api_key(
    client_id: str,
    kind: str,
    *,
    scopes: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Call[NewApiKey]:
    """`kind` is primary or secondary; the old key of that kind ends at once."""
    body = {"scopes": scopes}
    read = data_of(NewApiKey)
    return writing("POST", ROTATE, read, body, key=idempotency_key, clientId=client_id, kind=kind)
