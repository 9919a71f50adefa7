"""The service over TLS: who gets in, with what, and how its certificate is renewed while it runs."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from daybook_client import NEVER, Client, TransportFailed, sandbox
from tests.certificates import Authority, Issued
from tests.sandbox_service import SandboxService, free_port, sandbox_service

_RENEWED_SECONDS_MAX = 60
# So many connections in a row land on both of two processes, or the odds are one in a million.
_CONNECTIONS_TO_BOTH = 20


class Secured(NamedTuple):
    service: SandboxService
    issued: Issued
    authority: Authority
    folder: Path


def options_for(issued: Issued) -> list[str]:
    return ["--tls-cert", str(issued.certificate), "--tls-key", str(issued.key)]


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A sandbox that wants to see every client's certificate."""
    folder = tmp_path_factory.mktemp("mutual")
    authority = Authority(folder, "authority")
    issued = authority.for_service()
    trusted = authority.trusted(authority.for_client())
    options = [*options_for(issued), "--tls-client-ca", str(authority.file)]
    with sandbox_service(folder, *options, tls=trusted) as service:
        yield Secured(service, issued, authority, folder)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A sandbox of two processes that is for one network, behind a proxy on this machine."""
    folder = tmp_path_factory.mktemp("listed")
    authority = Authority(folder, "authority")
    issued = authority.for_service()
    options = [*options_for(issued), "--workers", "2"]
    options += ["--ip-allowlist", "198.51.100.0/24, 2001:db8::/32", "--trusted-proxies", "127.0.0.1"]
    with sandbox_service(folder, *options, tls=authority.trusted()) as service:
        yield Secured(service, issued, authority, folder)


class Refused(Exception):
    """The connection ended before anything was answered."""


def shown(port: int, context: ssl.SSLContext) -> tuple[int, str | None]:
    """Connects, asks, and gives the certificate's serial number and the version that was spoken.

    Raises Refused where the service ends it. It does without a word: its event loop sends no alerts.
    """
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            certificate, version = connection.getpeercert(), connection.version()
            # In TLS 1.3 a client learns only when it reads that its certificate was refused.
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = connection.recv(4096)
    except (ssl.SSLEOFError, ConnectionError) as error:
        raise Refused from error
    if not answer:
        raise Refused
    assert answer.startswith(b"HTTP/1.1 200 OK"), answer
    assert certificate is not None
    return int(str(certificate["serialNumber"]), 16), version


def renew(secured: Secured, name: str) -> None:
    """A new certificate in the old one's files, and the signal that says so."""
    secured.issued.replace(secured.authority.for_service(name))
    secured.service.process.send_signal(signal.SIGHUP)


def wait_for(secured: Secured, context: ssl.SSLContext, times: int) -> None:
    """Until the new certificate was shown so many times in a row."""
    deadline, in_a_row = time.monotonic() + _RENEWED_SECONDS_MAX, 0
    while in_a_row < times:
        assert time.monotonic() < deadline, secured.service.log()
        serial_number, _ = shown(secured.service.port, context)
        in_a_row = in_a_row + 1 if serial_number == secured.issued.serial_number else 0


def test_money_moves_over_tls_for_a_client_that_shows_its_certificate(mutual: Secured) -> None:
    """And every answer says that the next request has to come over TLS, too."""
    service = mutual.service
    token = service.token(scope="transfers")
    body = {"idempotency_key": "over-tls", "from_account_id": "test_checking_123", "amount": "1.00"}
    body |= {"to_account_id": "test_savings_456", "transfer_type": "internal"}
    answer = service.http.post("/api/transfers-v2", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_the_python_client_shows_its_certificate(mutual: Secured) -> None:
    url, authority = mutual.service.url, mutual.authority
    with Client(url, tls=authority.trusted(authority.for_client("python"))) as bank:
        assert bank.send(sandbox.clock()).now.year == 2025
    with (
        Client(url, tls=authority.trusted(), retries=NEVER) as bank,
        pytest.raises(TransportFailed),
    ):
        bank.send(sandbox.clock())


def test_a_client_without_a_certificate_is_refused(mutual: Secured) -> None:
    """By the handshake: not a byte of a request is read."""
    with pytest.raises(Refused):
        shown(mutual.service.port, mutual.authority.trusted())


def test_a_certificate_of_another_authority_is_refused(mutual: Secured) -> None:
    """Also one that goes by the same name, and the service's own, which is not made for clients."""
    for name in ("another", "authority"):
        folder = mutual.folder / f"other-{name}"
        folder.mkdir()
        other = Authority(folder, name)
        with pytest.raises(Refused):
            shown(mutual.service.port, mutual.authority.trusted(other.for_client()))
    with pytest.raises(Refused):
        shown(mutual.service.port, mutual.authority.trusted(mutual.issued))


def test_a_client_that_does_not_know_the_authority_refuses_the_service(mutual: Secured) -> None:
    folder = mutual.folder / "stranger"
    folder.mkdir()
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(mutual.service.port, Authority(folder, "stranger").trusted())


def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(mutual: Secured) -> None:
    """The same client, willing to use whatever there ever was, gets in with those and with nothing else."""
    context = mutual.authority.trusted(mutual.authority.for_client("versions"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    versions = ssl.TLSVersion
    for version, name in ((versions.TLSv1_2, "TLSv1.2"), (versions.TLSv1_3, "TLSv1.3")):
        context.maximum_version = versions.TLSv1_3
        context.minimum_version = context.maximum_version = version
        assert shown(mutual.service.port, context)[1] == name
    with warnings.catch_warnings():
        # Python warns of what must not be used; here somebody does.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = versions.TLSv1, versions.TLSv1_1
    with pytest.raises(Refused):
        shown(mutual.service.port, context)


def test_plain_http_gets_nothing(mutual: Secured) -> None:
    with httpx.Client(timeout=30) as plain, pytest.raises(httpx.RemoteProtocolError):
        plain.get(f"http://127.0.0.1:{mutual.service.port}/health/live")


def test_sighup_renews_the_certificate_and_leaves_connections_alone(mutual: Secured) -> None:
    """One that was open before goes on; a renewal that cannot be used is told, and changes nothing."""
    context = mutual.authority.trusted(mutual.authority.for_client("renewal"))
    with httpx.Client(base_url=mutual.service.url, verify=context, timeout=30) as before:
        stream = before.get("/health/live").extensions["network_stream"]
        renew(mutual, "renewed")
        wait_for(mutual, context, times=1)
        assert before.get("/health/live").extensions["network_stream"] is stream
    good = mutual.issued.serial_number
    kept = mutual.issued.certificate.read_bytes()
    mutual.issued.certificate.write_bytes(b"half of a certifica")
    mutual.service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + _RENEWED_SECONDS_MAX
    while "certificate not renewed" not in mutual.service.log():
        assert time.monotonic() < deadline, mutual.service.log()
        time.sleep(0.05)
    assert shown(mutual.service.port, context)[0] == good
    mutual.issued.certificate.write_bytes(kept)


def test_sighup_renews_it_in_every_process(listed: Secured) -> None:
    """The processes stay the same ones."""
    context = listed.authority.trusted()
    wait_for(listed, context, times=1)
    renew(listed, "renewed")
    wait_for(listed, context, times=_CONNECTIONS_TO_BOTH)
    assert "died" not in listed.service.log()


def test_only_listed_networks_may_call_whatever_they_ask_for(listed: Secured) -> None:
    """With a token or without, on every surface in its own words; only the service's health is for all."""
    http = listed.service.http
    inside = {"X-Forwarded-For": "198.51.100.9"}
    token = http.post("/sandbox/tokens", json={}, headers=inside).json()["access_token"]
    for forwarded, status in (
        ("198.51.100.9", 200),
        ("::ffff:198.51.100.9", 200),
        ("2001:db8::7", 200),
        ("198.51.101.9", 403),
        ("198.51.100.9, 203.0.113.7", 403),
        ("not-an-address", 403),
    ):
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": forwarded}
        assert http.get("/api/transfers-v2", headers=headers).status_code == status, forwarded
    outside = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.7"}
    assert http.get("/api/transfers-v2", headers=outside).json() == {
        "error": "Calls from this address are not taken",
        "code": "ip_not_allowed",
    }
    assert http.get("/backoffice/v1/users", headers=outside).json()["error"]["code"] == "IP_NOT_ALLOWED"
    for path in ("/api/v1/holds", "/ledger/v1/events", "/docs", "/metrics", "/sandbox/clock", "/nothing"):
        assert http.get(path, headers=outside).status_code == 403, path
    form = {"grant_type": "client_credentials"}
    refused = http.post("/oauth/token", data=form, auth=("sandbox", "sandbox-secret"), headers=outside)
    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_request")
    for path in ("/health/live", "/health/ready"):
        assert http.get(path, headers=outside).status_code == 200


def test_a_certificate_that_cannot_be_used_is_said_before_anything_starts(tmp_path: Path) -> None:
    """In one line, by its setting, with the exit code of wrong usage; no data folder is made."""
    authority = Authority(tmp_path, "authority")
    service, client = authority.for_service(), authority.for_client()
    data = tmp_path / "data"
    command = ["daybook", "serve", "--sandbox", "--data", str(data), "--port", str(free_port())]
    command += ["--tls-cert", str(service.certificate), "--tls-key", str(client.key)]
    finished = run_command(command)
    assert finished == (
        2,
        "daybook: tls_cert and tls_key must be a certificate and its unencrypted key in PEM:"
        " key values mismatch\n",
    )
    assert not data.exists()


def run_command(command: list[str]) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "api.command_line", *command[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")},
    )
    return finished.returncode, finished.stderr
