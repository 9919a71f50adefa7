"""The demonstration plays to its end on a machine that has nothing, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.api.command_line_runs import daybook, transaction, write_rows


@pytest.fixture
def folder() -> Iterator[Path]:
    """Empty, and with a short path: a socket's has to fit into a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


def start_demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Temporary files go into `folder`, so that what is left there is the demonstration's."""
    return subprocess.Popen(
        [sys.executable, "-m", "api.command_line", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A setting of the developer's own must change nothing.
        env={**os.environ, "TMPDIR": str(folder), "DAYBOOK_PORT": "1"},
    )


def processes_in(folder: Path) -> list[list[str]]:
    """The command lines of processes that work in the folder or were told of it."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        told = " ".join(process.info["cmdline"] or [])
        if str(folder) in told or str(folder) in (process.info["cwd"] or ""):
            found.append(process.info["cmdline"])
    return found


def test_the_demonstration_plays_to_its_end_and_leaves_nothing_behind(folder: Path) -> None:
    demo = start_demo(folder)
    try:
        output, errors = demo.communicate(timeout=120)
    finally:
        demo.kill()
    assert (demo.returncode, errors) == (0, "")
    for words in (
        "60 rows: 60 posted",
        "0 posted, 60 already there",
        "Transfer already exists",
        "Insufficient available balance",
        "Invalid MFA code",
        "cancelled",
        "failed",
        "posted 2745.00, available 2745.00",
        "Debits less credits: zero in every currency.",
        "transfer.settled",
        "The service is stopped",
    ):
        assert words in output
    assert "\x1b" not in output
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_demonstration_stops_its_service(number: signal.Signals, folder: Path) -> None:
    demo = start_demo(folder)
    try:
        assert demo.stdout is not None
        while "It listens on" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.send_signal(number)
        output, errors = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert (demo.returncode, errors) == (1, "")
    assert "Interrupted." in output
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []


@pytest.mark.slow
def test_it_takes_any_file_of_that_form(folder: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "own.csv", [transaction(1, "1000", "1000"), transaction(2, "-1", "999")])
    demo = start_demo(folder, "--transactions", str(file), "--currency", "JPY")
    try:
        output, errors = demo.communicate(timeout=120)
    finally:
        demo.kill()
    assert (demo.returncode, errors) == (0, "")
    assert "2 rows: 2 posted" in output
    assert "999 JPY on 1993-02-02, as in the file" in output


def test_a_file_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    ran = daybook("demo", "--transactions", tmp_path / "nowhere.csv")
    assert (ran.code, ran.output) == (2, "")
    assert "No such file" in ran.errors
