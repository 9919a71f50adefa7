"""Where a request comes from, and which networks that is in: IPv4, IPv6, and the one inside the other."""

import pytest

from infrastructure.caller_addresses import CallerAddresses, is_listed, read_address, read_network

NOBODY = CallerAddresses(())
PROXIED = CallerAddresses(("10.0.0.0/8", "fd00::/8"))


def of(addresses: CallerAddresses, peer: str | None, *forwarded: str) -> str | None:
    address = addresses.of(peer, forwarded)
    return None if address is None else str(address)


def test_without_trusted_proxies_only_the_connection_counts() -> None:
    """Whatever the caller says of itself."""
    assert of(NOBODY, "203.0.113.7") == "203.0.113.7"
    assert of(NOBODY, "203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert of(NOBODY, "10.0.0.1", "198.51.100.1") == "10.0.0.1"
    assert of(NOBODY, None) is None
    assert of(NOBODY, "", "198.51.100.1") is None


def test_a_proxy_that_is_not_trusted_is_not_believed() -> None:
    assert of(PROXIED, "203.0.113.7", "198.51.100.1") == "203.0.113.7"


def test_the_last_address_that_is_no_proxys_is_the_callers() -> None:
    """What stands before it the caller may have made up."""
    assert of(PROXIED, "10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert of(PROXIED, "10.0.0.1", "192.0.2.99, 198.51.100.1") == "198.51.100.1"
    assert of(PROXIED, "10.0.0.1", "192.0.2.99, 198.51.100.1, 10.9.9.9,fd00::1") == "198.51.100.1"
    assert of(PROXIED, "fd00::2", "192.0.2.99", "198.51.100.1, 10.0.0.3") == "198.51.100.1"
    assert of(PROXIED, "::ffff:10.0.0.1", "2001:db8::5") == "2001:db8::5"


def test_a_call_of_a_proxys_own_is_its_own() -> None:
    assert of(PROXIED, "10.0.0.1") == "10.0.0.1"
    assert of(PROXIED, "10.0.0.1", "10.0.0.2") == "10.0.0.2"


@pytest.mark.parametrize(
    "said", ["", "unknown", "198.51.100.1, x", "_hidden", "1" * 5000, "256.1.1.1", "\xff"]
)
def test_what_is_no_address_is_nobodys(said: str) -> None:
    """So that it is in no list."""
    assert of(PROXIED, "10.0.0.1", said) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        (" 198.51.100.1 ", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::5]:4711", "2001:db8::5"),
        ("[2001:db8::5]", "2001:db8::5"),
        ("2001:DB8:0::5", "2001:db8::5"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:c633:6401", "198.51.100.1"),
        ("010.0.0.1", "None"),
        ("0x7f.1", "None"),
        ("2130706433", "None"),
        ("localhost", "None"),
    ],
)
def test_addresses_as_they_are_written(text: str, address: str) -> None:
    assert str(read_address(text)) == address


@pytest.mark.parametrize(
    ("address", "network", "is_in"),
    [
        ("198.51.100.1", "198.51.100.0/24", True),
        ("198.51.100.1", "198.51.100.1", True),
        ("198.51.101.1", "198.51.100.0/24", False),
        ("198.51.100.1", "0.0.0.0/0", True),
        ("198.51.100.1", "::/0", False),
        ("2001:db8::5", "2001:db8::/32", True),
        ("2001:db9::5", "2001:db8::/32", False),
        ("2001:db8::5", "0.0.0.0/0", False),
        ("::ffff:198.51.100.1", "198.51.100.0/24", True),
        ("198.51.100.1", "::ffff:198.51.100.0/120", True),
        ("::ffff:198.51.100.1", "::ffff:0:0/96", True),
        ("::1", "127.0.0.0/8", False),
    ],
)
def test_lists_take_an_address_for_what_it_is(address: str, network: str, is_in: bool) -> None:
    read = read_address(address)
    assert read is not None
    assert is_listed(read, (network,)) is is_in
    assert is_listed(read, ("192.0.2.0/30", network)) is is_in
    assert not is_listed(read, ())


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "x", "2001:db8::/129", "10.0.0.0/8/8"]
)
def test_what_is_no_network(text: str) -> None:
    """Bits of a host that are set are a slip of the pen, and not corrected in silence."""
    with pytest.raises(ValueError, match=r".*"):
        read_network(text)
