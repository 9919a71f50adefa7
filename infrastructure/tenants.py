"""A tenant is a bank, and its ledger is a schema. This is the one lookup from tenant to where it lives."""

import hashlib
import re

import psycopg
from projections.catalogue import create_tables

from infrastructure.database import connect_owner, connect_service
from infrastructure.migrator import CONTROL_SCHEMA, bind, migrate_control, migrate_tenant

_PLAIN = re.compile(r"[a-z0-9_-]{1,40}")
TENANT_NAME_LENGTH_MAX = 100


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


def list_tenants(dsn: str) -> dict[str, str]:
    """Tenant names to schema names."""
    with connect_service(dsn) as connection:
        rows = connection.execute(
            bind("select tenant, schema_name from {schema}.tenants order by tenant", CONTROL_SCHEMA).encode()
        ).fetchall()
    return dict(rows)


def _schemas(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        bind("select schema_name from {schema}.tenants order by 1", CONTROL_SCHEMA).encode()
    )
    return [schema for (schema,) in rows.fetchall()]


def _prepare(connection: psycopg.Connection, schema: str) -> list[str]:
    ran = migrate_tenant(connection, schema)
    create_tables(connection, schema)
    return ran
