"""A proxy in front of Postgres that loses answers, or the connection, exactly when told to."""

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PORT = "5432"
CHUNK_BYTES = 65536


class LossyProxy:
    """Listens on a Unix socket of its own. `dsn` leads through it."""

    def __init__(self, dsn: str) -> None:
        given = conninfo_to_dict(dsn)
        host, port = str(given["host"]), str(given.get("port") or PORT)
        self._target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))
        self._directory = tempfile.TemporaryDirectory(prefix="proxy")
        self.dsn = make_conninfo(dsn, host=self._directory.name, port=PORT)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._directory.name) / f".s.PGSQL.{PORT}"))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._loses_next_answer = False
        self._is_closed = False

    def __enter__(self) -> "LossyProxy":
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_closed = True
        # Only a shutdown wakes a thread that waits in accept or recv. Nothing is closed before all threads
        # have ended: they would go on with a number that is somebody else's by then.
        _end(self._listener)
        self._threads[0].join()
        for pair in self._pairs:
            _end(*pair)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *(each for pair in self._pairs for each in pair)):
            each.close()
        self._directory.cleanup()

    def lose_next_answer(self) -> None:
        """The server will have done the next thing that it is asked, and nobody will hear of it."""
        self._loses_next_answer = True

    def break_clients_off(self) -> None:
        """Clients lose their connections; the server notices nothing and goes on with what it does."""
        for client, _ in self._pairs:
            _end(client)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
            server.connect(self._target)
            self._pairs.append((client, server))
            self._start(self._pump_questions, client, server)
            self._start(self._pump_answers, client, server)

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pump_questions(self, client: socket.socket, server: socket.socket) -> None:
        # The server's side stays open when the client's ends.
        while data := _receive(client):
            with contextlib.suppress(OSError):
                server.sendall(data)

    def _pump_answers(self, client: socket.socket, server: socket.socket) -> None:
        while data := _receive(server):
            if self._loses_next_answer:
                self._loses_next_answer = False
                _end(client, server)
                return
            with contextlib.suppress(OSError):
                client.sendall(data)
        _end(client)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(CHUNK_BYTES)
    except OSError:
        return b""


def _end(*ended: socket.socket) -> None:
    for each in ended:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
