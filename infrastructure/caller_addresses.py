"""Where a request comes from, also behind proxies, and which networks an address is in.

An IPv6 address that stands for an IPv4 one is that one, in lists and in requests.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_TEXT_LENGTH_MAX = 64


def read_network(text: str) -> Network:
    """A network (`192.0.2.0/24`) or one address. Raises ValueError, also where bits of a host are set."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        first = ipaddress.IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return ipaddress.IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network


def read_address(text: str) -> Address | None:
    """The address, without its zone and port where it has them; None where it is none."""
    if len(text) > _TEXT_LENGTH_MAX:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def is_listed(address: Address, networks: tuple[str, ...]) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in _read_all(networks))


@lru_cache(maxsize=1024)
def _read_all(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(read_network(text) for text in networks)


class CallerAddresses:
    """`trusted_proxies` are the networks whose word on where a request comes from is taken."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = tuple(trusted_proxies)

    def is_proxy(self, peer: Address | None) -> bool:
        return peer is not None and bool(self._trusted) and is_listed(peer, self._trusted)

    def of(self, peer: str | None, forwarded_for: Iterable[str]) -> Address | None:
        """The caller's address: the last one that is no trusted proxy's, from the peer backwards through
        `X-Forwarded-For` (its headers in their order). None where it cannot be known.
        """
        address = read_address(peer or "")
        if not self.is_proxy(address):
            return address
        said = [entry for header in forwarded_for for entry in header.split(",")]
        for entry in reversed(said):
            address = read_address(entry)
            if not self.is_proxy(address):
                break
        return address
