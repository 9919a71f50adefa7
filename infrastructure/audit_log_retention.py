"""How long the audit log is kept: whole months of it are dropped, by the owner of the database alone."""

import re
from datetime import date

import psycopg

from infrastructure.database import connect_owner
from infrastructure.migrator import CONTROL_SCHEMA, bind

_PARTITION = re.compile(r"audit_log_(\d{4})_(\d{2})", re.ASCII)

# Also what an earlier run took off the log and did not come to drop.
_PARTITIONS = bind(
    """
    select c.relname, i.inhparent is not null, coalesce(i.inhdetachpending, false)
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.relnamespace = '{schema}'::regnamespace and c.relkind = 'r'
    order by 1
    """,
    CONTROL_SCHEMA,
).encode()


def drop_months(owner_dsn: str, keep_months: int, today: date) -> list[str]:
    """Drops all but this month and `keep_months` before it. Returns the dropped months, as `2025-10`.

    Calls go on being written all the while.
    """
    oldest_kept = today.year * 12 + today.month - 1 - keep_months
    dropped: list[str] = []
    with connect_owner(owner_dsn) as connection:
        for name, is_attached, is_detaching in connection.execute(_PARTITIONS).fetchall():
            match = _PARTITION.fullmatch(name)
            if match is None or int(match[1]) * 12 + int(match[2]) - 1 >= oldest_kept:
                continue
            if is_attached:
                _detach(connection, name, "finalize" if is_detaching else "concurrently")
            connection.execute(bind(f"drop table {{schema}}.{name}", CONTROL_SCHEMA).encode())
            dropped.append(f"{match[1]}-{match[2]}")
    return dropped


def _detach(connection: psycopg.Connection, name: str, how: str) -> None:
    # Dropped as it is, it would keep writers out of all the log for as long as that takes.
    statement = f"alter table {{schema}}.audit_log detach partition {{schema}}.{name} {how}"
    connection.execute(bind(statement, CONTROL_SCHEMA).encode())
