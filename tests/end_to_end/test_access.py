"""Who may call is the same on every process: what ends on one ends on the others within a second."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.command_line_runs import daybook
from tests.end_to_end.second_process import second_api
from tests.sandbox_service import SandboxService, sandbox_service

CREDENTIALS = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
PATH = "/ledger/v1/chart-of-accounts"
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    folder: Path = tmp_path_factory.mktemp("service")
    with sandbox_service(folder, "--rate-limits", "off") as service:
        yield service


@pytest.fixture(scope="module")
def urls(service: SandboxService) -> Iterator[tuple[str, str]]:
    with second_api(service) as second:
        yield service.url, second


def new_token(url: str) -> str:
    form = CREDENTIALS | {"grant_type": "client_credentials", "scope": "gl.read"}
    return str(httpx.post(f"{url}/oauth/token", data=form).json()["access_token"])


def status(url: str, token: str) -> int:
    return httpx.get(url + PATH, headers={"Authorization": f"Bearer {token}"}).status_code


def seconds_until(url: str, token: str, wanted: int) -> float:
    started = time.monotonic()
    while status(url, token) != wanted:
        assert time.monotonic() < started + PATIENCE_SECONDS
    return time.monotonic() - started


def test_a_token_revoked_on_one_process_ends_on_the_other(urls: tuple[str, str]) -> None:
    """At once where it was asked for; elsewhere by the median in well under a second, whatever else runs."""
    took = []
    for number in range(10):
        here, there = urls if number % 2 else urls[::-1]
        token = new_token(here)
        assert (status(here, token), status(there, token)) == (200, 200)
        assert httpx.post(f"{here}/oauth/revoke", data=CREDENTIALS | {"token": token}).status_code == 200
        assert status(here, token) == 401
        took.append(seconds_until(there, token, 401))
    assert sorted(took)[len(took) // 2] < 1.0


def test_a_client_deleted_on_one_process_ends_on_the_other(
    urls: tuple[str, str], service: SandboxService
) -> None:
    """Its token, its API key, and what it might ask for next."""
    _, there = urls
    with service.user("admin", scope="banking.read banking.admin") as admin:
        body = {"name": "Short-lived", "scopes": ["banking.read", "gl.read"]}
        client = admin.post("/backoffice/v1/clients", json=body).json()["data"]
        path = f"/backoffice/v1/clients/{client['client_id']}"
        api_key = admin.post(f"{path}/api-keys/primary/rotate").json()["data"]["api_key"]
        form = {"grant_type": "client_credentials", "client_id": client["client_id"]}
        form["client_secret"] = client["client_secret"]
        token = str(httpx.post(f"{there}/oauth/token", data=form).json()["access_token"])
        assert status(there, token) == 200

        def with_key() -> int:
            url = f"{there}/backoffice/v1/clients"
            return httpx.get(url, headers={"X-API-Key": api_key}).status_code

        deadline = time.monotonic() + PATIENCE_SECONDS
        while with_key() != 200:
            assert time.monotonic() < deadline
        assert admin.delete(path).status_code == 200
        seconds_until(there, token, 401)
        while with_key() != 401:
            assert time.monotonic() < deadline
        assert httpx.post(f"{there}/oauth/token", data=form).json()["error"] == "invalid_client"


def test_keys_are_rotated_without_a_request_refused(urls: tuple[str, str], service: SandboxService) -> None:
    """Old and new tokens work on both processes while `daybook keys rotate` runs beside them."""
    old = new_token(urls[0])
    refused: list[str] = []
    calls = 0
    stop = threading.Event()

    def call_on() -> None:
        nonlocal calls
        with httpx.Client(timeout=30) as http:
            while not stop.is_set():
                form = CREDENTIALS | {"grant_type": "client_credentials", "scope": "gl.read"}
                for issuing, checking in (urls, urls[::-1]):
                    token = http.post(f"{issuing}/oauth/token", data=form).json()["access_token"]
                    for each in (token, old):
                        answer = http.get(checking + PATH, headers={"Authorization": f"Bearer {each}"})
                        calls += 1
                        if answer.status_code != 200:
                            refused.append(answer.text)

    threads = [threading.Thread(target=call_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        rotated = [daybook("keys", "rotate", "--data", service.data, "--json").json() for _ in range(3)]
    finally:
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
    assert calls > 0 and refused == []
    published = httpx.get(f"{urls[1]}/.well-known/jwks.json").json()["keys"]
    assert {key["key_id"] for key in rotated} <= {key["kid"] for key in published}
    # After a theft the older ones end.
    daybook("keys", "rotate", "--retire-older", "--data", service.data)
    for url in urls:
        seconds_until(url, old, 401)
        assert status(url, new_token(url)) == 200
