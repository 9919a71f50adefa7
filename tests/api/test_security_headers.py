"""Every answer of the service tells browsers to be careful, whatever it is and however it went."""

from pathlib import Path

import httpx
import pytest

from tests.api import raw_http
from tests.api.back_office_requests import WEBHOOKS
from tests.api.transfer_requests import TRANSFERS
from tests.sandbox_service import SandboxService, sandbox_service

NO_FRAMES = "default-src 'none'; frame-ancestors 'none'"
PATHS = [
    "/health/live",
    "/health/ready",
    "/metrics",
    "/docs",
    "/docs/openapi.json",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/sandbox/clock",
    "/nothing",
    "/api/nothing",
    "/ledger/v1/nothing",
    TRANSFERS,
    WEBHOOKS,
    "/card-authorization/api/v1/holds",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_says_so(running_sandbox: SandboxService, method: str, path: str) -> None:
    """What was found and what was refused, once each; nothing about TLS where there is none."""
    response = running_sandbox.http.request(method, path)
    values = response.headers.get_list
    assert values("X-Content-Type-Options") == ["nosniff"]
    assert values("X-Frame-Options") == ["DENY"]
    assert values("Referrer-Policy") == ["no-referrer"]
    [policy] = values("Content-Security-Policy")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert len(values("Cache-Control")) == 1
    assert "Strict-Transport-Security" not in response.headers
    assert len(values("X-Request-ID")) == 1


def test_what_is_no_http_says_so_too(running_sandbox: SandboxService) -> None:
    """It gets as far as the HTTP server, and no further."""
    answer = raw_http.send(running_sandbox.url, b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
    assert answer.status == 400
    for line in (
        b"x-content-type-options: nosniff",
        b"x-frame-options: deny",
        b"referrer-policy: no-referrer",
    ):
        assert line in answer.head.lower()


def test_answers_with_data_are_kept_nowhere(running_sandbox: SandboxService) -> None:
    """Only what is public and the same for everybody may be cached."""
    with running_sandbox.user() as caller:
        for path in (TRANSFERS, WEBHOOKS, "/api/accounts/test_checking_123/balance", "/ledger/v1/events"):
            assert caller.get(path).headers["Cache-Control"] == "no-store"
    assert (
        running_sandbox.http.get("/.well-known/jwks.json").headers["Cache-Control"] == "public, max-age=300"
    )


def test_only_what_came_over_tls_is_told_to_stay_there(
    running_sandbox: SandboxService, tmp_path: Path
) -> None:
    """A proxy that is not trusted cannot say so."""
    forwarded = {"X-Forwarded-Proto": "https"}
    assert (
        "Strict-Transport-Security" not in running_sandbox.http.get("/health/live", headers=forwarded).headers
    )
    with sandbox_service(tmp_path, "--trusted-proxies", "127.0.0.0/8, ::1") as service:
        plain = service.http.get("/health/live")
        assert "Strict-Transport-Security" not in plain.headers
        for path in ("/health/live", WEBHOOKS, "/nothing"):
            response = httpx.get(service.url + path, headers=forwarded)
            assert response.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
        http = httpx.get(f"{service.url}/health/live", headers={"X-Forwarded-Proto": "http"})
        assert "Strict-Transport-Security" not in http.headers
