"""Rebuilt read models are equal to the live ones, and take their place without anybody noticing."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from infrastructure.database import connect_owner
from projections import balances, journal
from projections.catalogue import MODELS
from projections.rebuild import RebuildReport, RebuildRunning, rebuild
from projections.sql import bind
from tests.projections.bank_history import BankHistory, busy_bank
from tests.projections.conftest import Tenant
from tests.projections.test_follower import Following, until

TABLES = {table for model in MODELS for table in model.table_names}


def run(tenant: Tenant, *, switch_if_different: bool = False) -> RebuildReport:
    return rebuild(lambda: connect_owner(tenant.dsn), tenant.schema, switch_if_different=switch_if_different)


def change(tenant: Tenant, statement: str) -> int:
    """As the owner, who may change anything; gives the number of rows."""
    return tenant.owner.execute(bind(statement, tenant.schema).encode()).rowcount


@pytest.fixture
def projected(tenant: Tenant) -> Tenant:
    for bank in busy_bank(300, accounts_count=9):
        bank.append(tenant.service, tenant.schema)
    tenant.project(batch_size=77)
    return tenant


def test_rebuilt_tables_equal_the_live_ones_and_replace_them(projected: Tenant) -> None:
    before = projected.contents(MODELS)
    old_oid = projected.rows("select '{schema}.balances'::regclass::oid")
    report = run(projected)
    assert report.is_switched
    assert report.differences == ()
    assert {comparison.table for comparison in report.comparisons} == TABLES
    assert report.position == projected.rows("select last_id from {schema}.log_head")[0][0]
    assert projected.contents(MODELS) == before
    assert projected.rows("select '{schema}.balances'::regclass::oid") != old_oid


def test_rebuilt_tables_have_the_indexes_and_rights_of_new_ones(projected: Tenant) -> None:
    query = "select indexdef from pg_indexes where schemaname = '{schema}' order by 1"
    before = projected.rows(query)
    assert run(projected).is_switched
    assert projected.rows(query) == before
    bank = BankHistory("later", first_number=10_000)
    account = bank.open("one")
    bank.credit(account, 100)
    projected.project(bank)
    assert projected.rows(f"select posted from {{schema}}.balances where account_id = '{account}'") == [
        (100,)
    ]


def test_what_differs_is_named_and_nothing_is_switched(projected: Tenant) -> None:
    account = "account000000000003"
    tampering = "update {schema}.balances set posted = posted + 1, posted_said = posted_said + 1"
    assert change(projected, f"{tampering} where account_id = '{account}'") == 1
    before = projected.contents(MODELS)
    report = run(projected)
    assert not report.is_switched
    assert [difference.table for difference in report.differences] == ["balances"]
    [difference] = report.differences
    assert len(difference.only_live) == len(difference.only_rebuilt) == 1
    assert account in difference.only_live[0]
    assert projected.contents(MODELS) == before


def test_what_differs_is_repaired_when_told_to(projected: Tenant) -> None:
    before = projected.contents(MODELS)
    projected.owner.execute(
        bind("delete from {schema}.journal where position > 40", projected.schema).encode()
    )
    report = run(projected, switch_if_different=True)
    assert [difference.table for difference in report.differences] == ["journal"]
    assert report.is_switched
    assert projected.contents(MODELS) == before


def drop_all(tenant: Tenant) -> None:
    for table in TABLES:
        tenant.owner.execute(f"drop table {tenant.schema}.{table}".encode())


def set_back(tenant: Tenant) -> None:
    for table in TABLES:
        tenant.owner.execute(f"truncate {tenant.schema}.{table}".encode())
    tenant.owner.execute(f"update {tenant.schema}.tracking set notification_id = 0".encode())


def drop_one(tenant: Tenant) -> None:
    tenant.owner.execute(f"drop table {tenant.schema}.transfers".encode())


@pytest.mark.parametrize("lose", [drop_all, set_back, drop_one])
def test_losing_read_models_loses_nothing(projected: Tenant, lose: Callable[[Tenant], None]) -> None:
    before = projected.contents(MODELS)
    lose(projected)
    report = run(projected)
    assert report.is_switched
    assert report.comparisons == ()
    assert projected.contents(MODELS) == before


def test_chosen_models_are_rebuilt_alone(projected: Tenant) -> None:
    chosen = (balances.MODEL, journal.MODEL)
    others = "select '{schema}.transfers'::regclass::oid, '{schema}.certificates'::regclass::oid"
    untouched = projected.rows(others)
    report = rebuild(lambda: connect_owner(projected.dsn), projected.schema, chosen)
    assert report.is_switched
    assert {comparison.table for comparison in report.comparisons} == {
        "balances",
        "balance_history",
        "overdraft_history",
        "journal",
    }
    assert projected.rows(others) == untouched


def test_a_rebuild_of_an_empty_log_is_empty(tenant: Tenant) -> None:
    assert run(tenant).is_switched
    assert tenant.project() == 0


def test_nothing_of_the_shadow_is_left(projected: Tenant) -> None:
    run(projected)
    assert projected.rows("select from pg_namespace where nspname = '{schema}_shadow'") == []


def test_progress_is_told(projected: Tenant) -> None:
    told: list[tuple[int, int]] = []
    rebuild(
        lambda: connect_owner(projected.dsn),
        projected.schema,
        progress=lambda position, head: told.append((position, head)),
    )
    assert told[-1][0] == told[-1][1] == projected.rows("select last_id from {schema}.log_head")[0][0]


def test_only_one_rebuild_runs_at_a_time(projected: Tenant) -> None:
    refusals: list[Exception] = []

    def again(_position: int, _head: int) -> None:
        if not refusals:
            with pytest.raises(RebuildRunning) as caught:
                run(projected)
            refusals.append(caught.value)

    rebuild(lambda: connect_owner(projected.dsn), projected.schema, progress=again)
    assert len(refusals) == 1


def writing(tenant: Tenant, stop: threading.Event) -> Iterator[int]:
    with tenant.connect() as connection:
        for bank in busy_bank(1_000_000, accounts_count=9, prefix="busy"):
            yield bank.append(connection, tenant.schema, group=50)
            if stop.is_set():
                return


def test_a_rebuild_under_way_disturbs_neither_writers_nor_the_follower(tenant: Tenant) -> None:
    """Twice, with the follower and a writer running all the time; in the end everything is as alone."""
    stop, positions = threading.Event(), [0]

    def write() -> None:
        positions.extend(writing(tenant, stop))

    writer = threading.Thread(target=write)
    with Following(tenant.follower()) as follower:
        writer.start()
        try:
            until(lambda: follower.position > 500)
            reports = [run(tenant), run(tenant)]
        finally:
            stop.set()
            writer.join()
        until(lambda: follower.position == positions[-1])
        assert follower.failure is None
    for report in reports:
        assert report.differences == ()
        assert {comparison.table for comparison in report.comparisons} == TABLES
        assert report.is_switched
    live = tenant.contents(MODELS)
    set_back(tenant)
    tenant.project(batch_size=1_000)
    assert tenant.contents(MODELS) == live


def test_a_reader_of_a_live_table_delays_the_switch_and_no_more(projected: Tenant) -> None:
    with projected.connect() as reader:
        reader.autocommit = False
        reader.execute(bind("select count(*) from {schema}.balances", projected.schema).encode())
        # Gone after the switch's first attempt was given up.
        giving_up = threading.Timer(3, reader.rollback)
        giving_up.start()
        try:
            assert run(projected).is_switched
        finally:
            giving_up.join()


def test_a_changed_event_makes_the_rebuild_differ(projected: Tenant) -> None:
    """Even where the change is of no consequence for any balance: the certificates see it."""
    statement = (
        "update {schema}.events set state = convert_to(replace(convert_from(state, 'UTF8'),"
        " 'Deposit', 'deposit'), 'UTF8') where notification_id = 30"
    )
    assert change(projected, statement) == 1
    tables = {difference.table for difference in run(projected).differences}
    assert {"certificate_head", "certificates"} <= tables


def test_an_owner_that_cannot_connect_is_an_error(tenant: Tenant) -> None:
    def refuse() -> psycopg.Connection:
        raise psycopg.OperationalError("connection refused")

    with pytest.raises(psycopg.OperationalError):
        rebuild(refuse, tenant.schema)
