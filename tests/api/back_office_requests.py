"""Requests to the back office as tests send them, and what every answer of it must look like."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import httpx

from application.clients import RotateApiKey, SecretSource, rotate_api_key
from application.writer import Origin
from domain.clients import PRIMARY, ClientSettings, KeyKind
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from tests.sandbox_service import SandboxService
from tests.webhook_subscriptions import Bank

V1 = "/backoffice/v1"
WEBHOOKS, DEAD_LETTERS = f"{V1}/webhooks", f"{V1}/webhooks/dead-letters"
SCOPES = "banking.read banking.write banking.admin webhooks.admin"
SECRET = "correct-horse-battery-staple"


@contextmanager
def back_office(service: SandboxService, client_id: str = "sandbox", **wanted: Any) -> Iterator[httpx.Client]:
    """A client of the back office with a token of its own."""
    wanted = {"scope": SCOPES, "client_id": client_id, **wanted}
    with service.user(client_id, **wanted) as client:
        yield client


def send(
    client: httpx.Client, method: str, path: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    if body is None:
        return client.request(method, path, headers=headers)
    return client.request(method, path, json=body, headers=headers)


def done(response: httpx.Response, status: int = 200) -> Any:
    """The `data` of what must have that status."""
    assert response.status_code == status, response.text
    body = response.json()
    assert body["status"] == "success"
    assert list(body) in (["status", "data", "meta"], ["status", "data", "pagination", "meta"])
    _check_meta(response, body["meta"])
    return body["data"]


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The `error` of what must be refused like that."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["status", "error", "meta"]
    assert body["status"] == "error"
    _check_meta(response, body["meta"])
    error: dict[str, Any] = body["error"]
    assert error["code"] == code, error
    assert {"code", "message"} <= error.keys() <= {"code", "message", "details", "field"}
    return error


def invalid(response: httpx.Response) -> str:
    """The field that a 400 names; empty where it names none."""
    error = refused(response, 400, "INVALID_REQUEST")
    assert error["message"] == "The request is invalid"
    assert error["details"]
    field: str = error.get("field", "")
    return field


def _check_meta(response: httpx.Response, meta: dict[str, Any]) -> None:
    assert list(meta) == ["timestamp", "request_id", "version"]
    assert meta["request_id"] == response.headers["X-Request-ID"]
    assert meta["version"] == "v1"
    datetime.strptime(meta["timestamp"], "%Y-%m-%dT%H:%M:%SZ")


def webhook(**changes: Any) -> dict[str, Any]:
    body = {"url": "http://127.0.0.1:9/hook", "events": ["account.*"], "secret": SECRET}
    return {**body, **changes}


def register(service: SandboxService, client_id: str, **settings: Any) -> None:
    """An OAuth client of the sandbox's bank; it signs with SECRET where it has to sign."""
    known = ClientSettings(client_id, tuple(SCOPES.split()), **settings)

    async def work(services: Services, ledger: Ledger) -> None:
        await services.client_registration.register_fixture(
            ledger, services.seal, client_id, known, SECRET, Origin("tests", "")
        )

    Bank(service.data).do(work)


def rotate(
    service: SandboxService,
    client_id: str,
    kind: KeyKind = PRIMARY,
    scopes: tuple[str, ...] | None = None,
) -> str:
    """Gives the client a new API key, and ends the one of that kind before it."""
    api_key = secrets.token_urlsafe(32)
    key_hash = hashlib.sha256(api_key.encode()).hexdigest()

    async def work(services: Services, ledger: Ledger) -> None:
        command = RotateApiKey(client_id, kind, key_hash, SecretSource(""), scopes)
        await ledger.execute(rotate_api_key, command)
        await services.client_registration.publish(ledger, client_id)

    Bank(service.data).do(work)
    return api_key


def ledger_seconds(service: SandboxService) -> int:
    now: str = service.http.get("/sandbox/clock").json()["now"]
    return int(datetime.fromisoformat(now).timestamp())


def signature_headers(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    at: int,
    nonce: str | None = None,
    secret: str = SECRET,
) -> dict[str, str]:
    """As the documentation says, written down a second time."""
    nonce = nonce or secrets.token_hex(16)
    canonical = f"{method}\n{target}\n{at}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
    signed = hmac.new(secret.encode(), canonical.encode(), hashlib.sha256).hexdigest()
    return {"X-Timestamp": str(at), "X-Nonce": nonce, "X-Signature": f"sha256={signed}"}


def signed(
    client: httpx.Client,
    service: SandboxService,
    method: Literal["GET", "POST", "PUT", "DELETE"],
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    **how: Any,
) -> httpx.Response:
    how.setdefault("at", ledger_seconds(service))
    own = signature_headers(method, target, body, **how)
    if body:
        own["Content-Type"] = "application/json"
    return client.request(method, target, content=body, headers={**own, **(headers or {})})


def at_once(*calls: Any) -> list[Any]:
    """Runs the calls in threads of their own at the same time."""

    async def run() -> list[Any]:
        return await asyncio.gather(*(asyncio.to_thread(call) for call in calls))

    return asyncio.run(run())
