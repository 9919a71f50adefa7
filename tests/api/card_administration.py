"""Requests to the cards surface's administration as tests send them."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.api.card_requests import ADMIN, LONG, Plastic
from tests.sandbox_service import SandboxService

CARDS, WEBHOOKS = f"{ADMIN}/cards", f"{ADMIN}/webhooks"


def limits_path(plastic: Plastic = LONG) -> str:
    return f"{CARDS}/{plastic.card_id}/limits"


def overrides_path(plastic: Plastic = LONG) -> str:
    return f"{CARDS}/{plastic.card_id}/limit-overrides"


def send(
    client: httpx.Client, method: str, path: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    if body is None:
        return client.request(method, path, headers=headers)
    return client.request(method, path, json=body, headers=headers)


def done(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of what must have that status."""
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def refused(response: httpx.Response, status: int = 400) -> tuple[str, str]:
    """Field and constraint of what must be refused; both empty where no field is at fault."""
    body = done(response, status)
    assert body["path"] == response.request.url.path
    details = body.get("details", {"field": "", "constraint": ""})
    return details["field"], details["constraint"]


def put_limits(client: httpx.Client, body: Any, plastic: Plastic = LONG, **more: Any) -> httpx.Response:
    return send(client, "PUT", limits_path(plastic), body, **more)


def now(service: SandboxService) -> datetime:
    """The ledger's present, in whole seconds."""
    text: str = service.http.get("/sandbox/clock").json()["now"]
    return datetime.fromisoformat(text).replace(microsecond=0)


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def override_body(service: SandboxService, hours: int = 24, **limits: Any) -> dict[str, Any]:
    """An override of those limits that ends in so many hours."""
    expires_at = instant(now(service) + timedelta(hours=hours))
    return {**limits, "reason": "Customer traveling abroad", "expiresAt": expires_at}


def override(
    service: SandboxService, client: httpx.Client, plastic: Plastic = LONG, hours: int = 24, **limits: Any
) -> int:
    """Makes it, and gives its number."""
    body = override_body(service, hours, **limits)
    number: int = done(send(client, "POST", overrides_path(plastic), body), 201)["id"]
    return number


def override_ids(client: httpx.Client, plastic: Plastic = LONG, **parameters: Any) -> list[int]:
    response = client.get(overrides_path(plastic), params=parameters)
    return [listed["id"] for listed in done(response)["content"]]


def delete_override(client: httpx.Client, number: int, key: str | None = None) -> httpx.Response:
    return send(client, "DELETE", f"{ADMIN}/limit-overrides/{number}", key=key)
