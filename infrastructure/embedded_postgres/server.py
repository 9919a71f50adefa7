"""A real Postgres as a child of the service: created, started, recovered and stopped with it.

In the data directory:

    owner.lock       locked while an EmbeddedPostgres runs here; holds its process id
    postgres/        the cluster; the server's socket is in it, and its mode 0700 is the only access control
    postgres.new/    a cluster that is being created, renamed when it is complete
    postgres.log     what the server and initdb said; postgres.log.1 is the one before
"""

# The wheel's own PostgresServer is not used: as root it changes the mode of every folder up to /, it gives
# up on a start after ten seconds, waits in whole seconds, and shares servers through files of process ids.

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import BinaryIO, Self

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from infrastructure.embedded_postgres.installation import (
    User,
    binaries,
    give_tree,
    initdb_user,
    server_user,
)
from infrastructure.embedded_postgres.leftovers import (
    FAST_SHUTDOWN_SECONDS_MAX,
    clear_leftovers,
    end_processes,
)
from infrastructure.embedded_postgres.settings import as_configuration_file, server_settings

_DATABASE = "daybook"
_PORT = 5432
_SOCKET_PATH_BYTES_MAX = 103  # sun_path of the BSDs; Linux has four more
_LOG_BYTES_MAX = 10 * 1024 * 1024
_LOG_LINES_SHOWN = 20
_POLL_SECONDS = 0.01
_FIRST_SIGN_SECONDS_MAX = 60.0
_RECOVERY_SECONDS_MAX = 3600.0
_PR_SET_PDEATHSIG = 1

# A path that is always the current directory of the process that resolves it, whoever may pass its parents.
_HERE = "/proc/self/cwd"

_NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


class DataDirectoryInUse(Exception):
    """Another EmbeddedPostgres owns this data directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        self.data_dir = data_dir
        self.pid = pid
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"{data_dir} is in use by {owner}: stop it, or choose another data directory")


class PostgresDidNotStart(Exception):
    """initdb or the server failed; the message ends with the last lines of the log."""


class EmbeddedPostgres:
    """One cluster in `data_dir/postgres` with the database "daybook", run as a child of this process.

    Start it from the main thread where possible: then the kernel also ends the server when this process
    is killed. In any case the next start puts right whatever a crash has left behind.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] = _NO_OVERRIDES) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._settings = dict(settings)
        self._cluster = self.data_dir / "postgres"
        self._log_path = self.data_dir / "postgres.log"
        self._lock: BinaryIO | None = None
        self._process: subprocess.Popen[bytes] | None = None
        _instances.add(self)

    @property
    def dsn(self) -> str:
        """Connection string of the database "daybook" for its owner, over a unix socket."""
        return self._connection_string(_DATABASE)

    def start(self) -> None:
        """Return when the database answers; on a data directory that is new, create it first.

        Raises DataDirectoryInUse at once if somebody else runs here, PostgresDidNotStart otherwise.
        """
        if self.is_running():
            return
        self.stop()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_directory(self.data_dir)
        try:
            user = server_user(self._cluster)
            folder = binaries(self.data_dir, for_other_user=user is not None)
            clear_leftovers(self._cluster, self._unfinished_cluster)
            self._rotate_log()
            if not (self._cluster / "PG_VERSION").exists():
                self._create_cluster(folder, user)
            self._write_settings(user)
            self._link_short_path()
            log_start = self._launch(folder, user)
            self._await_ready(log_start)
            self._create_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Disconnect every client, write a checkpoint, end the server and give the directory up."""
        if self._process is not None:
            # While Postgres recovers from a crash it notes a fast shutdown and never ends.
            self._process.send_signal(signal.SIGINT if self._answers() else signal.SIGQUIT)
            # It may be gone already, and another thread that asked is_running() has collected it.
            with contextlib.suppress(psutil.NoSuchProcess):
                server = psutil.Process(self._process.pid)
                end_processes([server], patience_seconds=FAST_SHUTDOWN_SECONDS_MAX)
            self._process.wait()
            self._process = None
        if self._lock is not None:
            # The server waits for its processes, but one that crashed could not.
            clear_leftovers(self._cluster, self._unfinished_cluster)
            if self._needs_short_path:
                self._short_path.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def forget(self) -> None:
        """In a forked child: the server and the lock stay the parent's, and end with the parent."""
        if self._lock is not None:
            self._lock.close()
        self._lock = None
        self._process = None

    # Creating

    @property
    def _unfinished_cluster(self) -> Path:
        return self.data_dir / "postgres.new"

    def _create_cluster(self, folder: Path, user: User | None) -> None:
        unfinished = self._unfinished_cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        runs_as = initdb_user()
        if runs_as is not None:
            give_tree(unfinished, runs_as)
        command = [
            str(folder / "initdb"),
            f"--pgdata={self._pgdata(unfinished, runs_as)}",
            f"--username={_DATABASE}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-sync",
        ]
        with self._log_path.open("ab") as log:
            log_start = log.tell()
            finished = self._run(command, unfinished, runs_as, log).wait()
        if finished != 0:
            raise PostgresDidNotStart(f"initdb failed ({finished}):\n{self._log_tail(log_start)}")
        # No link is followed: for a moment the folder was that of an account others may use as well.
        append = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(unfinished / "postgresql.conf", append), "a") as configuration:
            configuration.write("\ninclude 'daybook.conf'\n")
        if user is not None:
            give_tree(unfinished, user)
        _sync_tree(unfinished)
        unfinished.rename(self._cluster)
        _sync(self.data_dir)

    def _write_settings(self, user: User | None) -> None:
        way_in = {
            "listen_addresses": "",
            "port": str(_PORT),
            # Relative to the cluster, so that the length of its path is no matter to the server.
            "unix_socket_directories": ".",
            "unix_socket_permissions": "0700",
        }
        text = as_configuration_file(server_settings(self._settings, way_in))
        # The folder belongs to a user root doesn't trust: only a file that is new is certainly no link.
        scratch = self._cluster / "daybook.conf.new"
        scratch.unlink(missing_ok=True)
        with scratch.open("x", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            if user is not None:
                os.fchown(file.fileno(), user.uid, user.gid)
            file.write(text)
        scratch.replace(self._cluster / "daybook.conf")

    def _create_database(self) -> None:
        with psycopg.connect(self._connection_string("postgres"), autocommit=True) as connection:
            exists = "select 1 from pg_database where datname = 'daybook'"
            if connection.execute(exists).fetchone() is None:
                connection.execute("create database daybook owner daybook encoding 'UTF8'")

    # Running

    def _launch(self, folder: Path, user: User | None) -> int:
        """Start the server; returns where in the log its messages begin."""
        command = [str(folder / "postgres"), "-D", self._pgdata(self._cluster, user)]
        with self._log_path.open("ab") as log:
            log_start = log.tell()
            self._process = self._run(command, self._cluster, user, log)
        return log_start

    def _run(
        self, command: Sequence[str], cluster: Path, user: User | None, log: BinaryIO
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=cluster,
            # Nothing of the service's environment: it may hold secrets, and PG… variables change Postgres.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            # An interrupt from the terminal is for the service, which stops the server when it is done.
            start_new_session=True,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
            # Only from the main thread, and it calls nothing that takes a lock.
            preexec_fn=_end_with_parent(),  # noqa: PLW1509
        )

    def _pgdata(self, cluster: Path, user: User | None) -> str:
        # Another user may be unable to pass the folders above, but is at home where it was started.
        return str(cluster) if user is None else _HERE

    def _await_ready(self, log_start: int) -> None:
        """Wait until a connection succeeds; a server that is recovering may take very long, and is let."""
        assert self._process is not None
        begun = time.monotonic()
        while True:
            if (status := self._process.poll()) is not None:
                raise PostgresDidNotStart(f"postgres ended ({status}):\n{self._log_tail(log_start)}")
            state = self._server_state()
            if state == "ready" and self._answers():
                return
            limit = _RECOVERY_SECONDS_MAX if state else _FIRST_SIGN_SECONDS_MAX
            if time.monotonic() - begun > limit:
                raise PostgresDidNotStart(f"no answer in {limit:.0f} s:\n{self._log_tail(log_start)}")
            time.sleep(_POLL_SECONDS)

    def _server_state(self) -> str:
        """The state the server declares in line 8 of postmaster.pid; empty until it is there."""
        assert self._process is not None
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        if len(lines) < 8 or int(lines[0]) != self._process.pid:
            return ""
        return lines[7].strip()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._connection_string("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    # The way in

    def _connection_string(self, database: str) -> str:
        folder = self._short_path if self._needs_short_path else self._cluster
        return make_conninfo(host=str(folder), port=_PORT, user=_DATABASE, dbname=database)

    @property
    def _needs_short_path(self) -> bool:
        """Whether clients can't name the socket where it is: too long, or read as a list of hosts."""
        socket = os.fsencode(self._cluster / f".s.PGSQL.{_PORT}")
        return len(socket) > _SOCKET_PATH_BYTES_MAX or b"," in socket

    @property
    def _short_path(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"daybook-{digest}"

    def _link_short_path(self) -> None:
        if not self._needs_short_path:
            return
        # A leftover of our own can go; somebody else's in a sticky folder can't, and is refused.
        self._short_path.unlink(missing_ok=True)
        self._short_path.symlink_to(self._cluster, target_is_directory=True)

    # The log

    def _rotate_log(self) -> None:
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_BYTES_MAX:
            self._log_path.replace(self._log_path.with_suffix(".log.1"))

    def _log_tail(self, log_start: int) -> str:
        with self._log_path.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LOG_LINES_SHOWN:])


def _lock_directory(data_dir: Path) -> BinaryIO:
    """Own the directory until the returned file is closed or this process is gone, however it ends."""
    lock = (data_dir / "owner.lock").open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        content = lock.read().strip()
        lock.close()
        raise DataDirectoryInUse(data_dir, int(content) if content.isdigit() else None) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes Postgres: ask the kernel for a fast shutdown when we die.

    The kernel means the thread that forked. Only the main thread lives as long as the process, so from
    another one nothing is asked, and a server that is left behind is ended by the next start.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    # Looked up before the fork: the child of a process with threads must not import or allocate much.
    prctl = ctypes.CDLL(None, use_errno=False).prctl
    parent = os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_signal


def _sync_tree(folder: Path) -> None:
    for parent, _folders, files in os.walk(folder):
        for name in files:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_instances: weakref.WeakSet[EmbeddedPostgres] = weakref.WeakSet()


def _forget_in_child() -> None:
    # A forked worker that kept the descriptor would keep the lock beyond the owner's death.
    for instance in list(_instances):
        instance.forget()


os.register_at_fork(after_in_child=_forget_in_child)
