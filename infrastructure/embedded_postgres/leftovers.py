"""What a crash leaves behind: a server without its service, or server processes without their server."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

_SERVER_RECORD = "postmaster.pid"
_SOCKET_RECORD = ".s.PGSQL.*.lock"
_PROGRAMS = frozenset({"postgres", "initdb"})
FAST_SHUTDOWN_SECONDS_MAX = 60.0
_ORPHAN_SECONDS_MAX = 1.0
_IMMEDIATE_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.01


def clear_leftovers(*clusters: Path) -> None:
    """End every Postgres process that still works in one of the clusters, gently where that is possible.

    The caller owns the data directory, so whatever runs there lost its owner.
    """
    for cluster in clusters:
        left = processes_of(cluster)
        server = _recorded_pid(cluster / _SERVER_RECORD)
        if any(process.pid == server for process in left):
            _signal([process for process in left if process.pid == server], signal.SIGINT)
            end_processes(left, patience_seconds=FAST_SHUTDOWN_SECONDS_MAX)
        else:
            # Without their server they notice the end of its pipe and go; nothing can ask them to hurry.
            end_processes(left, patience_seconds=_ORPHAN_SECONDS_MAX)
        _remove_misleading_records(cluster)


def end_processes(processes: Sequence[psutil.Process], *, patience_seconds: float) -> None:
    """Wait for processes that are about to end, then make them: immediate shutdown first, then kill.

    Neither loses anything that was committed; the next start replays the write-ahead log.
    """
    left = _wait(processes, patience_seconds)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        if left:
            _signal(left, number)
            left = _wait(left, _IMMEDIATE_SECONDS_MAX)


def processes_of(cluster: Path) -> list[psutil.Process]:
    """The Postgres processes whose current directory is the cluster, which holds for all of them."""
    if not cluster.exists():
        return []
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.name() in _PROGRAMS and cluster.samefile(process.cwd()):
                found.append(process)
        except (psutil.Error, OSError):
            # Ended meanwhile, or of another user and so no business of this cluster.
            continue
    return found


def _recorded_pid(record: Path) -> int | None:
    try:
        return abs(int(record.read_text().splitlines()[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _remove_misleading_records(cluster: Path) -> None:
    # After a reboot or in a new container the recorded number may be anybody's, and a killed server that
    # nobody waited for keeps its own: Postgres would take either for a server that runs, and refuse to
    # start. No process works in the cluster any more, so the record is stale.
    for record in (cluster / _SERVER_RECORD, *cluster.glob(_SOCKET_RECORD)):
        recorded = _recorded_pid(record)
        if recorded is not None and psutil.pid_exists(recorded):
            record.unlink(missing_ok=True)


def _wait(processes: Sequence[psutil.Process], seconds_max: float) -> list[psutil.Process]:
    """Wait until the processes have ended; returns those that have not in that time."""
    deadline = time.monotonic() + seconds_max
    left = list(processes)
    while left := [process for process in left if is_at_work(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    return left


def is_at_work(process: psutil.Process) -> bool:
    """Whether the process has not ended yet.

    A zombie has: the first process of many containers never collects the ones it inherits.
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
