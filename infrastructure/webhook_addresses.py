"""Which addresses a webhook may be sent to: outside the sandbox only those of the public internet."""

import ipaddress
import socket

import httpx

URL_LENGTH_MAX = 2048

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain")


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet, also where it stands for an IPv4 address."""
    if isinstance(address, ipaddress.IPv4Address):
        # Not global are also private, loopback, link-local, unspecified and shared (carrier-grade) ones.
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address.scope_id is not None:
        return False
    embedded = _embedded(address)
    if embedded is not None:
        return is_public(embedded)
    is_unicast = address in _GLOBAL_UNICAST and address.teredo is None
    return is_unicast and address.is_global and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end up at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def as_address(host: str) -> Address | None:
    """The address that a host is written as, in any way that the system would take for one; None: a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # `127.1`, `0x7f000001`, `2130706433`
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def parsed(url: str) -> httpx.URL | None:
    """The URL as it is sent to; None where a webhook cannot have it, whatever its address is."""
    if len(url) > URL_LENGTH_MAX or not url.isprintable() or " " in url:
        return None
    try:
        read = httpx.URL(url)
        # Raises for a host that cannot be put into ASCII.
        host = read.raw_host
    except (httpx.InvalidURL, UnicodeError):
        return None
    has_port = read.port is None or 0 < read.port < 65_536
    is_allowed = read.scheme in ("http", "https") and host and has_port and not read.userinfo
    return read if is_allowed else None


def is_allowed_url(url: str, *, is_sandbox: bool) -> bool:
    """Whether a webhook may have the URL, as far as that can be said without looking its name up."""
    read = parsed(url)
    if read is None:
        return False
    if is_sandbox:
        return True
    host = read.raw_host.decode("ascii").rstrip(".")
    address = as_address(host)
    if address is not None:
        return is_public(address)
    return host.rpartition(".")[2].lower() not in _LOCAL_NAMES
