"""Who gets in: tokens, scopes, rate limits, and what every answer carries."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.transfer_requests import CHECKING, TRANSFERS, change, create, created_id, interbank, internal
from tests.sandbox_service import SandboxService, sandbox_service

ROUTES = (
    ("GET", TRANSFERS),
    ("POST", TRANSFERS),
    ("GET", f"{TRANSFERS}/tx_1"),
    ("PATCH", f"{TRANSFERS}/tx_1"),
    ("GET", f"/api/accounts/{CHECKING}/balance"),
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A sandbox with the documented rate limits."""
    with sandbox_service(tmp_path_factory.mktemp("strict"), "--rate-limits", "documented") as service:
        yield service


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_valid_token(running_sandbox: SandboxService, method: str, path: str) -> None:
    """Missing, malformed, forged: 401 with a challenge, in the surface's shape."""
    good = running_sandbox.token()
    head, payload, signature = good.split(".")
    forged = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    for header in (
        None,
        "",
        "Bearer",
        f"Basic {good}",
        good,
        f"Bearer {good}x",
        f"Bearer {head}.{payload}.",
        f"Bearer {head}.{payload}.{forged}",
        # {"alg":"none"} with the rightful payload
        f"Bearer eyJhbGciOiJub25lIn0.{payload}.",
        "Bearer " + "a" * 20_000,
        "Bearer \xff\xfe".encode("latin-1"),
    ):
        headers = httpx.Headers()
        if header is not None:
            headers = httpx.Headers(
                [(b"Authorization", header if isinstance(header, bytes) else header.encode())]
            )
        response = running_sandbox.http.request(method, path, headers=headers)
        assert response.status_code == 401, header
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json() == {
            "error": "Missing or invalid authentication token",
            "code": "unauthorized",
        }


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_token_needs_the_scope(running_sandbox: SandboxService, method: str, path: str) -> None:
    """403, whatever else it may do."""
    with running_sandbox.user(scope="banking.admin accounts.read") as caller:
        response = caller.request(method, path, json={})
    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"


def test_tokens_end_by_the_ledgers_clock(sandbox: SandboxService) -> None:
    """A minute's token is worth nothing a minute later."""
    with sandbox.user(expires_in=60) as brief:
        assert brief.get(TRANSFERS).status_code == 200
        sandbox.advance(61)
        assert brief.get(TRANSFERS).status_code == 401


def test_the_hundred_and_first_request_in_a_minute_is_refused(strict: SandboxService) -> None:
    """Per user, refused requests count too; the key of the refused one stays free."""
    strict.set_clock("2025-10-20T16:00:00Z")
    with strict.user() as demo, strict.user("user_other") as other:
        for number in range(100):
            response = demo.get(f"{TRANSFERS}?limit=0") if number % 2 else demo.get(TRANSFERS)
            assert response.status_code == (400 if number % 2 else 200)
            assert response.headers["X-RateLimit-Limit"] == "100"
            assert response.headers["X-RateLimit-Remaining"] == str(99 - number)
        refused = demo.post(TRANSFERS, json=internal("limited"))
        assert refused.status_code == 429
        assert refused.json() == {"error": "Too many requests", "code": "rate_limit"}
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        # Unix seconds of the ledger's clock: 2025-10-20T16:01:00Z.
        assert refused.headers["X-RateLimit-Reset"] == "1760976060"
        assert other.get(TRANSFERS).status_code == 200
        strict.advance(60)
        create(demo, internal("limited"))


def test_the_thousand_and_first_request_in_an_hour_is_refused(strict: SandboxService) -> None:
    """A hundred a minute for ten minutes, and then none until the hour is over."""
    strict.set_clock("2025-10-20T18:00:00Z")
    with strict.user() as demo:
        for minute in range(10):
            strict.set_clock(f"2025-10-20T18:{minute + 1:02}:00Z")
            answers = {demo.get(f"{TRANSFERS}?limit=0").status_code for _ in range(100)}
            assert answers == {400}
        strict.set_clock("2025-10-20T18:11:00Z")
        refused = demo.get(TRANSFERS)
        assert refused.status_code == 429
        assert refused.headers["X-RateLimit-Limit"] == "1000"
        assert refused.headers["X-RateLimit-Reset"] == "1760986800"
        strict.set_clock("2025-10-20T19:00:00Z")
        assert demo.get(TRANSFERS).status_code == 200


def test_every_answer_to_a_known_caller_shows_its_limits(strict: SandboxService) -> None:
    """Whatever is wrong with the request, it counts; without a token nothing is shown."""
    strict.set_clock("2025-10-20T20:00:00Z")
    with strict.user() as demo, strict.user(scope="audit.read", subject="user_demo") as outsider:
        large = b"{" + b" " * 2**20 + b"}"
        answers = [
            demo.get("/api/nothing"),
            demo.put(TRANSFERS),
            demo.post(TRANSFERS, content=large, headers={"Content-Type": "application/json"}),
            demo.post(TRANSFERS, content=b"{}", headers={"Content-Type": "text/plain"}),
            outsider.get(TRANSFERS),
        ]
    assert [answer.status_code for answer in answers] == [404, 405, 413, 415, 403]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["99", "98", "97", "96", "95"]
    nobody = strict.http.get("/api/nothing")
    assert nobody.status_code == 401
    assert "X-RateLimit-Limit" not in nobody.headers


def test_reset_clears_the_rate_counters(strict: SandboxService) -> None:
    """Who was refused may go on."""
    strict.set_clock("2025-10-20T21:00:00Z")
    with strict.user() as demo:
        statuses = [demo.get(f"{TRANSFERS}?limit=0").status_code for _ in range(101)]
        assert statuses[-1] == 429
        strict.reset()
        assert demo.get(TRANSFERS).status_code == 200


def test_request_ids_are_echoed_where_they_are_sane(running_sandbox: SandboxService) -> None:
    """Visible ASCII up to 128 characters; anything else gets a new one. On every path and status."""
    with running_sandbox.user() as demo:
        for path in (TRANSFERS, "/api/nowhere", "/nowhere", "/health/live"):
            assert (
                demo.get(path, headers={"X-Request-ID": "order-7/a"}).headers["X-Request-ID"] == "order-7/a"
            )
            for bad in (b"", b"a b", b"x" * 129, b"\xff"):
                headers = httpx.Headers([(b"X-Request-ID", bad)])
                echoed = demo.get(path, headers=headers).headers["X-Request-ID"]
                assert echoed.startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", TRANSFERS, 405, "method_not_allowed"),
        ("DELETE", f"{TRANSFERS}/tx_1", 405, "method_not_allowed"),
        ("POST", f"/api/accounts/{CHECKING}/balance", 405, "method_not_allowed"),
        ("GET", f"{TRANSFERS}/tx_1/holds", 404, "not_found"),
        ("GET", f"{TRANSFERS}/a%2Fb", 404, "not_found"),
        ("GET", "/api/accounts", 404, "not_found"),
        ("GET", "/api/accounts/x", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
    ],
)
def test_what_the_surface_does_not_have(
    running_sandbox: SandboxService, method: str, path: str, status: int, code: str
) -> None:
    """Unknown paths and methods below its prefix: its own error body; 405 says what there is. Those without a
    token are told nothing."""
    assert running_sandbox.http.request(method, path).status_code == 401
    with running_sandbox.user() as demo:
        response = demo.request(method, path)
    assert response.status_code == status
    assert response.json().keys() == {"error", "code"}
    assert response.json()["code"] == code
    if status == 405:
        assert "GET" in response.headers["Allow"]


def test_a_change_under_a_key_happens_once(demo: httpx.Client) -> None:
    """PATCH takes the header: the same change again has the same answer, a refusal too."""
    transfer_id = created_id(demo, internal("keyed", 1))
    path = f"{TRANSFERS}/{transfer_id}"
    key = {"Idempotency-Key": "cancel-1"}
    first = demo.patch(path, json={"action": "cancel"}, headers=key)
    again = demo.patch(path, json={"action": "cancel"}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert change(demo, transfer_id, "cancel").json()["code"] == "cannot_cancel"
    other = demo.patch(path, json={"action": "verify_mfa", "mfa_code": "1"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    for bad in ("", "x" * 256):
        refused = demo.patch(path, json={"action": "cancel"}, headers={"Idempotency-Key": bad})
        assert (refused.status_code, refused.json()["code"]) == (400, "validation_error")
    # A wrong code that is sent again under its key is one attempt.
    waiting = created_id(demo, interbank("keyed-mfa", 6000))
    for _ in range(6):
        wrong = demo.patch(
            f"{TRANSFERS}/{waiting}",
            json={"action": "verify_mfa", "mfa_code": "0"},
            headers={"Idempotency-Key": "guess-1"},
        )
        assert wrong.json() == {"error": "Invalid MFA code", "code": "validation_error"}
    assert change(demo, waiting, "verify_mfa", mfa_code="123456").status_code == 200


def test_changes_that_are_none_name_what_is_wrong(demo: httpx.Client) -> None:
    """No action, an unknown one, a second factor without a code, one where none is awaited."""
    transfer_id = created_id(demo, internal("changes", 1))
    for body, named in (
        ({}, "action"),
        ({"action": None}, "action"),
        ({"action": "settle"}, "action"),
        ({"action": ["cancel"]}, "action"),
        ({"action": "verify_mfa"}, "mfa_code"),
        ({"action": "verify_mfa", "mfa_code": 123456}, "mfa_code"),
        ({"action": "verify_mfa", "mfa_code": "1" * 17}, "mfa_code"),
        ({"action": "verify_mfa", "mfa_code": "123456"}, "MFA"),
    ):
        response = demo.patch(f"{TRANSFERS}/{transfer_id}", json=body)
        assert response.status_code == 400
        assert response.json()["code"] == "validation_error"
        assert named in response.json()["error"]
