"""Creating transfers: the documented answers to the letter, every refusal in its order, and replays."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.transfer_requests import (
    CHECKING,
    OTHER,
    SAVINGS,
    TRANSFERS,
    change,
    create,
    created_id,
    detail,
    exactly,
    interbank,
    internal,
    refusal,
    totals,
)
from tests.sandbox_service import SandboxService


def test_the_answer_to_an_internal_transfer_is_the_documented_one(demo: httpx.Client) -> None:
    """Every member, in its order, with amounts of two digits."""
    response = demo.post(TRANSFERS, json=internal("client-uuid-12345", 500, memo="Rent payment for November"))
    assert response.status_code == 201
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    transfer = body["transfer"]
    assert list(transfer.items()) == [
        ("id", transfer["id"]),
        ("idempotency_key", "client-uuid-12345"),
        ("user_id", "user_demo"),
        ("from_account_id", CHECKING),
        ("to_account_id", SAVINGS),
        ("amount", "500.00"),
        ("fee", "0.00"),
        ("currency", "USD"),
        ("transfer_type", "internal"),
        ("status", "pending"),
        ("memo", "Rent payment for November"),
        ("reference", transfer["reference"]),
        ("scheduled_settlement_at", transfer["scheduled_settlement_at"]),
        ("created_at", transfer["created_at"]),
        ("requires_mfa", False),
        ("mfa_verified", False),
    ]
    assert list(body.items())[1:] == [
        ("message", "Transfer initiated successfully"),
        ("requires_mfa", False),
        ("settlement_estimate", "1 business day"),
        ("fee", "0.00"),
    ]
    day = transfer["created_at"][2:10].replace("-", "")
    reference = transfer["reference"]
    assert reference.startswith(f"FTZ{day}")
    assert len(reference) == 17
    assert reference.isalnum()
    assert reference.isupper()


def test_the_answer_to_an_interbank_transfer_masks_the_account(demo: httpx.Client) -> None:
    """The external members take the place of `to_account_id`; the fee is 2.50."""
    body = exactly(demo.post(TRANSFERS, json=interbank("client-uuid-67890", 1000, memo=None)))
    transfer = body["transfer"]
    assert "to_account_id" not in transfer
    assert list(transfer)[3:9] == [
        "from_account_id",
        "external_bank_name",
        "external_routing_number",
        "external_account_number",
        "external_account_holder_name",
        "amount",
    ]
    assert transfer["external_account_number"] == "******3210"
    assert (transfer["fee"], transfer["memo"]) == ("2.50", None)
    assert (body["fee"], body["settlement_estimate"]) == ("2.50", "3 business days")


@pytest.mark.parametrize("name", ["1000000123", CHECKING])
def test_accounts_go_by_any_of_their_names(demo: httpx.Client, name: str) -> None:
    """They are shown by their opaque id, whatever name was sent."""
    sent = internal("by-name", from_account_id=name, to_account_id="1000000456")
    transfer = create(demo, sent)["transfer"]
    assert (transfer["from_account_id"], transfer["to_account_id"]) == (CHECKING, SAVINGS)


def test_missing_fields_are_listed_in_the_documented_order(demo: httpx.Client) -> None:
    """Absent, null and empty are the same; what the type needs comes after what all need."""
    always = "idempotency_key, from_account_id, amount, transfer_type"
    external = ", ".join(
        f"external_{part}"
        for part in ("bank_name", "routing_number", "account_number", "account_holder_name")
    )
    for body, listed in (
        ({}, always),
        (dict.fromkeys(internal("")), always),
        (dict.fromkeys(internal(""), ""), always),
        ({"transfer_type": "internal"}, "idempotency_key, from_account_id, amount, to_account_id"),
        ({"transfer_type": "interbank"}, f"idempotency_key, from_account_id, amount, {external}"),
        ({"transfer_type": "sideways"}, "idempotency_key, from_account_id, amount"),
        (internal("k", to_account_id=None), "to_account_id"),
        (
            interbank("k", external_bank_name="", external_account_number=None),
            "external_bank_name, external_account_number",
        ),
    ):
        assert create(demo, body, 400) == {
            "error": f"Missing required fields: {listed}",
            "code": "validation_error",
        }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"transfer_type": "sideways"}, "transfer_type"),
        ({"amount": 0}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"amount": True}, "amount"),
        ({"memo": "x" * 501}, "memo"),
        ({"memo": 5}, "memo"),
        ({"idempotency_key": "x" * 256}, "idempotency_key"),
        ({"idempotency_key": 5}, "idempotency_key"),
        ({"from_account_id": ["x"]}, "from_account_id"),
        ({"to_account_id": "a\0b"}, "to_account_id"),
    ],
)
def test_what_is_wrong_with_a_field_names_it(demo: httpx.Client, changes: dict[str, Any], named: str) -> None:
    """400 validation_error, and nothing recorded: the key is still free."""
    error, code = refusal(demo, internal("form") | changes, 400)
    assert named in error
    assert code == "validation_error"
    create(demo, internal("form"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"external_routing_number": "12345678"}, "external_routing_number"),
        ({"external_routing_number": "12345678a"}, "external_routing_number"),
        ({"external_routing_number": "１２３４５６７８９"}, "external_routing_number"),
        ({"external_account_number": "123"}, "external_account_number"),
        ({"external_account_number": "1" * 18}, "external_account_number"),
        ({"external_bank_name": "x" * 141}, "external_bank_name"),
        ({"external_account_holder_name": "x" * 141}, "external_account_holder_name"),
    ],
)
def test_external_accounts_are_bounded(demo: httpx.Client, changes: dict[str, Any], named: str) -> None:
    """Nine digits, four to seventeen characters, names of up to 140."""
    error, code = refusal(demo, interbank("bounds") | changes, 400)
    assert named in error
    assert code == "validation_error"


def test_the_largest_names_and_memos_are_taken(demo: httpx.Client) -> None:
    """At their bounds exactly, in any script."""
    transfer = create(demo, interbank("k" * 255, 1, memo="é" * 500, external_bank_name="銀" * 140))[
        "transfer"
    ]
    assert (transfer["memo"], transfer["external_bank_name"]) == ("é" * 500, "銀" * 140)


def test_refusals_come_in_the_documented_order(sandbox: SandboxService, demo: httpx.Client) -> None:
    """Each request has all faults that come later, too: accounts, sameness, limit, balance."""
    foreign = "Invalid from_account_id or account does not belong to user"
    for account in ("nobody", OTHER, "acct_1234567890"):
        assert refusal(
            demo, internal(f"from-{account}", 60_000, from_account_id=account, to_account_id="x"), 400
        ) == (
            foreign,
            "invalid_account",
        )
    assert refusal(demo, internal("to", 60_000, to_account_id="nobody"), 400) == (
        "Invalid to_account_id",
        "invalid_account",
    )
    assert refusal(demo, internal("same", 60_000, to_account_id="1000000123"), 400) == (
        "Cannot transfer to same account",
        "same_account",
    )
    for account, state in (("1234567891", "frozen"), ("1234567892", "closed")):
        words = refusal(demo, internal(f"to-{state}", 60_000, to_account_id=account), 400)
        assert words == (f"Account is {state}", "invalid_account")
    with sandbox.user("CUST123456") as customer:
        words = refusal(customer, internal("frozen", 60_000, from_account_id="1234567891"), 400)
        assert words == ("Account is frozen", "invalid_account")
    assert refusal(demo, internal("limit", 50_000.01), 400) == (
        "Maximum transfer amount is $50000",
        "limit_exceeded",
    )
    assert refusal(demo, interbank("limit-2", 10_000.01), 400) == (
        "Maximum transfer amount is $10000",
        "limit_exceeded",
    )


def test_insufficient_balance_says_what_there_is_and_what_it_takes(demo: httpx.Client) -> None:
    """The second documented scenario; the fee is named only where there is one, and MFA comes later."""
    response = demo.post(TRANSFERS, json=internal("test_insufficient_001", 20_000))
    assert response.status_code == 400
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    assert list(body.items()) == [
        ("error", "Insufficient available balance"),
        ("code", "insufficient_balance"),
        ("details", "Available: $10000.00, Required: $20000.00"),
        ("available_balance", "10000.00"),
        ("required_amount", "20000.00"),
    ]
    body = exactly(demo.post(TRANSFERS, json=interbank("short-of-the-fee", 10_000)))
    assert body["details"] == "Available: $10000.00, Required: $10002.50 (including $2.50 fee)"
    assert totals(demo) == (10_000, 10_000, 0, 0, 0)
    assert demo.get(TRANSFERS).json()["transfers"] == []


def test_the_same_request_again_is_the_same_transfer(demo: httpx.Client) -> None:
    """As parsed: spelling, order and white space of the JSON do not count. The transfer is as it is now."""
    first = create(demo, internal("again", 100))
    assert first["message"] == "Transfer initiated successfully"
    spellings = ('"100"', "100.00", '"100.00"', '"\\u0031\\u0030\\u0030"')
    for spelling in spellings:
        content = (
            f'{{"transfer_type": "internal", "amount" : {spelling}, "to_account_id": "{SAVINGS}",'
            f' "from_account_id":"{CHECKING}", "unknown": [], "memo": null, "idempotency_key": "again"}}'
        )
        response = demo.post(TRANSFERS, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 200
        assert response.json() == first | {"message": "Transfer already exists (idempotent request)"}
        assert "X-Ledger-Position" not in response.headers
    assert totals(demo) == (10_000, 9_900, 100, 100, 0)
    assert change(demo, first["transfer"]["id"], "cancel").status_code == 200
    assert create(demo, internal("again", 100), 200)["transfer"]["status"] == "cancelled"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 100.01},
        {"memo": "another"},
        {"to_account_id": OTHER},
        {"from_account_id": SAVINGS, "to_account_id": CHECKING},
    ],
)
def test_other_content_under_a_used_key_is_a_conflict(demo: httpx.Client, changes: dict[str, Any]) -> None:
    """409, and nothing changed."""
    create(demo, internal("conflict", 100))
    words, code = refusal(demo, internal("conflict", 100) | changes, 409)
    assert code == "idempotency_conflict"
    assert "idempotency key" in words
    assert totals(demo) == (10_000, 9_900, 100, 100, 0)
    assert refusal(demo, interbank("conflict", 100), 409)[1] == "idempotency_conflict"


def test_what_was_declined_is_declined_again(demo: httpx.Client) -> None:
    """Also when the money is there by then: the key was used."""
    wish = internal("declined", 20_000)
    first = create(demo, wish, 400)
    created_id(demo, internal("less", 4_000))
    assert create(demo, wish, 400) == first
    assert refusal(demo, wish | {"amount": 1}, 409)[1] == "idempotency_conflict"
    nobody = internal("nobody", from_account_id="nobody")
    assert create(demo, nobody, 400) == create(demo, nobody, 400)


def test_keys_are_the_users_own(demo: httpx.Client, other: httpx.Client) -> None:
    """The same key of two users is two keys, and the header does not count here."""
    mine = created_id(demo, internal("shared"))
    theirs = create(other, internal("shared", 1, from_account_id=OTHER, to_account_id=CHECKING))
    assert theirs["transfer"]["id"] != mine
    response = demo.post(TRANSFERS, json=internal("unshared"), headers={"Idempotency-Key": "shared"})
    assert response.status_code == 201


def test_another_tenants_accounts_are_no_accounts(sandbox: SandboxService, demo: httpx.Client) -> None:
    """Neither in a body nor in a path, and its transfers are not found."""
    mine = created_id(demo, internal("mine"))
    with sandbox.user(tenant="transfers-elsewhere") as stranger:
        assert refusal(stranger, internal("mine"), 400)[1] == "invalid_account"
        assert stranger.get(f"{TRANSFERS}/{mine}").status_code == 404
        assert change(stranger, mine, "cancel").status_code == 404
        assert stranger.get(f"/api/accounts/{CHECKING}/balance").status_code == 404
        assert stranger.get(TRANSFERS).json()["transfers"] == []


def test_simultaneous_requests_never_pass_a_limit_together(demo: httpx.Client) -> None:
    """Twenty at once with one key are one transfer; at once with many keys ten pass, the rest do not."""
    with ThreadPoolExecutor(20) as pool:
        same = list(pool.map(lambda _: demo.post(TRANSFERS, json=internal("storm", 1)), range(20)))
        many = list(pool.map(lambda n: demo.post(TRANSFERS, json=internal(f"storm-{n}", 1)), range(20)))
    assert sorted(answer.status_code for answer in same) == [200] * 19 + [201]
    assert len({answer.json()["transfer"]["id"] for answer in same}) == 1
    assert sorted(answer.status_code for answer in many) == [201] * 9 + [429] * 11
    assert totals(demo) == (10_000, 9_990, 10, 10, 0)
    assert detail(demo, same[0].json()["transfer"]["id"])["progress"] == 50
