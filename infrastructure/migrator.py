"""Brings the database schema up to date: numbered files, forward only, one process at a time.

Migrations run as the owner, over a DSN of their own; the service connects as `daybook_service`, a role
that cannot change or remove an event.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

CONTROL_SCHEMA = "daybook"
SERVICE_ROLE = "daybook_service"
MIGRATIONS = Path(__file__).parent / "migrations"

# Any constant will do, as long as all versions of the service agree on it.
_MIGRATION_LOCK = 7_316_005

_SCHEMA_NAME = re.compile(r"[a-z][a-z0-9_]{0,54}")


def bind(statement: str, schema: str) -> str:
    """`statement` with its `{schema}` and `{service}` filled in."""
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ValueError(f"not a schema name: {schema!r}")
    return statement.replace("{schema}", schema).replace("{service}", SERVICE_ROLE)


@contextmanager
def migration_lock(connection: psycopg.Connection) -> Iterator[None]:
    """One migrating process at a time; the others wait and then find nothing left to do."""
    connection.execute("select pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", (_MIGRATION_LOCK,))


def migrate_control(connection: psycopg.Connection) -> list[str]:
    """Creates or updates what all tenants share. `connection` is the owner's, in autocommit mode."""
    with migration_lock(connection):
        role = connection.execute("select 1 from pg_roles where rolname = %s", (SERVICE_ROLE,)).fetchone()
        if role is None:
            connection.execute(f"create role {SERVICE_ROLE} nologin")
        connection.execute(f"grant {SERVICE_ROLE} to current_user")
        return _migrate(connection, CONTROL_SCHEMA, "control")


def migrate_tenant(connection: psycopg.Connection, schema: str) -> list[str]:
    """Creates or updates one tenant's schema. Returns the names of the migrations that ran."""
    with migration_lock(connection):
        return _migrate(connection, schema, "tenant")


def _migrate(connection: psycopg.Connection, schema: str, kind: str) -> list[str]:
    connection.execute(bind("create schema if not exists {schema}", schema))
    connection.execute(
        bind(
            "create table if not exists {schema}.migrations ("
            " name text primary key, applied_at timestamptz not null default now())",
            schema,
        )
    )
    rows = connection.execute(bind("select name from {schema}.migrations", schema)).fetchall()
    applied = {name for (name,) in rows}
    ran: list[str] = []
    for file in sorted((MIGRATIONS / kind).glob("*.sql")):
        if file.stem in applied:
            continue
        with connection.transaction():
            connection.execute(bind(file.read_text(), schema).encode())
            connection.execute(
                bind("insert into {schema}.migrations (name) values (%s)", schema).encode(), (file.stem,)
            )
        ran.append(file.stem)
    return ran
