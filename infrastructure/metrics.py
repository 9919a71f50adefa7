"""What the service tells Prometheus.

Where several API processes serve one port, they share counters and histograms through a folder of files
(`PROMETHEUS_MULTIPROC_DIR`, the client library's own way), so that any of them can answer for all. Gauges are
those of the process that answers.
"""

import os
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
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

    def webhooks(self, tenant: str, pending: int, oldest_seconds: float, attempts: Mapping[str, int]) -> None:
        """The deliveries that wait, the age of the oldest one's event, and attempts by what came of them."""
        self._gauges.webhooks[tenant] = (pending, oldest_seconds, attempts)

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
        self.webhooks: dict[str, tuple[int, float, Mapping[str, int]]] = {}

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
        yield from self._collect_webhooks()

    def _collect_webhooks(self) -> Iterable[Metric]:
        pending = GaugeMetricFamily(
            "daybook_webhook_deliveries_pending", "Deliveries that wait for an attempt.", labels=["tenant"]
        )
        age = GaugeMetricFamily(
            "daybook_webhook_oldest_pending_seconds", "Age of the oldest event that waits.", labels=["tenant"]
        )
        # Counted in the ledger itself, so the number is all processes' and survives them.
        attempts = CounterMetricFamily(
            "daybook_webhook_attempts",
            "Attempts succeeded and failed, dead letters, and those sent again on request.",
            labels=["tenant", "outcome"],
        )
        for tenant, (count, seconds, outcomes) in self.webhooks.items():
            pending.add_metric([tenant], count)
            age.add_metric([tenant], seconds)
            for outcome, number in outcomes.items():
                attempts.add_metric([tenant, outcome], number)
        yield from (pending, age, attempts)
