"""An HTTP server that misbehaves to order: each connection is played by a script in a thread."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

WAIT_SECONDS = 30


@dataclass(frozen=True)
class Request:
    head: str
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.content)
        return decoded


def request_of(data: bytes) -> Request:
    """One whole request, and nothing behind it."""
    head, _, content = data.partition(b"\r\n\r\n")
    assert len(content) == content_length(head)
    return Request(head.decode(), content)


def content_length(head: bytes) -> int:
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(lines[0].split(b":")[1])


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedConnection:
    """The server's end of one connection; `number` counts the connections from zero."""

    def __init__(self, server: "ScriptedServer", sock: socket.socket, number: int) -> None:
        self.server = server
        self.number = number
        self.socket = sock
        self._buffer = b""

    def requests(self) -> Iterator[Request]:
        while (request := self._read()) is not None:
            with self.server.lock:
                self.server.requests.append(request)
            yield request

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _read(self) -> Request | None:
        while True:
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end >= 0:
                end = head_end + 4 + content_length(self._buffer[:head_end])
                if len(self._buffer) >= end:
                    request = request_of(self._buffer[:end])
                    self._buffer = self._buffer[end:]
                    return request
            data = self.socket.recv(65_536)
            if not data:
                return None
            self._buffer += data


Script = Callable[[ScriptedConnection], None]


@dataclass
class ScriptedServer:
    """What the server has seen; `closing` is set when the test is over and ends every wait of a script."""

    listener: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)
    connections: list[ScriptedConnection] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def accept(self, script: Script) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = ScriptedConnection(self, sock, len(self.connections))
            thread = threading.Thread(target=self._play, args=(script, connection))
            self.connections.append(connection)
            self.threads.append(thread)
            thread.start()

    def stop_listening(self) -> None:
        with suppress(OSError):
            # wakes the thread that waits in accept, which closing alone does not
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _play(self, script: Script, connection: ScriptedConnection) -> None:
        with connection.socket, suppress(ConnectionError):
            script(connection)


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    server = ScriptedServer(socket.create_server(("127.0.0.1", 0), backlog=128))
    acceptor = threading.Thread(target=server.accept, args=(script,))
    acceptor.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.stop_listening()
        acceptor.join(WAIT_SECONDS)
        for connection in server.connections:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in server.threads:
            thread.join(WAIT_SECONDS)
