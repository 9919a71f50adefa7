"""How often a client may call: reads and writes apart, and less for accounts and password resets."""

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from api.back_office.limits import ACCOUNT_CREATION, PASSWORD_RESET, READ, WRITE, kind_of
from tests.api.back_office_requests import V1, WEBHOOKS, back_office, refused
from tests.sandbox_service import SandboxService, sandbox_service

ACCOUNTS, RESET = f"{V1}/accounts", f"{V1}/users/user_demo/password-reset"
HOUR = 3_600


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A sandbox with the limits as they are documented."""
    folder = tmp_path_factory.mktemp("counting")
    with sandbox_service(folder, "--rate-limits", "documented") as service:
        yield service


@pytest.fixture
def service(counting: SandboxService) -> SandboxService:
    """Nothing counted yet, and a whole hour ahead."""
    counting.reset()
    now = datetime.fromisoformat(counting.http.get("/sandbox/clock").json()["now"])
    counting.advance(HOUR - int(now.timestamp()) % HOUR)
    return counting


def shown(response: httpx.Response) -> tuple[int, int]:
    """Limit and remaining."""
    return int(response.headers["X-RateLimit-Limit"]), int(response.headers["X-RateLimit-Remaining"])


def assert_used_up(response: httpx.Response, limit: int) -> None:
    """With both headers that say how long to wait, and when the window ends as Unix seconds."""
    refused(response, 429, "RATE_LIMITED")
    assert shown(response) == (limit, 0)
    wait = int(response.headers["Retry-After"])
    assert response.headers["X-RateLimit-Retry-After"] == str(wait)
    at = datetime.fromisoformat(response.json()["meta"]["timestamp"]).timestamp()
    assert abs(at + wait - int(response.headers["X-RateLimit-Reset"])) <= 2


def test_writes_are_counted_apart_from_reads(service: SandboxService) -> None:
    """A hundred an hour, refused and unknown ones too, whatever they are about; reads go on."""
    with back_office(service) as client:
        assert shown(client.get(WEBHOOKS)) == (1000, 999)
        for number in range(100):
            path = WEBHOOKS if number % 2 else f"{V1}/nothing"
            response = client.post(path, json={})
            assert response.status_code == (400 if number % 2 else 404)
            assert shown(response) == (100, 99 - number)
            assert "X-RateLimit-Retry-After" not in response.headers
        for response in (
            client.post(WEBHOOKS, json={}),
            client.delete(f"{WEBHOOKS}/webhook-1"),
            client.put(f"{WEBHOOKS}/webhook-1", json={}),
        ):
            assert_used_up(response, 100)
        assert shown(client.get(WEBHOOKS)) == (1000, 998)
        with back_office(service, "another-client") as other:
            assert shown(other.post(WEBHOOKS, json={})) == (100, 99)
        service.advance(HOUR)
        assert shown(client.post(WEBHOOKS, json={})) == (100, 99)


def test_reads_are_a_thousand_an_hour(service: SandboxService) -> None:
    with back_office(service) as client:
        for _ in range(999):
            assert client.get(f"{V1}/nothing").status_code == 404
        assert shown(client.get(WEBHOOKS)) == (1000, 0)
        assert_used_up(client.get(WEBHOOKS), 1000)
        assert shown(client.post(WEBHOOKS, json={})) == (100, 99)


@pytest.mark.parametrize(("path", "limit"), [(ACCOUNTS, 10), (RESET, 5)])
def test_what_is_costly_is_limited_by_the_minute(service: SandboxService, path: str, limit: int) -> None:
    """However the path is written. The headers show the tightest limit; other writes go on."""
    spellings = (path, f"{path}/", path.replace("/v1/", "//v1//"), path.replace("/v1/", "/%761/"))
    with back_office(service) as client:
        for number in range(limit):
            response = client.post(spellings[number % 4], json={})
            assert response.status_code != 429
            assert shown(response) == (limit, limit - 1 - number)
        for spelling in spellings:
            assert_used_up(client.post(spelling, json={}), limit)
        assert shown(client.get(path))[0] == 1000
        assert shown(client.post(WEBHOOKS, json={})) == (100, 100 - limit - 5)
        service.advance(60)
        assert shown(client.post(path, json={})) == (limit, limit - 1)


def test_the_hours_limit_is_shown_where_it_is_the_tightest(service: SandboxService) -> None:
    with back_office(service) as client:
        for _ in range(95):
            client.post(WEBHOOKS, json={})
        assert shown(client.post(ACCOUNTS, json={})) == (100, 4)


def test_other_surfaces_say_it_in_one_header(service: SandboxService) -> None:
    with back_office(service, scope="holds.read") as client:
        for _ in range(100):
            client.get("/api/v1/holds")
        response = client.get("/api/v1/holds")
    assert response.status_code == 429
    assert "Retry-After" in response.headers
    assert "X-RateLimit-Retry-After" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/accounts", READ),
        ("HEAD", "/accounts", READ),
        ("OPTIONS", "/accounts", READ),
        ("POST", "/accounts", ACCOUNT_CREATION),
        ("POST", "/accounts/", ACCOUNT_CREATION),
        ("POST", "/accounts/1/close", WRITE),
        ("PUT", "/accounts", WRITE),
        ("POST", "/reports/custom", READ),
        ("DELETE", "/reports/custom", WRITE),
        ("POST", "/users/user_1/password-reset", PASSWORD_RESET),
        ("POST", "/users/user_1/password-reset/", PASSWORD_RESET),
        ("POST", "/password-resets/token", WRITE),
        ("POST", "/users", WRITE),
        ("POST", "/transactions/batch", WRITE),
        ("BREW", "/accounts", WRITE),
    ],
)
def test_what_counts_as_what(method: str, path: str, kind: str) -> None:
    assert kind_of(method, V1 + path) == kind
