"""Killed in the middle of a load, in every part: nothing that was acknowledged is lost or doubled."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.transfer_load import Bank, Clients, check, settle_everything
from tests.sandbox_service import SandboxService, sandbox_service

USERS = 4


def processes(service: SandboxService, command: str) -> list[psutil.Process]:
    """The service's processes whose command line has the word, parents before their children."""
    tree = psutil.Process(service.process.pid).children(recursive=True)
    return [process for process in tree if command in _command_line(process)]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def kill_api(service: SandboxService) -> None:
    """All processes of the API at once."""
    api = [process for parent in processes(service, "api") for process in _with_children(parent)]
    assert api
    _kill(api)


def kill_api_workers(service: SandboxService) -> None:
    """Only the processes that answer requests, where there are several; their supervisor stays."""
    supervisor = processes(service, "api")[0]
    workers = [each for each in supervisor.children() if "spawn_main" in " ".join(_command_line(each))]
    assert len(workers) == 2
    _kill(workers)


def kill_background_worker(service: SandboxService) -> None:
    _kill(processes(service, "worker"))


def kill_postgres(service: SandboxService) -> None:
    """The postmaster; its backends end when they notice."""
    lines = (service.data / "postgres" / "postmaster.pid").read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)


def kill_a_backend_of_postgres(service: SandboxService) -> None:
    """Postgres then throws all connections off and recovers."""
    lines = (service.data / "postgres" / "postmaster.pid").read_text().splitlines()
    backends = [
        process
        for process in psutil.Process(int(lines[0])).children()
        if any(
            "daybook_service" in word or "SELECT" in word or "idle" in word for word in _command_line(process)
        )
    ]
    assert backends
    _kill(backends[:1])


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _kill(killed: list[psutil.Process]) -> None:
    """Kill them all; one whose parent went first may have ended by itself."""
    for process in killed:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize(
    ("kill", "workers"),
    [
        pytest.param(kill_api, 1),
        pytest.param(kill_api, 2, marks=pytest.mark.slow),
        pytest.param(kill_api_workers, 2, marks=pytest.mark.slow),
        pytest.param(kill_background_worker, 1, marks=pytest.mark.slow),
        pytest.param(kill_postgres, 1),
        pytest.param(kill_a_backend_of_postgres, 1, marks=pytest.mark.slow),
    ],
)
def test_what_is_killed_comes_back_and_no_acknowledged_transfer_is_lost(
    tmp_path: Path, kill: Callable[[SandboxService], None], workers: int
) -> None:
    with sandbox_service(tmp_path, "--rate-limits", "off", "--workers", str(workers)) as service:
        bank = Bank(service, USERS)
        with Clients([service.url], bank.tokens) as clients:
            for _ in range(2):
                clients.wait_for(100)
                kill(service)
            clients.wait_for(100)
        check(bank, clients)
        settling = threading.Thread(target=settle_everything, args=(service,))
        settling.start()
        bank.wait_for_a_settlement()
        kill(service)
        settling.join()
        check(bank, clients)
        assert bank.statuses() == {"settled"}
        assert service.process.poll() is None


def test_after_everything_was_killed_a_new_start_on_the_same_folder_has_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    with ExitStack() as services:
        service = services.enter_context(sandbox_service(tmp_path, "--rate-limits", "off"))
        bank = Bank(service, USERS)
        with Clients([service.url], bank.tokens) as clients:
            clients.wait_for(100)
            _kill(_with_children(psutil.Process(service.process.pid)))
            again = services.enter_context(
                sandbox_service(tmp_path, "--rate-limits", "off", port=service.port)
            )
            clients.wait_for(100)
        settle_everything(again)
        check(bank, clients)
        assert bank.statuses() == {"settled"}


def test_after_only_the_first_process_was_killed_a_new_start_finds_port_and_folder_free_at_once(
    tmp_path: Path,
) -> None:
    options = ("--rate-limits", "off", "--workers", "2")
    with ExitStack() as services:
        service = services.enter_context(sandbox_service(tmp_path, *options))
        bank = Bank(service, USERS)
        with Clients([service.url], bank.tokens) as clients:
            clients.wait_for(100)
            service.process.kill()
            again = services.enter_context(sandbox_service(tmp_path, *options, port=service.port))
            clients.wait_for(100)
        settle_everything(again)
        check(bank, clients)
        assert bank.statuses() == {"settled"}
