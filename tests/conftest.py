"""One real Postgres for the whole run, and a fresh tenant for whoever asks."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infrastructure.database import connect_owner
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.tenants import create_tenant, prepare_database


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The owner's DSN of a migrated database on an embedded Postgres."""
    data_dir: Path = tmp_path_factory.mktemp("postgres")
    # What is tested here is not the disk: without waiting for it, hundreds of schemas come and go quickly.
    with EmbeddedPostgres(data_dir, settings={"fsync": "off"}) as postgres:
        prepare_database(postgres.dsn)
        yield postgres.dsn


_numbers = itertools.count(1)


@pytest.fixture
def new_tenant(postgres_dsn: str) -> Iterator[Callable[[], str]]:
    """Creates an empty tenant and returns the name of its schema.

    After the test nobody knows the tenant any more: background workers of other tests would serve it.
    """
    made: list[str] = []

    def make() -> str:
        made.append(f"test-{next(_numbers)}")
        return create_tenant(postgres_dsn, made[-1])

    yield make
    if made:
        with connect_owner(postgres_dsn) as connection:
            connection.execute(f"delete from {CONTROL_SCHEMA}.tenants where tenant = any(%s)", (made,))
