"""The figures of the benchmark, each measured on the running service and the Postgres below it."""

import time
from functools import partial
from typing import Literal, NamedTuple

from bench.lag import LagProbe
from bench.load import LoadJob, LoadResult, run_load
from bench.seed import account_id, pan_hash
from bench.service import Service, running
from bench.workloads import AuthorizationPlan, Choice, HoldPlan, Plan, TransferPlan
from infrastructure.database import connect_owner, connect_service
from infrastructure.migrator import bind
from infrastructure.settings import Settings
from infrastructure.tenants import schema_for
from projections.rebuild import rebuild

CONNECTIONS = 64
QUIET_RATE = 100.0
CATCH_UP_SECONDS_MAX = 120

_SIZES = """
select coalesce(sum(pg_total_relation_size(c.oid)), 0)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind = 'r'
"""
_ACTIVE_HOLDS = "select hold_id from {schema}.card_holds where status = 'ACTIVE' limit %s"
_BEHIND = """
select h.last_id - coalesce((select min(notification_id) from {schema}.tracking), 0)
from {schema}.log_head h
"""


class Bank(NamedTuple):
    """A seeded tenant: account i belongs to the user of token i."""

    tenant: str
    dsn: str
    tokens: list[str]
    card_token: str

    @property
    def schema(self) -> str:
        return schema_for(self.tenant)

    def plan(self, choice: Choice) -> TransferPlan:
        accounts = [account_id(index) for index in range(len(self.tokens))]
        return TransferPlan(accounts=accounts, tokens=self.tokens, choice=choice)

    def card_plan(self, choice: Choice) -> AuthorizationPlan:
        pan_hashes = [pan_hash(index) for index in range(len(self.tokens))]
        return AuthorizationPlan(pan_hashes=pan_hashes, token=self.card_token, choice=choice)


def many_transfers(service: Service, bank: Bank, count: int) -> LoadResult:
    """That many transfers between accounts drawn alike."""
    job = LoadJob(port=service.settings.port, plan=bank.plan("uniform"), count=count, duration_seconds=3600)
    return run_load(job)


def warm_up(service: Service, bank: Bank) -> LoadResult:
    """Until nearly every token has been seen: a token is verified once, and then remembered."""
    return many_transfers(service, bank, 3 * len(bank.tokens))


def transfers(service: Service, bank: Bank, choice: Choice, seconds: float) -> LoadResult:
    """As many transfers as 64 connections get answered."""
    return _as_many_as_possible(service, bank, bank.plan(choice), seconds)


def authorizations(service: Service, bank: Bank, choice: Choice, seconds: float) -> LoadResult:
    """As many card authorizations as 64 connections get answered."""
    return _as_many_as_possible(service, bank, bank.card_plan(choice), seconds)


def end_holds(
    service: Service, bank: Bank, action: Literal["capture", "release"], hold_ids: list[int]
) -> LoadResult:
    """Captures or releases each of the holds once."""
    plan = HoldPlan(hold_ids=hold_ids, token=bank.card_token, action=action)
    return _as_many_as_possible(service, bank, plan, seconds=3600, count=len(hold_ids))


def active_hold_ids(bank: Bank, count: int) -> list[int]:
    """Of card holds, in no order."""
    with connect_service(bank.dsn) as connection:
        rows = connection.execute(bind(_ACTIVE_HOLDS, bank.schema).encode(), (count,)).fetchall()
    return [int(hold_id) for (hold_id,) in rows]


def _as_many_as_possible(
    service: Service, bank: Bank, plan: Plan, seconds: float, count: int | None = None
) -> LoadResult:
    job = LoadJob(
        port=service.settings.port,
        plan=plan,
        connections=CONNECTIONS,
        duration_seconds=seconds,
        count=count,
    )
    result = run_load(job)
    wait_until_projected(bank)
    return result


def at_rate(service: Service, bank: Bank, rate: float, seconds: float) -> tuple[LoadResult, LagProbe]:
    """Transfers at a fixed rate, whether the service keeps up or not; and the read models' lag meanwhile."""
    job = LoadJob(port=service.settings.port, plan=bank.plan("uniform"), rate=rate, duration_seconds=seconds)
    with LagProbe(bank.dsn, bank.schema) as lag:
        result = run_load(job)
        wait_until_projected(bank)
    return result, lag


def wait_until_projected(bank: Bank) -> float:
    """Seconds until every read model had seen every event."""
    started = time.monotonic()
    with connect_service(bank.dsn) as connection:
        while time.monotonic() - started < CATCH_UP_SECONDS_MAX:
            row = connection.execute(bind(_BEHIND, bank.schema).encode()).fetchone()
            if row is not None and row[0] == 0:
                return time.monotonic() - started
            time.sleep(0.005)
    raise TimeoutError("the read models did not catch up")


def settle_down(bank: Bank) -> None:
    """Writes out what the load before left to do, so that the next figure is not the last one's echo."""
    with connect_owner(bank.dsn) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def disk_bytes(bank: Bank) -> int:
    """All tables of the tenant with their indexes, after a vacuum."""
    with connect_owner(bank.dsn) as connection:
        connection.execute("vacuum")
        row = connection.execute(_SIZES, (bank.schema,)).fetchone()
    assert row is not None
    return int(row[0])


def rebuild_events_per_second(bank: Bank) -> tuple[int, float]:
    """Events in the log, and how many of them a second a rebuild of all read models takes in."""
    report = rebuild(partial(connect_owner, bank.dsn), bank.schema)
    if report.differences:
        raise AssertionError(f"rebuilt read models differ: {report.differences}")
    return report.events, report.events_per_second


def cold_start_seconds(settings: Settings) -> float:
    """From `daybook serve` on an existing folder, its own Postgres stopped, to the first answer."""
    started = time.monotonic()
    with running(settings):
        return time.monotonic() - started
