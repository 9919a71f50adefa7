"""The ledger's own surface over real HTTP: what auditors and finance see of a bank that is running."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.ledger_service import LedgerService, ledger_service

CHECKING = "test_checking_123"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerService]:
    """A sandbox with one settled transfer of 125.50 and one pending of 10.00."""
    with ledger_service(tmp_path_factory.mktemp("ledger")) as running:
        running.transfer("settles", "125.50")
        running.advance(86_400)
        running.transfer("pends", "10.00")
        yield running


def pages(service: LedgerService, path: str, rows: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    after = 0
    while True:
        page = service.read(path, after=after, **query)
        found += page[rows]
        if page["next_after"] is None:
            return found
        after = page["next_after"]


def test_pages_of_events_are_the_whole_log_without_a_gap(service: LedgerService) -> None:
    events = pages(service, "events", "events", limit=7)
    head = service.read("events", limit=1)["head"]
    assert [event["position"] for event in events] == list(range(1, head + 1))
    assert events == service.read("events", limit=1_000)["events"]
    assert set(events[0]) == {
        "position",
        "stream",
        "version",
        "topic",
        "recorded_at",
        "effective_at",
        "actor",
        "correlation_id",
        "causation_id",
        "data",
    }


def test_an_empty_parameter_is_as_good_as_none(service: LedgerService) -> None:
    query = "after=0&limit=100&stream=&category=&topic=&from=&to="
    answer = service.http.get(f"/ledger/v1/events?{query}", headers=service.headers())
    assert answer.json() == service.read("events")


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ({"stream": f"account-{CHECKING}"}, lambda event: event["stream"] == f"account-{CHECKING}"),
        ({"category": "transfer"}, lambda event: event["stream"].startswith("transfer-")),
        ({"topic": "account.debited"}, lambda event: event["topic"] == "account.debited"),
        ({"from_": "2025-10-21"}, lambda event: event["recorded_at"] >= "2025-10-21"),
        ({"to": "2025-10-20"}, lambda event: event["recorded_at"] < "2025-10-21"),
    ],
)
def test_events_are_filtered(service: LedgerService, query: dict[str, str], keeps: Any) -> None:
    expected = [event for event in pages(service, "events", "events") if keeps(event)]
    assert expected
    assert pages(service, "events", "events", limit=3, **query) == expected


def test_events_as_lines_are_the_same_events(service: LedgerService) -> None:
    answer = service.get("events", accept="application/x-ndjson", category="account")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == pages(service, "events", "events", category="account")


def test_live_events_go_on_with_what_is_recorded_next(service: LedgerService) -> None:
    after = service.read("events", limit=1)["head"]
    headers = service.headers() | {"accept": "text/event-stream", "last-event-id": str(after)}
    with service.http.stream("GET", "/ledger/v1/events", headers=headers) as live:
        assert live.headers["content-type"] == "text/event-stream"
        position = service.transfer("live", "1.00")
        seen: list[int] = []
        for line in live.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: "))["position"])
            if seen and seen[-1] == position:
                break
    assert seen == list(range(after + 1, position + 1))


def test_a_stream_folds_to_its_state_at_any_version(service: LedgerService) -> None:
    stream = service.read(f"streams/account-{CHECKING}")
    assert [event["version"] for event in stream["events"]] == list(range(1, stream["version"] + 1))
    assert stream["state"]["posted"] == 987_450
    opened = service.read(f"streams/account-{CHECKING}", at_version=1)
    assert (opened["version"], opened["state"].get("posted")) == (1, 0)
    early = service.read(f"streams/account-{CHECKING}", at="2025-10-20")
    assert early["state"]["posted"] == 1_000_000
    page = service.read(f"streams/account-{CHECKING}", limit=2)
    assert (len(page["events"]), page["next_after"], page["state"]) == (2, 2, stream["state"])


@pytest.mark.parametrize("identifier", [CHECKING, "1000000123"])
def test_a_balance_by_any_identifier(service: LedgerService, identifier: str) -> None:
    balance = service.read(f"accounts/{identifier}/balance")
    assert balance["account_id"] == CHECKING
    assert balance["posted"] == "9874.50"
    assert Decimal(balance["available"]) == Decimal(balance["posted"]) - Decimal(balance["held"])


def test_a_balance_effective_then_as_known_now_or_then(service: LedgerService) -> None:
    """The transfer counts from noon of the 21st, and was known only when the clock had got there."""
    path = f"accounts/{CHECKING}/balance"
    noon, before = "2025-10-21T12:00:00Z", "2025-10-21T11:59:59.999999Z"
    assert service.read(path, effective_at=noon)["posted"] == "9874.50"
    assert service.read(path, effective_at=before)["posted"] == "10000.00"
    unknown = service.read(path, effective_at=noon, known_at="2025-10-20")
    assert (unknown["posted"], unknown["held"], unknown["available"]) == ("10000.00", "125.50", "9874.50")
    assert unknown["known_at"].startswith("2025-10-20T23:59:59")
    assert unknown["position"] < service.read(path)["position"]


def test_a_statement_adds_up(service: LedgerService) -> None:
    found = service.read(f"accounts/{CHECKING}/statement", from_="2025-10-21", to="2025-10-21")
    assert (found["opening_balance"], found["closing_balance"]) == ("10000.00", "9874.50")
    [line] = found["lines"]
    assert (line["debit"], line["credit"], line["balance"]) == ("125.50", "0.00", "9874.50")
    assert line["effective_at"] == "2025-10-21T12:00:00Z"


def test_a_statement_as_csv_has_the_same_lines(service: LedgerService) -> None:
    answer = service.get(f"accounts/{CHECKING}/statement", accept="text/csv")
    assert answer.headers["content-type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    lines = service.read(f"accounts/{CHECKING}/statement")["lines"]
    assert [row["type"] for row in (rows[0], rows[-1])] == ["opening_balance", "closing_balance"]
    assert [(row["position"], row["balance"]) for row in rows[1:-1]] == [
        (str(line["position"]), line["balance"]) for line in lines
    ]


def test_a_statement_in_pages_goes_on_at_its_cursor(service: LedgerService) -> None:
    path = f"accounts/{CHECKING}/statement"
    whole = service.read(path)
    first = service.read(path, limit=1)
    assert first["next_cursor"] is not None
    second = service.read(path, limit=1, cursor=first["next_cursor"])
    assert first["lines"] + second["lines"] == whole["lines"][:2]


def test_the_trial_balance_balances_and_is_certified(service: LedgerService) -> None:
    found = service.read("trial-balance")
    assert found["position"] == found["events"] == service.read("events", limit=1)["head"]
    assert len(bytes.fromhex(found["digest"])) == 32
    for total in found["totals"]:
        assert total["debit"] == total["credit"]
        rows = [row for row in found["rows"] if row["currency"] == total["currency"]]
        assert sum(Decimal(row["debit"]) for row in rows) == Decimal(total["debit"])
        assert sum(Decimal(row["credit"]) for row in rows) == Decimal(total["credit"])


def test_an_older_trial_balance_has_an_older_certificate(service: LedgerService) -> None:
    newest = service.read("trial-balance")
    older = service.read("trial-balance", known_at="2025-10-20")
    assert older["position"] < newest["position"]
    assert older["digest"] != newest["digest"]
    assert older["totals"][0]["debit"] == older["totals"][0]["credit"]
    assert service.read("trial-balance", known_at="2025-10-20") == older


def test_the_journal_pages_whole_entries_and_balances(service: LedgerService) -> None:
    lines = pages(service, "journal", "lines", limit=3)
    assert lines == service.read("journal", limit=1_000)["lines"]
    assert [line["line"] for line in lines] == [1, 2] * (len(lines) // 2)
    assert sum(Decimal(line["debit"]) for line in lines) == sum(Decimal(line["credit"]) for line in lines)
    of_code = pages(service, "journal", "lines", account_code="1000-CASH", limit=2)
    assert of_code == [line for line in lines if line["account_code"] == "1000-CASH"]


def test_the_journal_as_csv_is_all_of_it(service: LedgerService) -> None:
    answer = service.get("journal", accept="text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    lines = service.read("journal", limit=1_000)["lines"]
    assert [{name: str(value or "") for name, value in line.items()} for line in lines] == rows


def test_the_general_ledger_opens_each_day_where_the_last_one_closed(service: LedgerService) -> None:
    rows = service.read("general-ledger", account_code="2000-CUSTOMER-DEPOSITS")["rows"]
    assert [row["date"] for row in rows] == ["2025-10-20", "2025-10-21"]
    assert rows[0]["opening"] == "0.00"
    assert rows[1]["opening"] == rows[0]["closing"]
    for row in rows:
        moved = Decimal(row["credits"]) - Decimal(row["debits"])
        assert Decimal(row["opening"]) + moved == Decimal(row["closing"])


def test_an_account_code_is_added_once_and_never_changes_its_meaning(service: LedgerService) -> None:
    def add(name: str, scope: str = "gl.write") -> httpx.Response:
        body = {"account_code": "1300-PETTY-CASH", "account_name": name, "type": "asset"}
        return service.http.post("/ledger/v1/chart-of-accounts", json=body, headers=service.headers(scope))

    assert add("Petty Cash", scope="gl.read").status_code == 403
    first = add("Petty Cash")
    assert first.status_code == 201
    assert first.json() == {"account_code": "1300-PETTY-CASH", "account_name": "Petty Cash", "type": "asset"}
    assert add("Petty Cash").status_code == 201
    other = add("Something else")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "account_code_taken")
    assert first.json() in service.read("chart-of-accounts")["accounts"]


def test_an_idempotency_key_answers_the_same_again_and_nothing_else(service: LedgerService) -> None:
    headers = service.headers("gl.write") | {"idempotency-key": "chart-1"}

    def add(code: str, name: str) -> httpx.Response:
        body = {"account_code": code, "account_name": name, "type": "expense"}
        return service.http.post("/ledger/v1/chart-of-accounts", json=body, headers=headers)

    first = add("5100-RENT", "Rent")
    assert first.status_code == 201
    head = service.read("events", limit=1)["head"]
    again = add("5100-RENT", "Rent")
    assert (again.status_code, again.content) == (201, first.content)
    assert service.read("events", limit=1)["head"] == head
    other = add("5200-POWER", "Power")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    headers["idempotency-key"] = "x" * 256
    assert add("5200-POWER", "Power").status_code == 400


def test_every_route_is_described(service: LedgerService) -> None:
    paths = service.http.get("/docs/openapi.json").json()["paths"]
    of_ledger = {path: methods for path, methods in paths.items() if path.startswith("/ledger/v1/")}
    assert len(of_ledger) >= len(PATHS)
    for methods in of_ledger.values():
        for described in methods.values():
            assert described["tags"] == ["Ledger"]
            assert described["responses"]["401"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("events", {"after": "x"}, "after"),
        ("events", {"limit": "1001"}, "limit"),
        ("events", {"category": "nonsense"}, "category"),
        ("events", {"stream": "\x00"}, "stream"),
        ("events", {"from_": "yesterday"}, "from"),
        (f"streams/account-{CHECKING}", {"at_version": "0x1"}, "at_version"),
        (f"accounts/{CHECKING}/balance", {"effective_at": "2025-10-20T12:00:00"}, "effective_at"),
        (f"accounts/{CHECKING}/balance", {"known_at": "never"}, "known_at"),
        (f"accounts/{CHECKING}/statement", {"from_": "2025-10-21", "to": "2025-10-20"}, "from"),
        (f"accounts/{CHECKING}/statement", {"cursor": "1"}, "cursor"),
        ("trial-balance", {"known_at": "1"}, "known_at"),
        ("journal", {"to": "2025-13-01"}, "to"),
        ("general-ledger", {"from_": "x"}, "from"),
    ],
)
def test_a_bad_parameter_is_named(
    service: LedgerService, path: str, query: dict[str, str], field: str
) -> None:
    answer = service.get(path, **query)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"account_name": "x", "type": "asset"}, "account_code"),
        ({"account_code": "a b", "account_name": "x", "type": "asset"}, "account_code"),
        ({"account_code": "1", "account_name": " ", "type": "asset"}, "account_name"),
        ({"account_code": "1", "account_name": 7, "type": "asset"}, "account_name"),
        ({"account_code": "1", "account_name": "x", "type": "debit"}, "type"),
    ],
)
def test_a_bad_member_is_named(service: LedgerService, body: dict[str, Any], field: str) -> None:
    answer = service.http.post("/ledger/v1/chart-of-accounts", json=body, headers=service.headers("gl.write"))
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    "path",
    [
        "accounts/nobody/balance",
        "accounts/nobody/statement",
        "accounts/%00/balance",
        "streams/account-nobody",
        "streams/nonsense",
        "streams/nonsense-1",
        "journal?account_code=9999-NONE",
        "general-ledger?account_code=9999-NONE",
        "nothing",
    ],
)
def test_what_does_not_exist_is_404_in_the_surfaces_own_shape(service: LedgerService, path: str) -> None:
    answer = service.http.get(f"/ledger/v1/{path}", headers=service.headers())
    assert answer.status_code == 404
    assert {"code", "message", "request_id"} <= set(answer.json()["error"])


PATHS = (
    "events",
    f"streams/account-{CHECKING}",
    f"accounts/{CHECKING}/balance",
    f"accounts/{CHECKING}/statement",
    "trial-balance",
    "journal",
    "general-ledger",
    "chart-of-accounts",
)


@pytest.mark.parametrize("path", PATHS)
def test_reading_needs_a_token_with_one_of_two_scopes(service: LedgerService, path: str) -> None:
    assert service.http.get(f"/ledger/v1/{path}").status_code == 401
    assert service.get(path, scope="transfers").status_code == 403
    assert service.get(path, scope="gl.read").status_code == 200
    assert service.get(path, scope="audit.read").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_minimum_position_is_refused(service: LedgerService, path: str) -> None:
    headers = service.headers() | {"x-min-position": "soon"}
    assert service.http.get(f"/ledger/v1/{path}", headers=headers).status_code == 400


def test_another_tenants_ledger_is_not_seen(service: LedgerService) -> None:
    headers = service.headers(tenant="other-bank")
    assert service.http.get(f"/ledger/v1/accounts/{CHECKING}/balance", headers=headers).status_code == 404
    assert service.http.get(f"/ledger/v1/streams/account-{CHECKING}", headers=headers).status_code == 404
    assert service.http.get("/ledger/v1/trial-balance", headers=headers).json()["rows"] == []
