"""A bank's own transactions are taken over exactly once, in order, to the last minor unit."""

import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.tenants import prepare_database
from tests.api.command_line_runs import (
    SAMPLE,
    Ran,
    daybook,
    sample_rows,
    start_daybook,
    transaction,
    write_rows,
)
from tests.sandbox_service import sandbox_service

Import = Callable[[Path], Ran]

_names = count(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose Postgres runs, so that no command has to start it."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("import") / "data") as postgres:
        prepare_database(postgres.dsn)
        yield postgres.data_dir


@pytest.fixture
def tenant(data: Path) -> Iterator[str]:
    """A bank of its own for each test, in one database."""
    name = f"bank-{next(_names)}"
    assert daybook("migrate", "--data", data, "--tenant", name).code == 0
    yield name


@pytest.fixture
def take_over(data: Path, tenant: str) -> Import:
    return lambda file: daybook("import-transactions", file, "--data", data, "--tenant", tenant, "--json")


@pytest.fixture
def look_up(data: Path, tenant: str) -> Callable[..., Ran]:
    return lambda *arguments: daybook(*arguments, "--data", data, "--tenant", tenant, "--json")


def test_every_row_is_posted_once_however_often_the_file_is_imported(take_over: Import) -> None:
    first, second = take_over(SAMPLE), take_over(SAMPLE)
    assert (first.code, first.json()["posted_new"], first.json()["mismatches"]) == (0, 60, 0)
    assert (second.code, second.json()["posted_new"], second.json()["already_there"]) == (0, 0, 60)


def test_each_account_has_the_files_balance_at_the_end_of_each_day(
    take_over: Import, look_up: Callable[..., Ran]
) -> None:
    take_over(SAMPLE)
    last_of_day = {(row["account_id"], row["date"]): row["balance_after"] for row in sample_rows()}
    for (account_id, day), balance in list(last_of_day.items())[::5]:
        assert look_up("balance", f"bank-{account_id}", "--at", day).json()["posted"] == balance
    assert look_up("balance", "bank-39", "--at", "1990-01-01").json()["posted"] == "0.00"


def test_the_books_hold_what_the_file_adds_up_to(take_over: Import, look_up: Callable[..., Ran]) -> None:
    take_over(SAMPLE)
    report = look_up("trial-balance").json()
    cash = sum(
        Decimal(row["amount"]) * (1 if row["direction"] == "credit" else -1)
        for row in sample_rows()
        if row["operation"].startswith("cash") and row["category"] != "statement_fee"
    )
    debits = {row["account_code"]: Decimal(row["debit"]) for row in report["rows"]}
    assert debits["1000-CASH"] == cash
    assert report["totals"][0]["debit"] == report["totals"][0]["credit"]


def test_an_imported_account_has_a_number_that_finds_it(
    take_over: Import, look_up: Callable[..., Ran]
) -> None:
    take_over(SAMPLE)
    assert look_up("balance", "2000002050").json()["account_id"] == "bank-2050"


def test_a_changed_row_is_a_conflict_and_changes_nothing(
    take_over: Import, look_up: Callable[..., Ran], tmp_path: Path
) -> None:
    take_over(write_rows(tmp_path / "a.csv", [transaction(1, "700.00", "700.00")]))
    ran = take_over(write_rows(tmp_path / "b.csv", [transaction(1, "800.00", "800.00")]))
    assert (ran.code, ran.json()["conflicts"], ran.json()["posted_new"]) == (1, 1, 0)
    assert "line 2, transaction t1" in ran.json()["problems"][0]
    assert look_up("balance", "bank-77").json()["posted"] == "700.00"


def test_the_same_amount_written_otherwise_is_no_change(take_over: Import, tmp_path: Path) -> None:
    take_over(write_rows(tmp_path / "a.csv", [transaction(1, "700.00", "700.00")]))
    ran = take_over(write_rows(tmp_path / "b.csv", [transaction(1, "700", "700.0")]))
    assert (ran.code, ran.json()["already_there"]) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "1e3"}, "plain decimal number"),
        ({"amount": "NaN"}, "plain decimal number"),
        ({"amount": "0.00"}, "more than zero"),
        ({"amount": "-5.00"}, "more than zero"),
        ({"amount": "1.005"}, "at most 2 fraction digits"),
        ({"balance_after": ""}, "plain decimal number"),
        ({"date": "1993-02-30"}, "date must be a day"),
        ({"date": "930216"}, "date must be a day"),
        ({"direction": "sideways"}, "credit or debit"),
        ({"account_id": ""}, "account_id"),
        ({"transaction_id": "a b"}, "transaction_id"),
        ({"counterparty_bank": "\x00"}, "counterparty_bank"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_nothing_of_it_is_posted(
    changes: dict[str, str], reason: str, take_over: Import, look_up: Callable[..., Ran], tmp_path: Path
) -> None:
    rows = [
        transaction(1, "700.00", "700.00"),
        transaction(2, "5.00", "705.00") | changes,
        transaction(3, "1.00", "701.00"),
    ]
    ran = take_over(write_rows(tmp_path / "bad.csv", rows))
    assert (ran.code, ran.json()["bad_rows"], ran.json()["posted_new"]) == (1, 1, 2)
    assert ran.json()["problems"][0].startswith("line 3: ")
    assert reason in ran.json()["problems"][0]
    assert look_up("balance", "bank-77").json()["posted"] == "701.00"


def test_a_row_of_another_length_and_one_that_is_no_csv_are_bad_rows(
    take_over: Import, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "bad.csv", [], ["t1,77,1993-02-01", 't2,"77"x,1993-02-01,,,,,,,'])
    ran = take_over(file)
    assert (ran.code, ran.json()["bad_rows"]) == (1, 2)


def test_bytes_that_are_no_text_are_a_bad_row(take_over: Import, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "bad.csv", [transaction(1, "1.00", "1.00", counterparty_bank="XX")])
    file.write_bytes(file.read_bytes().replace(b"XX", b"\xff\xfe"))
    assert take_over(file).json()["bad_rows"] == 1


def test_a_balance_that_differs_is_told_and_the_exit_code_says_so(take_over: Import, tmp_path: Path) -> None:
    ran = take_over(write_rows(tmp_path / "a.csv", [transaction(1, "700.00", "700.01")]))
    assert (ran.code, ran.json()["mismatches"]) == (1, 1)
    assert "the balance is 700.00, in the file 700.01" in ran.json()["problems"][0]


def test_an_account_that_the_file_shows_overdrawn_is_allowed_to_be(
    take_over: Import, look_up: Callable[..., Ran], tmp_path: Path
) -> None:
    rows = [transaction(1, "10.00", "10.00"), transaction(2, "-25.50", "-15.50")]
    ran = take_over(write_rows(tmp_path / "a.csv", rows))
    assert (ran.code, ran.json()["posted_new"]) == (0, 2)
    balance = look_up("balance", "bank-77").json()
    assert (balance["posted"], balance["available"]) == ("-15.50", "0.00")


def test_a_debit_that_the_file_does_not_show_as_overdrawn_is_refused(
    take_over: Import, tmp_path: Path
) -> None:
    rows = [transaction(1, "10.00", "10.00"), transaction(2, "-25.50", "84.50")]
    ran = take_over(write_rows(tmp_path / "a.csv", rows))
    assert (ran.code, ran.json()["refused"], ran.json()["posted_new"]) == (1, 1, 1)


def test_an_account_keeps_its_currency(data: Path, tenant: str, take_over: Import, tmp_path: Path) -> None:
    take_over(write_rows(tmp_path / "a.csv", [transaction(1, "10.00", "10.00")]))
    file = write_rows(tmp_path / "b.csv", [transaction(2, "10.00", "20.00")])
    ran = daybook(
        "import-transactions", file, "--data", data, "--tenant", tenant, "--currency", "EUR", "--json"
    )
    assert (ran.code, ran.json()["refused"]) == (1, 1)


def test_an_import_that_was_killed_goes_on_where_it_was(
    data: Path, tenant: str, take_over: Import, tmp_path: Path
) -> None:
    rows = [
        row
        | {"account_id": f"{copy}{row['account_id']}", "transaction_id": f"{copy}-{row['transaction_id']}"}
        for copy in range(1, 41)
        for row in sample_rows()
    ]
    file = write_rows(tmp_path / "large.csv", rows)
    killed = start_daybook("import-transactions", file, "--data", data, "--tenant", tenant)
    following = start_daybook("events", "--data", data, "--tenant", tenant, "--follow")
    try:
        # Wherever it is after so many events, half way or done: the outcome is the same.
        assert following.stdout is not None
        for _ in range(500):
            following.stdout.readline()
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
    finally:
        for process in (following, killed):
            process.kill()
            process.communicate()
    ran = take_over(file)
    assert ran.code == 0
    assert ran.json()["posted_new"] + ran.json()["already_there"] == len(rows)
    assert take_over(file).json()["already_there"] == len(rows)


def test_it_works_beside_a_running_service_and_in_its_time(tmp_path: Path) -> None:
    with sandbox_service(tmp_path) as service:
        ran = daybook("import-transactions", SAMPLE, "--data", tmp_path / "data", "--json")
        assert (ran.code, ran.json()["posted_new"]) == (0, 60)
        events = daybook("events", "--data", tmp_path / "data", "--category", "account").lines()
        assert {event["recorded_at"][:10] for event in events} == {"2025-10-20"}
        assert service.http.get("/health/ready").status_code == 200
