"""Webhooks of the cards surface over HTTP: subscribed to, listed, deleted; the secret shown to nobody."""

from typing import Any

import httpx

from tests.api.card_administration import WEBHOOKS, done, now, refused, send
from tests.api.card_requests import ALTERNATIVE_PREFIX
from tests.sandbox_service import SandboxService

EVENTS = ["AUTHORIZATION_DECISION", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"]
SECRET = "webhook-secret-4111111111111111"


def body(**changes: Any) -> dict[str, Any]:
    return {"url": "http://127.0.0.1:9/hook", "events": EVENTS, "secret": SECRET, **changes}


def create(client: httpx.Client, key: str | None = None, **changes: Any) -> httpx.Response:
    return send(client, "POST", WEBHOOKS, body(**changes), key)


def delete(client: httpx.Client, identifier: str, key: str | None = None) -> httpx.Response:
    return send(client, "DELETE", f"{WEBHOOKS}/{identifier}", key=key)


def listed(client: httpx.Client, **parameters: Any) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = done(client.get(WEBHOOKS, params=parameters))["content"]
    return content


def test_a_webhook_is_shown_without_its_secret(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """In the documented shape, the same wherever it is shown; a secret may look like a card number."""
    before = now(card_sandbox)
    response = create(centre)
    webhook = done(response, 201)
    assert list(webhook) == ["id", "url", "events", "active", "createdAt"]
    assert (webhook["url"], webhook["events"], webhook["active"]) == ("http://127.0.0.1:9/hook", EVENTS, True)
    assert webhook["id"].removeprefix("webhook-").isdigit()
    assert webhook["createdAt"] >= before.isoformat()[:19] + "Z"
    assert done(centre.get(f"{WEBHOOKS}/{webhook['id']}")) == webhook
    assert listed(centre) == [webhook]
    with card_sandbox.user("auditor", scope="audit.read") as auditor:
        log = auditor.get("/ledger/v1/events", params={"limit": 1000}).text
    assert webhook["id"] in log
    for text in (response.text, centre.get(WEBHOOKS).text, log, card_sandbox.log()):
        assert SECRET not in text


def test_webhooks_are_listed_page_by_page(centre: httpx.Client) -> None:
    """Newest first, in a page as every list of this surface."""
    made = [done(create(centre, events=[event]), 201) for event in EVENTS]
    assert listed(centre) == made[::-1]
    assert [listed(centre, page=page, size=2) for page in range(3)] == [made[:0:-1], made[:1], []]
    page = done(centre.get(WEBHOOKS, params={"size": 2}))
    assert (page["totalElements"], page["totalPages"], page["pageable"]["pageSize"]) == (3, 2, 2)
    assert refused(centre.get(WEBHOOKS, params={"size": 0}))[0] == "size"


def test_an_event_is_subscribed_to_once(centre: httpx.Client) -> None:
    """However often it is named, in the order in which it was named first."""
    webhook = done(create(centre, events=["LIMIT_BREACH", "HOLD_STATUS_CHANGE", "LIMIT_BREACH"]), 201)
    assert webhook["events"] == ["LIMIT_BREACH", "HOLD_STATUS_CHANGE"]


def test_webhooks_that_are_refused(centre: httpx.Client) -> None:
    """400 that names the field, and never shows the secret; nothing is made."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"url": None}, "url"),
        ({"url": 5}, "url"),
        ({"url": "example.com/hook"}, "url"),
        ({"url": "ftp://example.com/hook"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://user:password@example.com/hook"}, "url"),
        ({"url": "https:///hook"}, "url"),
        ({"url": "https://example.com/a b"}, "url"),
        ({"url": "https://example.com/" + "x" * 2048}, "url"),
        ({"url": "https://example.com/\x00"}, "url"),
        ({"events": None}, "events"),
        ({"events": []}, "events"),
        ({"events": "LIMIT_BREACH"}, "events"),
        ({"events": ["LIMIT_BREACH", "limit_breach"]}, "events"),
        ({"events": ["transfer.created"]}, "events"),
        ({"events": [5]}, "events"),
        ({"events": {"LIMIT_BREACH": True}}, "events"),
        ({"secret": None}, "secret"),
        ({"secret": ""}, "secret"),
        ({"secret": "s" * 256}, "secret"),
        ({"secret": ["correct horse"]}, "secret"),
        ({"secret": "correct horse\x00"}, "secret"),
    ]
    for change, field in wrong:
        response = create(centre, **change)
        assert refused(response)[0] == field, change
        assert SECRET not in response.text
        assert "correct horse" not in response.text
    assert listed(centre) == []
    assert done(create(centre, secret="s" * 255), 201)


def test_a_deleted_webhook_is_gone(centre: httpx.Client) -> None:
    """204 without a body, then 404; another one stays."""
    webhook, kept = done(create(centre), 201), done(create(centre), 201)
    response = delete(centre, webhook["id"])
    assert (response.status_code, response.content) == (204, b"")
    assert listed(centre) == [kept]
    assert done(centre.get(f"{WEBHOOKS}/{webhook['id']}"), 404)["message"] == "Webhook not found"
    assert done(delete(centre, webhook["id"]), 404)["message"] == "Webhook not found"


def test_webhooks_that_there_are_not(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """404 for what is no id of one, and for another bank's; 403 without the scope."""
    webhook = done(create(centre), 201)
    for identifier in ("webhook-1", "webhook-01", "webhook-x", "1", "account-acct_0321654987", "webhook-"):
        for response in (centre.get(f"{WEBHOOKS}/{identifier}"), delete(centre, identifier)):
            assert done(response, 404)["message"] == "Webhook not found"
    with card_sandbox.user("admin-user", scope="webhooks.admin", tenant="other-bank-001") as stranger:
        assert stranger.get(f"{WEBHOOKS}/{webhook['id']}").status_code == 404
        assert delete(stranger, webhook["id"]).status_code == 404
        assert listed(stranger) == []
    with card_sandbox.user("till", scope="cards.admin") as till:
        for response in (
            create(till),
            till.get(WEBHOOKS),
            till.get(f"{WEBHOOKS}/{webhook['id']}"),
            delete(till, webhook["id"]),
        ):
            assert response.status_code == 403
    assert listed(centre) == [webhook]


def test_a_webhook_is_made_once_for_a_key(centre: httpx.Client) -> None:
    """Answered as it was at first, also after it was deleted; another secret is another request."""
    first = create(centre, "webhook-key")
    again = send(centre, "POST", ALTERNATIVE_PREFIX + WEBHOOKS, body(), "webhook-key")
    assert (again.status_code, again.content) == (201, first.content)
    for change in ({"secret": "other"}, {"events": EVENTS[:1]}, {"url": "http://127.0.0.1:9/other"}):
        assert create(centre, "webhook-key", **change).status_code == 409
    assert len(listed(centre)) == 1
    for _ in range(2):
        assert delete(centre, done(first, 201)["id"], "deletion-key").status_code == 204
    assert create(centre, "webhook-key").content == first.content
    assert listed(centre) == []
