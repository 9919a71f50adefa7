"""Clients over HTTP: registered, changed, deleted, their API keys rotated; secrets are shown once."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox_service import SandboxService

CLIENTS = "/backoffice/v1/clients"
BODY = {"name": "Branch terminals", "scopes": ["banking.read", "gl.read"]}
SECRETS = {"client_secret", "signing_secret"}


@pytest.fixture
def admin(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with sandbox.user("sandbox", scope="banking.read banking.write banking.admin") as client:
        yield client


def register(admin: httpx.Client, **changes: Any) -> dict[str, Any]:
    response = admin.post(CLIENTS, json=BODY | changes)
    assert response.status_code == 201, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def token(admin: httpx.Client, client: dict[str, Any], **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    return httpx.post(f"{admin.base_url}/oauth/token", data=form | changes)


def with_token(admin: httpx.Client, client: dict[str, Any]) -> httpx.Client:
    issued = token(admin, client).json()["access_token"]
    return httpx.Client(base_url=admin.base_url, headers={"Authorization": f"Bearer {issued}"})


def assert_error(response: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert (error["code"], error.get("field")) == (code, field)


def test_a_registered_client_gets_a_token_at_once(admin: httpx.Client) -> None:
    """The document's shape; the secrets come with the answer and never again."""
    client = register(admin)
    assert client.keys() == SECRETS | {
        "client_id",
        "name",
        "scopes",
        "grant_types",
        "redirect_uris",
        "require_signing",
        "ip_allowlist",
        "status",
        "created_at",
        "updated_at",
    }
    assert (client["name"], client["scopes"]) == (BODY["name"], BODY["scopes"])
    assert (client["grant_types"], client["status"]) == (["client_credentials"], "active")
    assert client["client_secret"] != client["signing_secret"]
    with with_token(admin, client) as itself:
        shown = itself.get(f"{CLIENTS}/{client['client_id']}").json()["data"]
    assert shown == {name: value for name, value in client.items() if name not in SECRETS}
    listed = admin.get(CLIENTS).json()
    assert listed["data"][0] == shown
    assert listed["pagination"]["total_count"] == 3
    oldest_first = admin.get(CLIENTS, params={"order": "asc", "limit": 1}).json()["data"]
    assert [each["client_id"] for each in oldest_first] == ["sandbox"]


def test_the_same_request_again_gets_the_same_secrets(admin: httpx.Client) -> None:
    """With its key; other content is a conflict, and without a key every request is another."""
    key = {"Idempotency-Key": "register-1"}
    first, again = (admin.post(CLIENTS, json=BODY, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json()["data"] == again.json()["data"]
    assert admin.get(CLIENTS).json()["pagination"]["total_count"] == 3
    assert_error(admin.post(CLIENTS, json=BODY | {"name": "Other"}, headers=key), 409, "IDEMPOTENCY_CONFLICT")
    assert register(admin)["client_secret"] != register(admin)["client_secret"]
    assert token(admin, first.json()["data"]).status_code == 200


def test_secrets_and_keys_are_nowhere_in_clear(admin: httpx.Client, sandbox: SandboxService) -> None:
    """Not in the log, not in the directory, not in a read model."""
    key = {"Idempotency-Key": "register-2"}
    client = admin.post(CLIENTS, json=BODY, headers=key).json()["data"]
    rotated = admin.post(f"{CLIENTS}/{client['client_id']}/api-keys/primary/rotate", headers=key)
    secrets = [client["client_secret"], client["signing_secret"], rotated.json()["data"]["api_key"]]
    with sandbox.user(scope="audit.read") as auditor:
        events = auditor.get("/ledger/v1/events", params={"category": "client", "limit": 1000}).text
        requests = auditor.get("/ledger/v1/events", params={"category": "request", "limit": 1000}).text
    for secret in secrets:
        assert secret not in events and secret.removeprefix("dbk_") not in events
        assert secret not in requests and secret.removeprefix("dbk_") not in requests
    assert client["client_id"] in events


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "x" * 141}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "banking.read"}, "scopes"),
        ({"scopes": ["no.such"]}, "scopes"),
        ({"scopes": [7]}, "scopes"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": []}, "grant_types"),
        ({"grant_types": ["authorization_code"]}, "redirect_uris"),
        ({"redirect_uris": ["http://app.example/callback"]}, "redirect_uris"),
        ({"redirect_uris": ["https://user@app.example/callback"]}, "redirect_uris"),
        ({"redirect_uris": ["https://app.example/callback#x"]}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["https:///callback"]}, "redirect_uris"),
        ({"redirect_uris": ["https://app.example:99999/"]}, "redirect_uris"),
        ({"redirect_uris": ["https://app.example/" + str(n) for n in range(21)]}, "redirect_uris"),
        ({"require_signing": "yes"}, "require_signing"),
        ({"ip_allowlist": ["192.0.2.1/24"]}, "ip_allowlist"),
        ({"ip_allowlist": ["everywhere"]}, "ip_allowlist"),
        ({"ip_allowlist": {}}, "ip_allowlist"),
        ({"no_such": 1}, "no_such"),
    ],
)
def test_what_is_wrong_is_named(admin: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert_error(admin.post(CLIENTS, json=BODY | change), 400, "INVALID_REQUEST", field)


def test_a_change_holds_at_once(admin: httpx.Client) -> None:
    """What is not named stays."""
    client = register(admin)
    path = f"{CLIENTS}/{client['client_id']}"
    changed = admin.put(path, json={"name": "North", "scopes": ["gl.read"]}).json()["data"]
    assert changed == {
        **{name: value for name, value in client.items() if name not in SECRETS},
        "name": "North",
        "scopes": ["gl.read"],
        "updated_at": changed["updated_at"],
    }
    assert token(admin, client).json()["scope"] == "gl.read"
    wants_codes = {"grant_types": ["authorization_code"]}
    assert_error(admin.put(path, json=wants_codes), 400, "INVALID_REQUEST", "redirect_uris")
    uris = {"redirect_uris": ["http://[::1]/cb"]}
    assert admin.put(path, json=wants_codes | uris).status_code == 200
    assert token(admin, client).json()["error"] == "unauthorized_client"
    assert admin.put(path, json={}).status_code == 200


def test_a_deleted_client_is_gone(admin: httpx.Client) -> None:
    """Answered as it was; its token and API key end at once, and nothing finds it any more."""
    client = register(admin)
    path = f"{CLIENTS}/{client['client_id']}"
    api_key = admin.post(f"{path}/api-keys/primary/rotate").json()["data"]["api_key"]
    with with_token(admin, client) as itself:
        assert itself.get(CLIENTS).status_code == 200
        deleted = admin.delete(path)
        assert deleted.status_code == 200
        assert (deleted.json()["data"]["status"], deleted.json()["data"]["name"]) == ("deleted", BODY["name"])
        assert_error(itself.get(CLIENTS), 401, "UNAUTHORIZED")
    with_key = httpx.get(f"{admin.base_url}{CLIENTS}", headers={"X-API-Key": api_key})
    assert_error(with_key, 401, "UNAUTHORIZED")
    assert token(admin, client).json()["error"] == "invalid_client"
    for response in (
        admin.get(path),
        admin.delete(path),
        admin.put(path, json={}),
        admin.post(f"{path}/api-keys/primary/rotate"),
    ):
        assert_error(response, 404, "NOT_FOUND")


def test_api_keys_open_the_back_office_until_they_are_rotated(admin: httpx.Client) -> None:
    """Primary and secondary apart; with the scopes that were asked for, or as before."""
    client = register(admin, scopes=["banking.read", "banking.admin"])
    path = f"{CLIENTS}/{client['client_id']}/api-keys"

    def rotate(kind: str, **body: Any) -> dict[str, Any]:
        response = admin.post(f"{path}/{kind}/rotate", json=body or None)
        assert response.status_code == 201, response.text
        data: dict[str, Any] = response.json()["data"]
        assert data.keys() == {"client_id", "kind", "api_key", "scopes", "created_at"}
        assert (data["client_id"], data["kind"]) == (client["client_id"], kind)
        return data

    def status(api_key: str, method: str = "GET") -> int:
        body = {} if method == "GET" else {"json": BODY}
        url = f"{admin.base_url}{CLIENTS}"
        return httpx.request(method, url, headers={"X-API-Key": api_key}, **body).status_code  # type: ignore[arg-type]

    primary, secondary = rotate("primary"), rotate("secondary", scopes=["banking.read"])
    assert (primary["scopes"], secondary["scopes"]) == (client["scopes"], ["banking.read"])
    assert re.fullmatch(r"dbk_[A-Za-z0-9_-]{43}", primary["api_key"])
    assert (status(primary["api_key"]), status(primary["api_key"], "POST")) == (200, 201)
    assert (status(secondary["api_key"]), status(secondary["api_key"], "POST")) == (200, 403)
    replaced = rotate("secondary")
    assert replaced["scopes"] == ["banking.read"]
    assert (status(secondary["api_key"]), status(replaced["api_key"])) == (401, 200)
    assert status(primary["api_key"]) == 200
    too_much = admin.post(f"{path}/primary/rotate", json={"scopes": ["gl.write"]})
    assert_error(too_much, 400, "INVALID_REQUEST", "scopes")
    assert_error(admin.post(f"{path}/tertiary/rotate"), 404, "NOT_FOUND")
    assert_error(admin.post(f"{path}/primary/rotate", json={"x": 1}), 400, "INVALID_REQUEST", "x")
    # A key never has more than its client has now.
    admin.put(f"{CLIENTS}/{client['client_id']}", json={"scopes": ["banking.read"]})
    assert (status(primary["api_key"]), status(primary["api_key"], "POST")) == (200, 403)


def test_a_rotation_again_gives_the_same_key(admin: httpx.Client) -> None:
    client = register(admin)
    path = f"{CLIENTS}/{client['client_id']}/api-keys/primary/rotate"
    key = {"Idempotency-Key": "rotate-1"}
    first, again = (admin.post(path, headers=key).json()["data"] for _ in range(2))
    assert first == again
    url = f"{admin.base_url}{CLIENTS}"
    assert httpx.get(url, headers={"X-API-Key": first["api_key"]}).status_code == 200


def test_who_may_not_does_not(sandbox: SandboxService) -> None:
    """Reading needs `banking.read`, changing `banking.admin`; another bank's client is none."""
    with sandbox.user("reader", scope="banking.read banking.write") as reader:
        assert reader.get(CLIENTS).status_code == 200
        assert_error(reader.post(CLIENTS, json=BODY), 403, "FORBIDDEN")
        for response in (
            reader.put(f"{CLIENTS}/sandbox", json={}),
            reader.delete(f"{CLIENTS}/sandbox"),
            reader.post(f"{CLIENTS}/sandbox/api-keys/primary/rotate"),
        ):
            assert_error(response, 403, "FORBIDDEN")
    with sandbox.user("admin", scope="banking.admin") as writer:
        assert_error(writer.get(CLIENTS), 403, "FORBIDDEN")
    scope = "banking.read banking.admin"
    with sandbox.user("foreign", scope=scope, tenant="another-bank") as foreign:
        assert foreign.get(CLIENTS).json()["data"] == []
        assert_error(foreign.get(f"{CLIENTS}/sandbox"), 404, "NOT_FOUND")
        assert_error(foreign.delete(f"{CLIENTS}/sandbox"), 404, "NOT_FOUND")
    assert sandbox.token(client_id="sandbox")


def test_a_reset_leaves_the_sandboxs_own_clients_alone(admin: httpx.Client, sandbox: SandboxService) -> None:
    """Deleted ones come back, tokens stay valid; what was registered is gone."""
    client = register(admin)
    assert admin.delete(f"{CLIENTS}/stablecoin-platform").status_code == 200
    platform = {"client_id": "stablecoin-platform", "client_secret": "sandbox-secret"}
    assert token(admin, platform).status_code == 401
    sandbox.reset()
    assert admin.get(CLIENTS).json()["pagination"]["total_count"] == 2
    assert token(admin, platform).status_code == 200
    assert token(admin, client).status_code == 401
