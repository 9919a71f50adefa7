"""Latencies of a run, kept in constant memory to three significant digits.

A typed face on `hdrhistogram`, which costs under a microsecond a value: cheap enough to record every
request instead of a sample.
"""

import msgspec
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

LONGEST_US = 3_600_000_000


class Latency(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds; all zero when nothing was recorded."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class LatencyHistogram:
    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, LONGEST_US, 3)

    def record_us(self, microseconds: int) -> None:
        """Record one latency; below a microsecond counts as one, above an hour as an hour."""
        if not self._histogram.record_value(max(microseconds, 1)):
            self._histogram.record_value(LONGEST_US)

    def summary(self) -> Latency:
        if not self._histogram.get_total_count():
            return Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return Latency(
            count=int(self._histogram.get_total_count()),
            p50_ms=self._at(50.0),
            p90_ms=self._at(90.0),
            p99_ms=self._at(99.0),
            p999_ms=self._at(99.9),
            max_ms=self._histogram.get_max_value() / 1000,
        )

    def _at(self, percentile: float) -> float:
        return float(self._histogram.get_value_at_percentile(percentile) / 1000)
