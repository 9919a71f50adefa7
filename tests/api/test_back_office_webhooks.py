"""Webhooks of the back office over HTTP: configured, told, given up, and sent again on request."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from application.accounts import ChangeOverdraftLimit, ChangeStatus, change_overdraft_limit, change_status
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from tests.api.back_office_requests import (
    DEAD_LETTERS,
    SECRET,
    V1,
    WEBHOOKS,
    back_office,
    done,
    invalid,
    refused,
    send,
    webhook,
)
from tests.api.card_requests import authorize, purchase
from tests.api.transfer_requests import TRANSFERS, created_id, internal
from tests.sandbox_service import SandboxService
from tests.webhook_receiver import Receiver, eventually, is_signed_as_back_office, webhook_receiver
from tests.webhook_subscriptions import Bank

TWO_DAYS = 2 * 86_400
EVERYTHING = ["account.*", "transaction.*", "user.*", "transfer.*"]


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with back_office(sandbox) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


def create(client: httpx.Client, key: str | None = None, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = done(send(client, "POST", WEBHOOKS, webhook(**changes), key), 201)
    return made


def deliveries(client: httpx.Client, identifier: str, **wish: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = done(client.get(f"{WEBHOOKS}/{identifier}/deliveries", params=wish))
    return rows


def test_a_webhook_is_shown_without_its_secret(sandbox: SandboxService, staff: httpx.Client) -> None:
    """In the documented members and order, the same wherever it is shown."""
    response = send(staff, "POST", WEBHOOKS, webhook(events=["transfer.*", "account.created", "transfer.*"]))
    made = done(response, 201)
    assert list(made) == ["id", "url", "events", "active", "created_at", "updated_at"]
    assert made["id"].removeprefix("webhook-").isdigit()
    assert (made["url"], made["active"]) == ("http://127.0.0.1:9/hook", True)
    assert made["events"] == ["transfer.*", "account.created"]
    assert made["created_at"] == made["updated_at"]
    assert done(staff.get(f"{WEBHOOKS}/{made['id']}")) == made
    assert done(staff.get(WEBHOOKS)) == [made]
    with back_office(sandbox, scope="audit.read") as auditor:
        log = auditor.get("/ledger/v1/events", params={"category": "webhook"}).text
    assert made["id"] in log
    for text in (response.text, staff.get(WEBHOOKS).text, log, sandbox.log()):
        assert SECRET not in text


def test_a_webhook_can_be_made_inactive(staff: httpx.Client) -> None:
    assert create(staff, active=False)["active"] is False


def test_a_change_leaves_what_it_does_not_name(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = create(staff)
    path = f"{WEBHOOKS}/{made['id']}"
    sandbox.advance(5)
    changed = done(send(staff, "PUT", path, {"active": False}))
    assert changed == made | {"active": False, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    changed = done(send(staff, "PUT", path, {"events": ["user.*"], "url": "https://example.com/"}))
    assert (changed["events"], changed["url"], changed["active"]) == (
        ["user.*"],
        "https://example.com/",
        False,
    )
    assert done(send(staff, "PUT", path, {"secret": "another"}))["url"] == "https://example.com/"
    assert done(send(staff, "PUT", path, {}))["active"] is False
    assert done(staff.get(path))["events"] == ["user.*"]
    replayed = [done(send(staff, "PUT", path, {"active": True}, "key")) for _ in range(2)]
    assert replayed[0] == replayed[1]
    refused(send(staff, "PUT", path, {"active": False}, "key"), 409, "IDEMPOTENCY_CONFLICT")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": None}, "url"),
    ({"url": ""}, "url"),
    ({"url": 5}, "url"),
    ({"url": "ftp://example.com/hook"}, "url"),
    ({"url": "https://user:password@example.com/hook"}, "url"),
    ({"url": "https://example.com/" + "x" * 2048}, "url"),
    ({"url": "https://example.com/\x00"}, "url"),
    ({"events": None}, "events"),
    ({"events": []}, "events"),
    ({"events": "account.created"}, "events"),
    ({"events": ["account.created", "account.deleted"]}, "events"),
    ({"events": ["LIMIT_BREACH"]}, "events"),
    ({"events": ["payment.received"]}, "events"),
    ({"events": ["*"]}, "events"),
    ({"events": ["account"]}, "events"),
    ({"events": [5]}, "events"),
    ({"secret": None}, "secret"),
    ({"secret": ""}, "secret"),
    ({"secret": "s" * 256}, "secret"),
    ({"secret": "correct horse\x00"}, "secret"),
    ({"active": "true"}, "active"),
    ({"active": 1}, "active"),
    ({"id": "webhook-1"}, "id"),
    ({"created_at": "2024-01-01T12:00:00Z"}, "created_at"),
]


def test_webhooks_that_are_refused(staff: httpx.Client) -> None:
    """400 that names the field, and never repeats the secret; made or changed is nothing."""
    made = create(staff)
    for change, field in WRONG:
        for response in (
            send(staff, "POST", WEBHOOKS, webhook(**change)),
            send(staff, "PUT", f"{WEBHOOKS}/{made['id']}", change),
        ):
            assert invalid(response) == field, change
            assert "correct" not in response.text
    for missing in ("url", "events", "secret"):
        body = webhook()
        del body[missing]
        assert invalid(send(staff, "POST", WEBHOOKS, body)) == missing
    assert done(staff.get(WEBHOOKS)) == [made]


def test_a_deleted_webhook_is_gone(staff: httpx.Client) -> None:
    """Answered as it was, then 404; another one stays."""
    made, kept = create(staff), create(staff)
    path = f"{WEBHOOKS}/{made['id']}"
    assert done(staff.delete(path)) == made
    assert done(staff.get(WEBHOOKS)) == [kept]
    for response in (
        staff.get(path),
        staff.delete(path),
        send(staff, "PUT", path, {"active": True}),
        staff.get(f"{path}/deliveries"),
    ):
        assert refused(response, 404, "NOT_FOUND")["message"] == "Webhook not found"


def test_dead_letters_of_the_card_surface_are_seen_and_sent_again_here(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    made = staff.post(
        "/api/v1/admin/webhooks",
        json={"url": "http://127.0.0.1:9/hook", "events": ["AUTHORIZATION_DECISION"], "secret": SECRET},
    ).json()
    with back_office(sandbox, scope="authorizations.write") as acquirer:
        decision = authorize(acquirer, purchase())
    sandbox.advance(2 * 86_400)
    with back_office(sandbox) as later:
        [letter] = done(later.get(DEAD_LETTERS))
        assert (letter["webhook_id"], letter["event"]) == (made["id"], "AUTHORIZATION_DECISION")
        assert letter["data"] == {**decision, "cardId": 789123459}
        assert done(later.get(f"{WEBHOOKS}/{made['id']}/deliveries")) == [letter]
        assert send(later, "POST", f"{DEAD_LETTERS}/{letter['id']}/redeliver").status_code == 202


def test_webhooks_that_there_are_not(sandbox: SandboxService, staff: httpx.Client) -> None:
    """404 for what is no id of one, for another surface's (but its deliveries are here, too) and another
    bank's; 403 without the scope."""
    made = create(staff)
    cards = staff.post(
        "/api/v1/admin/webhooks",
        json={"url": "http://127.0.0.1:9/hook", "events": ["LIMIT_BREACH"], "secret": SECRET},
    ).json()
    for identifier in ("webhook-1", "webhook-01", "webhook-x", "1", "webhook-%00", cards["id"]):
        path = f"{WEBHOOKS}/{identifier}"
        for response in (
            staff.get(path),
            staff.delete(path),
            send(staff, "PUT", path, {}),
        ):
            refused(response, 404, "NOT_FOUND")
        if identifier != cards["id"]:
            refused(staff.get(f"{path}/deliveries"), 404, "NOT_FOUND")
    assert done(staff.get(f"{WEBHOOKS}/{cards['id']}/deliveries")) == []
    with back_office(sandbox, tenant="other-bank-001") as stranger:
        refused(stranger.get(f"{WEBHOOKS}/{made['id']}"), 404, "NOT_FOUND")
        refused(stranger.delete(f"{WEBHOOKS}/{made['id']}"), 404, "NOT_FOUND")
        assert done(stranger.get(WEBHOOKS)) == []
    with back_office(sandbox, scope="banking.read banking.write banking.admin") as till:
        for response in (
            till.get(WEBHOOKS),
            till.get(DEAD_LETTERS),
            till.get(f"{WEBHOOKS}/{made['id']}"),
            till.get(f"{WEBHOOKS}/{made['id']}/deliveries"),
            till.delete(f"{WEBHOOKS}/{made['id']}"),
            send(till, "POST", WEBHOOKS, webhook()),
            send(till, "PUT", f"{WEBHOOKS}/{made['id']}", {}),
            send(till, "POST", f"{DEAD_LETTERS}/dlv_1_0_1/redeliver"),
        ):
            refused(response, 403, "FORBIDDEN")
    assert done(staff.get(WEBHOOKS)) == [made]


def test_a_webhook_is_made_once_for_a_key(staff: httpx.Client) -> None:
    """Another secret is another request, although it is nowhere to be read."""
    first = create(staff, "key")
    assert create(staff, "key") == first
    for change in (
        {"secret": "other"},
        {"events": ["user.*"]},
        {"url": "http://127.0.0.1:9/"},
        {"active": False},
    ):
        refused(send(staff, "POST", WEBHOOKS, webhook(**change), "key"), 409, "IDEMPOTENCY_CONFLICT")
    refused(send(staff, "DELETE", f"{WEBHOOKS}/webhook-1", key="key"), 404, "NOT_FOUND")
    assert done(staff.get(WEBHOOKS)) == [first]


def test_transfers_are_told_and_the_deliveries_listed(
    sandbox: SandboxService, staff: httpx.Client, demo: httpx.Client, receiver: Receiver
) -> None:
    """Signed with the secret; what was sent is what the list says."""
    made = create(staff, url=receiver.url, events=["transfer.*"])
    transfer_id = created_id(demo, internal("told"))
    receiver.wait_for(2)
    sandbox.advance(TWO_DAYS)
    told = receiver.wait_for(4)
    events = ["transfer.created", "transfer.pending", "transfer.processing", "transfer.settled"]
    assert [each.event for each in told] == events
    assert all(is_signed_as_back_office(each, SECRET) for each in told)
    eventually(lambda: not deliveries(staff, made["id"], status="pending"))
    rows = deliveries(staff, made["id"], order="asc")
    assert rows == deliveries(staff, made["id"])[::-1]
    assert rows == deliveries(staff, made["id"], status="delivered", order="asc")
    assert [list(row) for row in rows] == [
        [
            "id",
            "webhook_id",
            "event",
            "data",
            "attempts",
            "status",
            "response_status",
            "last_attempt_at",
        ]
    ] * 4
    for row, each in zip(rows, told, strict=True):
        assert (row["event"], row["data"]) == (each.event, each.content["data"])
        assert (row["attempts"], row["status"], row["response_status"]) == (1, "delivered", 200)
        assert row["webhook_id"] == made["id"]
        assert row["data"]["transfer_id"] == transfer_id
    assert [row["id"] for row in deliveries(staff, made["id"], page=2, limit=3, order="asc")] == [
        rows[3]["id"]
    ]
    assert deliveries(staff, made["id"], status="dead_lettered") == []
    assert invalid(staff.get(f"{WEBHOOKS}/{made['id']}/deliveries", params={"status": "lost"})) == "status"


def test_what_was_given_up_can_be_sent_again(
    sandbox: SandboxService, staff: httpx.Client, demo: httpx.Client, receiver: Receiver
) -> None:
    """Ten attempts, then a dead letter; 202, and it comes. Once for a key; 409 when it is none any more."""
    made = create(staff, url=receiver.url, events=["transfer.created"])
    receiver.answer = lambda _: 503
    created_id(demo, internal("given-up"))
    receiver.wait_for(1)
    sandbox.advance(TWO_DAYS)
    eventually(lambda: done(staff.get(DEAD_LETTERS)))
    [letter] = done(staff.get(DEAD_LETTERS))
    assert (letter["status"], letter["attempts"], letter["response_status"]) == ("dead_lettered", 10, 503)
    assert (letter["webhook_id"], letter["event"]) == (made["id"], "transfer.created")
    receiver.answer = lambda _: 200
    path = f"{DEAD_LETTERS}/{letter['id']}/redeliver"
    requeued = done(send(staff, "POST", path, key="again"), 202)
    assert requeued == {
        "id": letter["id"],
        "webhook_id": made["id"],
        "attempts": 10,
        "status": "pending",
    }
    receiver.wait_for(11)
    eventually(lambda: deliveries(staff, made["id"], status="delivered"))
    assert done(send(staff, "POST", path, {}, "again"), 202) == requeued
    assert refused(send(staff, "POST", path), 409, "CONFLICT")["message"]
    assert invalid(send(staff, "POST", path, {"force": True})) == "force"
    assert done(staff.get(DEAD_LETTERS)) == []
    for identifier in ("dlv_1_0_1", "dlv_1", "x", "dlv_1_0_0", "webhook-1"):
        refused(send(staff, "POST", f"{DEAD_LETTERS}/{identifier}/redeliver"), 404, "NOT_FOUND")
    with back_office(sandbox, tenant="other-bank-001") as stranger:
        refused(send(stranger, "POST", path), 404, "NOT_FOUND")
    assert len(receiver.received) == 11


def test_nothing_is_queued_while_inactive(
    staff: httpx.Client, demo: httpx.Client, receiver: Receiver
) -> None:
    """Nor sent later, when it is active again."""
    made = create(staff, url=receiver.url, events=["transfer.created"])
    path = f"{WEBHOOKS}/{made['id']}"
    done(send(staff, "PUT", path, {"active": False}))
    created_id(demo, internal("unheard"))
    assert deliveries(staff, made["id"]) == []
    done(send(staff, "PUT", path, {"active": True}))
    heard = created_id(demo, internal("heard"))
    [told] = receiver.wait_for(1)
    assert told.content["data"]["transfer_id"] == heard
    assert len(deliveries(staff, made["id"])) == 1


def test_what_happens_to_an_account_is_told(
    sandbox: SandboxService, staff: httpx.Client, receiver: Receiver
) -> None:
    """With its status at the time; a change of something else leaves it as it was."""
    made = create(staff, url=receiver.url, events=EVERYTHING)

    async def work(_: Services, ledger: Ledger) -> None:
        account = "test_savings_456"
        await ledger.execute(change_status, ChangeStatus(account, "frozen", "why"))
        await ledger.execute(change_overdraft_limit, ChangeOverdraftLimit(account, 5_000))
        await ledger.execute(change_status, ChangeStatus(account, "active"))

    Bank(sandbox.data).do(work)
    told = receiver.wait_for(3)
    assert [each.event for each in told] == ["account.updated"] * 3
    assert [list(each.content) for each in told] == [["event", "data", "timestamp", "signature"]] * 3
    assert [each.content["data"] for each in told] == [
        {
            "account_id": "test_savings_456",
            "account_type": "savings",
            "customer_id": "user_demo",
            "status": status,
        }
        for status in ("frozen", "frozen", "active")
    ]
    assert all(is_signed_as_back_office(each, SECRET) for each in told)
    assert [row["data"]["status"] for row in deliveries(staff, made["id"])] == ["active", "frozen", "frozen"]


def test_a_transfers_own_surface_shows_nothing_of_it(demo: httpx.Client) -> None:
    """Customers have no webhooks."""
    assert demo.get(f"{TRANSFERS}/webhooks").status_code == 404
    refused(demo.get(WEBHOOKS), 403, "FORBIDDEN")


def test_everything_that_can_be_subscribed_to_is_told(staff: httpx.Client, receiver: Receiver) -> None:
    """By one webhook for all families: what staff does, in order for each subject, without names."""
    create(staff, url=receiver.url, events=EVERYTHING)
    person = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+15551230001", "role": "customer"}
    user = done(send(staff, "POST", f"{V1}/users", person), 201)["id"]
    opened = {"customer_id": user, "account_type": "checking", "currency": "USD"}
    account = done(send(staff, "POST", f"{V1}/accounts", opened), 201)["id"]
    deposit = {"type": "deposit", "account_id": account, "amount": 100.00}
    posted = done(send(staff, "POST", f"{V1}/transactions", deposit), 201)["id"]
    refusal = send(staff, "POST", f"{V1}/transactions", {**deposit, "type": "withdrawal", "amount": "100.01"})
    failed = refused(refusal, 422, "INSUFFICIENT_FUNDS")["details"]["transaction_id"]
    done(send(staff, "PUT", f"{V1}/accounts/{account}", {"status": "frozen", "reason": "why"}))
    done(send(staff, "PUT", f"{V1}/accounts/{account}", {"status": "active"}))
    withdrawn = done(send(staff, "POST", f"{V1}/transactions", {**deposit, "type": "withdrawal"}), 201)["id"]
    done(send(staff, "POST", f"{V1}/accounts/{account}/close"))
    done(staff.delete(f"{V1}/users/{user}"))
    done(send(staff, "POST", f"{V1}/users/{user}/erase"))
    told: dict[str, list[tuple[str, str]]] = {}
    for each in receiver.wait_for(10):
        data = each.content["data"]
        subject = data.get("transaction_id") or data.get("account_id") or data["user_id"]
        told.setdefault(subject, []).append((each.event, data["status"]))
        assert is_signed_as_back_office(each, SECRET)
        for text in (b"Ada", b"Lovelace", b"ada@", b"1230001"):
            assert text not in each.body
    assert told == {
        user: [("user.created", "active"), ("user.updated", "inactive"), ("user.updated", "erased")],
        account: [
            ("account.created", "active"),
            ("account.updated", "frozen"),
            ("account.updated", "active"),
            ("account.closed", "closed"),
        ],
        posted: [("transaction.created", "completed")],
        failed: [("transaction.failed", "failed")],
        withdrawn: [("transaction.created", "completed")],
    }
