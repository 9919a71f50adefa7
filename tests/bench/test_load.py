import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from bench.load import LoadFailed, LoadJob, LoadResult, run_load, self_check
from bench.workloads import TransferPlan
from tests.bench.scripted_server import WAIT_SECONDS, ScriptedConnection, answer, scripted_server

PROJECT = Path(__file__).resolve().parents[2]
PLAN = TransferPlan(accounts=["account-a", "account-b"], tokens=["token-a", "token-b"])


def obliging(connection: ScriptedConnection) -> None:
    for _ in connection.requests():
        connection.send(answer(201, b"{}", "X-Ledger-Position: 42"))


def load_command(*arguments: str, job: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "bench.load", *arguments],
        cwd=PROJECT,
        input=job,
        capture_output=True,
        check=False,
        timeout=WAIT_SECONDS * 2,
    )


def test_the_load_comes_from_a_process_of_its_own_and_brings_its_result_home() -> None:
    with scripted_server(obliging) as server:
        result = run_load(LoadJob(port=server.port, plan=PLAN, connections=4, count=100))
    assert result.statuses == {201: 100}
    assert result.last_position == 42
    assert result.latency.count == 100
    assert result.generator_cpu_seconds > 0
    assert result.generator_cpu_us_per_request == pytest.approx(result.generator_cpu_seconds * 1e4)
    assert result.generator_busy == pytest.approx(result.generator_cpu_seconds / result.elapsed_seconds)


def test_the_command_reads_a_job_and_writes_its_result() -> None:
    with scripted_server(obliging) as server:
        job = msgspec.json.encode(LoadJob(port=server.port, plan=PLAN, connections=2, count=10))
        done = load_command(job=job)
    assert done.returncode == 0, done.stderr
    assert msgspec.json.decode(done.stdout, type=LoadResult).statuses == {201: 10}


def test_the_command_explains_itself() -> None:
    done = load_command("--help")
    assert done.returncode == 0
    assert b"--self-check" in done.stdout


def test_a_job_that_is_none_is_refused() -> None:
    done = load_command(job=b'{"port": 1}')
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"plan" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"connections": 0},
        {"connections": 1001},
        {"duration_seconds": 0.0},
        {"duration_seconds": 1e9},
        {"grace_seconds": -1.0},
        {"count": -1},
        {"rate": 0.0},
    ],
)
def test_a_job_without_bounds_cannot_be_made(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        msgspec.convert({"port": 1, "plan": msgspec.to_builtins(PLAN)} | change, LoadJob)


def test_a_generator_that_dies_is_no_result() -> None:
    # a NUL is refused before any name would be looked up
    with pytest.raises(LoadFailed):
        run_load(LoadJob(host="no\0host", port=1, plan=PLAN))


def test_the_load_ends_when_the_process_that_asked_for_it_is_killed() -> None:
    busy = threading.Event()
    over = threading.Event()

    def watching(connection: ScriptedConnection) -> None:
        try:
            for _ in connection.requests():
                busy.set()
                connection.send(answer(201))
        finally:
            # reached by a reset as well as by an orderly end
            over.set()

    code = (
        "import msgspec, sys; from bench.load import LoadJob, run_load;"
        "run_load(msgspec.json.decode(sys.argv[1], type=LoadJob))"
    )
    with scripted_server(watching) as server:
        job = msgspec.json.encode(LoadJob(port=server.port, plan=PLAN, connections=1, duration_seconds=600))
        with subprocess.Popen([sys.executable, "-c", code, job], cwd=PROJECT) as parent:
            try:
                assert busy.wait(WAIT_SECONDS)
                assert not over.is_set()
            finally:
                parent.kill()
        assert over.wait(WAIT_SECONDS)


def test_the_self_check_loads_a_server_that_always_says_201() -> None:
    result = self_check(0.2)
    assert result.statuses.keys() == {201}
    assert (result.errors, result.unanswered) == ({}, 0)
    assert result.last_position == 12345
