"""The administration is described as it is: real answers have no member less or more than their schemas."""

from typing import Any

import httpx
import pytest

from tests.api.card_administration import CARDS, WEBHOOKS, send
from tests.api.card_requests import ADMIN, DOCUMENTED, LONG, authorize, purchase
from tests.api.test_openapi import closed, validate
from tests.sandbox_service import SandboxService


@pytest.fixture(scope="module")
def described(running_card_sandbox: SandboxService) -> dict[str, Any]:
    content: dict[str, Any] = running_card_sandbox.http.get("/docs/openapi.json").json()
    return content


def check(described: dict[str, Any], template: str, response: httpx.Response, status: int) -> Any:
    """Against the closed schema of the path's answer with that status."""
    assert response.status_code == status, response.text
    method = response.request.method.lower()
    answer = described["paths"][ADMIN + template][method]["responses"][str(status)]
    if not response.content:
        assert "content" not in answer
        return None
    validate(described, closed(answer["content"]["application/json"]["schema"]), response.json())
    return response.json()


def documented(described: dict[str, Any], template: str, method: str) -> dict[str, Any]:
    """The examples of what is sent there."""
    content = described["paths"][ADMIN + template][method]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in content["examples"].items()}


def test_the_documented_requests_can_be_sent(centre: httpx.Client, described: dict[str, Any]) -> None:
    """Each example of a request does what it says, and all that is answered is described."""
    card = f"{CARDS}/{LONG.card_id}"
    authorize(centre, purchase(amount=5))
    for example in documented(described, "/cards/{cardId}/limits", "put").values():
        check(described, "/cards/{cardId}/limits", send(centre, "PUT", f"{card}/limits", example), 200)
    check(described, "/cards/{cardId}/limits", centre.get(f"{card}/limits"), 200)
    [travel] = documented(described, "/cards/{cardId}/limit-overrides", "post").values()
    path = f"{card}/limit-overrides"
    made = check(described, "/cards/{cardId}/limit-overrides", send(centre, "POST", path, travel), 201)
    partial = {name: travel[name] for name in ("dailyLimit", "reason", "expiresAt")}
    check(described, "/cards/{cardId}/limit-overrides", send(centre, "POST", path, partial), 201)
    check(described, "/cards/{cardId}/limit-overrides", centre.get(path), 200)
    ended = centre.delete(f"{ADMIN}/limit-overrides/{made['id']}")
    check(described, "/limit-overrides/{overrideId}", ended, 204)
    again = centre.delete(f"{ADMIN}/limit-overrides/{made['id']}")
    check(described, "/limit-overrides/{overrideId}", again, 404)
    check(described, "/cards/{cardId}/spending-summary", centre.get(f"{card}/spending-summary"), 200)
    for example in documented(described, "/cards/{cardId}/status", "post").values():
        check(described, "/cards/{cardId}/status", send(centre, "POST", f"{card}/status", example), 200)
    [new_card] = documented(described, "/cards", "post").values()
    check(described, "/cards", send(centre, "POST", CARDS, new_card), 201)
    check(described, "/cards", send(centre, "POST", CARDS, new_card), 409)
    check(described, "/cards", send(centre, "POST", CARDS, {}), 400)
    check(described, "/cards", centre.get(CARDS, params={"accountId": "321654987"}), 200)
    check(described, "/cards/{cardId}", centre.get(f"{CARDS}/{DOCUMENTED.card_id}"), 200)
    check(described, "/cards/{cardId}", centre.get(f"{CARDS}/1"), 404)


def test_webhooks_are_described(centre: httpx.Client, described: dict[str, Any]) -> None:
    """Made and deleted before anything happens that they would be told of."""
    [example] = documented(described, "/webhooks", "post").values()
    made = check(described, "/webhooks", send(centre, "POST", WEBHOOKS, example), 201)
    path = f"{WEBHOOKS}/{made['id']}"
    check(described, "/webhooks", centre.get(WEBHOOKS), 200)
    check(described, "/webhooks/{webhookId}", centre.get(path), 200)
    check(described, "/webhooks/{webhookId}", centre.delete(path), 204)
    check(described, "/webhooks/{webhookId}", centre.get(path), 404)
    check(described, "/webhooks", send(centre, "POST", WEBHOOKS, example | {"events": []}), 400)
