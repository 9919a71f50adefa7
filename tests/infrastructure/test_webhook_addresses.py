"""Outside the sandbox a webhook reaches the public internet, and nothing else in any disguise."""

import ipaddress

import pytest

from infrastructure.webhook_addresses import URL_LENGTH_MAX, as_address, is_allowed_url, is_public

PRIVATE = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)
PUBLIC = (
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_allowed(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1"])
def test_an_address_is_known_however_it_is_written(host: str) -> None:
    assert as_address(host) == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "a.b", "1.2.3.example", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert as_address(host) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/webhooks/banking",
        "http://example.com:8080/a?b=c",
        "https://bücher.example/",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]:8443/hook",
        "https://example.com/" + "a" * (URL_LENGTH_MAX - 20),
    ],
)
def test_a_public_url_is_allowed(url: str) -> None:
    assert is_allowed_url(url, is_sandbox=False)
    assert is_allowed_url(url, is_sandbox=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///hook",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\nHost: other",
        "https://example.com/\x00",
        "https://[::1",
        "https://example.com/" + "a" * (URL_LENGTH_MAX - 19),
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused_everywhere(url: str) -> None:
    assert not is_allowed_url(url, is_sandbox=False)
    assert not is_allowed_url(url, is_sandbox=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/hook",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
    ],
)
def test_what_leads_inside_is_refused_but_in_the_sandbox(url: str) -> None:
    assert not is_allowed_url(url, is_sandbox=False)
    assert is_allowed_url(url, is_sandbox=True)
