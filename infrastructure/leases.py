"""Who does a tenant's background work: whoever holds the row, until it stops renewing it."""

import time

from infrastructure.reads import Database

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5
# Before the lease runs out, whoever could not renew it stops what nobody else may do at the same time.
FRESH_SECONDS = 4.0

# The database's own clock judges, so that machines need not agree on the time.
_ACQUIRE = """
insert into {schema}.leases as held (work, holder, expires_at)
values (%(work)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (work) do update set holder = excluded.holder, expires_at = excluded.expires_at
where held.holder = excluded.holder or held.expires_at < clock_timestamp()
returning work
"""
_RELEASE = "delete from {schema}.leases where work = %(work)s and holder = %(holder)s returning work"


class Lease:
    """One piece of one tenant's background work, as held or wanted by one process.

    It goes over the primary's shared connections: with hundreds of tenants, one for each would be too many.
    `acquire` and `release` raise StoreUnavailable.
    """

    def __init__(self, primary: Database, schema: str, work: str, holder: str) -> None:
        self._primary = primary
        self._schema = schema
        self._who = {"work": work, "holder": holder}
        self._renewed_at: float | None = None

    async def acquire(self) -> bool:
        """Takes or renews the lease; False while somebody else holds it."""
        parameters = {**self._who, "seconds": LEASE_SECONDS}
        asked_at = time.monotonic()
        is_held = bool(await self._primary.fetch(self._schema, _ACQUIRE, parameters))
        self._renewed_at = asked_at if is_held else None
        return is_held

    @property
    def is_fresh(self) -> bool:
        """Whether it was renewed so lately that nobody else can hold it."""
        return self._renewed_at is not None and time.monotonic() < self._renewed_at + FRESH_SECONDS

    async def release(self) -> None:
        self._renewed_at = None
        await self._primary.fetch(self._schema, _RELEASE, self._who)
