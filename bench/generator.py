"""The load generator's loop: many keep-alive connections, one thread, plain non-blocking sockets.

The generator shares the machine with what it measures, so every microsecond of it is taken from the result:
there is no event loop, task or future per request, only one send, one receive and a share of one epoll.
Times inside are nanoseconds from the start of the run.
"""

import errno
import select
import selectors
import socket
from collections import deque
from time import perf_counter_ns
from typing import IO

from bench.answers import AnswerReader, MalformedAnswer
from bench.histogram import LatencyHistogram
from bench.schedule import NANOSECONDS, Schedule
from bench.workloads import Workload

_RECEIVE_BYTES = 32_768
_RECONNECT_DELAY_NS = NANOSECONDS // 20
_LONGEST_WAIT_NS = NANOSECONDS // 2
_SAMPLES_MAX = 8
_SAMPLE_BYTES_MAX = 2_000


class Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = (
        "connecting",
        "due_ns",
        "failures",
        "has_answered",
        "reader",
        "remainder",
        "socket",
        "waiting",
    )

    def __init__(self, sock: socket.socket) -> None:
        self.failures = 0
        self.restart(sock)

    def restart(self, sock: socket.socket) -> None:
        self.socket = sock
        self.reader = AnswerReader()
        self.connecting = True
        self.has_answered = False
        self.waiting = False
        self.due_ns = 0
        self.remainder = b""


class Generator:
    """Sends what the schedule says until it ends, then waits for the answers, no longer than `grace_ns`.

    A connection that is lost is made again: at once if it had answered, after 50 ms if it had not, and after
    `reconnects_max` vain attempts in a row never again. The run ends early when no connection is left, or
    when `ends_with` is closed by whoever holds its other end.
    """

    def __init__(
        self,
        *,
        address: tuple[str, int],
        workload: Workload,
        schedule: Schedule,
        connections: int,
        duration_ns: int,
        grace_ns: int,
        reconnects_max: int,
        ends_with: IO[bytes] | None = None,
    ) -> None:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        self._family: socket.AddressFamily = found[0]
        self._address: tuple[object, ...] = found[4]
        self._workload = workload
        self._schedule = schedule
        self._ends_ns = duration_ns + grace_ns
        self._grace_ns = grace_ns
        self._reconnects_max = reconnects_max
        self._ends_with = ends_with
        self._connections_left = connections
        self._size = connections
        self._selector = selectors.DefaultSelector()
        self._connections: list[Connection] = []
        self._free: deque[Connection] = deque()
        self._asleep: deque[tuple[int, Connection]] = deque()
        self._under_way = 0
        self._start_ns = 0

        self.latency = LatencyHistogram()
        self.statuses: dict[int, int] = {}
        self.samples: dict[str, str] = {}
        self.errors: dict[str, int] = {}
        self.sent = 0
        self.unanswered = 0
        self.unsent = 0
        self.reconnects = 0
        self.last_position = -1
        self.elapsed_ns = 0
        self.stopped_early: str | None = None

    def run(self) -> None:
        self._start_ns = perf_counter_ns()
        if self._ends_with is not None:
            self._selector.register(self._ends_with, selectors.EVENT_READ, None)
        try:
            for _ in range(self._size):
                connection = Connection(self._new_socket())
                self._connections.append(connection)
                self._connect(connection)
            self._loop()
            self._settle()
        finally:
            for connection in self._connections:
                connection.socket.close()
            self._selector.close()

    def _loop(self) -> None:
        is_draining = False
        while self.stopped_early is None:
            now_ns = self._now_ns()
            self._wake(now_ns)
            self._send_due()
            due_ns = self._schedule.due(now_ns)
            if due_ns is None and not is_draining:
                is_draining = True
                self._ends_ns = min(self._ends_ns, now_ns + self._grace_ns)
            if now_ns >= self._ends_ns or (is_draining and not self._under_way):
                return
            events = self._wait(now_ns, due_ns)
            batch_ns = self._now_ns()
            for key, mask in events:
                if key.data is None:
                    self.stopped_early = "the parent process is gone"
                elif key.fileobj is not key.data.socket:
                    # lost and made again while an earlier event of this batch was seen to
                    continue
                elif mask & selectors.EVENT_WRITE:
                    self._on_writable(key.data)
                else:
                    self._on_readable(key.data, batch_ns)
            if not self._connections_left:
                self.stopped_early = "every connection was lost"

    def _wait(self, now_ns: int, due_ns: int | None) -> list[tuple[selectors.SelectorKey, int]]:
        until_ns = min(self._ends_ns, now_ns + _LONGEST_WAIT_NS)
        if self._asleep:
            until_ns = min(until_ns, self._asleep[0][0])
        if due_ns is None or not self._free:
            return self._selector.select((until_ns - now_ns) / NANOSECONDS)
        # The selector rounds up to whole milliseconds, which would be added to every latency of an open loop;
        # select takes microseconds, and the selector itself can be waited for.
        wait_ns = max(min(until_ns, due_ns) - self._now_ns(), 0)
        select.select([self._selector], [], [], wait_ns / NANOSECONDS)
        return self._selector.select(0)

    def _wake(self, now_ns: int) -> None:
        while self._asleep and self._asleep[0][0] <= now_ns:
            _, connection = self._asleep.popleft()
            self._reconnect(connection)

    def _send_due(self) -> None:
        free, schedule = self._free, self._schedule
        while free:
            now_ns = perf_counter_ns() - self._start_ns
            due_ns = schedule.due(now_ns)
            if due_ns is None or due_ns > now_ns:
                return
            schedule.take()
            self._send(free.popleft(), due_ns)

    def _send(self, connection: Connection, due_ns: int) -> None:
        request = self._workload.next_request()
        connection.due_ns = due_ns
        connection.waiting = True
        self._under_way += 1
        self.sent += 1
        try:
            sent_bytes = connection.socket.send(request)
        except BlockingIOError:
            sent_bytes = 0
        except OSError:
            self._lose(connection, "disconnected")
            return
        if sent_bytes < len(request):
            connection.remainder = request[sent_bytes:]
            self._selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def _on_readable(self, connection: Connection, arrived_ns: int) -> None:
        reader = connection.reader
        try:
            data = connection.socket.recv(_RECEIVE_BYTES)
            if not data:
                self._lose(connection, "disconnected")
                return
            if not reader.feed(data):
                return
        except BlockingIOError:
            return
        except OSError:
            self._lose(connection, "disconnected")
            return
        except MalformedAnswer as error:
            self._lose(connection, "malformed_answer", str(error))
            return
        if not connection.waiting:
            self._lose(connection, "unasked_answer")
            return

        connection.waiting = False
        connection.has_answered = True
        self._under_way -= 1
        self.elapsed_ns = arrived_ns
        self.latency.record_us((arrived_ns - connection.due_ns) // 1000)
        status = reader.status
        if status in self.statuses:
            self.statuses[status] += 1
        else:
            self.statuses[status] = 1
            self._keep_sample(str(status), reader.body.decode(errors="replace"))
        self.last_position = max(self.last_position, reader.position)
        if reader.closes or reader.has_surplus or connection.remainder:
            self._lose(connection, "unasked_answer" if reader.has_surplus else None)
        else:
            self._free.append(connection)
            self._send_due()

    def _on_writable(self, connection: Connection) -> None:
        if connection.connecting:
            self._on_connected(connection)
            return
        try:
            sent_bytes = connection.socket.send(connection.remainder)
        except BlockingIOError:
            return
        except OSError:
            self._lose(connection, "disconnected")
            return
        connection.remainder = connection.remainder[sent_bytes:]
        if not connection.remainder:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _new_socket(self) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _connect(self, connection: Connection) -> None:
        self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)
        if connection.socket.connect_ex(self._address) not in (0, errno.EINPROGRESS):
            self._lose(connection, "connect_failed")

    def _on_connected(self, connection: Connection) -> None:
        sock = connection.socket
        # With no server there, a loopback connect to a port of the ephemeral range may meet itself.
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.getsockname() == sock.getpeername():
            self._lose(connection, "connect_failed")
            return
        connection.connecting = False
        self._selector.modify(sock, selectors.EVENT_READ, connection)
        self._free.append(connection)
        self._send_due()

    def _reconnect(self, connection: Connection) -> None:
        self.reconnects += 1
        connection.restart(self._new_socket())
        self._connect(connection)

    def _lose(self, connection: Connection, reason: str | None, sample: str = "") -> None:
        """Close it, count why if that cost a request or was somebody's mistake, and see to its successor."""
        self._selector.unregister(connection.socket)
        connection.socket.close()
        if connection in self._free:
            self._free.remove(connection)
            # a server may close a connection that it owes nothing
            reason = None if reason == "disconnected" else reason
        if connection.waiting:
            connection.waiting = False
            self._under_way -= 1
        if reason is not None:
            self.errors[reason] = self.errors.get(reason, 0) + 1
            if sample:
                self._keep_sample(reason, sample)
        if connection.has_answered:
            connection.failures = 0
            self._reconnect(connection)
            return
        connection.failures += 1
        if connection.failures > self._reconnects_max:
            self._connections_left -= 1
        else:
            self._asleep.append((self._now_ns() + _RECONNECT_DELAY_NS, connection))

    def _keep_sample(self, name: str, text: str) -> None:
        if len(self.samples) < _SAMPLES_MAX:
            self.samples.setdefault(name, text[:_SAMPLE_BYTES_MAX])

    def _settle(self) -> None:
        """What has no answer at the end counts with the time it has waited, or percentiles would flatter."""
        now_ns = self._now_ns()
        waiting = [connection.due_ns for connection in self._connections if connection.waiting]
        overdue = self._schedule.overdue(now_ns)
        self.unanswered = len(waiting)
        self.unsent = len(overdue)
        for due_ns in waiting + overdue:
            self.latency.record_us((now_ns - due_ns) // 1000)
        if self.unanswered or self.unsent or not self.elapsed_ns:
            self.elapsed_ns = now_ns

    def _now_ns(self) -> int:
        return perf_counter_ns() - self._start_ns
