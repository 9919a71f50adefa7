"""How long the read models take to show what was written, as seen from outside by both notifications."""

import threading
import time
from collections import deque

import psycopg

from bench.histogram import Latency, LatencyHistogram
from infrastructure.database import connect_service
from infrastructure.reads import PROJECTED_CHANNEL


class LagProbe:
    """Listens to a tenant's appends and to its projected batches; a lag is the time between the two."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="lag-probe", daemon=True)
        self._histogram = LatencyHistogram()

    def __enter__(self) -> "LagProbe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def latency(self) -> Latency:
        return self._histogram.summary()

    def _listen(self) -> None:
        appended: deque[tuple[int, int]] = deque()
        with connect_service(self._dsn) as connection:
            connection.execute(f"listen {self._schema}".encode())
            connection.execute(f"listen {PROJECTED_CHANNEL}".encode())
            while not self._stop.is_set():
                for notification in connection.notifies(timeout=0.2):
                    self._take(notification, appended)
                    if self._stop.is_set():
                        break

    def _take(self, notification: psycopg.Notify, appended: deque[tuple[int, int]]) -> None:
        now_ns = time.perf_counter_ns()
        if notification.channel == self._schema:
            appended.append((int(notification.payload), now_ns))
            return
        schema, _, position = notification.payload.partition(" ")
        while schema == self._schema and appended and appended[0][0] <= int(position):
            self._histogram.record_us((now_ns - appended.popleft()[1]) // 1000)
