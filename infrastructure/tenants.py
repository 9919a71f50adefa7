"""A tenant is a bank, and its ledger is a schema. This is the one lookup from tenant to where it lives."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import psycopg

from application.store import StoreUnavailable
from infrastructure.database import connect_owner, connect_service
from infrastructure.migrator import CONTROL_SCHEMA, bind, migrate_control, migrate_tenant
from infrastructure.personal_data import TABLES as PERSONAL_TABLES
from projections.catalogue import MODELS, create_tables

_PLAIN = re.compile(r"[a-z0-9_-]{1,40}")
TENANT_NAME_LENGTH_MAX = 100

# Appends first, so that none is half way; then followers, which lock these rows before any table.
_LOCK_HEAD = "select 1 from {schema}.log_head where k = 1 for update"
_LOCK_FOLLOWERS = "select 1 from {schema}.tracking order by application_name for update"

# A truncation makes files anew, which takes a table of few rows longer than deleting them, and the next
# checkpoint, too.
_FEW_ROWS = 5_000


P = ParamSpec("P")
T = TypeVar("T")


class UnknownTenant(Exception):
    """No such tenant here."""


def schema_for(tenant: str) -> str:
    """The schema's name: readable where the tenant's name allows it, unique always."""
    if _PLAIN.fullmatch(tenant) and "_" not in tenant:
        return "bank_" + tenant.replace("-", "_")
    return "bank_x" + hashlib.blake2b(tenant.encode(), digest_size=10).hexdigest()


def prepare_database(owner_dsn: str) -> list[str]:
    """Migrates what all tenants share and every tenant's schema. Returns the migrations that ran."""
    with connect_owner(owner_dsn) as connection:
        ran = migrate_control(connection)
        for schema in _schemas(connection):
            ran += _prepare(connection, schema)
        return ran


def create_tenant(owner_dsn: str, tenant: str) -> str:
    """Makes the tenant's schema where there is none yet, and returns the schema's name."""
    schema = schema_for(tenant)
    with connect_owner(owner_dsn) as connection:
        _prepare(connection, schema)
        connection.execute(
            bind(
                "insert into {schema}.tenants (tenant, schema_name) values (%s, %s) on conflict do nothing",
                CONTROL_SCHEMA,
            ).encode(),
            (tenant, schema),
        )
    return schema


def empty_tenant(owner_dsn: str, schema: str) -> None:
    """Throws a tenant's history away: only a sandbox may. A new epoch keeps every process from going on."""
    with connect_owner(owner_dsn) as connection, connection.transaction():
        connection.execute(bind(_LOCK_HEAD, schema).encode())
        connection.execute(bind(_LOCK_FOLLOWERS, schema).encode())
        connection.execute(bind("truncate {schema}.events, {schema}.snapshots", schema).encode())
        models = (table for model in MODELS for table in model.table_names)
        for table in dict.fromkeys((*PERSONAL_TABLES, *models)):
            _empty(connection, f"{schema}.{table}")
        connection.execute(bind("update {schema}.tracking set notification_id = 0", schema).encode())
        connection.execute(
            bind("update {schema}.log_head set last_id = 0, epoch = epoch + 1", schema).encode()
        )


def _empty(connection: psycopg.Connection, table: str) -> None:
    counted = f"select count(*) from (select from {table} limit {_FEW_ROWS + 1}) few"
    row = connection.execute(counted.encode()).fetchone()
    has_few_rows = row is not None and row[0] <= _FEW_ROWS
    connection.execute((f"delete from {table}" if has_few_rows else f"truncate {table}").encode())


def list_tenants(dsn: str) -> dict[str, str]:
    """Tenant names to schema names."""
    with connect_service(dsn) as connection:
        rows = connection.execute(
            bind("select tenant, schema_name from {schema}.tenants order by tenant", CONTROL_SCHEMA).encode()
        ).fetchall()
    return dict(rows)


async def off_the_loop(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Runs one of the functions above without holding up the event loop.

    Raises StoreUnavailable where the database cannot be reached.
    """
    try:
        return await asyncio.to_thread(work, *arguments, **options)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error)) from error


def _schemas(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        bind("select schema_name from {schema}.tenants order by 1", CONTROL_SCHEMA).encode()
    )
    return [schema for (schema,) in rows.fetchall()]


def _prepare(connection: psycopg.Connection, schema: str) -> list[str]:
    ran = migrate_tenant(connection, schema)
    create_tables(connection, schema)
    return ran
