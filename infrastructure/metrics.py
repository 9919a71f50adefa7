"""What the service tells Prometheus.

Where several API processes serve one port, they share counters and histograms through a folder of files
(`PROMETHEUS_MULTIPROC_DIR`, the client library's own way), so that any of them can answer for all. Gauges are
those of the process that answers.
"""

import os
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Implements the writer's observer. Children are looked up once: labels are dear on the request path."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges = _Gauges()
        self._requests = Histogram(
            "daybook_request_seconds",
            "Time to answer a request.",
            ("surface", "method", "status"),
            buckets=_LATENCY_SECONDS,
            registry=self.registry,
        )
        self._by_labels: dict[tuple[str, str, int], Histogram] = {}
        self._group_commands = Histogram(
            "daybook_group_commands",
            "Commands written in one commit.",
            buckets=_GROUP_SIZES,
            registry=self.registry,
        )
        self._append_seconds = Histogram(
            "daybook_append_seconds",
            "Time to write one group to disk.",
            buckets=_LATENCY_SECONDS,
            registry=self.registry,
        )
        self._facts = Counter("daybook_facts", "Events written.", registry=self.registry)
        self._conflicts = Counter(
            "daybook_conflicts", "Groups decided again after a conflict.", registry=self.registry
        )
        self._loaded = Counter("daybook_streams_loaded", "Streams read from disk.", registry=self.registry)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        self._gauges.watched[name] = (description, read)

    def lag(self, tenant: str, events: int, seconds: float) -> None:
        """How many events the tenant's read models have not seen, and how old the oldest of them is."""
        self._gauges.lags[tenant] = (events, seconds)

    def request(self, surface: str, method: str, status: int, seconds: float) -> None:
        labels = (surface, method, status)
        child = self._by_labels.get(labels)
        if child is None:
            child = self._by_labels[labels] = self._requests.labels(surface, method, str(status))
        child.observe(seconds)

    def group_committed(self, commands: int, facts: int, append_seconds: float) -> None:
        self._group_commands.observe(commands)
        self._append_seconds.observe(append_seconds)
        self._facts.inc(facts)

    def conflict_seen(self) -> None:
        self._conflicts.inc()

    def streams_loaded(self, count: int) -> None:
        self._loaded.inc(count)

    def exposition(self) -> bytes:
        shared = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            shared = CollectorRegistry()
            MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # the library has no types here
        own = CollectorRegistry()
        own.register(self._gauges)
        return generate_latest(shared) + generate_latest(own)


class _Gauges(Collector):
    """Read when they are asked for."""

    def __init__(self) -> None:
        self.watched: dict[str, tuple[str, Callable[[], float]]] = {}
        self.lags: dict[str, tuple[int, float]] = {}

    def collect(self) -> Iterable[Metric]:
        for name, (description, read) in self.watched.items():
            yield GaugeMetricFamily(name, description, value=read())
        unseen = GaugeMetricFamily(
            "daybook_projection_lag_events", "Events that the read models have not seen.", labels=["tenant"]
        )
        age = GaugeMetricFamily(
            "daybook_projection_lag_seconds", "Age of the oldest event not seen.", labels=["tenant"]
        )
        for tenant, (events, seconds) in self.lags.items():
            unseen.add_metric([tenant], events)
            age.add_metric([tenant], seconds)
        yield from (unseen, age)
