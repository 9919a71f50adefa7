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

_LOCK_HEAD = "select 1 from {schema}.log_head where k = 1 for update"


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
        # The row that serialises appends first, so that none is half way.
        connection.execute(bind(_LOCK_HEAD, schema).encode())
        tables = [
            "events",
            "snapshots",
            *PERSONAL_TABLES,
            *(table for model in MODELS for table in model.table_names),
        ]
        names = ", ".join(f"{schema}.{table}" for table in dict.fromkeys(tables))
        connection.execute(f"truncate {names}".encode())
        connection.execute(bind("update {schema}.tracking set notification_id = 0", schema).encode())
        connection.execute(
            bind("update {schema}.log_head set last_id = 0, epoch = epoch + 1", schema).encode()
        )


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
