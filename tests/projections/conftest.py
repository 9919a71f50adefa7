"""What tests of read models need: a tenant with a log to append to, followers, and queries."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.rows import dict_row

from infrastructure.database import connect_owner, connect_service
from projections.follower import Follower
from projections.read_model import ReadModel
from projections.sql import bind
from tests.projections.bank_history import BankHistory

T = TypeVar("T")


class Tenant:
    """One tenant's schema with connections of both roles."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.dsn = dsn
        self.schema = schema
        self.service = connect_service(dsn)
        self.owner = connect_owner(dsn)

    def close(self) -> None:
        self.service.close()
        self.owner.close()

    def connect(self) -> psycopg.Connection:
        return connect_service(self.dsn)

    def follower(self, **options: Any) -> Follower:
        return Follower(self.connect, self.schema, **options)

    def project(self, bank: BankHistory | None = None, **options: Any) -> int:
        """Appends what the bank collected, follows to the end, and gives the position."""
        if bank is not None:
            bank.append(self.service, self.schema)
        follower = self.follower(**options)
        try:
            while follower.step():
                pass
            return follower.position
        finally:
            follower.close()

    async def fetch(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        cursor = self.service.cursor(row_factory=dict_row)
        return cursor.execute(bind(query, self.schema).encode(), parameters).fetchall()

    def rows(self, query: str) -> list[Any]:
        return self.owner.execute(bind(query, self.schema).encode()).fetchall()

    def contents(self, models: tuple[ReadModel, ...]) -> dict[str, list[Any]]:
        """Every row of every table, in an order of its own."""
        return {
            table: self.rows(f"select t::text from {{schema}}.{table} t order by 1")
            for model in models
            for table in model.table_names
        }


@pytest.fixture
def new_ledger(postgres_dsn: str, new_tenant: Callable[[], str]) -> Iterator[Callable[[], Tenant]]:
    tenants: list[Tenant] = []

    def make() -> Tenant:
        tenants.append(Tenant(postgres_dsn, new_tenant()))
        return tenants[-1]

    yield make
    for tenant in tenants:
        tenant.close()


@pytest.fixture
def tenant(new_ledger: Callable[[], Tenant]) -> Tenant:
    return new_ledger()


def answer(query: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(query)
