"""Whatever is sent to the administration, the answer is an error in the surface's shape; logs stay clean."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api import raw_http
from tests.api.card_administration import CARDS, WEBHOOKS
from tests.api.card_requests import ADMIN, CARDS_SCOPES, LONG, limits_of
from tests.api.raw_http import CHUNKED, chunks, sized
from tests.sandbox_service import SandboxService

LIMITS, OVERRIDES = f"{CARDS}/{LONG.card_id}/limits", f"{CARDS}/{LONG.card_id}/limit-overrides"
STATUS, SPENDING = f"{CARDS}/{LONG.card_id}/status", f"{CARDS}/{LONG.card_id}/spending-summary"
SECRET = "correct-horse-battery-staple"
DEEP = b"[" * 30_000
BODY_BYTES_MAX = 64 * 1024

CARD = {
    "accountId": "test_checking_123",
    "panHash": "hostile",
    "maskedPan": "411111******2222",
    "expiryDate": "12/35",
    "limits": limits_of(1, 2, 3, ATM=(1, 1)),
}
OVERRIDE = {
    "transactionLimit": 1,
    "dailyLimit": 2,
    "monthlyLimit": 3,
    "reason": "hostile",
    "expiresAt": "2099-05-15T23:59:59Z",
}
WEBHOOK = {"url": "http://127.0.0.1:9/hook", "events": ["LIMIT_BREACH"], "secret": SECRET}
# Each kind of request with a body: method, path, and a good body that hostile members are put into.
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", LIMITS, limits_of(1, 2, 3, ATM=(1, 1))),
    ("POST", OVERRIDES, OVERRIDE),
    ("POST", CARDS, CARD),
    ("POST", STATUS, {"status": "BLOCKED"}),
    ("POST", WEBHOOKS, WEBHOOK),
]
each_request = pytest.mark.parametrize(
    ("method", "path", "good"), REQUESTS, ids=lambda value: str(value)[-16:]
)

BODIES_THAT_ARE_NONE = [
    b"",
    b"[]",
    b"null",
    b'"text"',
    b"{",
    b'{"reason": NaN}',
    b'{"dailyLimit": Infinity}',
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    DEEP,
    DEEP + b"]" * 30_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"channelLimits":' + DEEP + b"]" * 30_000 + b"}",
    b'{"limits":{"channelLimits":' + b'{"ATM":' * 5_000 + b"1" + b"}" * 5_002,
]
TEXTS = ('"１"'.encode(), b'"NaN"', b'"1_0"')
HOSTILE_VALUES = [
    b"true",
    b"{}",
    b"[]",
    b"[[]]",
    b"1e400000",
    b"-0",
    b"-1",
    b'"\\u0000"',
    b'"a\\u0000b"',
    b'"\\ud800"',
    b'"\\x"',
    b'"\xff\xfe"',
    b'"' + b"x" * 50_000 + b'"',
    b'"' + b"\\u0039" * 8_000 + b'"',
    b"9" * 50_000,
    b"0." + b"0" * 50_000 + b"1",
    *TEXTS,
]


@pytest.fixture(scope="module")
def token(running_card_sandbox: SandboxService) -> str:
    return running_card_sandbox.token(subject="admin-user", scope=CARDS_SCOPES, expires_in=10**8)


@pytest.fixture(autouse=True)
def no_defect(running_card_sandbox: SandboxService) -> Iterator[None]:
    """Whatever a test sends, the service neither fails nor dies, and logs nothing of it."""
    yield
    assert 'status="500"' not in running_card_sandbox.http.get("/metrics").text
    log = running_card_sandbox.log()
    assert "Traceback" not in log
    assert SECRET not in log


def send(
    service: SandboxService, token: str, method: str, path: str, body: bytes, *headers: bytes
) -> raw_http.RawAnswer:
    framed = headers or sized(body)
    return raw_http.send(
        service.url, raw_http.request(method.encode(), path.encode("latin-1"), body, framed, token)
    )


def assert_error(answer: raw_http.RawAnswer, status: int, what: object = None) -> None:
    assert answer.status == status, (what, answer.head, answer.body[:500])
    body = answer.json()
    assert isinstance(body, dict)
    assert list(body)[:5] == ["status", "error", "message", "path", "timestamp"]
    assert body["status"] == status
    # The path is shown as it was requested.
    assert len(answer.body) - len(str(body["path"])) < 1_000, what
    assert SECRET.encode() not in answer.body


@each_request
def test_bodies_that_are_no_request(
    running_card_sandbox: SandboxService, token: str, method: str, path: str, good: dict[str, Any]
) -> None:
    """400, however they are nested or cut off."""
    for body in BODIES_THAT_ARE_NONE:
        assert_error(send(running_card_sandbox, token, method, path, body), 400, body[:40])


@each_request
def test_members_of_the_wrong_kind(
    running_card_sandbox: SandboxService, token: str, method: str, path: str, good: dict[str, Any]
) -> None:
    """Every kind of value that none of them is, in each member: 400 that is short and repeats no secret."""
    for member in good:
        # A text may be any text, and no channel may be named.
        taken: tuple[bytes, ...] = TEXTS if member in ("accountId", "reason", "panHash", "secret") else ()
        taken = (b"{}",) if member == "channelLimits" else taken
        for raw in HOSTILE_VALUES:
            if raw not in taken:
                body = json.dumps(good | {member: "@"}).encode().replace(b'"@"', raw)
                assert_error(send(running_card_sandbox, token, method, path, body), 400, (member, raw[:40]))


def test_members_of_the_wrong_kind_deeper_down(running_card_sandbox: SandboxService, token: str) -> None:
    """In the limits of a channel and of a new card, too."""
    for raw in HOSTILE_VALUES:
        for sent in (
            b'{"channelLimits":{"ATM":{"dailyLimit":%b}}}' % raw,
            b'{"channelLimits":{"ATM":%b}}' % raw if raw != b"{}" else b'{"channelLimits":1}',
            b'{"channelLimits":{"ATM":{"dailyLimit":1},"FAX":%b}}' % raw,
        ):
            assert_error(send(running_card_sandbox, token, "PUT", LIMITS, sent), 400, sent[:60])
        new_limits = json.dumps(CARD | {"limits": limits_of(1, 2, "@")}).encode().replace(b'"@"', raw)
        assert_error(send(running_card_sandbox, token, "POST", CARDS, new_limits), 400, raw[:40])


@each_request
def test_bodies_have_a_size_and_a_type(
    running_card_sandbox: SandboxService, token: str, method: str, path: str, good: dict[str, Any]
) -> None:
    """413 beyond 64 KiB, announced or not; 415 for what is not said to be JSON."""
    large = b'{"reason":"' + b"x" * BODY_BYTES_MAX + b'"}'
    assert_error(send(running_card_sandbox, token, method, path, large), 413)
    assert_error(send(running_card_sandbox, token, method, path, chunks(large), *CHUNKED), 413)
    body = json.dumps(good).encode()
    for media_type in (b"text/plain", b"application/jsonx", b"\xff", b""):
        headers = (b"Content-Type: " + media_type, b"Content-Length: %d" % len(body))
        assert_error(send(running_card_sandbox, token, method, path, body, *headers), 415, media_type)


def test_paths_to_nothing(running_card_sandbox: SandboxService, token: str) -> None:
    """404 in the surface's shape, under both prefixes."""
    numbers = (
        "%00",
        "%FF",
        "%C3%28",
        "%ED%A0%80",
        "a%2Fb",
        "9" * 9_000,
        "%D9%A3",
        "-1",
        "1e3",
        "0x10",
        "%20",
    )
    paths = [f"{CARDS}/{number}/limits" for number in numbers]
    paths += [f"{CARDS}/{number}" for number in numbers] + [f"{WEBHOOKS}/webhook-{each}" for each in numbers]
    paths += [ADMIN, f"{ADMIN}/nothing", f"{CARDS}/1/limits/2", f"{CARDS}/1/nothing", f"{ADMIN}/%00"]
    for path in paths:
        for prefix in ("", "/card-authorization"):
            assert_error(send(running_card_sandbox, token, "GET", prefix + path, b""), 404, path[:60])
    for number in numbers:
        path = f"{ADMIN}/limit-overrides/{number}"
        assert_error(send(running_card_sandbox, token, "DELETE", path, b""), 404, path[:60])


def test_methods_that_are_none(running_card_sandbox: SandboxService, token: str) -> None:
    """405 with those that there are."""
    for method, path, allowed in (
        ("POST", LIMITS, b"get"),
        ("DELETE", LIMITS, b"put"),
        ("PUT", OVERRIDES, b"post"),
        ("GET", f"{ADMIN}/limit-overrides/1", b"delete"),
        ("GET", STATUS, b"post"),
        ("POST", SPENDING, b"get"),
        ("PATCH", WEBHOOKS, b"post"),
        ("PUT", f"{WEBHOOKS}/webhook-1", b"delete"),
    ):
        answer = send(running_card_sandbox, token, method, path, b"")
        assert_error(answer, 405, path)
        allow = answer.head.lower().partition(b"\r\nallow: ")[2].partition(b"\r\n")[0]
        assert allowed in allow


def test_query_strings_that_are_none(running_card_sandbox: SandboxService, token: str) -> None:
    """400 for what is sent twice, is no text or out of bounds; what is unknown is left alone."""
    for query in (
        "page=1&page=1",
        "page=%FF",
        "page=9223372036854775808",
        "page=%D9%A3",
        "size=1e1",
        "size=",
        "includeExpired=1",
        "&".join(f"p{number}=1" for number in range(101)),
    ):
        assert_error(send(running_card_sandbox, token, "GET", f"{OVERRIDES}?{query}", b""), 400, query)
    for query in ("fromDate=%00", "toDate=2023-05-01T00:00:00%2B99:00", "fromDate=" + "2" * 9_000):
        assert_error(send(running_card_sandbox, token, "GET", f"{SPENDING}?{query}", b""), 400, query[:40])
    for query in ("accountId=%00", "accountId=%ED%A0%80", "accountId=" + "x" * 256):
        assert_error(send(running_card_sandbox, token, "GET", f"{CARDS}?{query}", b""), 400, query[:40])
    assert send(running_card_sandbox, token, "GET", f"{SPENDING}?from=yesterday", b"").status == 200


def test_keys_that_are_none(running_card_sandbox: SandboxService, token: str) -> None:
    """An empty key and one that is too long are 400; bytes that are no ASCII are a key like any other."""
    body = b'{"status": "ACTIVE"}'
    for key, status in ((b"", 400), (b"k" * 256, 400), (b"k" * 255, 200), (b"\xff", 200)):
        headers = (*sized(body), b"Idempotency-Key: " + key)
        assert send(running_card_sandbox, token, "POST", STATUS, body, *headers).status == status
