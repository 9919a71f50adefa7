"""One real Postgres for the whole run, and a fresh tenant for whoever asks."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infrastructure.embedded_postgres import EmbeddedPostgres
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
def new_tenant(postgres_dsn: str) -> Callable[[], str]:
    """Creates an empty tenant and returns the name of its schema."""
    return lambda: create_tenant(postgres_dsn, f"test-{next(_numbers)}")
