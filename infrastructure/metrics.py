"""What the service tells Prometheus. Several API processes share the numbers through a folder of files."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Implements the writer's observer. Children are looked up once: labels are dear on the request path."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        Gauge(name, description, registry=self.registry).set_function(read)

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
        return generate_latest(self.registry)
