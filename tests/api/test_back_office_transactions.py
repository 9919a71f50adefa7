"""Transactions over HTTP: posted, refused, listed, reversed, in batches; literally, and exactly once."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.back_office_requests import V1, at_once, back_office, done, invalid, refused, send
from tests.api.transfer_requests import TRANSFERS, created_id, interbank, internal
from tests.sandbox_service import SandboxService

TRANSACTIONS, BATCH = f"{V1}/transactions", f"{V1}/transactions/batch"
CHECKING, SAVINGS, OTHER = "test_checking_123", "test_savings_456", "test_checking_other"
MEMBERS = [
    "id",
    "type",
    "status",
    "account_id",
    "to_account_id",
    "amount",
    "currency",
    "description",
    "effective_date",
    "reversal_of",
    "reversed_by",
    "source",
    "created_at",
]


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with back_office(sandbox) as client:
        yield client


def deposit(**changes: Any) -> dict[str, Any]:
    return {"type": "deposit", "account_id": CHECKING, "amount": 250.25, **changes}


def withdrawal(amount: Any, account_id: str = OTHER) -> dict[str, Any]:
    return {"type": "withdrawal", "account_id": account_id, "amount": amount}


def posted(client: httpx.Client, key: str | None = None, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = done(send(client, "POST", TRANSACTIONS, deposit(**changes), key), 201)
    return made


def balance(client: httpx.Client, account_id: str = CHECKING) -> float:
    shown: float = done(client.get(f"{V1}/accounts/{account_id}"))["balance"]
    return shown


def total(client: httpx.Client, **wanted: Any) -> int:
    response = client.get(TRANSACTIONS, params=wanted)
    done(response)
    count: int = response.json()["pagination"]["total_count"]
    return count


def test_a_transaction_is_shown_as_documented_wherever_it_is_shown(staff: httpx.Client) -> None:
    response = send(staff, "POST", TRANSACTIONS, deposit(amount="250.50", description="Cash"))
    made = done(response, 201)
    assert list(made) == MEMBERS
    assert b'"amount":250.50,"currency":"USD"' in response.content
    assert int(response.headers["X-Ledger-Position"]) > 0
    assert made["id"].startswith("txn_")
    assert (made["type"], made["status"], made["source"]) == ("deposit", "completed", "back_office")
    assert (made["account_id"], made["to_account_id"], made["description"]) == (CHECKING, None, "Cash")
    assert made["effective_date"] == made["created_at"][:10]
    assert (made["reversal_of"], made["reversed_by"]) == (None, None)
    assert done(staff.get(f"{TRANSACTIONS}/{made['id']}")) == made
    assert done(staff.get(TRANSACTIONS, params={"limit": 1})) == [made]
    assert balance(staff) == 10_250.50


def test_each_type_moves_the_balance_its_own_way(staff: httpx.Client) -> None:
    for wanted, after in (
        ({"type": "withdrawal"}, 9_900),
        ({"type": "fee"}, 9_800),
        ({"type": "interest"}, 9_900),
        ({"type": "adjustment"}, 10_000),
        ({"type": "adjustment", "direction": "debit"}, 9_900),
        ({"type": "transfer", "to_account_id": "1000000456"}, 9_800),
    ):
        made = posted(staff, amount=100, **wanted)
        assert made["type"] == wanted["type"]
        assert balance(staff) == after
    assert balance(staff, SAVINGS) == 5_100


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": None}, "type"),
        ({"type": "gift"}, "type"),
        ({"account_id": ""}, "account_id"),
        ({"account_id": "nobody"}, "account_id"),
        ({"account_id": 123}, "account_id"),
        ({"account_id": "a\x00b"}, "account_id"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "1.00000001"}, "amount"),
        ({"amount": "1" * 16}, "amount"),
        ({"amount": "9" * 1_000}, "amount"),
        ({"amount": None}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": 840}, "currency"),
        ({"currency": "JPY", "amount": "1.5"}, "amount"),
        ({"direction": "credit"}, "direction"),
        ({"type": "adjustment", "direction": "up"}, "direction"),
        ({"to_account_id": SAVINGS}, "to_account_id"),
        ({"type": "transfer"}, "to_account_id"),
        ({"type": "transfer", "to_account_id": "nobody"}, "to_account_id"),
        ({"description": "x" * 256}, "description"),
        ({"effective_date": "2025-02-30"}, "effective_date"),
        ({"effective_date": "2999-01-01"}, "effective_date"),
        ({"effective_date": "2025-10-19"}, "effective_date"),
        ({"effective_date": "2025-10-20T00:00:00Z"}, "effective_date"),
        ({"status": "completed"}, "status"),
    ],
)
def test_what_is_wrong_with_a_transaction_is_named(
    staff: httpx.Client, changes: dict[str, Any], field: str
) -> None:
    before = total(staff)
    assert invalid(send(staff, "POST", TRANSACTIONS, deposit(**changes), "key")) == field
    assert total(staff) == before
    posted(staff, "key")


def test_a_refusal_is_a_failed_transaction_that_is_named_and_listed(staff: httpx.Client) -> None:
    error = refused(send(staff, "POST", TRANSACTIONS, withdrawal("500.01")), 422, "INSUFFICIENT_FUNDS")
    failed = done(staff.get(f"{TRANSACTIONS}/{error['details']['transaction_id']}"))
    assert (failed["status"], failed["amount"], failed["account_id"]) == ("failed", 500.01, OTHER)
    assert done(staff.get(TRANSACTIONS, params={"status": "failed"})) == [failed]
    assert balance(staff, OTHER) == 500


def test_what_the_state_refuses_has_its_status_and_code(staff: httpx.Client) -> None:
    made = done(
        send(
            staff,
            "POST",
            f"{V1}/accounts",
            {"customer_id": "user_demo", "account_type": "checking", "currency": "JPY"},
        ),
        201,
    )
    for wanted, status, code in (
        ({"type": "transfer", "to_account_id": "1000000123"}, 422, "SAME_ACCOUNT"),
        ({"type": "transfer", "to_account_id": made["id"]}, 422, "CURRENCY_MISMATCH"),
        ({"currency": "EUR"}, 422, "CURRENCY_MISMATCH"),
        ({"type": "fee", "account_id": "1234567891"}, 409, "ACCOUNT_FROZEN"),
        ({"account_id": "1234567892"}, 409, "ACCOUNT_CLOSED"),
        ({"amount": "999999999999999"}, 422, "BALANCE_TOO_LARGE"),
    ):
        error = refused(send(staff, "POST", TRANSACTIONS, deposit(**wanted)), status, code)
        assert error["details"]["transaction_id"].startswith("txn_")
    posted(staff, account_id="1234567891")


def test_the_same_key_posts_once_however_the_amount_is_written(staff: httpx.Client) -> None:
    bodies = [deposit(amount=amount) for amount in (7, "7", "7.00", 7.0)]
    answers = at_once(*[lambda body=body: send(staff, "POST", TRANSACTIONS, body, "key") for body in bodies])
    assert {answer.status_code for answer in answers} == {201}
    assert len({json.dumps(answer.json()["data"]) for answer in answers}) == 1
    assert len({answer.json()["meta"]["request_id"] for answer in answers}) == 4
    assert balance(staff) == 10_007
    for changes in ({"amount": 8}, {"amount": 7, "description": "x"}):
        conflict = send(staff, "POST", TRANSACTIONS, deposit(**changes), "key")
        refused(conflict, 409, "IDEMPOTENCY_CONFLICT")
    posted(staff, "key-2", amount=7)


def test_many_at_once_never_overdraw(staff: httpx.Client) -> None:
    """500.00 are there: of ten that want 100.00 five get it."""
    answers = at_once(*[lambda: send(staff, "POST", TRANSACTIONS, withdrawal(100)) for _ in range(10)])
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [422] * 5
    assert balance(staff, OTHER) == 0
    assert total(staff, account_id=OTHER, type="withdrawal") == 10


def test_only_one_of_many_reversals_takes_effect(staff: httpx.Client) -> None:
    made = posted(staff, amount=50)
    path = f"{TRANSACTIONS}/{made['id']}/reverse"
    answers = at_once(*[lambda: send(staff, "POST", path) for _ in range(6)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert balance(staff) == 10_000


def test_a_reversal_is_the_linked_opposite(staff: httpx.Client) -> None:
    made = posted(staff, type="transfer", to_account_id=SAVINGS, amount=10)
    path = f"{TRANSACTIONS}/{made['id']}/reverse"
    back = done(send(staff, "POST", path, {"reason": "Entered twice"}, "key"), 201)
    assert list(back) == MEMBERS
    assert (back["account_id"], back["to_account_id"], back["amount"]) == (SAVINGS, CHECKING, 10)
    assert (back["reversal_of"], back["description"]) == (made["id"], "Entered twice")
    assert done(staff.get(f"{TRANSACTIONS}/{made['id']}")) == {**made, "reversed_by": back["id"]}
    assert (balance(staff), balance(staff, SAVINGS)) == (10_000, 5_000)
    assert done(send(staff, "POST", path, {"reason": "Entered twice"}, "key"), 201) == back
    for twice in (made, back):
        again = send(staff, "POST", f"{TRANSACTIONS}/{twice['id']}/reverse")
        refused(again, 409, "ALREADY_REVERSED")
    for unknown in ("txn_none", "tx_none", "entry_0", "x%00"):
        refused(send(staff, "POST", f"{TRANSACTIONS}/{unknown}/reverse"), 404, "NOT_FOUND")
    assert invalid(send(staff, "POST", path, {"reason": "x" * 256})) == "reason"
    assert invalid(send(staff, "POST", path, {"amount": 1})) == "amount"


def test_a_reversal_whose_money_is_gone_is_refused(staff: httpx.Client) -> None:
    made = posted(staff, account_id=OTHER, amount=10)
    done(send(staff, "POST", TRANSACTIONS, withdrawal(505)), 201)
    path = f"{TRANSACTIONS}/{made['id']}/reverse"
    error = refused(send(staff, "POST", path), 422, "INSUFFICIENT_FUNDS")
    failed = done(staff.get(f"{TRANSACTIONS}/{error['details']['transaction_id']}"))
    assert (failed["status"], failed["reversal_of"]) == ("failed", made["id"])
    assert done(staff.get(f"{TRANSACTIONS}/{made['id']}"))["reversed_by"] is None
    refused(send(staff, "POST", f"{TRANSACTIONS}/{failed['id']}/reverse"), 409, "CONFLICT")


def test_what_another_surface_posted_cannot_be_reversed_here(staff: httpx.Client) -> None:
    row = done(staff.get(TRANSACTIONS, params={"source": "other", "limit": 1}))[0]
    refused(send(staff, "POST", f"{TRANSACTIONS}/{row['id']}/reverse"), 409, "CONFLICT")


def test_a_settled_transfer_is_reversed_with_its_fee(
    sandbox: SandboxService, staff: httpx.Client, demo: httpx.Client
) -> None:
    first = created_id(demo, internal("one"))
    second = created_id(demo, interbank("two"))
    refused(send(staff, "POST", f"{TRANSACTIONS}/{first}/reverse"), 409, "CONFLICT")
    sandbox.advance(10 * 86_400)
    for identifier in (first, second):
        row = done(staff.get(f"{TRANSACTIONS}/{identifier}"))
        assert (row["source"], row["type"]) == ("transfers", "transfer")
        back = done(send(staff, "POST", f"{TRANSACTIONS}/{identifier}/reverse"), 201)
        assert back["reversal_of"] == identifier
        assert done(staff.get(f"{TRANSACTIONS}/{identifier}"))["reversed_by"] == back["id"]
        assert demo.get(f"{TRANSFERS}/{identifier}").json()["transfer"]["status"] == "reversed"
        again = send(staff, "POST", f"{TRANSACTIONS}/{identifier}/reverse")
        refused(again, 409, "ALREADY_REVERSED")
    fee = done(staff.get(f"{TRANSACTIONS}/{second}_fee"))
    assert (fee["amount"], fee["reversed_by"]) == (2.5, f"{second}_fee_reversal")
    assert balance(staff) == 10_000


def test_a_batch_posts_what_it_can(staff: httpx.Client) -> None:
    items = [deposit(amount="0.01"), withdrawal("501"), {"type": "fee", "amount": 1}, withdrawal(100)]
    result = done(send(staff, "POST", BATCH, {"transactions": items}))
    assert list(result) == ["atomic", "posted", "failed", "results"]
    assert (result["atomic"], result["posted"], result["failed"]) == (False, 2, 2)
    assert [list(row) for row in result["results"]] == [["index", "status", "transaction", "error"]] * 4
    assert [row["index"] for row in result["results"]] == [0, 1, 2, 3]
    statuses = [row["status"] for row in result["results"]]
    assert statuses == ["completed", "failed", "failed", "completed"]
    short, unread = result["results"][1], result["results"][2]
    assert short["error"]["code"] == "INSUFFICIENT_FUNDS"
    assert short["transaction"]["id"] == short["error"]["details"]["transaction_id"]
    assert (unread["transaction"], unread["error"]["field"]) == (None, "account_id")
    assert done(staff.get(f"{TRANSACTIONS}/{short['transaction']['id']}")) == short["transaction"]
    assert balance(staff, OTHER) == 400


def test_an_atomic_batch_is_posted_whole_or_not_at_all(staff: httpx.Client) -> None:
    items = [deposit(amount=1), withdrawal("500.01")]
    body = {"atomic": True, "transactions": items}
    before = total(staff, status="completed")
    first = send(staff, "POST", BATCH, body, "key")
    error = refused(first, 422, "BATCH_FAILED")
    assert (error["details"]["posted"], error["details"]["failed"]) == (0, 1)
    assert [row["status"] for row in error["details"]["results"]] == ["not_posted", "failed"]
    assert total(staff, status="completed") == before
    assert balance(staff) == 10_000
    posted(staff, account_id=OTHER)
    assert refused(send(staff, "POST", BATCH, body, "key"), 422, "BATCH_FAILED") == error
    result = done(send(staff, "POST", BATCH, body, "key-2"), 201)
    assert (result["posted"], result["failed"]) == (2, 0)
    assert done(send(staff, "POST", BATCH, body, "key-2"), 201) == result
    assert balance(staff) == 10_001


def test_a_thousand_are_one_batch_and_no_more(staff: httpx.Client) -> None:
    items = [deposit(amount="0.01", account_id="1000000123")] * 1_000
    result = done(send(staff, "POST", BATCH, {"atomic": True, "transactions": items}), 201)
    assert result["posted"] == 1_000
    assert len({row["transaction"]["id"] for row in result["results"]}) == 1_000
    assert balance(staff) == 10_010
    wrongs: list[Any] = [[], items + items[:1], {}, "x", None]
    for wrong in wrongs:
        assert invalid(send(staff, "POST", BATCH, {"transactions": wrong})) == "transactions"
    assert invalid(send(staff, "POST", BATCH, {"transactions": items[:1], "atomic": 1})) == "atomic"
    assert invalid(send(staff, "POST", BATCH, {"transactions": items[:1], "x": 1})) == "x"


def test_a_batch_may_have_four_mebibytes(staff: httpx.Client) -> None:
    """Twelve bytes for each letter of a description, as JSON may write it."""
    headers = {"Content-Type": "application/json"}
    item = deposit(amount="0.01", description="\U0001f600" * 255)
    content = json.dumps({"transactions": [item] * 1_000}).encode()
    assert 3 * 2**20 < len(content) < 4 * 2**20
    assert done(staff.post(BATCH, content=content, headers=headers), 201)["posted"] == 1_000
    refused(staff.post(BATCH, content=content + b" " * 2**20, headers=headers), 413, "PAYLOAD_TOO_LARGE")
    refused(staff.post(TRANSACTIONS, content=content, headers=headers), 413, "PAYLOAD_TOO_LARGE")


def test_hostile_items_are_only_their_own_failures(staff: httpx.Client) -> None:
    items: list[Any] = [
        1,
        None,
        [],
        "x",
        {},
        {"x": 1},
        deposit(amount="9" * 10_000),
        deposit(),
        {"type": {"a": []}},
    ]
    result = done(send(staff, "POST", BATCH, {"transactions": items}))
    assert (result["posted"], result["failed"]) == (1, 8)
    codes = {row["error"]["code"] for row in result["results"] if row["error"]}
    assert codes == {"INVALID_REQUEST"}


def test_the_list_is_filtered_sorted_and_paged(sandbox: SandboxService, staff: httpx.Client) -> None:
    first = posted(staff, amount=3)
    sandbox.advance(86_400)
    early = first["effective_date"]
    second, third = posted(staff, amount=1), posted(staff, amount=2, effective_date=early)
    day = second["created_at"][:10]
    wanted = {"account_id": "1000000123", "source": "back_office"}

    def ids(**more: Any) -> list[str]:
        return [row["id"] for row in done(staff.get(TRANSACTIONS, params={**wanted, **more}))]

    one, two, three = first["id"], second["id"], third["id"]
    assert ids() == [three, two, one]
    assert ids(order="asc") == [one, two, three]
    assert ids(sort="amount") == [one, three, two]
    assert ids(sort="effective_date") == [two, three, one]
    assert ids(date_from=day) == [three, two]
    assert ids(date_to=first["created_at"][:10]) == [one]
    assert ids(limit=2, page=2) == [one]
    assert ids(page=9) == []
    assert ids(account_id="nobody") == []
    assert ids(type="fee") == []
    for name, value in {
        "type": "x",
        "status": "x",
        "source": "x",
        "currency": "usd",
        "sort": "id",
        "order": "up",
        "date_from": "2025-13-01",
        "date_to": "yesterday",
        "limit": "201",
        "page": "0",
        "nonsense": "1",
    }.items():
        assert invalid(staff.get(TRANSACTIONS, params={name: value})) == name
    assert invalid(staff.get(TRANSACTIONS, params={"date_from": day, "date_to": "2025-01-01"})) == "date_from"


def test_reading_and_writing_need_their_scopes(sandbox: SandboxService) -> None:
    with back_office(sandbox, scope="banking.read") as reader:
        refused(send(reader, "POST", TRANSACTIONS, deposit()), 403, "FORBIDDEN")
        refused(send(reader, "POST", BATCH, {"transactions": [deposit()]}), 403, "FORBIDDEN")
        refused(send(reader, "POST", f"{TRANSACTIONS}/txn_1/reverse"), 403, "FORBIDDEN")
    with back_office(sandbox, scope="banking.write") as writer:
        refused(writer.get(TRANSACTIONS), 403, "FORBIDDEN")
        posted(writer)


def test_another_tenant_sees_and_moves_nothing(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = posted(staff)
    with back_office(sandbox, tenant="another-bank") as stranger:
        refused(stranger.get(f"{TRANSACTIONS}/{made['id']}"), 404, "NOT_FOUND")
        refused(send(stranger, "POST", f"{TRANSACTIONS}/{made['id']}/reverse"), 404, "NOT_FOUND")
        assert invalid(send(stranger, "POST", TRANSACTIONS, deposit())) == "account_id"
        assert done(stranger.get(TRANSACTIONS)) == []
