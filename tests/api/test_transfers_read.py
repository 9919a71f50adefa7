"""Reading transfers and balances: filters, pages, what is whose, and how fresh it is."""

import time

import httpx
import pytest

from tests.api.transfer_requests import (
    CHECKING,
    OTHER,
    SAVINGS,
    TRANSFERS,
    balance,
    change,
    create,
    created_id,
    detail,
    exactly,
    interbank,
    internal,
)
from tests.sandbox_service import SandboxService


def listed(client: httpx.Client, **query: str | int) -> list[str]:
    response = client.get(TRANSFERS, params=query)
    assert response.status_code == 200, response.text
    return [transfer["id"] for transfer in response.json()["transfers"]]


def test_a_list_shows_the_documented_members(demo: httpx.Client) -> None:
    """Newest first; the external bank's name takes the place of `to_account_id`."""
    first = create(demo, internal("list-1", 500))["transfer"]
    second = create(demo, interbank("list-2", 1000, external_bank_name="Bank of America"))["transfer"]
    body = exactly(demo.get(TRANSFERS))
    assert list(body) == ["transfers", "next_cursor"]
    shown = body["transfers"]
    assert list(shown[1].items()) == [
        ("id", first["id"]),
        ("from_account_id", CHECKING),
        ("to_account_id", SAVINGS),
        ("amount", "500.00"),
        ("fee", "0.00"),
        ("transfer_type", "internal"),
        ("status", "pending"),
        ("reference", first["reference"]),
        ("scheduled_settlement_at", first["scheduled_settlement_at"]),
        ("created_at", first["created_at"]),
    ]
    assert list(shown[0])[:4] == ["id", "from_account_id", "external_bank_name", "amount"]
    assert (shown[0]["id"], shown[0]["external_bank_name"]) == (second["id"], "Bank of America")


def test_lists_are_filtered_by_status_and_type(sandbox: SandboxService, demo: httpx.Client) -> None:
    """All seven statuses are known; both filters hold together."""
    cancelled = created_id(demo, internal("filter-1", 1))
    change(demo, cancelled, "cancel")
    pending = created_id(demo, internal("filter-2", 1))
    waiting = created_id(demo, interbank("filter-3", 6000))
    outgoing = created_id(demo, interbank("filter-4", 1))
    create(demo, internal("filter-5", 40_000), 400)
    assert listed(demo) == [outgoing, waiting, pending, cancelled]
    assert listed(demo, status="cancelled") == [cancelled]
    assert listed(demo, status="pending") == [outgoing, pending]
    assert listed(demo, status="pending", type="interbank") == [outgoing]
    assert listed(demo, status="initiated") == [waiting]
    assert listed(demo, type="internal") == [pending, cancelled]
    for status in ("processing", "settled", "failed", "reversed"):
        assert listed(demo, status=status) == []
    sandbox.advance(10 * 86400)
    assert listed(demo, status="settled") == [outgoing, pending]
    assert listed(demo, status="cancelled") == [waiting, cancelled]


def test_pages_follow_each_other_without_gaps(demo: httpx.Client) -> None:
    """A transfer that is created meanwhile moves nothing."""
    ids = [created_id(demo, internal(f"page-{number}", 1)) for number in range(7)]
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 3}
    while True:
        page = demo.get(TRANSFERS, params=query).json()
        seen += [transfer["id"] for transfer in page["transfers"]]
        if page["next_cursor"] is None:
            break
        assert len(page["transfers"]) == 3
        query["cursor"] = page["next_cursor"]
        if len(seen) == 3:
            created_id(demo, internal("page-late", 1))
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "1" * 5000, "limit"),
        ("limit=1&limit=1", "limit"),
        ("status=unknown", "status"),
        ("status=PENDING", "status"),
        ("status=", "status"),
        ("status=pending&status=settled", "status"),
        ("type=wire", "type"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("status=%FF", "query string"),
    ],
)
def test_unknown_filters_are_refused(running_sandbox: SandboxService, query: str, named: str) -> None:
    """400 that names the parameter."""
    with running_sandbox.user() as demo:
        response = demo.get(f"{TRANSFERS}?{query}")
    assert response.status_code == 400
    assert response.json()["code"] == "validation_error"
    assert named in response.json()["error"]


def test_unknown_parameters_are_left_alone(demo: httpx.Client) -> None:
    """They may be somebody's cache buster."""
    assert demo.get(f"{TRANSFERS}?_=1&_=2&page=9&limit=200").status_code == 200


def test_what_is_shown_has_the_documented_digits_and_order(demo: httpx.Client) -> None:
    """Detail and balance: amounts with two digits, members in the order of the document."""
    transfer_id = created_id(demo, interbank("digits", 500, memo="Rent payment"))
    shown = exactly(demo.get(f"{TRANSFERS}/{transfer_id}"))
    assert list(shown["transfer"])[-4:] == [
        "reference",
        "scheduled_settlement_at",
        "created_at",
        "updated_at",
    ]
    assert (shown["transfer"]["amount"], shown["transfer"]["fee"]) == ("500.00", "2.50")
    (hold,) = shown["holds"]
    assert list(hold) == ["id", "account_id", "amount", "hold_type", "status", "created_at"]
    (entry,) = shown["ledger_entries"]
    assert list(entry.items()) == [
        ("id", entry["id"]),
        ("entry_type", "hold"),
        ("amount", "502.50"),
        ("balance_after", "9497.50"),
        ("category", "transfer_hold"),
        ("description", "Transfer hold: Rent payment"),
        ("created_at", shown["transfer"]["created_at"]),
    ]
    (event,) = shown["events"]
    assert list(event.items()) == [
        ("id", event["id"]),
        ("from_status", "initiated"),
        ("to_status", "pending"),
        ("event_type", "status_change"),
        ("details", "Status changed from initiated to pending"),
        ("created_at", shown["transfer"]["created_at"]),
    ]
    body = exactly(demo.get(f"/api/accounts/{CHECKING}/balance"))
    assert list(body.items())[:9] == [
        ("account_id", CHECKING),
        ("account_number", "1000000123"),
        ("account_type", "checking"),
        ("currency", "USD"),
        ("balance", "10000.00"),
        ("available_balance", "9497.50"),
        ("pending_balance", "502.50"),
        ("outgoing_holds", "502.50"),
        ("incoming_holds", "0.00"),
    ]
    assert list(body)[9:] == ["active_holds", "recent_transactions", "last_updated"]
    (posting,) = body["recent_transactions"]
    assert list(posting) == ["id", "amount", "type", "description", "created_at"]
    assert (posting["amount"], posting["type"]) == ("10000.00", "deposit")


def test_a_balance_is_found_by_each_name_of_the_account(sandbox: SandboxService, demo: httpx.Client) -> None:
    """Opaque id, number, card account id; shown by the opaque id."""
    assert balance(demo, "1000000123")["account_id"] == CHECKING
    assert balance(demo, CHECKING) == balance(demo, "1000000123")
    with sandbox.user("cardholder_789123456") as cardholder:
        by_card = balance(cardholder, "321654987")
        assert by_card["account_number"] == "0321654987"
        assert by_card == balance(cardholder, "0321654987") == balance(cardholder, by_card["account_id"])


@pytest.mark.parametrize(
    "name",
    [OTHER, "1000000789", "nobody", "%00", "%FF", "9" * 30, "9" * 5000, "x" * 5000, "%ED%A0%80", "007"],
)
def test_only_the_owner_sees_a_balance(running_sandbox: SandboxService, name: str) -> None:
    """Everything else is not found, in the same words."""
    with running_sandbox.user() as demo:
        response = demo.get(f"/api/accounts/{name}/balance")
    assert response.status_code == 404
    assert response.json() == {"error": "Account not found", "code": "not_found"}


@pytest.mark.parametrize(
    "name", ["nobody", "tx_" + "a" * 24, "%00", "%FF%FE", "x" * 5000, "%ED%A0%80", "%C3%28"]
)
def test_transfers_that_are_none_are_not_found(running_sandbox: SandboxService, name: str) -> None:
    """To read and to change."""
    with running_sandbox.user() as demo:
        for response in (
            demo.get(f"{TRANSFERS}/{name}"),
            demo.patch(f"{TRANSFERS}/{name}", json={"action": "cancel"}),
        ):
            assert response.status_code == 404
            assert response.json() == {"error": "Transfer not found", "code": "not_found"}


def test_a_read_waits_for_the_position_it_is_given(demo: httpx.Client) -> None:
    """What was just written is there; a position far ahead is 503 within some seconds, a bad one 400."""
    response = demo.post(TRANSFERS, json=internal("fresh"))
    position = response.headers["X-Ledger-Position"]
    transfer_id = response.json()["transfer"]["id"]
    headers = {"X-Min-Position": position}
    assert demo.get(f"{TRANSFERS}/{transfer_id}", headers=headers).status_code == 200
    for malformed in (b"", b"-1", b"1.0", b"ten", b"0x10", b"1" * 30, b"\xb2"):
        for path in (TRANSFERS, f"{TRANSFERS}/{transfer_id}", f"/api/accounts/{CHECKING}/balance"):
            refused = demo.get(path, headers=httpx.Headers([(b"X-Min-Position", malformed)]))
            assert (refused.status_code, refused.json()["code"]) == (400, "validation_error")
    started = time.monotonic()
    late = demo.get(TRANSFERS, headers={"X-Min-Position": str(int(position) + 1_000_000)})
    # Not sooner: it might still have got there. How much later depends on the machine.
    assert time.monotonic() - started >= 4.9
    assert (late.status_code, late.json()["code"]) == (503, "unavailable")
    assert int(late.headers["Retry-After"]) >= 1


def test_every_write_is_read_at_once(demo: httpx.Client) -> None:
    """Without any header."""
    for number in range(10):
        transfer_id = created_id(demo, internal(f"now-{number}", 1))
        assert listed(demo)[0] == transfer_id
        assert balance(demo)["outgoing_holds"] == number + 1
        assert len(balance(demo)["active_holds"]) == number + 1
        assert detail(demo, transfer_id)["holds"][0]["status"] == "active"
