"""HTTP as no client library would send it: bytes over a socket."""

import re
import socket
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 30


class RawAnswer(NamedTuple):
    status: int
    head: bytes
    body: bytes

    def json(self) -> object:
        return msgspec.json.decode(self.body)


def send(url: str, request: bytes) -> RawAnswer:
    """Sends the bytes and reads one answer; the server may close the connection at any time."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=_TIMEOUT_SECONDS) as connection:
        with suppress(ConnectionError):
            # Where it had seen enough to answer, it may have closed.
            connection.sendall(request)
        return _read(connection)


def _read(connection: socket.socket) -> RawAnswer:
    received = b""
    while True:
        try:
            chunk = connection.recv(65_536)
        except ConnectionError:
            chunk = b""
        received += chunk
        head, separator, body = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not chunk or (separator and length and len(body) >= int(length[1])):
            status = int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else 0
            return RawAnswer(status, head, body)


def request(
    method: bytes, target: bytes, body: bytes = b"", headers: tuple[bytes, ...] = (), token: str | None = None
) -> bytes:
    """A request with the headers as given; those that frame the body are the caller's to give."""
    lines = [b"%s %s HTTP/1.1" % (method, target), b"Host: bank.test", b"Connection: close", *headers]
    if token is not None:
        lines.append(b"Authorization: Bearer " + token.encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def sized(body: bytes) -> tuple[bytes, bytes]:
    return b"Content-Type: application/json", b"Content-Length: %d" % len(body)


CHUNKED = (b"Content-Type: application/json", b"Transfer-Encoding: chunked")


def chunks(body: bytes, size: int = 60_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
