"""Accounts over HTTP: created, listed, changed and closed by the bank's staff."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.back_office_requests import V1, at_once, back_office, done, invalid, refused, send
from tests.sandbox_service import SandboxService

ACCOUNTS, TRANSACTIONS = f"{V1}/accounts", f"{V1}/transactions"
MEMBERS = [
    "id",
    "account_number",
    "customer_id",
    "account_type",
    "currency",
    "balance",
    "available_balance",
    "overdraft_limit",
    "nickname",
    "status",
    "created_at",
    "updated_at",
    "closed_at",
    "accountId",
    "accountSpaceId",
]


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with back_office(sandbox) as client:
        yield client


def asked(**changes: Any) -> dict[str, Any]:
    return {"customer_id": "user_demo", "account_type": "savings", "currency": "USD", **changes}


def created(client: httpx.Client, key: str | None = None, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = done(send(client, "POST", ACCOUNTS, asked(**changes), key), 201)
    return made


def change(client: httpx.Client, account: dict[str, Any], **changes: Any) -> httpx.Response:
    return send(client, "PUT", f"{ACCOUNTS}/{account['id']}", changes)


def close(client: httpx.Client, identifier: str, **how: Any) -> httpx.Response:
    return send(client, "POST", f"{ACCOUNTS}/{identifier}/close", **how)


def move(client: httpx.Client, account: dict[str, Any], amount: Any, kind: str = "deposit") -> httpx.Response:
    body = {"type": kind, "account_id": account["id"], "amount": amount}
    return send(client, "POST", TRANSACTIONS, body)


def test_an_account_is_shown_as_documented_under_each_of_its_names(staff: httpx.Client) -> None:
    response = send(staff, "POST", ACCOUNTS, asked(nickname="Holidays", overdraft_limit="50.5"))
    made = done(response, 201)
    assert list(made) == MEMBERS
    assert b'"balance":0.00,"available_balance":50.50,"overdraft_limit":50.50' in response.content
    assert (made["nickname"], made["status"], made["closed_at"]) == ("Holidays", "active", None)
    assert made["created_at"] == made["updated_at"]
    assert len(made["account_number"]) == 10
    for name in (made["id"], made["account_number"], str(made["accountId"])):
        assert done(staff.get(f"{ACCOUNTS}/{name}")) == made
    for unknown in ("nobody", "0000000000", "a%00b"):
        refused(staff.get(f"{ACCOUNTS}/{unknown}"), 404, "NOT_FOUND")


def test_the_owner_sees_the_account_on_the_transfers_surface(staff: httpx.Client, demo: httpx.Client) -> None:
    made = created(staff)
    done(move(staff, made, "12.50"), 201)
    assert demo.get(f"/api/accounts/{made['id']}/balance").json()["balance"] == 12.5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer_id": None}, "customer_id"),
        ({"customer_id": "nobody"}, "customer_id"),
        ({"customer_id": "a\x00"}, "customer_id"),
        ({"account_type": None}, "account_type"),
        ({"account_type": "loan"}, "account_type"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": 1}, "currency"),
        ({"overdraft_limit": -1}, "overdraft_limit"),
        ({"overdraft_limit": "1.001"}, "overdraft_limit"),
        ({"overdraft_limit": "NaN"}, "overdraft_limit"),
        ({"nickname": "x" * 141}, "nickname"),
        ({"nickname": 1}, "nickname"),
        ({"balance": 100}, "balance"),
        ({"account_number": "1"}, "account_number"),
        ({"status": "active"}, "status"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(
    staff: httpx.Client, changes: dict[str, Any], field: str
) -> None:
    assert invalid(send(staff, "POST", ACCOUNTS, asked(**changes), "key")) == field
    created(staff, "key")


def test_the_same_key_makes_one_account_and_others_make_their_own(staff: httpx.Client) -> None:
    answers = at_once(*[lambda: created(staff, "key") for _ in range(4)])
    assert len({answer["id"] for answer in answers}) == 1
    refused(send(staff, "POST", ACCOUNTS, asked(nickname="x"), "key"), 409, "IDEMPOTENCY_CONFLICT")
    others = at_once(*[lambda: created(staff) for _ in range(6)])
    for name in ("id", "account_number", "accountId"):
        assert len({account[name] for account in (*answers, *others)}) == 7


def test_a_change_merges(staff: httpx.Client) -> None:
    made = created(staff, nickname="Old")
    changed = done(change(staff, made, nickname="New", overdraft_limit=10, status="frozen", reason="lost"))
    assert (changed["nickname"], changed["overdraft_limit"], changed["status"]) == ("New", 10, "frozen")
    assert done(staff.get(f"{ACCOUNTS}/{made['id']}")) == changed
    assert done(change(staff, made)) == changed
    gone = done(change(staff, made, nickname=None, status="active"))
    assert (gone["nickname"], gone["overdraft_limit"], gone["status"]) == (None, 10, "active")
    for wrong, field in (
        ({"balance": 1}, "balance"),
        ({"status": "closed"}, "status"),
        ({"status": None}, "status"),
        ({"overdraft_limit": -1}, "overdraft_limit"),
        ({"overdraft_limit": "1.001"}, "overdraft_limit"),
        ({"overdraft_limit": None}, "overdraft_limit"),
        ({"nickname": "x" * 141}, "nickname"),
        ({"reason": "x" * 256}, "reason"),
    ):
        assert invalid(change(staff, made, **wrong)) == field
    refused(change(staff, {"id": "nobody"}, nickname="x"), 404, "NOT_FOUND")


def test_a_frozen_account_takes_credits_and_refuses_debits(staff: httpx.Client) -> None:
    made = created(staff)
    done(change(staff, made, status="frozen"))
    done(move(staff, made, 5), 201)
    refused(move(staff, made, 1, "withdrawal"), 409, "ACCOUNT_FROZEN")
    done(change(staff, made, status="active"))
    done(move(staff, made, 1, "withdrawal"), 201)


def test_an_account_is_closed_when_it_is_empty_and_stays_closed(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    made = created(staff)
    done(move(staff, made, 5), 201)
    refused(close(staff, made["id"]), 409, "BALANCE_NOT_ZERO")
    done(move(staff, made, 5, "withdrawal"), 201)
    closed = done(close(staff, made["account_number"], body={"reason": "asked for"}, key="key"))
    assert (closed["status"], closed["closed_at"]) == ("closed", closed["updated_at"])
    sandbox.advance(3_600)
    assert done(close(staff, made["id"])) == closed
    assert done(staff.get(f"{ACCOUNTS}/{made['id']}")) == closed
    refused(change(staff, made, nickname="x"), 409, "ACCOUNT_CLOSED")
    refused(move(staff, made, 1), 409, "ACCOUNT_CLOSED")
    refused(close(staff, "nobody"), 404, "NOT_FOUND")
    assert invalid(close(staff, made["id"], body={"why": 1})) == "why"


def test_an_account_with_a_hold_is_not_closed(staff: httpx.Client, demo: httpx.Client) -> None:
    made = created(staff, overdraft_limit=100)
    body = {
        "idempotency_key": "hold",
        "from_account_id": made["id"],
        "to_account_id": "test_savings_456",
        "amount": 50,
        "transfer_type": "internal",
    }
    assert demo.post("/api/transfers-v2", json=body).status_code == 201
    refused(close(staff, made["id"]), 409, "ACTIVE_HOLDS")
    shown = done(staff.get(f"{ACCOUNTS}/{made['id']}"))
    assert (shown["balance"], shown["available_balance"]) == (0, 50)


def test_the_list_is_filtered_sorted_and_paged(staff: httpx.Client) -> None:
    yen = created(staff, customer_id="user_other", account_type="business", currency="JPY")
    done(move(staff, yen, 1_000), 201)
    whole = done(staff.get(ACCOUNTS))
    assert whole[0]["id"] == yen["id"]

    def ids(**wanted: Any) -> list[str]:
        return [row["id"] for row in done(staff.get(ACCOUNTS, params=wanted))]

    everyone = [row["id"] for row in whole]
    assert ids(order="asc") == everyone[::-1]
    assert ids(sort="account_number", order="asc") == [
        row["id"] for row in sorted(whole, key=lambda row: row["account_number"])
    ]
    # A thousand yen come before a thousand dollars and a cent, whatever their minor units.
    balances = [row["balance"] for row in done(staff.get(ACCOUNTS, params={"sort": "balance"}))]
    assert balances == sorted(balances, reverse=True)
    assert ids(limit=3, page=2) == everyone[3:6]
    assert ids(page=99) == []
    assert ids(customer_id="user_other", currency="JPY") == [yen["id"]]
    assert ids(account_type="business") == [yen["id"]]
    assert ids(status="frozen") == ["acct_1234567891"]
    assert ids(customer_id="nobody") == []
    response = staff.get(ACCOUNTS, params={"limit": 3, "page": 2})
    assert response.json()["pagination"]["total_count"] == len(everyone)
    for name, value in {
        "customer_id": "",
        "account_type": "loan",
        "status": "open",
        "currency": "usd",
        "sort": "nickname",
        "limit": "0",
        "nonsense": "1",
    }.items():
        assert invalid(staff.get(ACCOUNTS, params={name: value})) == name


def test_accounts_need_their_scopes_and_their_tenant(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = created(staff)
    with back_office(sandbox, scope="banking.read") as reader:
        refused(send(reader, "POST", ACCOUNTS, asked()), 403, "FORBIDDEN")
        refused(change(reader, made, nickname="x"), 403, "FORBIDDEN")
        refused(close(reader, made["id"]), 403, "FORBIDDEN")
        done(reader.get(ACCOUNTS))
    with back_office(sandbox, scope="banking.write") as writer:
        refused(writer.get(ACCOUNTS), 403, "FORBIDDEN")
        refused(writer.get(f"{ACCOUNTS}/{made['id']}"), 403, "FORBIDDEN")
    with back_office(sandbox, tenant="another-bank") as stranger:
        refused(stranger.get(f"{ACCOUNTS}/{made['id']}"), 404, "NOT_FOUND")
        refused(change(stranger, made, nickname="x"), 404, "NOT_FOUND")
        assert invalid(send(stranger, "POST", ACCOUNTS, asked())) == "customer_id"
