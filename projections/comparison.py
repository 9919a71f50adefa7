"""Whether two schemas hold the same read models: tables compared row by row, whatever the rows' order."""

from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from projections.read_model import ReadModel
from projections.sql import bind

EXAMPLES_MAX = 5

# Sums of 64-bit hashes: two tables with the same rows have the same sum in any order, and rows that differ
# would have to differ in just the right way to go unnoticed.
_DIGEST = "select count(*), coalesce(sum(hash_record_extended(t, 0)), 0) from {schema}.{table} t"

_ONLY_IN_FIRST = """
select t::text from {schema}.{table} t
except all
select t::text from {other}.{table} t
order by 1 limit %s
"""


class TableDigest(NamedTuple):
    rows: int
    hash_sum: int


class TableComparison(NamedTuple):
    """One table in both schemas; a few of the rows that only one of them has."""

    table: str
    live: TableDigest
    rebuilt: TableDigest
    only_live: tuple[str, ...] = ()
    only_rebuilt: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        return self.live == self.rebuilt


def compare(
    connection: psycopg.Connection, live_schema: str, rebuilt_schema: str, models: Sequence[ReadModel]
) -> tuple[TableComparison, ...]:
    """Compares all tables of the models as the connection's transaction sees them."""
    return tuple(
        _compare_table(connection, live_schema, rebuilt_schema, table)
        for model in models
        for table in model.table_names
    )


def _compare_table(
    connection: psycopg.Connection, live_schema: str, rebuilt_schema: str, table: str
) -> TableComparison:
    live = digest(connection, live_schema, table)
    rebuilt = digest(connection, rebuilt_schema, table)
    if live == rebuilt:
        return TableComparison(table, live, rebuilt)
    return TableComparison(
        table,
        live,
        rebuilt,
        _only_in_first(connection, live_schema, rebuilt_schema, table),
        _only_in_first(connection, rebuilt_schema, live_schema, table),
    )


def digest(connection: psycopg.Connection, schema: str, table: str) -> TableDigest:
    row = connection.execute(bind(_DIGEST.replace("{table}", table), schema).encode()).fetchone()
    assert row is not None
    return TableDigest(int(row[0]), int(row[1]))


def _only_in_first(connection: psycopg.Connection, first: str, other: str, table: str) -> tuple[str, ...]:
    statement = bind(_ONLY_IN_FIRST.replace("{table}", table).replace("{other}", other), first)
    return tuple(row for (row,) in connection.execute(statement.encode(), (EXAMPLES_MAX,)).fetchall())
