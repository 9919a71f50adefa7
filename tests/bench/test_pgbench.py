from collections.abc import Iterator

import psycopg
import pytest

from bench.pgbench import PgbenchFailed, PgbenchResult, parse_pgbench, run_pgbench
from infrastructure.embedded_postgres import EmbeddedPostgres

OUTPUT = """\
pgbench (18.6)
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 20
query mode: prepared
number of clients: 16
number of threads: 2
maximum number of tries: 1
duration: 10 s
number of transactions actually processed: 41234
number of failed transactions: 2 (0.005%)
latency average = 3.879 ms
initial connection time = 21.345 ms
tps = 4124.687362 (without initial connection time)
"""


@pytest.fixture(scope="module")
def conninfo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("pgbench"))
    postgres.start()
    try:
        yield postgres.dsn
    finally:
        postgres.stop()


def databases(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_the_figures_are_read_from_what_pgbench_prints() -> None:
    assert parse_pgbench(OUTPUT) == PgbenchResult(
        tps=4124.687362, latency_ms_average=3.879, transactions=41234, failed=2
    )


@pytest.mark.parametrize("line", ["tps = ", "latency average", "actually processed", "failed transactions"])
def test_a_missing_figure_is_not_taken_for_zero(line: str) -> None:
    output = "\n".join(kept for kept in OUTPUT.splitlines() if line not in kept)
    with pytest.raises(PgbenchFailed):
        parse_pgbench(output)


def test_a_run_measures_in_a_database_of_its_own_and_leaves_nothing(conninfo: str) -> None:
    before = databases(conninfo)
    result = run_pgbench(conninfo, seconds=1, scale=1, clients=2, jobs=1)
    assert result.tps > 0
    assert result.latency_ms_average > 0
    assert (result.transactions > 0, result.failed) == (True, 0)
    assert databases(conninfo) == before


def test_a_run_that_fails_says_why_and_leaves_nothing(conninfo: str) -> None:
    before = databases(conninfo)
    with pytest.raises(PgbenchFailed, match="client"):
        run_pgbench(conninfo, seconds=1, scale=1, clients=0)
    assert databases(conninfo) == before
