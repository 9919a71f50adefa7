"""Cards over HTTP: issued for any account, found by it, blocked and unblocked; their number never shown."""

import threading
from typing import Any

import httpx

from tests.api.card_administration import CARDS, done, now, put_limits, refused, send
from tests.api.card_requests import (
    ACCOUNT,
    ALTERNATIVE_PREFIX,
    BLOCKED,
    DOCUMENTED,
    LONG,
    LOW_FUNDS,
    Plastic,
    authorize,
    declined,
    limits_of,
    purchase,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService

CHECKING = "test_checking_123"


def card_body(pan_hash: str, **changes: Any) -> dict[str, Any]:
    return {
        "accountId": CHECKING,
        "panHash": pan_hash,
        "maskedPan": "411111******2222",
        "expiryDate": "11/34",
        "limits": limits_of(100, 200, 300, ATM=(50, 60)),
        **changes,
    }


def create(client: httpx.Client, body: Any, key: str | None = None) -> httpx.Response:
    return send(client, "POST", CARDS, body, key)


def set_status(client: httpx.Client, card_id: int, body: Any, key: str | None = None) -> httpx.Response:
    return send(client, "POST", f"{CARDS}/{card_id}/status", body, key)


def card_ids(client: httpx.Client, account: Any, **parameters: Any) -> list[int]:
    response = client.get(CARDS, params={"accountId": account, **parameters})
    return [card["cardId"] for card in done(response)["content"]]


def test_a_card_is_issued(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Active at once, in the documented shape, and the same wherever it is shown."""
    before = now(card_sandbox)
    response = create(centre, card_body("issued"))
    card = done(response, 201)
    assert int(response.headers["X-Ledger-Position"]) > 0
    assert list(card) == [
        "cardId",
        "accountId",
        "accountSpaceId",
        "maskedPan",
        "expiryDate",
        "status",
        "limits",
        "createdAt",
    ]
    assert (card["maskedPan"], card["expiryDate"], card["status"]) == ("411111******2222", "11/34", "ACTIVE")
    assert card["limits"] == limits_of(100, 200, 300, ATM=(50, 60))
    assert '"transactionLimit":100.00' in response.text
    assert card["createdAt"] >= before.isoformat()[:19] + "Z"
    assert isinstance(card["accountId"], int)
    assert len(str(card["accountId"])) != 10
    assert exactly(centre.get(f"{CARDS}/{card['cardId']}")) == exactly(response)
    assert done(centre.get(CARDS, params={"accountId": CHECKING}))["content"] == [card]
    plastic = Plastic(card["cardId"], "issued", "411111******2222", "11/34")
    assert declined(centre, purchase(plastic, 100.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    hold = done(centre.get(f"/api/v1/holds/{authorize(centre, purchase(plastic, 5))['holdId']}"))
    assert (hold["accountId"], hold["accountSpaceId"]) == (card["accountId"], card["accountSpaceId"])


def test_the_fixtures_cards(centre: httpx.Client) -> None:
    """As documented: three of one account, one of them blocked, and one of another."""
    assert card_ids(centre, ACCOUNT) == [LONG.card_id, BLOCKED.card_id, DOCUMENTED.card_id]
    assert card_ids(centre, 321654988) == [LOW_FUNDS.card_id]
    card = done(centre.get(f"{CARDS}/{DOCUMENTED.card_id}"))
    assert (card["accountId"], card["accountSpaceId"]) == (321654987, 654987321)
    assert (card["maskedPan"], card["expiryDate"]) == ("411111******1111", "12/25")
    statuses = {
        plastic: done(centre.get(f"{CARDS}/{plastic.card_id}"))["status"]
        for plastic in (DOCUMENTED, LOW_FUNDS, BLOCKED, LONG)
    }
    assert statuses == {DOCUMENTED: "ACTIVE", LOW_FUNDS: "ACTIVE", BLOCKED: "BLOCKED", LONG: "ACTIVE"}


def test_an_account_goes_by_any_of_its_names(centre: httpx.Client) -> None:
    """Opaque id, number and accountId, which may also be a JSON number; each card is on the same account."""
    issued = [done(create(centre, card_body(f"name-{name}", accountId=name)), 201) for name in (CHECKING,)]
    account_id = issued[0]["accountId"]
    for name in ("1000000123", 1000000123, account_id, str(account_id)):
        issued.append(done(create(centre, card_body(f"name-{name!r}", accountId=name)), 201))
    assert {card["accountId"] for card in issued} == {account_id}
    newest_first = [card["cardId"] for card in issued][::-1]
    for name in (CHECKING, "1000000123", account_id):
        assert card_ids(centre, name) == newest_first


def test_cards_are_listed_page_by_page(centre: httpx.Client) -> None:
    """Newest first, each on one page; another account's never; a page past the end is empty."""
    issued = [done(create(centre, card_body(f"page-{index}")), 201)["cardId"] for index in range(5)]
    pages = [card_ids(centre, CHECKING, page=page, size=2) for page in range(4)]
    assert pages == [issued[:2:-1], issued[2:0:-1], issued[:1], []]
    page = done(centre.get(CARDS, params={"accountId": CHECKING, "size": 3}))
    assert (page["totalElements"], page["totalPages"], page["numberOfElements"]) == (5, 2, 3)
    assert card_ids(centre, "test_savings_456") == []
    assert done(centre.get(CARDS, params={"accountId": "nobody"}), 404)["message"] == "Account not found"
    assert refused(centre.get(CARDS)) == ("accountId", "is required")
    assert refused(centre.get(CARDS, params={"accountId": ""})) == ("accountId", "is required")
    assert refused(centre.get(CARDS, params={"accountId": CHECKING, "size": 201}))[0] == "size"


def test_cards_that_are_refused(centre: httpx.Client) -> None:
    """400 that names the field; nothing is issued."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"accountId": None}, "accountId"),
        ({"accountId": True}, "accountId"),
        ({"accountId": {"id": 1}}, "accountId"),
        ({"accountId": "x" * 256}, "accountId"),
        ({"panHash": None}, "panHash"),
        ({"panHash": 5}, "panHash"),
        ({"panHash": "x" * 256}, "panHash"),
        ({"maskedPan": "4111******2222"}, "maskedPan"),
        ({"maskedPan": "411111XXXXXX2222"}, "maskedPan"),
        ({"maskedPan": None}, "maskedPan"),
        ({"expiryDate": "13/34"}, "expiryDate"),
        ({"expiryDate": "1/34"}, "expiryDate"),
        ({"expiryDate": "2034-11"}, "expiryDate"),
        ({"limits": None}, "limits"),
        ({"limits": 5}, "limits"),
        ({"limits": {}}, "limits.transactionLimit"),
        ({"limits": limits_of(100, None, 300)}, "limits.dailyLimit"),
        ({"limits": limits_of(100, 200, 0)}, "limits.monthlyLimit"),
        ({"limits": limits_of(100, 200, "300.001")}, "limits.monthlyLimit"),
        ({"limits": limits_of(201, 200, 300)}, "limits.transactionLimit"),
        ({"limits": limits_of(100, 301, 300)}, "limits.dailyLimit"),
        ({"limits": limits_of(100, 200, 300, ATM=(61, 60))}, "limits.channelLimits.ATM.transactionLimit"),
        ({"limits": limits_of(100, 200, 300, FAX=(1, 1))}, "limits.channelLimits"),
    ]
    for change, field in wrong:
        assert refused(create(centre, card_body("refused", **change)))[0] == field, change
    unknown = create(centre, card_body("refused", accountId="nobody"))
    assert done(unknown, 404)["message"] == "Account not found"
    assert card_ids(centre, CHECKING) == []
    done(create(centre, card_body("refused")), 201)


def test_a_card_number_in_clear_is_refused(centre: httpx.Client) -> None:
    """400 that does not repeat it, wherever it stands."""
    number = "4111111111111111"
    for change in ({"panHash": number}, {"maskedPan": number}, {"note": f"card {number}"}, {number: 1}):
        response = create(centre, card_body("clear") | change)
        details = done(response, 400)["details"]
        assert details["value"] is None
        assert number not in response.text
    reason = send(centre, "POST", f"{CARDS}/{LONG.card_id}/status", {"status": "BLOCKED", "reason": number})
    assert refused(reason)[0] == "reason"
    assert number not in reason.text


def test_a_pan_hash_is_one_cards(centre: httpx.Client) -> None:
    """409 for a second card with it, on whatever account; the hash itself is not repeated."""
    done(create(centre, card_body("taken")), 201)
    response = create(centre, card_body("taken", accountId="test_savings_456"))
    body = done(response, 409)
    assert body["details"]["field"] == "panHash"
    assert body["details"]["value"] is None
    assert done(create(centre, card_body(DOCUMENTED.pan_hash)), 409)["error"] == "Conflict"
    assert card_ids(centre, "test_savings_456") == []


def test_of_simultaneous_issues_one_wins(centre: httpx.Client) -> None:
    """Of several cards with one panHash at the same time one is issued; an account is numbered once."""
    answers: list[httpx.Response] = []

    def issue(pan_hash: str) -> None:
        answers.append(create(centre, card_body(pan_hash)))

    names = ["race"] * 5 + [f"race-{index}" for index in range(5)]
    threads = [threading.Thread(target=issue, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [409] * 4
    accounts = {answer.json()["accountId"] for answer in answers if answer.status_code == 201}
    assert len(accounts) == 1
    assert len(card_ids(centre, CHECKING)) == 6


def test_a_card_is_issued_once_for_a_key(centre: httpx.Client) -> None:
    """Answered as it was at first, whatever became of the card; other content is a conflict."""
    body = card_body("keyed")
    first = create(centre, body, "card-1")
    card_id = done(first, 201)["cardId"]
    done(set_status(centre, card_id, {"status": "BLOCKED", "reason": "lost"}))
    plastic = Plastic(card_id, "keyed", body["maskedPan"], body["expiryDate"])
    done(put_limits(centre, {"dailyLimit": 150}, plastic))
    again = send(centre, "POST", ALTERNATIVE_PREFIX + CARDS, body, "card-1")
    assert (again.status_code, again.content) == (201, first.content)
    for change in ({"panHash": "other"}, {"maskedPan": "411111******3333"}, {"expiryDate": "12/34"}):
        assert create(centre, body | change, "card-1").status_code == 409
    assert create(centre, body | {"limits": limits_of(1, 2, 3)}, "card-1").status_code == 409
    assert card_ids(centre, CHECKING) == [card_id]
    taken = create(centre, card_body("keyed", accountId="test_savings_456"), "card-2")
    assert taken.status_code == 409
    assert "Idempotency" not in taken.text


def test_a_card_is_blocked_and_unblocked(centre: httpx.Client) -> None:
    """Blocked it is declined; the answer is the card; what has the status already stays as it is."""
    card = done(centre.get(f"{CARDS}/{LONG.card_id}"))
    blocked = set_status(centre, LONG.card_id, {"status": "BLOCKED", "reason": "Reported as lost"})
    assert done(blocked) == card | {"status": "BLOCKED"}
    assert int(blocked.headers["X-Ledger-Position"]) > 0
    assert declined(centre, purchase()) == "CARD_BLOCKED"
    assert exactly(centre.get(f"{CARDS}/{LONG.card_id}")) == exactly(blocked)
    again = set_status(centre, LONG.card_id, {"status": "BLOCKED", "reason": "again"})
    assert done(again) == card | {"status": "BLOCKED"}
    assert "X-Ledger-Position" not in again.headers
    assert done(set_status(centre, LONG.card_id, {"status": "ACTIVE"})) == card
    authorize(centre, purchase())


def test_a_status_is_changed_once_for_a_key(centre: httpx.Client) -> None:
    """The card as it was answered, with the status and the limits of then."""
    body = {"status": "BLOCKED", "reason": "lost"}
    first = set_status(centre, LONG.card_id, body, "status-1")
    done(set_status(centre, LONG.card_id, {"status": "ACTIVE", "reason": "found"}))
    done(put_limits(centre, {"dailyLimit": 4000}))
    again = set_status(centre, LONG.card_id, body, "status-1")
    assert (again.status_code, again.content) == (200, first.content)
    assert done(centre.get(f"{CARDS}/{LONG.card_id}"))["status"] == "ACTIVE"
    assert set_status(centre, LONG.card_id, body | {"reason": "stolen"}, "status-1").status_code == 409
    assert (
        set_status(centre, LONG.card_id, {"status": "ACTIVE", "reason": "lost"}, "status-1").status_code
        == 409
    )


def test_statuses_that_are_refused(centre: httpx.Client) -> None:
    """400 for what is no status, 404 for what is no card."""
    for status in (None, "", "blocked", "CLOSED", 5):
        field, _ = refused(set_status(centre, LONG.card_id, {"status": status, "reason": "x"}))
        assert field == "status"
    assert (
        refused(set_status(centre, LONG.card_id, {"status": "BLOCKED", "reason": "x" * 256}))[0] == "reason"
    )
    assert (
        done(set_status(centre, 1, {"status": "BLOCKED", "reason": "x"}), 404)["message"] == "Card not found"
    )
    for card_id in ("1", "abc", "9007199254740992"):
        assert centre.get(f"{CARDS}/{card_id}").status_code == 404


def test_cards_are_the_administrators(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """403 without cards.admin; under another tenant there is none of them, and a panHash is free."""
    with card_sandbox.user("till", scope="authorizations.write holds.read") as till:
        for response in (
            create(till, card_body("till")),
            till.get(CARDS, params={"accountId": ACCOUNT}),
            till.get(f"{CARDS}/{LONG.card_id}"),
            set_status(till, LONG.card_id, {"status": "BLOCKED"}),
        ):
            assert done(response, 403)["error"] == "Forbidden"
    with card_sandbox.user("admin-user", scope="cards.admin", tenant="other-bank-001") as stranger:
        assert stranger.get(f"{CARDS}/{LONG.card_id}").status_code == 404
        assert stranger.get(CARDS, params={"accountId": ACCOUNT}).status_code == 404
        assert set_status(stranger, LONG.card_id, {"status": "BLOCKED"}).status_code == 404
        assert create(stranger, card_body("x")).status_code == 404
    assert done(centre.get(f"{CARDS}/{LONG.card_id}"))["status"] == "ACTIVE"
