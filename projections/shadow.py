"""The shadow schema in which read models are rebuilt, and the switch that makes them the live ones."""

import re
from collections.abc import Sequence

import psycopg

from projections import certificates
from projections.catalogue import create_registry, drop, grant, register
from projections.read_model import ReadModel
from projections.sql import bind

_SECONDARY_INDEX = re.compile(r"\s*create\s+(unique\s+)?index\b", re.IGNORECASE)

_TRACKING = """
create table {schema}.tracking (
    application_name text collate "C" primary key,
    notification_id bigint
) with (fillfactor = 10)
"""


class Shadow:
    """`models` are those that are rebuilt, and certificates, which say what was known when."""

    def __init__(self, live_schema: str, models: Sequence[ReadModel]) -> None:
        self.schema = f"{live_schema}_shadow"
        self._live_schema = live_schema
        self._wanted = tuple(models)
        without = tuple(model for model in models if model.name != certificates.MODEL.name)
        self.models = (certificates.MODEL, *without)

    def create(self, connection: psycopg.Connection) -> None:
        """Empty tables without secondary indexes; what an earlier rebuild left is thrown away."""
        self.drop(connection)
        with connection.transaction():
            connection.execute(bind("create schema {schema}", self.schema).encode())
            connection.execute(bind(_TRACKING, self.schema).encode())
            create_registry(connection, self.schema)
            for model in self.models:
                for statement in model.tables.split(";"):
                    if statement.strip() and not _SECONDARY_INDEX.match(statement):
                        connection.execute(bind(statement, self.schema).encode())
                connection.execute(
                    bind("insert into {schema}.tracking values (%s, 0)", self.schema).encode(), (model.name,)
                )

    def finish(self, connection: psycopg.Connection) -> None:
        """Makes the secondary indexes, now that they can be made in one go, and takes statistics."""
        for model in self.models:
            for statement in model.tables.split(";"):
                if _SECONDARY_INDEX.match(statement):
                    connection.execute(bind(statement, self.schema).encode())
            for table in model.table_names:
                connection.execute(bind(f"analyze {{schema}}.{table}", self.schema).encode())

    def switch(self, connection: psycopg.Connection, position: int) -> None:
        """Puts the rebuilt tables in the place of the live ones, inside the caller's transaction."""
        for model in self._wanted:
            drop(connection, self._live_schema, model)
            for table in model.table_names:
                connection.execute(
                    bind(
                        f"alter table {{schema}}.{table} set schema {self._live_schema}", self.schema
                    ).encode()
                )
            grant(connection, self._live_schema, model)
            register(connection, self._live_schema, model, position)

    def drop(self, connection: psycopg.Connection) -> None:
        connection.execute(bind("drop schema if exists {schema} cascade", self.schema).encode())
