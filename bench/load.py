"""A load generator for the HTTP surfaces, in a process of its own: `run_load(job)` is the whole of its use.

As a command, `python -m bench.load` reads one job as a line of JSON on stdin and writes its result as JSON to
stdout. A job is bounded in time whatever the server does: its duration and its grace.
"""

import argparse
import gc
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import IO

import msgspec

from bench.generator import Generator
from bench.histogram import Latency
from bench.schedule import NANOSECONDS, ClosedLoop, OpenLoop, Schedule, Spacing
from bench.workloads import Plan, TransferPlan, workload_of

_PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS_MAX = 60


class LoadFailed(Exception):
    """The generator's process did not bring a result; what it said is on stderr."""


class LoadJob(msgspec.Struct, frozen=True, kw_only=True):
    """A closed loop, or with a `rate` (requests a second) an open one, until duration or count is over.

    `grace_seconds` bounds the wait for outstanding answers after that, and `reconnects_max` the vain attempts
    in a row, 50 ms apart, before a lost connection is given up.
    """

    port: int
    plan: Plan
    host: str = "127.0.0.1"
    connections: int = 64
    duration_seconds: float = 10.0
    count: int | None = None
    rate: float | None = None
    spacing: Spacing = "exponential"
    seed: int = 1
    grace_seconds: float = 5.0
    reconnects_max: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= 1000:
            raise ValueError("connections: 1 to 1000")
        if not 0 < self.duration_seconds <= 3600 or not 0 <= self.grace_seconds <= 600:
            raise ValueError("duration_seconds: above 0, at most 3600; grace_seconds: 0 to 600")
        if self.count is not None and self.count < 0:
            raise ValueError("count: 0 or more")
        if self.rate is not None and not 0 < self.rate <= 1_000_000:
            raise ValueError("rate: above 0, at most 1000000")


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """`latency` counts from when a request was due; what waits at the end counts with the time it waited.

    `errors` are requests and connections lost, by reason; `unanswered` were sent and `unsent` were due but
    found no free connection before the end. `samples` holds the first body of each status, shortened, and
    the first malformed answer. `last_position` is the highest X-Ledger-Position seen.
    """

    statuses: dict[int, int]
    errors: dict[str, int]
    sent: int
    unanswered: int
    unsent: int
    reconnects: int
    elapsed_seconds: float
    requests_per_second: float
    latency: Latency
    generator_cpu_seconds: float
    last_position: int | None
    samples: dict[str, str]
    stopped_early: str | None

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def generator_busy(self) -> float:
        """The share of one core that the generator used; near 1 it, not the server, was the limit."""
        return self.generator_cpu_seconds / self.elapsed_seconds

    @property
    def generator_cpu_us_per_request(self) -> float:
        return self.generator_cpu_seconds * 1e6 / max(self.sent, 1)

    def per_second(self, status: int) -> float:
        """Answers of one status a second, so that refusals don't count as work done."""
        return self.statuses.get(status, 0) / self.elapsed_seconds


def run_load(job: LoadJob) -> LoadResult:
    """Generate the load in a process of its own and wait for it.

    The process ends with this one, also when this one is killed: it watches its stdin. `LoadFailed` when it
    dies or overruns its bounds.
    """
    limit_seconds = job.duration_seconds + job.grace_seconds + _START_SECONDS_MAX
    with _child("bench.load", "--end-with-stdin") as (stdin, stdout, process):
        watchdog = threading.Timer(limit_seconds, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            stdin.write(msgspec.json.encode(job) + b"\n")
            stdin.flush()
            output = stdout.read()
        except BrokenPipeError:
            output = b""
        finally:
            watchdog.cancel()
    if process.returncode or not output:
        raise LoadFailed(f"the load generator ended with {process.returncode}")
    return msgspec.json.decode(output, type=LoadResult)


def generate(job: LoadJob, ends_with: IO[bytes] | None = None) -> LoadResult:
    """Generate the load here, in this thread."""
    generator = Generator(
        address=(job.host, job.port),
        workload=workload_of(job.plan, f"{job.host}:{job.port}"),
        schedule=_schedule_of(job),
        connections=job.connections,
        duration_ns=int(job.duration_seconds * NANOSECONDS),
        grace_ns=int(job.grace_seconds * NANOSECONDS),
        reconnects_max=job.reconnects_max,
        ends_with=ends_with,
    )
    cpu_before = _cpu_seconds()
    generator.run()
    cpu_seconds = _cpu_seconds() - cpu_before
    elapsed_seconds = generator.elapsed_ns / NANOSECONDS
    return LoadResult(
        statuses=generator.statuses,
        errors=generator.errors,
        sent=generator.sent,
        unanswered=generator.unanswered,
        unsent=generator.unsent,
        reconnects=generator.reconnects,
        elapsed_seconds=elapsed_seconds,
        requests_per_second=sum(generator.statuses.values()) / elapsed_seconds,
        latency=generator.latency.summary(),
        generator_cpu_seconds=cpu_seconds,
        last_position=None if generator.last_position < 0 else generator.last_position,
        samples=generator.samples,
        stopped_early=generator.stopped_early,
    )


def _schedule_of(job: LoadJob) -> Schedule:
    duration_ns = int(job.duration_seconds * NANOSECONDS)
    if job.rate is None:
        return ClosedLoop(duration_ns=duration_ns, count=job.count)
    return OpenLoop(
        rate=job.rate,
        spacing=job.spacing,
        duration_ns=duration_ns,
        count=job.count,
        random=Random(job.seed),
    )


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def self_check(seconds: float) -> LoadResult:
    """The generator's own ceiling: its load against a server that does nothing but answer a canned 201."""
    accounts = [f"a1b2c3d4-e5f6-7890-abcd-{number:012d}" for number in range(10_000)]
    plan = TransferPlan(accounts=accounts, tokens=[account * 16 for account in accounts])
    with _child("bench.canned_server") as (_, stdout, _process):
        port = int(stdout.readline())
        return run_load(LoadJob(port=port, plan=plan, duration_seconds=seconds))


@contextmanager
def _child(module: str, *arguments: str) -> Iterator[tuple[IO[bytes], IO[bytes], "subprocess.Popen[bytes]"]]:
    """A module of the benchmarks as a process that ends when its stdin is closed, and is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdin, process.stdout, process
    except BaseException:
        process.kill()
        raise
    finally:
        try:
            process.stdin.close()
        except BrokenPipeError:
            process.kill()
        process.stdout.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.load",
        description="Reads one job as a line of JSON on stdin, writes its result.",
    )
    parser.add_argument("--end-with-stdin", action="store_true", help="stop as soon as stdin is closed")
    parser.add_argument(
        "--self-check", action="store_true", help="measure the generator's own ceiling instead"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the self-check runs (default 3)")
    arguments = parser.parse_args()
    if arguments.self_check:
        result = self_check(arguments.seconds)
        print(
            f"{result.requests_per_second:,.0f} requests/s, p99 {result.latency.p99_ms:.2f} ms, "
            f"{result.generator_cpu_us_per_request:.1f} us of CPU a request, "
            f"{result.generator_busy:.0%} of one core busy, {result.statuses} {result.errors}"
        )
        return
    if arguments.end_with_stdin:
        # an interrupt from the terminal reaches both processes; the parent decides
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=LoadJob)
    # nothing the loop makes is a cycle, and a collection in mid-run would show up as the server's latency
    gc.freeze()
    gc.disable()
    result = generate(job, sys.stdin.buffer if arguments.end_with_stdin else None)
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    main()
