"""All that a database holds as text, as a dump would have it, to look for what must not be there."""

from collections.abc import Iterator

import psycopg
from psycopg import sql

_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by 1, 2
"""


def dumped(dsn: str) -> Iterator[tuple[str, str]]:
    """Each row of each table as text, with the table's name; binary columns are hexadecimal in it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            query = sql.SQL("select t::text from {} t").format(sql.Identifier(schema, table))
            for (row,) in connection.execute(query).fetchall():
                yield f"{schema}.{table}", row


def tables_with(dsn: str, *needles: str) -> set[str]:
    """The tables that have one of the texts somewhere, however it is cased."""
    wanted = [needle.lower() for needle in needles]
    wanted += [needle.encode().hex() for needle in (*needles, *wanted)]
    return {table for table, row in dumped(dsn) if any(needle in row.lower() for needle in wanted)}
