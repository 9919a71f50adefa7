"""What callers ask of a client: its settings, each checked on its own, so that the error can name it."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from api.back_office.requests import Members, is_sent, require
from api.exchange import invalid
from api.members import read_flag, read_text
from application.access import ALL_SCOPES
from application.clients import SettingsChange
from domain.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, GRANT_TYPES, ClientSettings
from infrastructure.caller_addresses import read_network

MEMBERS = ("name", "scopes", "grant_types", "redirect_uris", "require_signing", "ip_allowlist")
NAME_LENGTH_MAX = 140
URI_LENGTH_MAX = 2048
REDIRECT_URIS_MAX = 20
NETWORKS_MAX = 100

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_words_decoder = msgspec.json.Decoder(list[str])


class AskedChange(NamedTuple):
    change: SettingsChange

    def content(self) -> tuple[str, ...]:
        """All of it, as an idempotent request is compared by."""
        return (msgspec.json.encode(self.change).decode(),)


def read_client(members: Members) -> ClientSettings:
    """All but the name and the scopes has a default."""
    require(members, "name", "scopes")
    asked = read_change(members).change
    grant_types = asked.grant_types or (CLIENT_CREDENTIALS,)
    redirect_uris = asked.redirect_uris or ()
    if AUTHORIZATION_CODE in grant_types and not redirect_uris:
        raise invalid("redirect_uris", "must name at least one for the grant type authorization_code")
    assert asked.name is not None and asked.scopes is not None, "both are required"
    return ClientSettings(
        asked.name,
        asked.scopes,
        grant_types,
        redirect_uris,
        bool(asked.require_signing),
        asked.ip_allowlist or (),
    )


def read_change(members: Members) -> AskedChange:
    """What is sent must be right; null is nothing that any of them can be."""
    name, scopes, grant_types, redirect_uris, require_signing, ip_allowlist = (
        members[member] for member in MEMBERS
    )
    change = SettingsChange(
        name=_name(name) if is_sent(name) else None,
        scopes=read_scopes(scopes) if is_sent(scopes) else None,
        grant_types=_grant_types(grant_types) if is_sent(grant_types) else None,
        redirect_uris=_redirect_uris(redirect_uris) if is_sent(redirect_uris) else None,
        require_signing=read_flag(require_signing, "require_signing") if is_sent(require_signing) else None,
        ip_allowlist=_networks(ip_allowlist) if is_sent(ip_allowlist) else None,
    )
    return AskedChange(change)


def read_scopes(raw: msgspec.Raw) -> tuple[str, ...]:
    """One known scope or more, each once, in the order in which they were named."""
    return _some_of(raw, "scopes", ALL_SCOPES.__contains__, "must name known scopes")


def is_redirect_uri(uri: str) -> bool:
    """Whether codes may be sent there: encrypted, or to the user's own machine (RFC 8252 7.3)."""
    if not (uri.isascii() and uri.isprintable() and len(uri) <= URI_LENGTH_MAX) or " " in uri or "\\" in uri:
        return False
    try:
        parts = urlsplit(uri)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or "#" in uri or not is_port:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS)


def _name(raw: msgspec.Raw) -> str:
    name = read_text(raw, "name", NAME_LENGTH_MAX)
    if not name.isprintable() or not name.strip():
        raise invalid("name", "must be printable text")
    return name


def _grant_types(raw: msgspec.Raw) -> tuple[str, ...]:
    known = f"must name grant types among {', '.join(GRANT_TYPES)}"
    return _some_of(raw, "grant_types", GRANT_TYPES.__contains__, known)


def _redirect_uris(raw: msgspec.Raw) -> tuple[str, ...]:
    constraint = "must be https addresses, or http ones of a loopback address, without user and fragment"
    return _words(raw, "redirect_uris", is_redirect_uri, constraint, REDIRECT_URIS_MAX)


def _networks(raw: msgspec.Raw) -> tuple[str, ...]:
    constraint = "must be networks such as 192.0.2.0/24"
    return _words(raw, "ip_allowlist", _is_network, constraint, NETWORKS_MAX)


def _is_network(text: str) -> bool:
    try:
        read_network(text)
    except ValueError:
        return False
    return True


def _some_of(
    raw: msgspec.Raw, field: str, is_known: Callable[[str], bool], constraint: str
) -> tuple[str, ...]:
    words = _words(raw, field, is_known, constraint, len(ALL_SCOPES) * 2)
    if not words:
        raise invalid(field, f"{constraint}, one at least")
    return words


def _words(
    raw: msgspec.Raw, field: str, is_known: Callable[[str], bool], constraint: str, most: int
) -> tuple[str, ...]:
    try:
        words = _words_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid(field, "must be a list of strings") from None
    if len(words) > most:
        raise invalid(field, f"must have {most} entries at most")
    if not all(is_known(word) for word in words):
        raise invalid(field, constraint)
    return tuple(dict.fromkeys(words))
