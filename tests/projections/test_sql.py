"""Columns packed as binary arrays arrive in Postgres as the values that they were."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from infrastructure.database import connect_service
from projections.sql import PackedArray, bind, packed, register_arrays

NOON = datetime(2025, 10, 20, 12, 0, 0, 123_456, tzinfo=UTC)

COLUMNS: dict[str, list[Any]] = {
    "bigint": [0, 1, -1, 2**63 - 1, -(2**63), None],
    "integer": [0, 1, -(2**31), None],
    "smallint": [-3, None],
    "numeric": [0, -1, 2**63 - 1, None],
    "text": ["", "a", "é銀", "'\"\\{},", None],
    "timestamptz": [
        NOON,
        NOON,
        None,
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9000, 1, 1, tzinfo=UTC),
        NOON.astimezone(timezone(timedelta(hours=-7))),
    ],
    "date": [date(2025, 10, 20), date(1970, 1, 1), None],
    "boolean": [True, False, None],
    "bytea": [b"", b"\x00\xff", None],
}


@pytest.fixture
def connection(postgres_dsn: str) -> Iterator[psycopg.Connection]:
    with connect_service(postgres_dsn) as opened:
        register_arrays(opened)
        yield opened


def sent(connection: psycopg.Connection, kind: str, values: list[Any]) -> list[Any]:
    statement = f"select %b::{kind}[]"
    row = connection.execute(statement.encode(), packed(statement, (values,))).fetchone()
    assert row is not None
    return list(row[0])


@pytest.mark.parametrize("kind", COLUMNS)
def test_values_arrive_as_they_were(connection: psycopg.Connection, kind: str) -> None:
    values = COLUMNS[kind]
    assert isinstance(packed(f"select %b::{kind}[]", (values,))[0], PackedArray)
    assert sent(connection, kind, values) == values


@pytest.mark.parametrize("kind", COLUMNS)
def test_an_empty_column_and_one_of_nulls_arrive(connection: psycopg.Connection, kind: str) -> None:
    assert sent(connection, kind, []) == []
    assert sent(connection, kind, [None, None]) == [None, None]


def test_numbers_beyond_64_bits_arrive_where_the_column_takes_them(connection: psycopg.Connection) -> None:
    values = [10**21 - 1, -(10**21), 5]
    assert sent(connection, "numeric", values) == values


def test_what_is_no_column_is_left_alone() -> None:
    statement = "select %b::bigint, %b::text[], %b"
    assert packed(statement, (1, "x", [1])) == [1, "x", [1]]


def test_as_many_parameters_as_placeholders() -> None:
    with pytest.raises(ValueError, match="zip"):
        packed("select %b, %b", (1,))


@pytest.mark.parametrize("schema", ["", "Public", "a-b", "a;drop", "1a", "a" * 64, "ä"])
def test_only_plain_names_become_schemas(schema: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        bind("select from {schema}.events", schema)
