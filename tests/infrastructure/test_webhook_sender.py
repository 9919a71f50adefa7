"""One attempt: what counts as success, what it is called when it is none, and where it may not go."""

import asyncio
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from application.webhooks import Message
from infrastructure import webhook_sender
from infrastructure.webhook_addresses import Address
from infrastructure.webhook_sender import Result, WebhookSender
from tests.webhook_receiver import Receiver, webhook_receiver

LOOPBACK = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


class Names:
    """A resolver that knows a few names, and what it was asked."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._addresses = addresses

    async def __call__(self, host: str, _port: int) -> list[Address]:
        self.asked.append(host)
        if host not in self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [ipaddress.ip_address(address) for address in self._addresses[host]]


def send(
    url: str, *, private: bool = True, names: Names | None = None, tls: ssl.SSLContext | None = None
) -> Result:
    async def attempt() -> Result:
        sender = WebhookSender(allows_private_addresses=private, resolve=names, tls=tls)
        try:
            return await sender.send(
                Message(url, b'{"a":1}', {"Content-Type": "application/json", "X-A": "b"})
            )
        finally:
            await sender.close()

    return asyncio.run(attempt())


def test_a_message_arrives_as_it_was_composed(receiver: Receiver) -> None:
    assert send(f"http://localhost:{receiver.port}/a/b?c=d%20e") == Result(200, None)
    [received] = receiver.received
    assert received.path == "/a/b?c=d%20e"
    assert received.body == b'{"a":1}'
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["X-A"] == "b"
    # The connection goes to an address, the request to the name.
    assert received.headers["Host"] == f"localhost:{receiver.port}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_success(receiver: Receiver, status: int) -> None:
    receiver.answer, receiver.response_body = lambda _: status, b""
    assert send(receiver.url) == Result(status, None)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_any_other_answer_is_a_failure_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _: status
    receiver.headers["Location"] = receiver.url + "/elsewhere"
    assert send(receiver.url) == Result(status, f"status_{status}")
    assert len(receiver.received) == 1


def test_a_name_that_has_no_address_is_told(receiver: Receiver) -> None:
    assert send("http://nowhere.example/", names=Names()) == Result(None, webhook_sender.NAME_NOT_FOUND)


def test_nobody_listening_is_told() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
        assert send(url) == Result(None, webhook_sender.NOT_CONNECTED)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http://127.0.0.1:99999/", "no url", "https://.example/"]
)
def test_what_is_no_url_is_told(url: str) -> None:
    names = Names(**{".example": ["127.0.0.1"]})
    assert send(url, names=names).error in (webhook_sender.INVALID_URL, webhook_sender.NOT_CONNECTED)


def test_a_name_longer_than_any_is_told() -> None:
    assert send(f"http://{'a' * 70}.example/") == Result(None, webhook_sender.NAME_NOT_FOUND)


def test_a_name_with_a_dead_address_is_tried_at_its_next(receiver: Receiver) -> None:
    names = Names(twofold=["127.0.0.2", "127.0.0.1"])
    assert send(f"http://twofold:{receiver.port}/", names=names) == Result(200, None)


def test_an_address_in_ipv6_is_reached() -> None:
    answered = threading.Event()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                assert b"Host: [::1]:" in connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            answered.set()

        thread = threading.Thread(target=answer)
        thread.start()
        assert send(f"http://[::1]:{server.getsockname()[1]}/") == Result(200, None)
        thread.join()
    assert answered.is_set()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost"])
def test_outside_the_sandbox_no_address_inside_is_reached(receiver: Receiver, host: str) -> None:
    refused = send(f"http://{host}:{receiver.port}/", private=False)
    assert refused == Result(None, webhook_sender.ADDRESS_REFUSED)
    assert receiver.received == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1"])
def test_a_public_name_that_leads_inside_is_refused(receiver: Receiver, inside: str) -> None:
    """By any of its addresses, also beside a public one."""
    names = Names(**{"hooks.example": ["8.8.8.8", inside]})
    refused = send(f"http://hooks.example:{receiver.port}/", private=False, names=names)
    assert refused == Result(None, webhook_sender.ADDRESS_REFUSED)
    assert receiver.received == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(receiver: Receiver) -> None:
    """So that a name cannot mean one thing to the check and another to the connection."""
    names = Names(**{"hooks.example": ["127.0.0.1"]})
    assert send(f"http://hooks.example:{receiver.port}/", names=names) == Result(200, None)
    assert names.asked == ["hooks.example"]
    assert receiver.received[0].headers["Host"] == f"hooks.example:{receiver.port}"


@contextmanager
def raw_server(answer: bytes, *, hang: bool = False) -> Iterator[str]:
    """Sends these bytes to whoever connects, and keeps the connection open where it is to hang."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)
                if hang:
                    over.wait(60)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def test_an_endless_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "_RESPONSE_BODY_SECONDS_MAX", 0.1)
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome", hang=True) as url:
        started = time.monotonic()
        assert send(url) == Result(200, None)
        assert time.monotonic() - started < webhook_sender.ATTEMPT_SECONDS_MAX


def test_a_large_answer_is_not_read_to_its_end() -> None:
    length = 200 * webhook_sender.RESPONSE_BYTES_MAX
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    with raw_server(head + bytes(webhook_sender.RESPONSE_BYTES_MAX), hang=True) as url:
        assert send(url) == Result(200, None)


def test_an_attempt_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "ATTEMPT_SECONDS_MAX", 0.2)
    with raw_server(b"", hang=True) as url:
        assert send(url) == Result(None, webhook_sender.TIMED_OUT)
    with raw_server(b"HTTP/1.1 200 OK\r\nX-Slow: ", hang=True) as url:
        assert send(url) == Result(None, webhook_sender.TIMED_OUT)


def test_what_is_not_http_is_told() -> None:
    with raw_server(b"SSH-2.0-OpenSSH_9.6\r\n") as url:
        assert send(url) == Result(None, webhook_sender.BROKEN_PROTOCOL)


def test_a_connection_that_breaks_is_told() -> None:
    with raw_server(b"") as url:
        assert send(url).error in (webhook_sender.BROKEN_PROTOCOL, webhook_sender.BROKEN_OFF)


def certificate(folder: Path, name: str) -> Path:
    """A certificate for the name that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize(
    ("certified", "expected"),
    [
        ("hooks.example", Result(200, None)),
        ("other.example", Result(None, webhook_sender.TLS_FAILED)),
    ],
)
def test_over_tls_the_certificate_has_to_be_the_names(
    receiver: Receiver, tmp_path: Path, certified: str, expected: Result
) -> None:
    file = certificate(tmp_path, certified)
    receiver.serve_tls(file)
    trusting = ssl.create_default_context(cafile=str(file))
    names = Names(**{"hooks.example": ["127.0.0.1"]})
    assert send(f"https://hooks.example:{receiver.port}/", names=names, tls=trusting) == expected


def test_an_unknown_certificate_is_refused(receiver: Receiver, tmp_path: Path) -> None:
    receiver.serve_tls(certificate(tmp_path, "hooks.example"))
    names = Names(**{"hooks.example": ["127.0.0.1"]})
    refused = send(f"https://hooks.example:{receiver.port}/", names=names)
    assert refused == Result(None, webhook_sender.TLS_FAILED)
