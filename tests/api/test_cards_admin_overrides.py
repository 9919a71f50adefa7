"""Overrides over HTTP: what they allow, which of them counts, and how they end."""

import threading
from datetime import timedelta
from typing import Any

import httpx

from tests.api.card_administration import (
    delete_override,
    done,
    instant,
    now,
    override,
    override_body,
    override_ids,
    overrides_path,
    put_limits,
    refused,
    send,
)
from tests.api.card_requests import (
    ADMIN,
    ALTERNATIVE_PREFIX,
    DOCUMENTED,
    LONG,
    authorize,
    declined,
    issue,
    limits_of,
    purchase,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService


def create(client: httpx.Client, body: Any, key: str | None = None) -> httpx.Response:
    return send(client, "POST", overrides_path(), body, key)


def test_an_override_is_shown_as_it_was_made(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """By whom, since when, how long; a limit that it leaves alone is null."""
    body = override_body(card_sandbox, dailyLimit="7000.5", monthlyLimit=30000)
    before = now(card_sandbox)
    response = create(centre, body)
    made = done(response, 201)
    assert int(response.headers["X-Ledger-Position"]) > 0
    assert list(made) == [
        "id",
        "cardId",
        "transactionLimit",
        "dailyLimit",
        "monthlyLimit",
        "reason",
        "createdBy",
        "createdAt",
        "expiresAt",
    ]
    assert '"transactionLimit":null,"dailyLimit":7000.50,"monthlyLimit":30000.00' in response.text
    assert made["createdBy"] == "admin-user"
    assert made["createdAt"] >= instant(before)
    assert (made["reason"], made["expiresAt"]) == (body["reason"], body["expiresAt"])
    page = centre.get(overrides_path())
    assert exactly(page)["content"] == [exactly(response)]
    assert done(page)["totalElements"] == 1
    assert done(centre.get(overrides_path(DOCUMENTED)))["content"] == []


def test_an_override_replaces_the_limits_that_it_names(
    card_sandbox: SandboxService, centre: httpx.Client
) -> None:
    """The card's and the channel's of that kind, up or down; the others stay."""
    put_limits(centre, limits_of(50, 80, 1000, POS=(40, 60), ATM=None, E_COMMERCE=None))
    assert declined(centre, purchase(amount=45)) == "CHANNEL_TRANSACTION_LIMIT_EXCEEDED"
    higher = override(card_sandbox, centre, transactionLimit=70)
    assert declined(centre, purchase(amount=70.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    assert declined(centre, purchase(amount=65)) == "CHANNEL_DAILY_LIMIT_EXCEEDED"
    override(card_sandbox, centre, dailyLimit=100)
    authorize(centre, purchase(amount=65))
    assert declined(centre, purchase(amount=35.01)) == "DAILY_LIMIT_EXCEEDED"
    authorize(centre, purchase(amount=35))
    override(card_sandbox, centre, transactionLimit=5, dailyLimit=500)
    assert declined(centre, purchase(amount=5.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    override(card_sandbox, centre, monthlyLimit=100)
    assert declined(centre, purchase(amount=1)) == "MONTHLY_LIMIT_EXCEEDED"
    assert len(override_ids(centre)) == 4
    assert override_ids(centre)[-1] == higher


def test_per_kind_the_newest_active_override_wins(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Each kind on its own; with the newest gone the one before it counts again."""
    first = override(card_sandbox, centre, transactionLimit=10, dailyLimit=1000)
    second = override(card_sandbox, centre, hours=2, transactionLimit=20)
    third = override(card_sandbox, centre, hours=1, transactionLimit=30)
    assert override_ids(centre) == [third, second, first]
    assert declined(centre, purchase(amount=30.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    assert declined(centre, purchase(amount=30.01, channel="ATM")) == "TRANSACTION_LIMIT_EXCEEDED"
    card_sandbox.advance(3600)
    assert override_ids(centre) == [second, first]
    assert declined(centre, purchase(amount=20.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    assert delete_override(centre, second).status_code == 204
    assert declined(centre, purchase(amount=10.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    assert delete_override(centre, first).status_code == 204
    authorize(centre, purchase(amount=1999))


def test_an_override_ends_by_the_ledgers_clock(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Its limits are free at that instant; it is listed only where expired ones are asked for."""
    number = override(card_sandbox, centre, hours=1, transactionLimit=10)
    card_sandbox.advance(3500)
    assert declined(centre, purchase(amount=11)) == "TRANSACTION_LIMIT_EXCEEDED"
    card_sandbox.advance(100)
    authorize(centre, purchase(amount=11))
    assert override_ids(centre) == []
    assert override_ids(centre, includeExpired="false") == []
    assert override_ids(centre, includeExpired="true") == [number]
    assert done(delete_override(centre, number), 404)["message"] == "Limit override not found"
    assert override_ids(centre, includeExpired="true") == [number]


def test_a_deleted_override_is_gone(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """204 without a body; then 404, and never listed again; another card's stays."""
    number = override(card_sandbox, centre, transactionLimit=10)
    kept = override(card_sandbox, centre, DOCUMENTED, transactionLimit=10)
    response = delete_override(centre, number)
    assert (response.status_code, response.content) == (204, b"")
    assert int(response.headers["X-Ledger-Position"]) > 0
    assert override_ids(centre, includeExpired="true") == []
    authorize(centre, purchase(amount=11))
    assert delete_override(centre, number).status_code == 404
    assert override_ids(centre, DOCUMENTED) == [kept]


def test_overrides_are_listed_page_by_page(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Newest first, each on one page; a page past the end is empty."""
    numbers = [override(card_sandbox, centre, transactionLimit=10 + index) for index in range(5)]
    assert override_ids(centre) == numbers[::-1]
    pages = [override_ids(centre, page=page, size=2) for page in range(4)]
    assert pages == [numbers[:2:-1], numbers[2:0:-1], numbers[:1], []]
    last = done(centre.get(overrides_path(), params={"page": 2, "size": 2}))
    assert (last["totalElements"], last["totalPages"], last["last"], last["first"]) == (5, 3, True, False)
    for wrong in ({"page": -1}, {"page": "x"}, {"size": 0}, {"size": 201}, {"includeExpired": "yes"}):
        assert refused(centre.get(overrides_path(), params=wrong))[0] == next(iter(wrong))


def test_overrides_that_are_refused(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """400 that names the field; nothing is made."""
    good = override_body(card_sandbox, transactionLimit=10, dailyLimit=20, monthlyLimit=30)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"transactionLimit": 0}, "transactionLimit"),
        ({"transactionLimit": -1}, "transactionLimit"),
        ({"dailyLimit": "1.001"}, "dailyLimit"),
        ({"monthlyLimit": [1]}, "monthlyLimit"),
        ({"transactionLimit": 21}, "transactionLimit"),
        ({"dailyLimit": 31}, "dailyLimit"),
        ({"dailyLimit": None, "transactionLimit": 31}, "transactionLimit"),
        ({"reason": None}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 256}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"reason": 5}, "reason"),
        ({"expiresAt": None}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": "2099-05-15"}, "expiresAt"),
        ({"expiresAt": "2099-05-15T23:59:59"}, "expiresAt"),
        ({"expiresAt": "2099-13-15T23:59:59Z"}, "expiresAt"),
        ({"expiresAt": instant(now(card_sandbox) - timedelta(seconds=1))}, "expiresAt"),
    ]
    for change, field in wrong:
        assert refused(create(centre, good | change))[0] == field, change
    none = {name: value for name, value in good.items() if not name.endswith("Limit")}
    body = done(create(centre, none), 400)
    assert body["message"] == "Invalid override: at least one limit must be named"
    assert "details" not in body
    assert override_ids(centre, includeExpired="true") == []
    done(create(centre, good), 201)


def test_overrides_of_cards_that_there_are_not(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """404, whatever is wrong with the body beside; and so are overrides that there are not."""
    for card_id in ("1", "abc"):
        path = f"{ADMIN}/cards/{card_id}/limit-overrides"
        assert done(send(centre, "POST", path, {"dailyLimit": 0}), 404)["message"] == "Card not found"
        assert done(centre.get(path), 404)["message"] == "Card not found"
    for number in ("1", "0", "abc", str(LONG.card_id), "9007199254740992"):
        response = centre.delete(f"{ADMIN}/limit-overrides/{number}")
        assert done(response, 404)["message"] == "Limit override not found"


def test_another_banks_overrides_are_none(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """404 under another tenant, 403 without the scope; what there is stays."""
    number = override(card_sandbox, centre, transactionLimit=10)
    with card_sandbox.user("admin-user", scope="cards.admin", tenant="other-bank-001") as stranger:
        assert delete_override(stranger, number).status_code == 404
        assert stranger.get(overrides_path()).status_code == 404
    with card_sandbox.user("till", scope="authorizations.write webhooks.admin") as till:
        assert delete_override(till, number).status_code == 403
        assert till.get(overrides_path()).status_code == 403
        assert create(till, override_body(card_sandbox, dailyLimit=5)).status_code == 403
    assert override_ids(centre) == [number]


def test_an_override_is_made_once_for_a_key(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Answered as it was at first, under either prefix, also after it expired and was deleted."""
    body = override_body(card_sandbox, hours=1, transactionLimit=10)
    first = create(centre, body, "override-1")
    again = create(centre, body | {"transactionLimit": "10.00"}, "override-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert refused(create(centre, body | {"transactionLimit": 11}, "override-1"), 409) == ("", "")
    assert refused(create(centre, body | {"reason": "other"}, "override-1"), 409) == ("", "")
    assert len(override_ids(centre)) == 1
    card_sandbox.advance(3600)
    path = ALTERNATIVE_PREFIX + overrides_path()
    assert send(centre, "POST", path, body, "override-1").content == first.content
    assert len(override_ids(centre, includeExpired="true")) == 1


def test_simultaneous_requests_with_one_key_make_one_override(
    card_sandbox: SandboxService, centre: httpx.Client
) -> None:
    """Also while the first is still on its way; all are answered alike."""
    body = override_body(card_sandbox, transactionLimit=10)
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(create(centre, body, "at-once"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert len(override_ids(centre)) == 1


def test_an_override_in_the_past_leaves_its_key_free(
    card_sandbox: SandboxService, centre: httpx.Client
) -> None:
    """The request was wrong, and is made good under the same key."""
    body = override_body(card_sandbox, hours=-1, transactionLimit=10)
    assert refused(create(centre, body, "override-2")) == ("expiresAt", "must be in the future")
    assert create(centre, override_body(card_sandbox, transactionLimit=10), "override-2").status_code == 201


def test_a_deletion_is_made_once_for_a_key(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """204 again; the key is that override's, and a 404 leaves it free."""
    number = override(card_sandbox, centre, transactionLimit=10)
    for _ in range(2):
        assert delete_override(centre, number, "deletion-1").status_code == 204
    assert delete_override(centre, number, "deletion-2").status_code == 404
    other = override(card_sandbox, centre, transactionLimit=10)
    assert delete_override(centre, other, "deletion-1").status_code == 204


def test_an_override_of_limits_of_a_new_card(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Raises what the card has, and leaves it as it was when it is over."""
    plastic = issue(centre, "overridden", limits=limits_of(10, 20, 30))
    override(card_sandbox, centre, plastic, hours=1, transactionLimit=500, dailyLimit=500, monthlyLimit=500)
    authorize(centre, purchase(plastic, 400))
    card_sandbox.advance(3600)
    assert declined(centre, purchase(plastic, 11)) == "TRANSACTION_LIMIT_EXCEEDED"
