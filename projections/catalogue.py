"""Which read models there are, and their tables in a tenant's schema."""

from collections.abc import Sequence

import psycopg

from projections import (
    account_directory,
    authorizations,
    balances,
    card_directory,
    card_holds,
    card_spending,
    certificates,
    clients,
    general_ledger,
    holds,
    journal,
    reports,
    timers,
    transactions,
    transfers,
    users,
    webhook_deliveries,
    webhooks,
)
from projections.read_model import ReadModel
from projections.sql import bind

MODELS: tuple[ReadModel, ...] = (
    certificates.MODEL,
    account_directory.MODEL,
    balances.MODEL,
    holds.MODEL,
    authorizations.MODEL,
    card_directory.MODEL,
    card_holds.MODEL,
    card_spending.MODEL,
    transfers.MODEL,
    timers.MODEL,
    journal.MODEL,
    general_ledger.MODEL,
    transactions.MODEL,
    reports.MODEL,
    webhooks.MODEL,
    webhook_deliveries.MODEL,
    clients.MODEL,
    users.MODEL,
)

# The versions that the tables were made for; and the follower's one step forward, in one place so that no
# two followers can ever apply the same events: the second waits for the first's row locks, then finds the
# position changed and is refused. Row locks are taken in the order of names, so they cannot deadlock.
_REGISTRY = """
create table if not exists {schema}.read_models (
    name text collate "C" primary key,
    version int not null
);
grant select on {schema}.read_models to daybook_service;

create or replace function {schema}.advance_read_models(names text[], expected bigint, reached bigint)
returns void language plpgsql as $$
declare
    advanced bigint;
begin
    perform from {schema}.tracking
    where application_name = any(names) order by application_name for update;
    update {schema}.tracking set notification_id = reached
    where application_name = any(names) and notification_id = expected;
    get diagnostics advanced = row_count;
    if advanced <> cardinality(names) then
        raise exception 'another follower has moved on from position %', expected
            using errcode = 'serialization_failure';
    end if;
    -- For the batch's own statements: each joins a few columns of values to a table by its key. Plans made
    -- once, while tables are small, have to stay right when they are large.
    perform set_config('plan_cache_mode', 'force_generic_plan', true),
            set_config('enable_seqscan', 'off', true),
            set_config('enable_mergejoin', 'off', true),
            set_config('jit', 'off', true);
    perform pg_notify('daybook_projected', '{schema} ' || reached);
end $$;
grant execute on function {schema}.advance_read_models to daybook_service;
"""

_GRANT = "grant select, insert, update, delete on {tables} to daybook_service"

# Any constant will do, as long as all versions of the service agree on it.
_TABLES_LOCK = 7_316_006


def create_tables(
    connection: psycopg.Connection, schema: str, models: Sequence[ReadModel] | None = None
) -> None:
    """Makes the tables of all read models in a migrated tenant schema, as the owner.

    A model whose version changed, or one of whose tables is gone, starts again from an empty table and
    position 0; the follower brings it up to date. Safe to run again and from several processes.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_TABLES_LOCK,))
        create_registry(connection, schema)
        for model in MODELS if models is None else models:
            if not _is_current(connection, schema, model):
                recreate(connection, schema, model)


def create_registry(connection: psycopg.Connection, schema: str) -> None:
    """What says which versions the tables are of, and the function that moves positions on."""
    connection.execute(bind(_REGISTRY, schema).encode())


def recreate(connection: psycopg.Connection, schema: str, model: ReadModel) -> None:
    """Empties the read model: its tables are made anew and its position is 0."""
    # Registered first: the tracking row is the lock that keeps a running follower out.
    register(connection, schema, model, position=0)
    drop(connection, schema, model)
    connection.execute(bind(model.tables, schema).encode())
    grant(connection, schema, model)


def register(connection: psycopg.Connection, schema: str, model: ReadModel, position: int) -> None:
    """Notes that the model's tables are of its version and show the events up to `position`."""
    connection.execute(
        bind(
            "insert into {schema}.tracking (application_name, notification_id) values (%s, %s)"
            " on conflict (application_name) do update set notification_id = excluded.notification_id",
            schema,
        ).encode(),
        (model.name, position),
    )
    connection.execute(
        bind(
            "insert into {schema}.read_models (name, version) values (%s, %s)"
            " on conflict (name) do update set version = excluded.version",
            schema,
        ).encode(),
        (model.name, model.version),
    )


def drop(connection: psycopg.Connection, schema: str, model: ReadModel) -> None:
    for table in model.table_names:
        connection.execute(bind(f"drop table if exists {{schema}}.{table}", schema).encode())


def grant(connection: psycopg.Connection, schema: str, model: ReadModel) -> None:
    tables = ", ".join(f"{{schema}}.{table}" for table in model.table_names)
    connection.execute(bind(_GRANT.replace("{tables}", tables), schema).encode())


def are_tables_intact(connection: psycopg.Connection, schema: str, models: Sequence[ReadModel]) -> bool:
    """Whether every table of the models is there."""
    names = [f"{schema}.{table}" for model in models for table in model.table_names]
    row = connection.execute(
        "select bool_and(to_regclass(t.name) is not null) from unnest(%s::text[]) as t (name)", (names,)
    ).fetchone()
    return row is not None and bool(row[0])


def _is_current(connection: psycopg.Connection, schema: str, model: ReadModel) -> bool:
    row = connection.execute(
        bind(
            "select m.version = %s from {schema}.read_models m"
            " join {schema}.tracking t on t.application_name = m.name where m.name = %s",
            schema,
        ).encode(),
        (model.version, model.name),
    ).fetchone()
    return row is not None and bool(row[0]) and are_tables_intact(connection, schema, (model,))
