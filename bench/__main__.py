"""`python -m bench`: the table of the service's figures on this machine, beside pgbench's.

Everything runs on one Postgres in one run, with the whole service on: tokens, idempotency, limits,
projections, fsync. Only the requests' rate limits are off, and the users are of a tier that may transfer as
often as they like.
"""

import argparse
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench import figures
from bench.figures import Bank
from bench.pgbench import run_pgbench
from bench.seed import seed
from bench.service import Service, running
from infrastructure import settings as settings_module
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.settings import Settings
from infrastructure.tenants import prepare_database

MEBIBYTE = 1024 * 1024
HOLDS_ENDED_MAX = 40_000


class Plan(NamedTuple):
    accounts: int
    seconds: float
    memory_accounts: int
    memory_commands: int


FULL = Plan(accounts=10_000, seconds=15, memory_accounts=0, memory_commands=0)
QUICK = Plan(accounts=200, seconds=1, memory_accounts=0, memory_commands=0)
MEMORY = Plan(accounts=10_000, seconds=15, memory_accounts=100_000, memory_commands=1_000_000)


class Figure(NamedTuple):
    name: str
    measured: str
    must: str
    aim: str
    detail: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes: does it work")
    parser.add_argument("--memory", action="store_true", help="also 1,000,000 commands over 100,000 accounts")
    given = parser.parse_args()
    plan = QUICK if given.quick else MEMORY if given.memory else FULL
    console = Console()
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        rows = list(_measure(Path(folder), plan, console))
    console.print(_table(rows))


def _measure(folder: Path, plan: Plan, console: Console) -> Iterator[Figure]:
    settings = settings_module.load(
        {"data": folder, "port": _free_port(), "sandbox": True, "rate_limits": "off"}, {}
    )
    with EmbeddedPostgres(folder) as postgres, console.status("starting") as status:
        prepare_database(postgres.dsn)
        status.update("pgbench")
        yardstick = run_pgbench(postgres.dsn, seconds=max(2, int(plan.seconds)))
        yield Figure("pgbench, transactions a second", f"{yardstick.tps:,.0f}", "", "", "the yardstick")
        status.update(f"opening {plan.accounts:,} accounts")
        bank = Bank("bench", postgres.dsn, *seed(settings, postgres.dsn, "bench", plan.accounts))
        with running(settings, _on(postgres.dsn)) as service:
            status.update("warming up")
            figures.warm_up(service, bank)
            figures.wait_until_projected(bank)
            status.update("a quiet hour")
            figures.settle_down(bank)
            quiet, _ = figures.at_rate(service, bank, figures.QUIET_RATE, plan.seconds)
            yield Figure(
                "p99 at 100 requests a second, ms",
                f"{quiet.latency.p99_ms:.1f}",
                "10",
                "3",
                f"p50 {quiet.latency.p50_ms:.1f}, max {quiet.latency.max_ms:.1f}",
            )
            status.update("transfers")
            before = figures.disk_bytes(bank)
            spread = figures.transfers(service, bank, "uniform", plan.seconds)
            spread_rate = spread.per_second(201)
            yield Figure(
                "transfers a second ÷ pgbench",
                f"{spread_rate / yardstick.tps:.2f}",
                "0.6",
                "1.2",
                f"{spread_rate:,.0f}/s, p99 {spread.latency.p99_ms:.1f} ms, "
                f"generator {spread.generator_busy:.0%} of a core",
            )
            after = figures.disk_bytes(bank)
            yield Figure(
                "bytes on disk per transfer",
                f"{(after - before) / max(spread.statuses.get(201, 0), 1):,.0f}",
                "2,500",
                "1,200",
            )
            hot = figures.transfers(service, bank, "hot", plan.seconds)
            yield Figure(
                "one hot account ÷ spread",
                f"{hot.per_second(201) / spread_rate:.2f}",
                "0.8",
                "1.0",
                f"{hot.per_second(201):,.0f}/s",
            )
            status.update("card authorizations")
            yield from _cards(service, bank, plan, yardstick.tps)
            status.update("lag of the read models")
            half, lag = figures.at_rate(service, bank, spread_rate / 2, plan.seconds)
            yield Figure(
                "read model lag at half the rate, p99 ms",
                f"{lag.latency().p99_ms:.0f}",
                "250",
                "50",
                f"p50 {lag.latency().p50_ms:.0f}, answers p99 {half.latency.p99_ms:.1f} ms",
            )
        status.update("rebuilding the read models")
        events, speed = figures.rebuild_events_per_second(bank)
        yield Figure("rebuild, events a second", f"{speed:,.0f}", "50,000", "150,000", f"{events:,} events")
        if plan.memory_commands:
            yield _memory(settings, postgres.dsn, plan)
    yield Figure("cold start to first answer, s", f"{figures.cold_start_seconds(settings):.2f}", "3", "1")


def _cards(service: Service, bank: Bank, plan: Plan, pgbench_tps: float) -> Iterator[Figure]:
    figures.authorizations(service, bank, "uniform", plan.seconds / 3)
    spread = figures.authorizations(service, bank, "uniform", plan.seconds)
    spread_rate = spread.per_second(200)
    yield Figure(
        "card authorizations a second ÷ pgbench",
        f"{spread_rate / pgbench_tps:.2f}",
        "0.5",
        "1.0",
        f"{spread_rate:,.0f}/s, p99 {spread.latency.p99_ms:.1f} ms, "
        f"generator {spread.generator_busy:.0%} of a core",
    )
    hot = figures.authorizations(service, bank, "hot", plan.seconds)
    yield Figure(
        "authorizations on one hot account ÷ spread",
        f"{hot.per_second(200) / spread_rate:.2f}",
        "0.8",
        "1.0",
        f"{hot.per_second(200):,.0f}/s",
    )
    hold_ids = figures.active_hold_ids(bank, HOLDS_ENDED_MAX)
    half = len(hold_ids) // 2
    captures = figures.end_holds(service, bank, "capture", hold_ids[:half])
    releases = figures.end_holds(service, bank, "release", hold_ids[half:])
    yield Figure(
        "captures, releases a second ÷ pgbench",
        f"{captures.per_second(200) / pgbench_tps:.2f}, {releases.per_second(200) / pgbench_tps:.2f}",
        "",
        "",
        f"{captures.per_second(200):,.0f}/s, {releases.per_second(200):,.0f}/s",
    )


def _memory(settings: Settings, dsn: str, plan: Plan) -> Figure:
    bank = Bank("bench-memory", dsn, *seed(settings, dsn, "bench-memory", plan.memory_accounts))
    with running(settings, _on(dsn)) as service:
        figures.many_transfers(service, bank, plan.memory_commands)
        mebibytes = service.api_memory_bytes() / MEBIBYTE
    return Figure("memory of an API process after 1,000,000 commands, MiB", f"{mebibytes:.0f}", "400", "200")


def _on(dsn: str) -> dict[str, str]:
    return {"DAYBOOK_DATABASE_URL": dsn, "DAYBOOK_MIGRATIONS_URL": dsn}


def _table(rows: list[Figure]) -> Table:
    table = Table(title="Daybook on this machine")
    for heading in ("figure", "measured", "must", "aim", "detail"):
        table.add_column(heading, justify="right" if heading in {"measured", "must", "aim"} else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
