"""A receiver of webhooks: a real HTTP server on loopback that keeps what comes, and fails when told to."""

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_SECONDS = 60


class Received(NamedTuple):
    """One request, and the status it was answered with; None: never answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int | None
    at: float

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return str(self.content["event"])

    @property
    def webhook_id(self) -> str:
        """The event's public id."""
        return self.headers["X-Webhook-Id"]


class Receiver:
    """`answer` gives the status for each request; `hang` makes all requests wait for the end instead."""

    def __init__(self) -> None:
        self.answer: Callable[[Received], int] = lambda _: 200
        self.headers: dict[str, str] = {}
        self.response_body = b"{}"
        self.hangs = threading.Event()
        self._received: list[Received] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.handle(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """Whoever breaks off is none of our concern."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def serve_tls(self, certificate_and_key: Path) -> None:
        """From now on over TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_and_key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        received = Received(request.path, dict(request.headers.items()), body, None, time.monotonic())
        if self.hangs.is_set():
            self._keep(received)
            self._released.wait(PATIENCE_SECONDS)
            return
        status = self.answer(received)
        self._keep(received._replace(status=status))
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.response_body)))
        request.end_headers()
        request.wfile.write(self.response_body)

    def _keep(self, received: Received) -> None:
        with self._lock:
            self._received.append(received)

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    @property
    def accepted(self) -> list[Received]:
        """Those that were answered with a 2xx."""
        return [each for each in self.received if each.status is not None and 200 <= each.status < 300]

    def wait_for(self, count: int, *, accepted: bool = False) -> list[Received]:
        """Waits until that many requests came (were accepted); gives all of them."""
        eventually(lambda: len(self.accepted if accepted else self.received) >= count)
        return self.accepted if accepted else self.received

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def eventually(check: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def is_signed_as_back_office(received: Received, secret: str) -> bool:
    """As the receiver checks it: the signature cut out of the bytes that came, and the rest hashed."""
    signature = received.content["signature"]
    without = received.body.replace(f',"signature":"{signature}"'.encode(), b"")
    return bool(signature == "sha256=" + hmac.new(secret.encode(), without, hashlib.sha256).hexdigest())
