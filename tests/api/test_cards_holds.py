"""Holds: shown, captured at once or in parts, released, expired, and listed page by page."""

from typing import Any

import httpx
import pytest

from tests.api.card_requests import (
    ACCOUNT,
    AUTHORIZATIONS,
    DOCUMENTED,
    HOLDS,
    RELEASE,
    authorize,
    balance,
    capture,
    declined,
    get,
    hold,
    holds,
    issue,
    limits_of,
    placed_hold,
    post,
    purchase,
    release,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService

SORTED = {"sorted": True, "unsorted": False, "empty": False}


def documented(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """The hold of the documented request, as the document shows it."""
    day, _, rest = answer["timestamp"].partition("T")
    year, month, number = (int(part) for part in day.split("-"))
    assert number <= 24, "the week after it is in the same month"
    return [
        ("holdId", answer["holdId"]),
        ("requestId", answer["requestId"]),
        ("cardId", 789123456),
        ("accountId", 321654987),
        ("accountSpaceId", 654987321),
        ("amount", "125.50"),
        ("capturedAmount", "0.00"),
        ("currency", "USD"),
        ("merchantId", "MERCH123456"),
        ("merchantName", "Example Merchant"),
        ("status", "ACTIVE"),
        ("createdAt", answer["timestamp"]),
        ("updatedAt", None),
        ("expiresAt", f"{year}-{month:02}-{number + 7:02}T{rest}"),
    ]


def early_in_a_month(service: SandboxService) -> None:
    """Moves the clock to where a week later has the same month, if it is not there."""
    now = service.http.get("/sandbox/clock").json()["now"]
    year, month, day = (int(part) for part in now[:10].split("-"))
    if day > 20:
        service.set_clock(f"{year + month // 12}-{month % 12 + 1:02}-01T12:00:00Z")


def test_a_hold_is_shown_as_documented(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Member by member; the same in the list."""
    early_in_a_month(card_sandbox)
    answer = authorize(centre, purchase(DOCUMENTED))
    shown = exactly(centre.get(f"{HOLDS}/{answer['holdId']}"))
    assert list(shown.items()) == documented(answer)
    page = exactly(centre.get(HOLDS, params={"accountId": ACCOUNT}))
    assert list(page.items()) == [
        ("content", [shown]),
        (
            "pageable",
            {
                "pageNumber": 0,
                "pageSize": 20,
                "sort": SORTED,
                "offset": 0,
                "paged": True,
                "unpaged": False,
            },
        ),
        ("totalElements", 1),
        ("totalPages", 1),
        ("last", True),
        ("size", 20),
        ("number", 0),
        ("sort", SORTED),
        ("numberOfElements", 1),
        ("first", True),
        ("empty", False),
    ]


def test_a_capture_takes_what_was_held(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """The documented request and answer: the account is debited, nothing is held any more."""
    early_in_a_month(card_sandbox)
    answer = authorize(centre, purchase(DOCUMENTED))
    body = {"amount": 125.50, "currency": "USD", "reference": "SETTLEMENT-123456"}
    response = centre.post(f"{HOLDS}/{answer['holdId']}/capture", json=body)
    assert response.status_code == 200
    assert int(response.headers["X-Ledger-Position"]) > 0
    captured = exactly(response)
    assert captured["updatedAt"] >= answer["timestamp"]
    changed = {"capturedAmount": "125.50", "status": "CAPTURED", "updatedAt": captured["updatedAt"]}
    assert list(captured.items()) == list((dict(documented(answer)) | changed).items())
    assert hold(centre, answer["holdId"]) == response.json()
    assert balance(centre) == ("9874.50", "0.00", "9874.50")


def test_a_capture_of_less_frees_the_rest(centre: httpx.Client) -> None:
    hold_id = placed_hold(centre)
    captured = capture(centre, hold_id, 100)
    assert (captured["status"], captured["amount"], captured["capturedAmount"]) == ("CAPTURED", 125.5, 100)
    assert balance(centre) == ("9900.00", "0.00", "9900.00")


def test_captures_in_parts_keep_the_rest_held(centre: httpx.Client) -> None:
    """Until all is taken, or the last one says that it is the last."""
    hold_id = placed_hold(centre)
    first = capture(centre, hold_id, 25.50, final=False)
    assert (first["status"], first["capturedAmount"]) == ("ACTIVE", 25.5)
    assert first["updatedAt"] is not None
    assert balance(centre) == ("9974.50", "100.00", "9874.50")
    assert hold(centre, hold_id) == first
    second = capture(centre, hold_id, "60.00", final=False)
    assert (second["status"], second["capturedAmount"]) == ("ACTIVE", 85.5)
    last = capture(centre, hold_id, 40, final=False)
    assert (last["status"], last["capturedAmount"]) == ("CAPTURED", 125.5)
    assert balance(centre) == ("9874.50", "0.00", "9874.50")
    hold_id = placed_hold(centre)
    capture(centre, hold_id, 25.50, final=False)
    assert capture(centre, hold_id, 50, final=True)["capturedAmount"] == 75.5
    assert balance(centre) == ("9799.00", "0.00", "9799.00")


UNCAPTURABLE: tuple[tuple[str, Any, str], ...] = (
    ("amount", 125.51, "must not be greater than 125.50"),
    ("amount", 0, "must be greater than 0"),
    ("amount", "-1.00", "must be greater than 0"),
    ("amount", None, "is required"),
    ("currency", "EUR", "must be USD"),
    ("currency", "usd", "must be a currency code of ISO 4217"),
    ("currency", None, "is required"),
    ("reference", 5, "must be a string"),
    ("final", "no", "must be true or false"),
)


def test_what_cannot_be_captured(centre: httpx.Client) -> None:
    """400 that says which field is wrong, what was sent, and what it would have to be."""
    hold_id = placed_hold(centre)
    for field, value, constraint in UNCAPTURABLE:
        sent = {"amount": 1, "currency": "USD", "reference": "SETTLEMENT-123456"} | {field: value}
        details = post(centre, f"{HOLDS}/{hold_id}/capture", sent, 400)["details"]
        assert (details["field"], details["constraint"]) == (field, constraint)
        assert details["value"] == (None if value is None else str(value))
    assert hold(centre, hold_id)["updatedAt"] is None


def test_no_more_than_is_left_can_be_captured(centre: httpx.Client) -> None:
    hold_id = placed_hold(centre)
    capture(centre, hold_id, 100, final=False)
    answer = capture(centre, hold_id, 25.51, 400)
    assert answer["message"] == "Invalid capture amount"
    assert answer["details"]["constraint"] == "must not be greater than 25.50"


def test_a_settlement_may_come_without_a_reference(centre: httpx.Client) -> None:
    body = {"amount": 1, "currency": "USD"}
    assert post(centre, f"{HOLDS}/{placed_hold(centre)}/capture", body)["status"] == "CAPTURED"


def test_a_release_shows_the_account_afterwards(centre: httpx.Client) -> None:
    """Member by member, with the balances that auditors see."""
    kept, hold_id = placed_hold(centre, 200), placed_hold(centre)
    response = centre.post(f"{HOLDS}/{hold_id}/release", json=RELEASE)
    assert response.status_code == 200
    body = exactly(response)
    assert list(body.items()) == [
        ("accountId", 321654987),
        ("accountSpaceId", 654987321),
        ("availableBalance", "9800.00"),
        ("reservedBalance", "200.00"),
        ("postedBalance", "10000.00"),
        ("currency", "USD"),
        ("timestamp", body["timestamp"]),
    ]
    assert balance(centre) == ("10000.00", "200.00", "9800.00")
    assert (hold(centre, hold_id)["status"], hold(centre, kept)["status"]) == ("RELEASED", "ACTIVE")


def test_what_was_captured_stays_captured(centre: httpx.Client) -> None:
    hold_id = placed_hold(centre)
    capture(centre, hold_id, 25.50, final=False)
    assert release(centre, hold_id)["postedBalance"] == 9974.5
    shown = hold(centre, hold_id)
    assert (shown["status"], shown["capturedAmount"]) == ("RELEASED", 25.5)
    assert balance(centre) == ("9974.50", "0.00", "9974.50")


def test_only_active_holds_can_be_captured_or_released(centre: httpx.Client) -> None:
    """409 for either, and nothing changes."""
    captured, released = placed_hold(centre), placed_hold(centre)
    capture(centre, captured, 125.50)
    release(centre, released)
    before = balance(centre)
    for hold_id, status in ((captured, "CAPTURED"), (released, "RELEASED")):
        for answer in (capture(centre, hold_id, 1, 409), release(centre, hold_id, 409)):
            assert answer["message"] == f"Hold is not active: it is {status}"
    assert balance(centre) == before


def test_holds_expire_after_seven_days(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """The money is free again; what was captured stays so; a last second is still in time."""
    untouched, partly, in_time = (placed_hold(centre) for _ in range(3))
    capture(centre, partly, 25.50, final=False)
    card_sandbox.advance(7 * 86_400 - 30)
    assert hold(centre, untouched)["status"] == "ACTIVE"
    capture(centre, in_time, 125.50)
    card_sandbox.advance(60)
    shown = hold(centre, untouched)
    assert (shown["status"], shown["capturedAmount"]) == ("EXPIRED", 0)
    assert shown["updatedAt"] == shown["expiresAt"]
    shown = hold(centre, partly)
    assert (shown["status"], shown["capturedAmount"]) == ("EXPIRED", 25.5)
    assert balance(centre) == ("9849.00", "0.00", "9849.00")
    for answer in (capture(centre, untouched, 1, 409), release(centre, partly, 409)):
        assert answer["message"] == "Hold is not active: it is EXPIRED"


def test_what_is_given_back_can_be_spent_again(centre: httpx.Client) -> None:
    """Of the limits: released wholly, reversed, or left over by a final capture."""
    card = issue(centre, "gives-back", ACCOUNT, limits_of(100, 100, 100))
    hold_id = placed_hold(centre, 100, card)
    assert declined(centre, purchase(card, 1)) == "DAILY_LIMIT_EXCEEDED"
    release(centre, hold_id)
    answer = authorize(centre, purchase(card, 100))
    post(centre, f"{AUTHORIZATIONS}/{answer['requestId']}/reverse", {"reason": "again"})
    capture(centre, placed_hold(centre, 100, card), 40)
    assert declined(centre, purchase(card, "60.01")) == "DAILY_LIMIT_EXCEEDED"
    authorize(centre, purchase(card, 60))


def test_the_list_is_paged_newest_first(centre: httpx.Client) -> None:
    """Every hold once, with exact totals; a page past the end is empty."""
    placed = [placed_hold(centre, 1) for _ in range(7)]
    shown: list[int] = []
    for number in range(3):
        page = get(centre, HOLDS, accountId=ACCOUNT, page=number, size=3)
        shown += [entry["holdId"] for entry in page["content"]]
        assert (page["totalElements"], page["totalPages"]) == (7, 3)
        assert (page["first"], page["last"]) == (number == 0, number == 2)
        assert page["numberOfElements"] == len(page["content"]) == (1 if number == 2 else 3)
        assert page["pageable"]["offset"] == number * 3
    assert shown == placed[::-1]
    beyond = get(centre, HOLDS, accountId=ACCOUNT, page=1_000_000, size=200)
    assert (beyond["content"], beyond["empty"], beyond["totalElements"]) == ([], True, 7)


def test_accounts_go_by_any_of_their_names(centre: httpx.Client) -> None:
    hold_id = placed_hold(centre)
    for name in (321654987, "0321654987", "acct_0321654987"):
        assert [entry["holdId"] for entry in holds(centre, accountId=name)] == [hold_id]


def test_the_list_is_filtered_by_status(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Each of the four, and nothing of another account or of transfers."""
    expired = placed_hold(centre, 1)
    card_sandbox.advance(7 * 86_400)
    active, captured, released = (placed_hold(centre, 1) for _ in range(3))
    capture(centre, captured, 1)
    release(centre, released)
    by_status = {"ACTIVE": active, "CAPTURED": captured, "RELEASED": released, "EXPIRED": expired}
    for status, hold_id in by_status.items():
        page = get(centre, HOLDS, accountId=ACCOUNT, status=status)
        assert [entry["holdId"] for entry in page["content"]] == [hold_id]
        assert page["totalElements"] == 1
        assert page["content"][0]["status"] == status
    assert holds(centre, accountId=321654988) == []


def test_the_list_is_filtered_by_days_and_instants(
    card_sandbox: SandboxService, centre: httpx.Client
) -> None:
    """Both ends are inclusive; a bare date is that UTC day."""
    early_in_a_month(card_sandbox)
    month = card_sandbox.http.get("/sandbox/clock").json()["now"][:8]
    card_sandbox.set_clock(f"{month}25T12:00:00Z")
    first = placed_hold(centre, 1)
    card_sandbox.set_clock(f"{month}26T12:00:00Z")
    second = placed_hold(centre, 2)
    at = hold(centre, second)["createdAt"]

    def found(**period: str) -> list[int]:
        return [entry["holdId"] for entry in holds(centre, **period)]

    assert found(fromDate=f"{month}25", toDate=f"{month}25") == [first]
    assert found(fromDate=f"{month}26") == [second]
    assert found(toDate=f"{month}26") == [second, first]
    assert found(fromDate=f"{month}25T12:00:00Z", toDate=at) == [second, first]
    assert found(fromDate=at, toDate=at) == [second]
    assert found(fromDate=f"{month}27") == []
    assert found(fromDate=f"{month}26T14:00:00+02:00", toDate=f"{month}26T23:59:59Z", status="ACTIVE") == (
        [second]
    )


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"accountId": ""}, "accountId"),
        ({"status": "active"}, "status"),
        ({"status": ""}, "status"),
        ({"fromDate": "yesterday"}, "fromDate"),
        ({"fromDate": "2023-02-30"}, "fromDate"),
        ({"toDate": "2023-05-01T14:30:00"}, "toDate"),
        ({"fromDate": "2023-05-02", "toDate": "2023-05-01"}, "fromDate"),
        ({"page": "-1"}, "page"),
        ({"page": "1000001"}, "page"),
        ({"page": "x"}, "page"),
        ({"size": "0"}, "size"),
        ({"size": "201"}, "size"),
        ({"size": "1.5"}, "size"),
    ],
)
def test_parameters_that_are_refused(caller: httpx.Client, parameters: dict[str, str], field: str) -> None:
    """400 that names the parameter and shows what was sent."""
    answer = get(caller, HOLDS, 400, **{"accountId": str(ACCOUNT), **parameters})
    details = answer["details"]
    assert (details["field"], details["value"]) == (field, parameters[field])


def test_a_list_needs_an_account_that_there_is(caller: httpx.Client) -> None:
    """Missing: 400. Unknown: 404."""
    assert get(caller, HOLDS, 400)["details"]["field"] == "accountId"
    for unknown in ("321654999", "nobody's", "x" * 255):
        assert get(caller, HOLDS, 404, accountId=unknown)["message"] == "Account not found"


def test_unknown_holds_are_not_found(caller: httpx.Client) -> None:
    for unknown in (1, 2**53 - 1):
        assert get(caller, f"{HOLDS}/{unknown}", 404)["message"] == "Hold not found"
        capture(caller, unknown, 1, 404)
        release(caller, unknown, 404)


def test_a_hold_may_be_captured_from_a_blocked_card(centre: httpx.Client) -> None:
    """What was approved is owed."""
    card = issue(centre, "blocked-afterwards")
    hold_id = placed_hold(centre, 10, card)
    post(centre, f"/api/v1/admin/cards/{card.card_id}/status", {"status": "BLOCKED", "reason": "lost"})
    assert capture(centre, hold_id, 10)["status"] == "CAPTURED"
