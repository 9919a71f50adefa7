from random import Random

import pytest

from bench.histogram import LONGEST_US, Latency, LatencyHistogram


def summary_of(*values_us: int) -> Latency:
    histogram = LatencyHistogram()
    for value in values_us:
        histogram.record_us(value)
    return histogram.summary()


def test_without_values_everything_is_zero() -> None:
    assert summary_of() == Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_percentiles_are_exact_to_three_digits() -> None:
    random = Random(7)
    values = sorted(int(random.expovariate(1 / 5000)) + 1 for _ in range(20_000))
    summary = summary_of(*values)
    for reported_ms, share in (
        (summary.p50_ms, 0.5),
        (summary.p90_ms, 0.9),
        (summary.p99_ms, 0.99),
        (summary.p999_ms, 0.999),
    ):
        true_ms = values[int(share * len(values)) - 1] / 1000
        assert reported_ms == pytest.approx(true_ms, rel=0.002)
    assert summary.max_ms == pytest.approx(values[-1] / 1000, rel=0.001)
    assert summary.count == len(values)


@pytest.mark.parametrize(("value", "kept_us"), [(-5, 1), (0, 1), (LONGEST_US * 10, LONGEST_US)])
def test_values_out_of_range_count_as_the_nearest_in_range(value: int, kept_us: int) -> None:
    summary = summary_of(value)
    assert summary.count == 1
    assert summary.max_ms == pytest.approx(kept_us / 1000, rel=0.001)
