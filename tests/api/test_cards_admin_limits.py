"""A card's limits over HTTP: what may be set, what stays, and what they allow."""

import threading
from typing import Any

import httpx

from tests.api.card_administration import done, limits_path, now, put_limits, refused, send
from tests.api.card_requests import (
    ADMIN,
    ALTERNATIVE_PREFIX,
    DOCUMENTED,
    LONG,
    authorize,
    declined,
    issue,
    limits_of,
    post,
    purchase,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService

AS_ISSUED = limits_of(2000, 5000, 20000, ATM=(500, 1000), E_COMMERCE=(1000, 3000), POS=(2000, 5000))


def own(limits: dict[str, Any]) -> dict[str, Any]:
    """The limits alone."""
    return {name: value for name, value in limits.items() if name not in ("cardId", "lastUpdated")}


def changed(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """All limits after a change that must pass, which are also those that are shown then."""
    answer = done(put_limits(client, body))
    assert done(client.get(limits_path())) == answer
    return own(answer)


def test_amounts_have_the_digits_of_the_currency(centre: httpx.Client) -> None:
    """As numbers, whatever was sent: 4000, "4000" and 4000.0 are 4000.00."""
    for sent in (4000, "4000", 4000.0, "4000.00"):
        assert exactly(put_limits(centre, {"dailyLimit": sent}))["dailyLimit"].as_tuple().exponent == -2
    assert '"dailyLimit":4000.00' in centre.get(limits_path()).text


def test_what_is_not_named_stays(centre: httpx.Client) -> None:
    """Card fields one by one, channels one by one."""
    assert changed(centre, {"dailyLimit": 4000}) == AS_ISSUED | {"dailyLimit": 4000}
    assert changed(centre, {"transactionLimit": 100, "monthlyLimit": 9000.5}) == AS_ISSUED | {
        "transactionLimit": 100,
        "dailyLimit": 4000,
        "monthlyLimit": 9000.5,
    }
    channels = changed(centre, {"channelLimits": {"MOTO": {"dailyLimit": 70}}})["channelLimits"]
    assert channels == AS_ISSUED["channelLimits"] | {"MOTO": {"dailyLimit": 70}}
    assert changed(centre, {"channelLimits": {}})["channelLimits"] == channels


def test_a_named_channel_is_replaced_whole_or_removed(centre: httpx.Client) -> None:
    """What it leaves out is not limited there any more; null leaves nothing of it."""
    channels = changed(centre, {"channelLimits": {"ATM": {"dailyLimit": 800}, "POS": None}})["channelLimits"]
    assert channels == {"ATM": {"dailyLimit": 800}, "E_COMMERCE": AS_ISSUED["channelLimits"]["E_COMMERCE"]}
    again = {"channelLimits": {"ATM": {"transactionLimit": None, "dailyLimit": 800}, "POS": None}}
    assert changed(centre, again)["channelLimits"] == channels
    assert changed(centre, {"channelLimits": {"ATM": {"transactionLimit": 5}}})["channelLimits"]["ATM"] == {
        "transactionLimit": 5
    }


def test_limits_that_were_read_can_be_put_back(centre: httpx.Client) -> None:
    """Also those of channels that lack one."""
    put_limits(centre, {"channelLimits": {"ATM": {"dailyLimit": 800}}})
    before = centre.get(limits_path()).json()
    assert own(done(put_limits(centre, before))) == own(before)


def test_channels_may_exceed_the_card(centre: httpx.Client) -> None:
    """Without effect: the card's own limit is kept."""
    changed(centre, {"transactionLimit": 300, "channelLimits": {"POS": {"transactionLimit": 9000}}})
    assert declined(centre, purchase(amount=300.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    authorize(centre, purchase(amount=300))


def test_a_change_says_when_it_was_made(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """`lastUpdated` is the last change of the limits, not of the card; before any it is the issue."""
    issued = done(centre.get(limits_path()))["lastUpdated"]
    assert issued == done(centre.get(f"{ADMIN}/cards/{LONG.card_id}"))["createdAt"]
    card_sandbox.advance(3600)
    before = now(card_sandbox)
    updated = done(put_limits(centre, {"dailyLimit": 4000}))["lastUpdated"]
    assert updated >= before.isoformat()[:19] + "Z" > issued
    card_sandbox.advance(3600)
    post(centre, f"{ADMIN}/cards/{LONG.card_id}/status", {"status": "BLOCKED", "reason": "lost"})
    assert done(centre.get(limits_path()))["lastUpdated"] == updated


def test_what_limits_allow(centre: httpx.Client) -> None:
    """Up to the limit and not a cent more: per transaction, day and month, and in a channel."""
    put_limits(centre, limits_of(50, 80, 100, POS=(40, 60), ATM=None, E_COMMERCE=None))
    assert declined(centre, purchase(amount=50.01)) == "TRANSACTION_LIMIT_EXCEEDED"
    assert declined(centre, purchase(amount=40.01)) == "CHANNEL_TRANSACTION_LIMIT_EXCEEDED"
    authorize(centre, purchase(amount=40))
    assert declined(centre, purchase(amount=20.01)) == "CHANNEL_DAILY_LIMIT_EXCEEDED"
    authorize(centre, purchase(amount=20))
    assert declined(centre, purchase(amount=20.01, channel="MOTO")) == "DAILY_LIMIT_EXCEEDED"
    put_limits(centre, {"dailyLimit": 100, "channelLimits": {"POS": None}})
    authorize(centre, purchase(amount=40))
    assert declined(centre, purchase(amount=0.01)) == "DAILY_LIMIT_EXCEEDED"


REFUSED: list[tuple[Any, str, str]] = [
    ({"transactionLimit": 0}, "transactionLimit", "must be greater than 0"),
    ({"dailyLimit": -5}, "dailyLimit", "must be greater than 0"),
    ({"monthlyLimit": "abc"}, "monthlyLimit", "must be a plain decimal number such as 125.50"),
    ({"monthlyLimit": True}, "monthlyLimit", "must be a plain decimal number such as 125.50"),
    ({"monthlyLimit": 10**15}, "monthlyLimit", "has more than 15 integer digits"),
    ({"dailyLimit": 1.005}, "dailyLimit", "in USD may have at most 2 fraction digits"),
    ({"dailyLimit": None}, "dailyLimit", "must be an amount, or left out to stay as it is"),
    ({"dailyLimit": ""}, "dailyLimit", "is required"),
    ({"transactionLimit": 5000.01}, "transactionLimit", "must not be greater than dailyLimit"),
    ({"dailyLimit": 1999}, "transactionLimit", "must not be greater than dailyLimit"),
    ({"monthlyLimit": 4999.99}, "dailyLimit", "must not be greater than monthlyLimit"),
    (
        {"transactionLimit": 3, "monthlyLimit": 2},
        "transactionLimit",
        "must not be greater than monthlyLimit",
    ),
    ({"channelLimits": None}, "channelLimits", "must be an object with limits by channel"),
    ({"channelLimits": [1]}, "channelLimits", "must be an object with limits by channel"),
    ({"channelLimits": "ATM"}, "channelLimits", "must be an object with limits by channel"),
    (
        {"channelLimits": {"FAX": {"dailyLimit": 1}}},
        "channelLimits",
        "must only name channels: one of POS, ATM, E_COMMERCE, CONTACTLESS, MOTO",
    ),
    ({"channelLimits": {"ATM": 5}}, "channelLimits.ATM", "must be an object with limits, or null"),
    (
        {"channelLimits": {"ATM": {"dailyLimit": 0}}},
        "channelLimits.ATM.dailyLimit",
        "must be greater than 0",
    ),
    (
        {"channelLimits": {"ATM": {"transactionLimit": 2, "dailyLimit": 1}}},
        "channelLimits.ATM.transactionLimit",
        "must not be greater than dailyLimit",
    ),
    ({}, "", ""),
    ({"daylyLimit": 5}, "", ""),
]


def test_limits_that_are_refused(centre: httpx.Client) -> None:
    """400 that names the limit, and nothing is changed."""
    for body, field, constraint in REFUSED:
        assert refused(put_limits(centre, body)) == (field, constraint), body
    assert own(done(centre.get(limits_path()))) == AS_ISSUED


def test_limits_are_in_the_accounts_currency(centre: httpx.Client) -> None:
    """The digits that a limit may have are those of the account's currency, which an error shows."""
    body = done(put_limits(centre, {"dailyLimit": "4000.001"}), 400)
    assert body["message"] == "Invalid limits"
    assert body["details"] == {
        "field": "dailyLimit",
        "value": "4000.001",
        "constraint": "in USD may have at most 2 fraction digits",
    }


def test_cards_that_there_are_not(centre: httpx.Client) -> None:
    """404 for what is no card, and for what can be none."""
    for card_id in ("1", "9007199254740991", "9007199254740992", "0", "-1", "abc", "1.0"):
        path = f"{ADMIN}/cards/{card_id}/limits"
        for response in (centre.get(path), send(centre, "PUT", path, {"dailyLimit": 4000})):
            assert done(response, 404)["message"] == "Card not found"


def test_another_banks_card_is_none(card_sandbox: SandboxService) -> None:
    """The same number under another tenant is 404, for reading and for writing."""
    with card_sandbox.user("admin-user", scope="cards.admin", tenant="other-bank-001") as stranger:
        assert stranger.get(limits_path()).status_code == 404
        assert put_limits(stranger, {"dailyLimit": 4000}).status_code == 404


def test_the_scope_is_needed(card_sandbox: SandboxService) -> None:
    """403 for a token without cards.admin, 401 without any."""
    with card_sandbox.user("till", scope="authorizations.write webhooks.admin") as till:
        assert till.get(limits_path()).status_code == 403
        assert put_limits(till, {"dailyLimit": 4000}).status_code == 403
    assert card_sandbox.http.get(limits_path()).status_code == 401


def test_a_change_is_made_once_for_a_key(centre: httpx.Client) -> None:
    """The same again, under either prefix and however it is written, is answered as it was."""
    first = put_limits(centre, {"dailyLimit": 4000, "channelLimits": {"ATM": None}}, key="limits-1")
    done(put_limits(centre, {"dailyLimit": 3000, "channelLimits": {"ATM": {"dailyLimit": 9}}}))
    body = '{"channelLimits": {"ATM": null}, "dailyLimit": "4000.00"}'
    headers = {"Idempotency-Key": "limits-1", "Content-Type": "application/json"}
    for prefix in ("", ALTERNATIVE_PREFIX):
        again = centre.put(prefix + limits_path(), content=body, headers=headers)
        assert (again.status_code, again.content) == (200, first.content)
    assert done(centre.get(limits_path()))["dailyLimit"] == 3000


def test_a_key_is_for_one_change(centre: httpx.Client) -> None:
    """409 for other content; another card, another client or another method may use it again."""
    done(put_limits(centre, {"dailyLimit": 4000}, key="limits-2"))
    for body in ({"dailyLimit": 4000.01}, {"monthlyLimit": 9000}, {"channelLimits": {"ATM": None}}):
        assert refused(put_limits(centre, body, key="limits-2"), 409) == ("", "")
    assert done(centre.get(limits_path()))["dailyLimit"] == 4000
    done(put_limits(centre, {"dailyLimit": 2500}, DOCUMENTED, key="limits-2"))


def test_a_refusal_from_state_is_repeated_under_its_key(centre: httpx.Client) -> None:
    """What the card's other limits refused stays refused; what was wrong by itself leaves the key free."""
    refusal = put_limits(centre, {"monthlyLimit": 4000}, key="limits-3")
    assert refused(refusal) == ("dailyLimit", "must not be greater than monthlyLimit")
    done(put_limits(centre, {"dailyLimit": 3000}))
    assert refused(put_limits(centre, {"monthlyLimit": 4000}, key="limits-3"))[0] == "dailyLimit"
    for wrong in ({"dailyLimit": 0}, {"transactionLimit": 9, "dailyLimit": 8}, {}):
        put_limits(centre, wrong, key="limits-4")
    assert done(put_limits(centre, {"monthlyLimit": 4000}, key="limits-4"))["monthlyLimit"] == 4000
    assert refused(put_limits(centre, {"dailyLimit": 5}, key=""), 400)[0] == "Idempotency-Key"
    assert refused(put_limits(centre, {"dailyLimit": 5}, key="k" * 256), 400)[0] == "Idempotency-Key"


def test_simultaneous_changes_all_count(centre: httpx.Client) -> None:
    """Changes of different limits at the same time: none is lost."""
    plastic = issue(centre, "simultaneous-limits", limits=limits_of(100, 1000, 10_000))
    changes: list[dict[str, Any]] = [
        {"transactionLimit": 101},
        {"dailyLimit": 1001},
        {"monthlyLimit": 10_001},
    ]
    changes += [{"channelLimits": {name: {"dailyLimit": 5}}} for name in ("POS", "ATM", "MOTO")]
    threads = [threading.Thread(target=put_limits, args=(centre, body, plastic)) for body in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limits = own(done(centre.get(limits_path(plastic))))
    assert {name: limits[name] for name in ("transactionLimit", "dailyLimit", "monthlyLimit")} == {
        "transactionLimit": 101,
        "dailyLimit": 1001,
        "monthlyLimit": 10_001,
    }
    assert list(limits["channelLimits"]) == ["ATM", "MOTO", "POS"]


def test_a_change_tells_its_position(centre: httpx.Client) -> None:
    """A read that asks for that position shows it; a position that is none is 400."""
    response = put_limits(centre, {"dailyLimit": 4000})
    position = response.headers["X-Ledger-Position"]
    shown = centre.get(limits_path(), headers={"X-Min-Position": position})
    assert done(shown)["dailyLimit"] == 4000
    assert "X-Ledger-Position" not in shown.headers
    assert refused(centre.get(limits_path(), headers={"X-Min-Position": "x"}))[0] == "X-Min-Position"
