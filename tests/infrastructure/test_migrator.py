"""Migrations: numbered, once, one process at a time; and what the service's role may not do."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from infrastructure import migrator
from infrastructure.database import connect_owner, connect_service
from infrastructure.migrator import MIGRATIONS, bind, migrate_control, migrate_tenant

NewTenant = Callable[[], str]


def files(kind: str) -> list[str]:
    return sorted(file.stem for file in (MIGRATIONS / kind).glob("*.sql"))


@pytest.fixture
def schema(new_tenant: NewTenant) -> str:
    return new_tenant()


@pytest.mark.parametrize("kind", ["control", "tenant"])
def test_migrations_are_numbered_without_gaps(kind: str) -> None:
    assert [name[:5] for name in files(kind)] == [f"{n:04}_" for n in range(1, len(files(kind)) + 1)]


@pytest.mark.parametrize("name", ["", "Bank", "1bank", "bank; drop table x", "bank-1", "b" * 56, 'bank"'])
def test_only_plain_schema_names_reach_a_statement(name: str) -> None:
    with pytest.raises(ValueError, match="not a schema name"):
        bind("select 1 from {schema}.events", name)


def test_a_new_tenant_gets_every_migration_once(postgres_dsn: str) -> None:
    with connect_owner(postgres_dsn) as owner:
        assert migrate_tenant(owner, "bank_migrated_once") == files("tenant")
        assert migrate_tenant(owner, "bank_migrated_once") == []
        rows = owner.execute("select name from bank_migrated_once.migrations order by 1").fetchall()
        assert [name for (name,) in rows] == files("tenant")
        assert migrate_control(owner) == []


def test_processes_that_start_at_once_migrate_once(postgres_dsn: str) -> None:
    ran: list[list[str]] = []

    def migrate() -> None:
        with connect_owner(postgres_dsn) as owner:
            ran.append(migrate_tenant(owner, "bank_migrated_at_once"))

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == [[], [], [], files("tenant")]


def test_a_migration_that_fails_leaves_nothing_behind(
    postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "tenant").mkdir()
    (folder / "tenant" / "0001_sound.sql").write_text("create table {schema}.sound (n int);")
    (folder / "tenant" / "0002_broken.sql").write_text("create table {schema}.half (n int); select 1/0;")
    monkeypatch.setattr(migrator, "MIGRATIONS", folder)
    with connect_owner(postgres_dsn) as owner:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate_tenant(owner, "bank_half_migrated")
        tables = owner.execute(
            "select tablename from pg_tables where schemaname = 'bank_half_migrated' order by 1"
        ).fetchall()
        assert tables == [("migrations",), ("sound",)]
        (folder / "tenant" / "0002_broken.sql").write_text("create table {schema}.whole (n int);")
        assert migrate_tenant(owner, "bank_half_migrated") == ["0002_broken"]


@pytest.mark.parametrize(
    "statement",
    [
        "update {schema}.events set state = state",
        "delete from {schema}.events",
        "truncate {schema}.events",
        "drop table {schema}.events",
        "alter table {schema}.events disable trigger all",
        "create table {schema}.mine (n int)",
        "delete from {schema}.log_head",
        "update {schema}.migrations set name = name",
    ],
)
def test_the_service_cannot_change_or_remove_what_was_recorded(
    postgres_dsn: str, schema: str, statement: str
) -> None:
    with connect_service(postgres_dsn) as service, pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.execute(bind(statement, schema).encode())


def test_the_service_can_add_to_the_log(postgres_dsn: str, schema: str) -> None:
    statement = (
        "select {schema}.append_events(array['account-a'], array[1]::bigint[], array['account.frozen'],"
        " array['{}'::bytea], array[]::text[], array[]::bigint[], 1::bigint)"
    )
    with connect_service(postgres_dsn) as service:
        assert service.execute(bind(statement, schema).encode()).fetchone() == (1,)


def test_no_sequence_numbers_events_and_every_table_has_a_primary_key(postgres_dsn: str, schema: str) -> None:
    """What lets a tenant live on any node, and positions be gapless."""
    with connect_owner(postgres_dsn) as owner:
        sequences = owner.execute(
            "select sequencename from pg_sequences where schemaname = %s", (schema,)
        ).fetchall()
        assert sequences == []
        without_key = owner.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = %s and c.relkind = 'r'"
            " and not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary)",
            (schema,),
        ).fetchall()
        assert without_key == []
