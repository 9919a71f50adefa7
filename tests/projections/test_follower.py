"""The follower applies every event exactly once, whatever happens to it, to others and to the database."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from projections import balances, certificates, journal
from projections.batches import LogHasGap
from projections.catalogue import MODELS, create_tables
from projections.follower import Follower
from projections.read_model import ReadModel
from projections.sql import bind
from tests.projections.bank_history import BankHistory, busy_bank
from tests.projections.conftest import Tenant

PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


class Following:
    """A follower running in a thread, stopped at the end of the block."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._stop = threading.Event()
        self._thread = threading.Thread(target=follower.run, args=(self._stop,))

    def __enter__(self) -> Follower:
        self._thread.start()
        return self.follower

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


def small_bank() -> BankHistory:
    bank = BankHistory()
    bank.add_chart()
    first, second = bank.open("first"), bank.open("second")
    bank.credit(first, 1_000_00)
    bank.settle_transfer(bank.create_transfer(first, second, 125_50))
    return bank


def test_every_model_is_at_the_position_of_the_last_event(tenant: Tenant) -> None:
    position = tenant.project(small_bank())
    tracked = dict(tenant.rows("select application_name, notification_id from {schema}.tracking"))
    assert {tracked[model.name] for model in MODELS} == {position}
    assert position == tenant.rows("select last_id from {schema}.log_head")[0][0]


def test_batches_of_any_size_give_the_same_tables(new_ledger: Callable[[], Tenant]) -> None:
    contents = []
    for batch_size in (1, 7, 5_000):
        tenant = new_ledger()
        for bank in busy_bank(60, accounts_count=5):
            bank.append(tenant.service, tenant.schema)
        tenant.project(batch_size=batch_size)
        contents.append(tenant.contents(MODELS))
    assert contents[0] == contents[1] == contents[2]


def test_a_running_follower_shows_new_events_without_being_asked(tenant: Tenant) -> None:
    with Following(tenant.follower()) as follower:
        position = small_bank().append(tenant.service, tenant.schema)
        until(lambda: follower.position == position)
        assert follower.head == position
        assert follower.batches >= 1
        assert follower.failure is None


def test_every_batch_is_announced_with_its_position(tenant: Tenant) -> None:
    tenant.service.execute("listen daybook_projected")
    position = tenant.project(small_bank())
    heard = [hint.payload for hint in tenant.service.notifies(timeout=PATIENCE_SECONDS, stop_after=1)]
    assert heard == [f"{tenant.schema} {position}"]


def test_an_append_held_open_is_never_passed_over(tenant: Tenant) -> None:
    """Others that want to commit meanwhile come after it, also for the follower."""
    first, second = BankHistory("one"), BankHistory("two", first_number=100)
    first.open("held-open")
    second.open("comes-later")
    with Following(tenant.follower()) as follower, tenant.connect() as slow, tenant.connect() as other:
        slow.autocommit = False
        held = first.append(slow, tenant.schema)
        committing = threading.Thread(target=second.append, args=(other, tenant.schema))
        committing.start()
        # The other is waiting for the row that serialises appends, and nothing shows anywhere.
        until(lambda: bool(tenant.rows("select from pg_locks where not granted")))
        assert follower.position == 0
        slow.commit()
        committing.join(PATIENCE_SECONDS)
        until(lambda: follower.position == held + 1)
    assert tenant.rows("select account_id from {schema}.balances order by position") == [
        ("oneheld-open",),
        ("twocomes-later",),
    ]


def test_two_followers_at_once_apply_each_event_once(new_ledger: Callable[[], Tenant]) -> None:
    tenant, alone = new_ledger(), new_ledger()
    with Following(tenant.follower(batch_size=20)) as one, Following(tenant.follower(batch_size=33)) as other:
        for bank in busy_bank(400, accounts_count=7):
            facts = list(bank.facts)
            position = bank.append(tenant.service, tenant.schema, group=13)
            bank.facts.extend(facts)
            bank.append(alone.service, alone.schema)
        until(lambda: max(one.position, other.position) == position)
        until(lambda: one.position == other.position)
        assert one.events + other.events == position
    alone.project()
    assert tenant.contents(MODELS) == alone.contents(MODELS)


def failing_model(apply: Callable[..., None]) -> ReadModel:
    tables = "create table {schema}.failing (position bigint primary key);"
    return ReadModel("failing", 1, tables, ("failing",), apply)


def test_a_follower_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(tenant: Tenant) -> None:
    followers: list[psycopg.Connection] = []

    def connect() -> psycopg.Connection:
        followers.append(tenant.connect())
        return followers[-1]

    def kill(batch: Any, write: Any) -> None:
        tenant.owner.execute("select pg_terminate_backend(%s)", (followers[-1].info.backend_pid,))

    model = failing_model(kill)
    create_tables(tenant.owner, tenant.schema, (model,))
    position = small_bank().append(tenant.service, tenant.schema)
    follower = Follower(connect, tenant.schema, (*MODELS, model))
    with pytest.raises(psycopg.OperationalError):
        follower.step()
    follower.close()
    assert tenant.rows("select from {schema}.balances") == []
    assert tenant.rows("select from {schema}.certificate_head") == []
    assert tenant.project(models=(*MODELS, failing_model(lambda batch, write: None))) == position


def test_a_follower_survives_the_loss_of_its_connection(tenant: Tenant) -> None:
    bank = small_bank()
    with Following(tenant.follower()) as follower:
        first = bank.append(tenant.service, tenant.schema)
        until(lambda: follower.position == first)
        tenant.owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where query ilike %s and pid <> pg_backend_pid() and pid <> %s",
            (f"%{tenant.schema}%", tenant.service.info.backend_pid),
        )
        bank.credit("first", 5_00)
        second = bank.append(tenant.service, tenant.schema)
        until(lambda: follower.position == second)
        assert follower.failure is None


def test_a_follower_waits_for_a_database_that_is_not_there_yet(tenant: Tenant) -> None:
    attempts = 0

    def connect() -> psycopg.Connection:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise psycopg.OperationalError("connection refused")
        return tenant.connect()

    with Following(Follower(connect, tenant.schema)) as follower:
        position = small_bank().append(tenant.service, tenant.schema)
        until(lambda: follower.position == position)


def test_a_failing_model_stops_everything_and_is_seen(tenant: Tenant) -> None:
    """Better late than wrong: no model moves on without the others."""

    def refuse(batch: Any, write: Any) -> None:
        raise ArithmeticError("cannot be applied")

    model = failing_model(refuse)
    create_tables(tenant.owner, tenant.schema, (model,))
    small_bank().append(tenant.service, tenant.schema)
    with Following(tenant.follower(models=(*MODELS, model))) as follower:
        until(lambda: isinstance(follower.failure, ArithmeticError))
        assert follower.position == 0
    assert tenant.rows("select from {schema}.balances") == []


def test_a_missing_event_stops_the_follower_before_it(tenant: Tenant) -> None:
    small_bank().append(tenant.service, tenant.schema)
    tenant.owner.execute(
        bind("delete from {schema}.events where notification_id = 5", tenant.schema).encode()
    )
    follower = tenant.follower(batch_size=3)
    assert follower.step() == 3
    with pytest.raises(LogHasGap) as caught:
        follower.step()
    assert caught.value.position == 5
    follower.close()


def test_a_model_made_anew_is_brought_up_to_the_others(tenant: Tenant) -> None:
    tenant.project(small_bank())
    before = tenant.contents(MODELS)
    newer = journal.MODEL._replace(version=journal.MODEL.version + 1)
    create_tables(tenant.owner, tenant.schema, (newer,))
    assert tenant.rows("select from {schema}.journal") == []
    assert tenant.project() == tenant.rows("select last_id from {schema}.log_head")[0][0]
    assert tenant.contents(MODELS) == before


def test_lost_tables_come_back(tenant: Tenant) -> None:
    bank = small_bank()
    tenant.project(bank)
    before = tenant.contents(MODELS)
    for model in MODELS:
        for table in model.table_names:
            tenant.owner.execute(f"drop table {tenant.schema}.{table}".encode())
    create_tables(tenant.owner, tenant.schema)
    tenant.project()
    assert tenant.contents(MODELS) == before


def test_creating_the_tables_again_changes_nothing(tenant: Tenant) -> None:
    tenant.project(small_bank())
    before = tenant.contents(MODELS)
    create_tables(tenant.owner, tenant.schema)
    assert tenant.contents(MODELS) == before


def test_a_ledger_that_starts_over_is_followed_from_its_new_beginning(tenant: Tenant) -> None:
    with Following(tenant.follower()) as follower:
        old = small_bank().append(tenant.service, tenant.schema)
        until(lambda: follower.position == old)
        tables = ", ".join(f"{tenant.schema}.{table}" for model in MODELS for table in model.table_names)
        with tenant.owner.transaction():
            tenant.owner.execute(f"truncate {tenant.schema}.events, {tables}".encode())
            tenant.owner.execute(f"update {tenant.schema}.tracking set notification_id = 0".encode())
            tenant.owner.execute(f"update {tenant.schema}.log_head set last_id = 0".encode())
        bank = BankHistory("new")
        bank.open("one")
        assert bank.append(tenant.service, tenant.schema) == 1
        until(lambda: tenant.rows("select account_id from {schema}.balances") == [("newone",)])


def test_the_time_of_recording_never_runs_backwards(tenant: Tenant) -> None:
    """A process whose clock is behind appends after one that is right."""
    bank = BankHistory()
    account = bank.open("one")
    bank.pass_time(seconds=10)
    bank.credit(account, 100)
    ahead = bank.now
    bank.pass_time(seconds=-5)
    bank.credit(account, 100)
    tenant.project(bank, batch_size=2)
    times = tenant.rows("select recorded_at from {schema}.balance_history order by position")
    assert times == [(ahead,), (ahead,)]


def test_amounts_beyond_64_bits_are_kept_to_the_unit(tenant: Tenant) -> None:
    bank = BankHistory()
    account = bank.open("whale", currency="USDC")
    bank.credit(account, 999_999_999_999_999_999_999)
    tenant.project(bank)
    assert tenant.rows("select posted from {schema}.balances") == [(999_999_999_999_999_999_999,)]


def test_read_models_are_always_certified(tenant: Tenant) -> None:
    """Also when only some of them are followed."""
    follower = tenant.follower(models=(balances.MODEL,))
    small_bank().append(tenant.service, tenant.schema)
    while follower.step():
        pass
    follower.close()
    assert tenant.rows("select position from {schema}.certificate_head") == [(follower.position,)]
    assert certificates.MODEL.name in dict(
        tenant.rows("select application_name, notification_id from {schema}.tracking")
    )
