"""The cards surface from outside: who gets in, how often, and the one shape of its errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api import raw_http
from tests.sandbox_service import SandboxService, sandbox_service

DOCUMENTED_CLOCK = "2023-05-01T14:30:00Z"
NOWHERE = "/api/v1/authorizations/nothing/of/that/name"
UNKNOWN = (
    NOWHERE,
    "/api/v1/holds/1/nothing",
    "/api/v1/admin",
    "/api/v1/admin/nothing",
    "/card-authorization",
    "/card-authorization/",
    "/card-authorization/nothing",
    "/card-authorization/api/v1/holds/1/nothing",
    "/card-authorization/api/v2/authorizations",
)
BODY_BYTES_MAX = 64 * 1024
PAN = "4111111111111111"
ESCAPED_PAN = "".join(f"\\u003{figure}" for figure in PAN)


def assert_error(response: httpx.Response, status: int, words: str, path: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    assert list(body)[:5] == ["status", "error", "message", "path", "timestamp"]
    assert (body["status"], body["error"], body["path"]) == (status, words, path)
    assert len(body["timestamp"]) == len(DOCUMENTED_CLOCK)
    return body


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A sandbox with the documented rate limits."""
    folder = tmp_path_factory.mktemp("documented")
    with sandbox_service(folder, "--rate-limits", "documented", clock=DOCUMENTED_CLOCK) as service:
        yield service


@pytest.mark.parametrize("path", UNKNOWN)
def test_what_is_not_there_is_told_to_known_callers_only(running_sandbox: SandboxService, path: str) -> None:
    """401 without a token, 404 with one; the path as it was requested, without the query."""
    nobody = running_sandbox.http.get(f"{path}?a=1")
    assert_error(nobody, 401, "Unauthorized", path)
    assert nobody.headers["WWW-Authenticate"] == "Bearer"
    with running_sandbox.user(scope="") as caller:
        body = assert_error(caller.get(f"{path}?a=1"), 404, "Not Found", path)
    assert body["message"] == "Not found"
    assert "details" not in body


@pytest.mark.parametrize(
    "target", ["/api/v1/holdsfoo", "/api/v1/holds-2", "/api/v1/authorization", "/api/v1/administration"]
)
def test_a_prefix_ends_where_a_segment_does(running_sandbox: SandboxService, target: str) -> None:
    """What only begins alike belongs to somebody else."""
    with running_sandbox.user() as caller:
        assert "timestamp" not in caller.get(target).json()


def test_escapes_in_the_path_are_shown_as_they_came(running_sandbox: SandboxService) -> None:
    token = running_sandbox.token(expires_in=10**8)
    for target in (b"/api/v1/holds/1/%41%20%FF", b"/card-authorization/%00?x=%41"):
        answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", target, token=token))
        body = answer.json()
        assert answer.status == 404
        assert isinstance(body, dict)
        assert body["path"] == target.partition(b"?")[0].decode()


@pytest.mark.parametrize("is_announced", [True, False])
def test_bodies_are_bounded(running_sandbox: SandboxService, is_announced: bool) -> None:
    """413 beyond 64 KiB, whether the size was said beforehand or not."""
    body = b'{"reason": "' + b"x" * BODY_BYTES_MAX + b'"}'
    path = b"/api/v1/authorizations"
    headers, content = (
        (raw_http.sized(body), body) if is_announced else (raw_http.CHUNKED, raw_http.chunks(body))
    )
    token = running_sandbox.token(expires_in=10**8)
    sent = raw_http.request(b"POST", path, content, headers, token)
    answer = raw_http.send(running_sandbox.url, sent)
    shown = answer.json()
    assert isinstance(shown, dict)
    assert (answer.status, shown["status"], shown["error"]) == (413, 413, "Content Too Large")


def test_the_hundred_and_first_request_of_a_client_is_refused(documented: SandboxService) -> None:
    """In a minute of the ledger's clock; unknown paths count. Users of one client are counted together, other
    clients, other banks and other surfaces apart."""
    documented.set_clock("2023-05-01T15:00:00Z")
    with (
        documented.user("a", client_id="till", scope="") as one,
        documented.user("b", client_id="till", scope="") as two,
        documented.user("a", client_id="web", scope="") as other_client,
        documented.user("a", client_id="till", tenant="other-bank", scope="") as other_bank,
    ):
        for number in range(100):
            response = (one, two)[number % 2].get(UNKNOWN[number % len(UNKNOWN)])
            assert response.status_code == 404
            assert response.headers["X-RateLimit-Limit"] == "100"
            assert response.headers["X-RateLimit-Remaining"] == str(99 - number)
        refused = one.get(NOWHERE)
        body = assert_error(refused, 429, "Too Many Requests", NOWHERE)
        assert body["message"] == "Too many requests"
        assert body["timestamp"].startswith("2023-05-01T15:00:")
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        # Unix seconds of the ledger's clock: 2023-05-01T15:01:00Z.
        assert refused.headers["X-RateLimit-Reset"] == "1682953260"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert other_client.get(NOWHERE).status_code == 404
        assert other_bank.get(NOWHERE).status_code == 404
        assert one.get("/api/nothing").status_code == 404
        documented.advance(60)
        assert one.get(NOWHERE).status_code == 404


def test_the_limit_can_be_set_and_is_ten_times_that_in_the_sandbox(tmp_path: Path) -> None:
    with sandbox_service(tmp_path, "--card-rate-limit", "2") as service, service.user() as caller:
        answers = [caller.get(NOWHERE) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"20"}


def test_without_limits_there_are_no_headers_of_them(running_sandbox: SandboxService) -> None:
    with running_sandbox.user() as caller:
        headers = caller.get(NOWHERE).headers
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


@pytest.mark.parametrize("spelling", [PAN, "4111-1111 1111\\u00a01111", ESCAPED_PAN])
def test_a_card_number_in_clear_reaches_neither_the_answer_nor_the_log(
    running_sandbox: SandboxService, spelling: str
) -> None:
    """Wherever it is sent in a body, whether the request could be read otherwise or not."""
    headers = {"Content-Type": "application/json"}
    with running_sandbox.user(scope="authorizations.write") as caller:
        for body in (
            f'{{"cardNumber": "{spelling}"}}',
            f'{{"nested": [{{"deep": "{spelling}"}}]}}',
            f'{{"{spelling}": true}}',
            f'{{"panHash": "{spelling}", "expiryDate": "12/25", broken',
        ):
            answer = caller.post("/api/v1/authorizations", content=body, headers=headers)
            shown = assert_error(answer, 400, "Bad Request", "/api/v1/authorizations")
            assert shown.get("details", {"value": None})["value"] is None
            assert PAN not in answer.text
            assert spelling not in answer.text
    assert PAN not in running_sandbox.log()
    assert spelling not in running_sandbox.log()
