"""Who does a tenant's background work: whoever holds the row, until it stops renewing it."""

import psycopg
from psycopg.rows import TupleRow

from infrastructure.migrator import bind

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5

# The database's own clock judges, so that machines need not agree on the time.
_ACQUIRE = """
insert into {schema}.leases as held (work, holder, expires_at)
values (%s, %s, clock_timestamp() + make_interval(secs => %s))
on conflict (work) do update set holder = excluded.holder, expires_at = excluded.expires_at
where held.holder = excluded.holder or held.expires_at < clock_timestamp()
returning holder
"""
_RELEASE = "delete from {schema}.leases where work = %s and holder = %s"


class Lease:
    """One piece of one tenant's background work, as held or wanted by one process."""

    def __init__(self, schema: str, work: str, holder: str) -> None:
        self._acquire_sql = bind(_ACQUIRE, schema).encode()
        self._release_sql = bind(_RELEASE, schema).encode()
        self._work = work
        self._holder = holder

    async def acquire(self, connection: psycopg.AsyncConnection[TupleRow]) -> bool:
        """Takes or renews the lease; False while somebody else holds it."""
        cursor = await connection.execute(self._acquire_sql, (self._work, self._holder, LEASE_SECONDS))
        return await cursor.fetchone() is not None

    async def release(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        await connection.execute(self._release_sql, (self._work, self._holder))
