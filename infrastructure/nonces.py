"""Nonces of signed requests: each once per client for ten minutes, whichever process it comes to."""

import asyncio
import secrets
import time
from contextlib import suppress
from datetime import datetime, timedelta

from application.store import StoreUnavailable
from infrastructure.migrator import CONTROL_SCHEMA
from infrastructure.reads import Database
from infrastructure.tasks import end_task

# Twice as long as a signature's timestamp may be off: what is forgotten is not valid any more.
LIFETIME = timedelta(minutes=10)
# Processes whose clocks differ must not forget what another one would still take.
_GRACE = timedelta(minutes=5)
_SWEEP_INTERVAL_SECONDS = 10.0
_SWEEP_ROWS_MAX = 10_000

# Asked again after a lost answer, it finds its own row and says the same.
_USE = """
insert into {schema}.request_nonces as n (client_id, nonce, expires_at, used_by)
values (%(client_id)s, %(nonce)s, %(expires_at)s, %(used_by)s)
on conflict (client_id, nonce) do update set expires_at = excluded.expires_at, used_by = excluded.used_by
where n.expires_at < %(now)s or n.used_by = excluded.used_by
returning nonce
"""

_SWEEP = """
delete from {schema}.request_nonces where (client_id, nonce) in (
    select client_id, nonce from {schema}.request_nonces
    where expires_at < %(before)s limit %(rows)s for update skip locked
)
returning nonce
"""


class Nonces:
    def __init__(self, primary: Database) -> None:
        self._primary = primary
        self._next_sweep = time.monotonic() + _SWEEP_INTERVAL_SECONDS
        self._sweeper: asyncio.Task[None] | None = None

    async def use(self, client_id: str, nonce: str, now: datetime) -> bool:
        """Uses the nonce up; False where it was used before. `now` is the ledger's.

        Raises StoreUnavailable.
        """
        parameters = {
            "client_id": client_id,
            "nonce": nonce,
            "now": now,
            "expires_at": now + LIFETIME,
            "used_by": secrets.token_hex(8),
        }
        used = await self._primary.fetch(CONTROL_SCHEMA, _USE, parameters)
        self._sweep_now_and_then(now)
        return bool(used)

    async def close(self) -> None:
        if self._sweeper is not None:
            await end_task(self._sweeper)

    def _sweep_now_and_then(self, now: datetime) -> None:
        if time.monotonic() >= self._next_sweep and (self._sweeper is None or self._sweeper.done()):
            self._next_sweep = time.monotonic() + _SWEEP_INTERVAL_SECONDS
            self._sweeper = asyncio.create_task(self.sweep(now))

    async def sweep(self, now: datetime) -> None:
        """Forgets what nobody could send again, a bounded number of them."""
        with suppress(StoreUnavailable):
            await self._primary.fetch(
                CONTROL_SCHEMA, _SWEEP, {"before": now - _GRACE, "rows": _SWEEP_ROWS_MAX}
            )
