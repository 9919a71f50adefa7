"""No input is a defect on the cards surface: the answer is an error in its shape, below either prefix."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api import raw_http
from tests.api.card_requests import (
    ALTERNATIVE_PREFIX,
    AUTHORIZATIONS,
    CARDS_SCOPES,
    HOLDS,
    purchase,
    with_raw,
)
from tests.api.raw_http import CHUNKED, chunks, sized
from tests.sandbox_service import SandboxService

DEEP = b"[" * 20_000
PREFIXES = ("", ALTERNATIVE_PREFIX)
BODIES = (
    AUTHORIZATIONS,
    f"{AUTHORIZATIONS}/123456789/reverse",
    f"{AUTHORIZATIONS}/123456789/challenge-complete",
    f"{HOLDS}/456789123/capture",
    f"{HOLDS}/456789123/release",
)


@pytest.fixture(scope="module")
def token(running_card_sandbox: SandboxService) -> str:
    return running_card_sandbox.token(scope=CARDS_SCOPES, expires_in=10**8)


@pytest.fixture(autouse=True)
def no_defect(running_card_sandbox: SandboxService) -> Iterator[None]:
    """Whatever a test sends, the service neither fails nor dies."""
    yield
    assert 'status="500"' not in running_card_sandbox.http.get("/metrics").text
    assert "Traceback" not in running_card_sandbox.log()


def assert_error(answer: raw_http.RawAnswer, *statuses: int) -> dict[str, Any]:
    assert answer.status in statuses, (answer.head, answer.body[:500])
    body = answer.json()
    assert isinstance(body, dict)
    assert list(body)[:5] == ["status", "error", "message", "path", "timestamp"]
    assert body["status"] == answer.status
    assert len(answer.body) < 40_000
    return body


def post(service: SandboxService, token: str, body: bytes, path: str = AUTHORIZATIONS) -> raw_http.RawAnswer:
    sent = raw_http.request(b"POST", path.encode(), body, sized(body), token)
    return raw_http.send(service.url, sent)


@pytest.mark.parametrize("path", [prefix + path for prefix in PREFIXES for path in BODIES])
def test_bodies_that_are_no_request(running_card_sandbox: SandboxService, token: str, path: str) -> None:
    """400 for each, however deep or broken."""
    for body in (
        b" ",
        b'{"amount": Infinity}',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        json.dumps(purchase()).encode("utf-16"),
        DEEP,
        DEEP + b"]" * 20_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"unknown":' + DEEP + b"]" * 20_000 + b"}",
        b'{"\\u0034' + b"1" * 30_000 + b'": 1}',
        b'{"\\ud800": 1}',
        b'{"\\ud800": "\\ud800"}',
        b'{"\\ud800": "4111111111111111"}',
        b'{"\\ud800": {"a": ["4111111111111111"]}}',
    ):
        assert_error(post(running_card_sandbox, token, body, path), 400)


@pytest.mark.parametrize("member", list(purchase()))
def test_members_of_the_wrong_kind(running_card_sandbox: SandboxService, token: str, member: str) -> None:
    """Every kind of value that it cannot be: 400 that names it, where it could be read at all."""
    for raw in (
        b"[]",
        b"{}",
        b"true",
        b"1e400000",
        b"-0",
        b'"\\u0000"',
        b'"a\\u0000b"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"' + b"x" * 60_000 + b'"',
    ):
        body = assert_error(post(running_card_sandbox, token, with_raw(member, raw)), 400)
        assert body["details"]["field"] == member, raw[:20]
    for raw in (b'"\xff\xfe"', b'"\\x"', b"NaN", b"-Infinity", b"01", b"'x'", DEEP + b"]" * 20_000):
        assert_error(post(running_card_sandbox, token, with_raw(member, raw)), 400)


@pytest.mark.parametrize("path", [AUTHORIZATIONS, f"{HOLDS}/456789123/capture"])
def test_hostile_amounts(running_card_sandbox: SandboxService, token: str, path: str) -> None:
    """Huge, tiny, in other scripts or notations: 400 that names the amount."""
    for raw in (
        b"0",
        b"-0",
        b"0.00",
        b"-5",
        b"1e3",
        b"1E400000",
        b"1.005",
        b"1" * 16,
        b"9" * 60_000,
        b"0." + b"0" * 60_000 + b"1",
        b'"NaN"',
        b'"1_0"',
        b'" 1"',
        b'"+1"',
        b'"0x10"',
        b'"1,000"',
        b'"."',
        b'".5"',
        '"１"'.encode(),
        b'"' + b"9" * 60_000 + b'"',
        b'"' + b"\\u0039" * 10_000 + b'"',
    ):
        body = assert_error(post(running_card_sandbox, token, with_raw("amount", raw), path), 400)
        assert body["details"]["field"] == "amount", raw[:20]
        assert len(body["details"]["value"] or "") <= 255


@pytest.mark.parametrize("prefix", PREFIXES)
def test_paths_to_nothing(running_card_sandbox: SandboxService, token: str, prefix: str) -> None:
    """404 in the surface's shape."""
    for target in (
        b"/api/v1/authorizations/%",
        b"/api/v1/authorizations/%zz",
        b"/api/v1/authorizations/%00",
        b"/api/v1/authorizations/%FF%FE",
        b"/api/v1/authorizations/%ED%A0%80",
        b"/api/v1/authorizations/1%2F2",
        b"/api/v1/authorizations/..%2F..%2Fhealth",
        b"/api/v1/authorizations/" + b"9" * 30_000,
        b"/api/v1/authorizations/request",
        b"/api/v1/authorizations/request/%D9%A3",
        b"/api/v1/authorizations/request/1/2",
        b"/api/v1/holds/9007199254740992",
        b"/api/v1/holds/9223372036854775808",
        b"/api/v1/holds/%00",
        b"/api/v1/holds/0x10",
        b"/api/v1/admin/nothing",
        b"/api/v1/admin/cards/%FF/limits",
    ):
        sent = raw_http.request(b"GET", prefix.encode() + target, token=token)
        assert_error(raw_http.send(running_card_sandbox.url, sent), 404)
    sent = raw_http.request(b"GET", b"/card-authorization/nothing", token=token)
    assert_error(raw_http.send(running_card_sandbox.url, sent), 404)


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"accountId=",
        b"accountId=%00",
        b"accountId=%FF",
        b"accountId=\xff",
        b"accountId=1&accountId=2",
        b"accountId=" + b"x" * 20_000,
        b"accountId=321654987&size=1e2",
        b"accountId=321654987&size=%D9%A3",
        b"accountId=321654987&page=" + b"9" * 5_000,
        b"accountId=321654987&fromDate=9999-12-31T23:59:59-23:59",
        b"accountId=321654987&toDate=0001-01-01",
        b"accountId=321654987&fromDate=2023-05-01T24:00:00Z",
        b"accountId=321654987&status=" + b"A" * 10_000,
        b"accountId=321654987&" + b"&".join(b"x=1" for _ in range(2_000)),
    ],
    ids=lambda query: repr(query[:50]),
)
def test_query_strings_that_are_refused(
    running_card_sandbox: SandboxService, token: str, query: bytes
) -> None:
    for prefix in PREFIXES:
        target = prefix.encode() + HOLDS.encode() + b"?" + query
        answer = raw_http.send(running_card_sandbox.url, raw_http.request(b"GET", target, token=token))
        # The HTTP server refuses some of them itself.
        assert answer.status == 400, query
        if b"application/json" in answer.head:
            assert_error(answer, 400)


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"TRACE", b"PATCH"])
def test_methods_that_are_none(running_card_sandbox: SandboxService, token: str, method: bytes) -> None:
    for prefix in PREFIXES:
        for path in (*BODIES, HOLDS):
            sent = raw_http.request(method, (prefix + path).encode(), token=token)
            answer = raw_http.send(running_card_sandbox.url, sent)
            assert_error(answer, 405)
            assert b"\r\nallow: " in answer.head.lower()


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("path", [prefix + path for prefix in PREFIXES for path in BODIES])
def test_bodies_beyond_their_bound(
    running_card_sandbox: SandboxService, token: str, path: str, is_announced: bool
) -> None:
    """64 KiB, whether the size was said beforehand or not; the bound itself is inside."""
    body = json.dumps(purchase(amount=-1)).encode()
    for size, status in ((65_536, 400), (65_537, 413)):
        padded = body[:-1] + b" " * (size - len(body)) + b"}"
        headers, content = (sized(padded), padded) if is_announced else (CHUNKED, chunks(padded))
        sent = raw_http.request(b"POST", path.encode(), content, headers, token)
        assert_error(raw_http.send(running_card_sandbox.url, sent), status)


def test_headers_that_are_odd(card_sandbox: SandboxService, token: str) -> None:
    """Keys of any bytes are keys; a position that is none is refused."""
    body = json.dumps(purchase()).encode()
    for key in (b"\xff", b"a b", b"'; drop table events; --", b"\xc3\xa9" * 100):
        headers = (*sized(body), b"Idempotency-Key: " + key)
        sent = raw_http.request(b"POST", AUTHORIZATIONS.encode(), body, headers, token)
        answers = [raw_http.send(card_sandbox.url, sent) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200]
        assert answers[0].body == answers[1].body
    for position in (b"x", b"-1", b"\xb2", b"1" * 19):
        target = f"{HOLDS}?accountId=321654987".encode()
        header = b"X-Min-Position: " + position
        sent = raw_http.request(b"GET", target, headers=(header,), token=token)
        assert_error(raw_http.send(card_sandbox.url, sent), 400)


def test_of_a_member_that_is_sent_twice_the_last_counts(card_sandbox: SandboxService, token: str) -> None:
    body = json.dumps(purchase(amount=5)).replace('"amount": 5', '"amount": 9, "amount": 5').encode()
    answer = post(card_sandbox, token, body)
    assert answer.status == 200
    decision = answer.json()
    assert isinstance(decision, dict)
    assert decision["approvedAmount"] == 5
