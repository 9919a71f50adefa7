"""A database of its own with the tables that all tenants share, for tests that empty or break them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from infrastructure.database import connect_owner
from infrastructure.migrator import migrate_control


@contextmanager
def control_database(postgres_dsn: str) -> Iterator[str]:
    name = f"control_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            dsn = make_conninfo(postgres_dsn, dbname=name)
            with connect_owner(dsn) as owner:
                migrate_control(owner)
            yield dsn
        finally:
            connection.execute(f"drop database {name} with (force)".encode())
