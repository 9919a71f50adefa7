"""No input is a defect on the back office either: the answer is an error in its envelope; logs stay clean."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api import raw_http
from tests.api.back_office_requests import DEAD_LETTERS, SCOPES, V1, WEBHOOKS, webhook
from tests.api.raw_http import sized
from tests.api.test_hostile_input import DEEP, HOSTILE_VALUES
from tests.sandbox_service import SandboxService


@pytest.fixture(scope="module")
def token(running_sandbox: SandboxService) -> str:
    return running_sandbox.token(scope=SCOPES, expires_in=10**8)


@pytest.fixture(autouse=True)
def no_defect(running_sandbox: SandboxService) -> Iterator[None]:
    """Whatever a test sends, the service neither fails nor dies."""
    yield
    assert 'status="500"' not in running_sandbox.http.get("/metrics").text
    assert "Traceback" not in running_sandbox.log()


def error_of(answer: raw_http.RawAnswer, status: int) -> dict[str, Any]:
    assert answer.status == status, (answer.head, answer.body[:500])
    body = answer.json()
    assert isinstance(body, dict)
    assert list(body) == ["status", "error", "meta"]
    assert len(answer.body) < 1_000
    error: dict[str, Any] = body["error"]
    return error


def with_raw(member: str, raw: bytes) -> bytes:
    body = json.dumps(webhook(**{member: "replaced"})).encode()
    return body.replace(b'"replaced"', raw)


@pytest.mark.parametrize("member", ["url", "events", "secret", "active"])
def test_members_of_the_wrong_kind(running_sandbox: SandboxService, token: str, member: str) -> None:
    """Every kind of value that is none, in POST and PUT; those that are values are not sent here."""
    for raw in [*HOSTILE_VALUES, DEEP + b"]" * 100_000, b"[" + b'"account.*",' * 10_000 + b"7]"]:
        if (member, raw) in {("active", b"true"), ("secret", b'"replaced"')}:
            continue
        body = with_raw(member, raw)
        for method, path in ((b"POST", WEBHOOKS), (b"PUT", f"{WEBHOOKS}/webhook-1")):
            sent = raw_http.request(method, path.encode(), body, sized(body), token)
            error = error_of(raw_http.send(running_sandbox.url, sent), 400)
            assert error["code"] == "INVALID_REQUEST"
            assert error.get("field", member) == member


@pytest.mark.parametrize(
    "target",
    [
        b"/backoffice",
        b"/backoffice/v1/%00",
        b"/backoffice/v1/webhooks/%",
        b"/backoffice/v1/webhooks/%zz",
        b"/backoffice/v1/webhooks/%FF%FE",
        b"/backoffice/v1/webhooks/%ED%A0%80",
        b"/backoffice/v1/webhooks/webhook-%D9%A3",
        b"/backoffice/v1/webhooks/webhook-" + b"9" * 9_000,
        b"/backoffice/v1/webhooks/webhook-9223372036854775808",
        b"/backoffice/v1/webhooks/..%2F..%2Fhealth",
        b"/backoffice/v1/webhooks/../../../health/live",
        b"/backoffice/v1/webhooks/x/deliveries",
        b"/backoffice/v1/webhooks/dead-letters/deliveries",
        b"/backoffice/v1/webhooks/" + b"x" * 30_000,
        b"/backoffice/v1/webhooks/a/b/c/d",
        b"/backoffice/v1/WEBHOOKS",
        b"/backoffice/v1;x/webhooks",
        b"/backoffice/./v1/webhooks",
    ],
    ids=lambda target: repr(target[:50]),
)
def test_paths_to_nothing(running_sandbox: SandboxService, token: str, target: bytes) -> None:
    """404 in the surface's shape."""
    answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", target, token=token))
    assert error_of(answer, 404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "identifier",
    [
        "dlv_1_0_%00",
        "dlv_9223372036854775808_0_1",
        "dlv_01_0_1",
        "dlv_1_0_" + "9" * 17,
        "dlv_1_99999_1",
        "dlv_%D9%A3_0_1",
        "dlv_-1_0_1",
        "dlv_" + "9" * 9_000,
    ],
    ids=lambda identifier: identifier[:30],
)
def test_dead_letters_that_cannot_be(running_sandbox: SandboxService, token: str, identifier: str) -> None:
    target = f"{DEAD_LETTERS}/{identifier}/redeliver".encode()
    sent = raw_http.request(b"POST", target, b"", (b"Content-Length: 0",), token)
    assert error_of(raw_http.send(running_sandbox.url, sent), 404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"X-API-Version: \xff", 400),
        (b"X-API-Version: " + b"v" * 5_000, 400),
        (b"Idempotency-Key: \xff", 400),
        (b"Idempotency-Key: " + b"k" * 5_000, 400),
        (b"X-API-Key: \xff", 400),
        (b"X-API-Key:", 400),
        (b"X-Min-Position: x", 400),
        (b"X-Timestamp: \xff", 400),
        (b"X-Nonce: \xff", 400),
        (b"X-Signature: \xff", 400),
        (b"X-Forwarded-For: \xff, " + b"1.1.1.1, " * 2_000, 400),
        (b"X-Forwarded-Proto: \xff", 400),
        (b"Accept: \xff", 400),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_headers_of_any_kind(running_sandbox: SandboxService, token: str, header: bytes, status: int) -> None:
    """With a body that is refused anyhow: what the header does is at most another reason."""
    sent = raw_http.request(b"POST", WEBHOOKS.encode(), b"{}", (*sized(b"{}"), header), token)
    assert error_of(raw_http.send(running_sandbox.url, sent), status)["code"] in (
        "INVALID_REQUEST",
        "UNSUPPORTED_API_VERSION",
    )


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"TRACE", b"PATCH"])
def test_methods_that_are_none(running_sandbox: SandboxService, token: str, method: bytes) -> None:
    answer = raw_http.send(running_sandbox.url, raw_http.request(method, WEBHOOKS.encode(), token=token))
    assert error_of(answer, 405)["code"] == "METHOD_NOT_ALLOWED"
    assert b"\r\nallow: " in answer.head.lower()


def test_a_body_that_breaks_off_does_nothing(running_sandbox: SandboxService, token: str) -> None:
    """What arrived reads like a whole request, but more was meant to come."""
    path = f"{V1}/webhooks/webhook-1"
    body = json.dumps({"active": True}).encode()
    broken = b"%x\r\n%s\r\nnonsense\r\n" % (len(body), body)
    answer = raw_http.send(
        running_sandbox.url, raw_http.request(b"PUT", path.encode(), broken, raw_http.CHUNKED, token)
    )
    assert answer.status in (0, 400)
