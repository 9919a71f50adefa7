"""Which client calls: by a secret in the form or in an `Authorization: Basic` header, from where it may."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

import msgspec

from api.context import exchange_of
from api.oauth.errors import OAuthError, unavailable
from api.oauth.forms import OAuthRequest
from application.access import InvalidClient, OAuthClient, OAuthClients, TooManySecretChecks
from application.store import StoreUnavailable
from infrastructure.caller_addresses import Address, CallerAddresses, is_listed

_BASIC = {"WWW-Authenticate": 'Basic realm="daybook", charset="UTF-8"'}


class Credentials(msgspec.Struct, frozen=True):
    """What a client calls itself by; `spellings` are the ways its identifier and secret may be meant."""

    spellings: tuple[tuple[str, str], ...]
    headers: dict[str, str] = {}


async def authenticate(request: OAuthRequest, credentials: Credentials) -> OAuthClient:
    """The client. 401 `invalid_client` for whoever is none, 403 for one that calls from somewhere else."""
    client = await _authenticated(request.app.state.services.oauth_clients, credentials)
    exchange_of(request).accountable = (client.tenant, client.client_id, client.client_id)
    if client.ip_allowlist:
        address = address_of(request)
        if address is None or not is_listed(address, client.ip_allowlist):
            raise OAuthError("access_denied", "The client may not call from this address", 403)
    return client


def address_of(request: OAuthRequest) -> Address | None:
    """Where the request comes from; None where that cannot be known."""
    addresses: CallerAddresses = request.app.state.services.caller_addresses
    peer = request.client.host if request.client is not None else None
    return addresses.of(peer, request.headers.getall("x-forwarded-for", []))


def read_credentials(request: OAuthRequest, form: Mapping[str, str]) -> Credentials:
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
        raise unavailable() from None
    raise OAuthError("invalid_client", "Unknown client or wrong secret", 401, credentials.headers)
