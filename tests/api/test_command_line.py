"""The commands do what their help says, and tell in one line why they do not."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from api.command_line.options import instant, start_of
from application.access import Claims
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.settings import describe
from infrastructure.tokens import Tokens
from tests.api.command_line_runs import SAMPLE, TENANT, daybook, start_daybook, transaction, write_rows

COMMANDS = (
    *("serve", "api", "worker", "demo", "migrate", "token", "replay", "events"),
    *("balance", "trial-balance", "journal", "import-transactions", "openapi"),
)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A bank with the sample's transactions, in a folder whose Postgres runs."""
    data = tmp_path_factory.mktemp("bank") / "data"
    assert daybook("migrate", "--data", data, "--tenant", TENANT).code == 0
    assert daybook("import-transactions", SAMPLE, "--data", data).code == 0
    with EmbeddedPostgres(data) as postgres:
        yield postgres


@pytest.fixture
def data(bank: EmbeddedPostgres) -> Path:
    return bank.data_dir


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_says_what_it_takes_and_how_it_ends(command: str) -> None:
    ran = daybook(command, "--help")
    assert ran.code == 0
    assert f"daybook {command}" in ran.output
    assert "Exit codes: 0 done" in ran.output


def test_the_help_lists_every_command() -> None:
    text = daybook("--help").output
    assert all(f" {command} " in text for command in COMMANDS)


def test_every_setting_is_an_option_of_the_service_and_an_environment_variable() -> None:
    text = daybook("serve", "--help").output
    for name, _, _ in describe():
        assert f"--{name.replace('_', '-')}" in text
        assert f"DAYBOOK_{name.upper()}" in text.replace(" ", "").replace("│", "")


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["balance", "nobody", "--data", "{data}"], 1, "there is no account nobody"),
        (["balance", "bank-39", "--data", "{data}", "--at", "yesterday"], 2, "'yesterday' is no instant"),
        (["balance", "bank-39", "--data", "{data}", "--at", "2025-10-20T15:30:00"], 2, "is no instant"),
        (["balance", "bank-39", "--data", "{nowhere}"], 3, "there is no database in"),
        (["balance", "bank-39", "--database-url", "postgresql://127.0.0.1:1/x"], 3, "not available"),
        (["balance", "bank-39", "--database-url", "secret=word"], 2, "database URL cannot be understood"),
        (["balance"], 2, "ACCOUNT"),
        (["trial-balance", "--data", "{data}", "--tenant", "nix"], 2, "there is no tenant nix"),
        (["journal", "--data", "{data}", "--csv", "--json"], 2, "exclude each other"),
        (["import-transactions", "{nowhere}", "--data", "{data}"], 2, "No such file"),
        (["import-transactions", __file__, "--data", "{data}"], 2, "the first line must be"),
        (["import-transactions", str(SAMPLE), "--currency", "XXX"], 2, "XXX is no currency"),
        (["token", "--url", "http://127.0.0.1:1"], 3, "the service does not answer"),
        (["token", "--url", "nowhere"], 2, "is no URL"),
        (["token", "--data", "{data}", "--expires-in", "0"], 2, "--expires-in"),
        (["serve", "--port", "many"], 2, "--port"),
        (["serve", "--clock", "2025-10-20T15:30:00Z"], 2, "clock is only for the sandbox"),
        (["serve", "--data", "{nowhere}", "--port", "{taken_port}"], 3, "cannot listen on 127.0.0.1:"),
        (
            ["serve", "--data", "{nowhere}", "--host", "nowhere.invalid"],
            3,
            "cannot listen on nowhere.invalid",
        ),
        (["api"], 2, "--database-url is needed"),
        (["worker"], 2, "--database-url is needed"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line_with_its_exit_code(
    arguments: list[str], code: int, reason: str, data: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"data": data, "nowhere": tmp_path / "nowhere", "taken_port": taken.getsockname()[1]}
        ran = daybook(*(text.format(**places) for text in arguments))
    assert ran.code == code
    assert ran.output == ""
    assert ran.errors.count("\n") == 1
    assert ran.errors.startswith("daybook: ")
    assert reason in ran.errors
    assert "word" not in ran.errors
    assert not (tmp_path / "nowhere").exists()


def test_a_database_that_was_never_prepared_is_told_so(bank: EmbeddedPostgres) -> None:
    ran = daybook("trial-balance", "--database-url", bank.dsn.replace("dbname=daybook", "dbname=postgres"))
    assert (ran.code, ran.errors) == (3, "daybook: the database is not prepared: run `daybook migrate`\n")


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    first = daybook("migrate", "--data", tmp_path / "data", "--tenant", "acme", "--json").json()
    second = daybook("migrate", "--data", tmp_path / "data", "--tenant", "acme", "--json").json()
    assert first["migrations"]
    assert second == {"migrations": [], "tenants": ["acme"]}


def test_several_tenants_have_to_be_told_apart(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        for name in ("one", "two"):
            assert daybook("migrate", "--database-url", postgres.dsn, "--tenant", name).code == 0
        ran = daybook("trial-balance", "--database-url", postgres.dsn)
        assert (ran.code, ran.errors) == (2, "daybook: --tenant is needed: one of one, two\n")
        assert daybook("trial-balance", "--database-url", postgres.dsn, "--tenant", "two").code == 0


def test_a_token_is_signed_with_the_databases_keys(bank: EmbeddedPostgres, data: Path) -> None:
    ran = daybook(
        *("token", "--data", data, "--subject", "alice", "--scope", "transfers gl.read"),
        *("--role", "teller", "--client-id", "shop", "--expires-in", "60", "--json"),
    )

    async def verified() -> Claims:
        tokens = Tokens(bank.dsn)
        await tokens.start()
        try:
            return tokens.verify(ran.json()["access_token"], datetime.now(UTC))
        finally:
            await tokens.close()

    claims = asyncio.run(verified())
    assert (claims.subject, claims.client_id, claims.tenant) == ("alice", "shop", TENANT)
    assert (claims.scopes, claims.roles) == (frozenset({"transfers", "gl.read"}), frozenset({"teller"}))
    assert claims.expires_at - claims.issued_at == 60


def test_events_are_json_lines_in_order_without_a_gap(data: Path) -> None:
    positions = [event["position"] for event in daybook("events", "--data", data).lines()]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 60


def test_events_are_filtered(data: Path) -> None:
    def positions(*arguments: str) -> list[int]:
        return [event["position"] for event in daybook("events", "--data", data, *arguments).lines()]

    every = daybook("events", "--data", data).lines()

    def expected(**wanted: str) -> list[int]:
        return [
            event["position"]
            for event in every
            if all(event[name].startswith(value) for name, value in wanted.items())
        ]

    assert positions("--category", "account") == expected(stream="account-")
    assert positions("--topic", "account.debited") == expected(topic="account.debited")
    assert positions("--stream", "account-bank-39") == expected(stream="account-bank-39")
    assert positions("--stream", "account-bank-39", "--topic", "account.opened", "--category", "account") == (
        expected(stream="account-bank-39", topic="account.opened")
    )
    assert positions("--after", "10", "--limit", "3") == [11, 12, 13]
    assert positions("--limit", "0") == []
    middle = every[len(every) // 2]["recorded_at"]
    assert positions("--from", middle) == [e["position"] for e in every if e["recorded_at"] >= middle]
    assert positions("--to", middle) == [e["position"] for e in every if e["recorded_at"] <= middle]
    assert positions("--to", "1993-01-01") == []


def test_followed_events_go_on_until_interrupted(data: Path, tmp_path: Path) -> None:
    newest = daybook("events", "--data", data).lines()[-1]["position"]
    following = start_daybook("events", "--data", data, "--after", str(newest), "--follow")
    try:
        row = transaction(1, "3.00", "3.00", account_id="4711", transaction_id="followed", date="1999-01-01")
        daybook("import-transactions", write_rows(tmp_path / "one.csv", [row]), "--data", data)
        assert following.stdout is not None
        line = following.stdout.readline()
        assert f'"position":{newest + 1}' in line
        following.send_signal(signal.SIGINT)
        _, errors = following.communicate(timeout=30)
        assert (following.returncode, errors) == (0, "")
    finally:
        following.kill()
        following.communicate()


def test_a_reader_that_goes_away_is_no_error(data: Path) -> None:
    writing = start_daybook("events", "--data", data, "--follow")
    try:
        assert writing.stdout is not None
        writing.stdout.readline()
        writing.stdout.close()
        writing.stdout = None
        row = transaction(1, "3.00", "3.00", account_id="4712", transaction_id="unread", date="1999-01-01")
        daybook("import-transactions", write_rows(data.parent / "one.csv", [row]), "--data", data)
        _, errors = writing.communicate(timeout=30)
        assert (writing.returncode, errors) == (0, "")
    finally:
        writing.kill()
        writing.communicate()


def test_the_journal_is_a_table_lines_of_json_or_csv(data: Path) -> None:
    lines = daybook("journal", "--data", data, "--json", "--limit", "2").lines()
    assert [(line["line"], bool(line["debit"]), bool(line["credit"])) for line in lines] == [
        (1, True, False),
        (2, False, True),
    ] * 2
    header, first, *_ = daybook("journal", "--data", data, "--csv", "--limit", "2").output.splitlines()
    assert header == ",".join(lines[0])
    assert first == ",".join(str(value or "") for value in lines[0].values())
    table = daybook("journal", "--data", data, "--limit", "2").output
    assert all(line["account_code"] in table for line in lines)


def test_the_journal_is_bounded_by_days_and_filtered_by_code(data: Path) -> None:
    arguments = ("--from", "1993-12-01", "--to", "1993-12-31", "--account-code", "5000-INTEREST-EXPENSE")
    lines = daybook("journal", "--data", data, "--json", *arguments).lines()
    assert lines
    assert all("1993-12-01" <= line["effective_at"][:10] <= "1993-12-31" for line in lines)
    assert {line["account_code"] for line in lines} == {"5000-INTEREST-EXPENSE"}


def test_a_trial_balance_is_shown_as_it_was(data: Path) -> None:
    before = daybook("trial-balance", "--data", data, "--at", "1990-01-01", "--json").json()
    then = daybook("trial-balance", "--data", data, "--at", "1993-12-31", "--json").json()
    unknown = daybook("trial-balance", "--data", data, "--known-at", "2000-01-01", "--json").json()
    assert before["totals"] == []
    assert then["totals"] == [{"currency": "CZK", "debit": "65506.50", "credit": "65506.50"}]
    assert (unknown["totals"], unknown["position"]) == ([], 0)
    assert "65506.50" in daybook("trial-balance", "--data", data, "--at", "1993-12-31").output


def test_a_replay_proves_the_read_models_equal(data: Path) -> None:
    report = daybook("replay", "--data", data, "--json")
    assert report.code == 0
    content = report.json()
    assert (content["is_compared"], content["is_equal"], content["is_switched"]) == (True, True, True)
    assert "equal" in daybook("replay", "--data", data).output


def test_a_replay_finds_what_was_changed_and_leaves_it_until_told(bank: EmbeddedPostgres, data: Path) -> None:
    daybook("trial-balance", "--data", data)
    with psycopg.connect(bank.dsn, autocommit=True) as connection:
        connection.execute("update bank_test_bank.journal set amount = amount + 1 where reference = '11479'")
    found = daybook("replay", "--data", data, "--json")
    assert found.code == 1
    assert [table["table"] for table in found.json()["tables"] if not table["is_equal"]] == ["journal"]
    assert not found.json()["is_switched"]
    assert "differs" in daybook("replay", "--data", data).output
    assert daybook("replay", "--data", data, "--switch-if-different").code == 1
    assert daybook("replay", "--data", data).code == 0


def test_the_api_is_described_without_a_service() -> None:
    def described(*flags: str) -> Any:
        printing = start_daybook("openapi", *flags)
        output, errors = printing.communicate(timeout=60)
        assert (printing.returncode, errors) == (0, "")
        return msgspec.json.decode(output)

    plain, sandbox = described(), described("--sandbox")
    assert "/api/transfers-v2" in plain["paths"]
    assert "/sandbox/tokens" in sandbox["paths"].keys() - plain["paths"].keys()


def test_a_day_alone_is_its_end_or_its_beginning() -> None:
    assert instant("2025-10-20") == datetime(2025, 10, 20, 23, 59, 59, 999_999, UTC)
    assert start_of("2025-10-20") == datetime(2025, 10, 20, tzinfo=UTC)
    assert instant("2025-10-20T17:30:00+02:00") == datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
