"""No input is a defect: whatever comes in, the answer is an error in the surface's shape; logs stay clean."""

import json
from collections.abc import Iterator

import httpx
import msgspec
import pytest

from tests.api import raw_http
from tests.api.raw_http import CHUNKED, chunks, sized
from tests.api.transfer_requests import TRANSFERS, create, internal, with_raw
from tests.sandbox_service import SandboxService

MEBIBYTE = 1024 * 1024
DEEP = b"[" * 100_000
SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def token(running_sandbox: SandboxService) -> str:
    return running_sandbox.token(expires_in=10**8)


def post(service: SandboxService, token: str, body: bytes) -> raw_http.RawAnswer:
    sent = raw_http.request(b"POST", TRANSFERS.encode(), body, sized(body), token)
    return raw_http.send(service.url, sent)


def assert_error(answer: raw_http.RawAnswer, status: int, code: str) -> None:
    assert answer.status == status, (answer.head, answer.body[:500])
    body = answer.json()
    assert isinstance(body, dict)
    assert body.keys() == {"error", "code"}
    assert body["code"] == code
    assert len(answer.body) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"",
        b" ",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"{",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": -Infinity}',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        json.dumps(internal("utf-16")).encode("utf-16"),
        DEEP,
        DEEP + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"unknown":' + DEEP + b"]" * 100_000 + b"}",
        with_raw("amount", DEEP + b"]" * 100_000),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bodies_that_are_no_request(running_sandbox: SandboxService, token: str, body: bytes) -> None:
    """400, for a change too."""
    assert_error(post(running_sandbox, token, body), 400, "validation_error")
    sent = raw_http.request(b"PATCH", b"/api/transfers-v2/tx_1", body, sized(body), token)
    assert_error(raw_http.send(running_sandbox.url, sent), 400, "validation_error")


HOSTILE_VALUES = [
    b"1",
    b"true",
    b"[]",
    b"{}",
    b"1e400000",
    b"-0",
    b'"\\u0000"',
    b'"a\\u0000b"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\xff\xfe"',
    b'"\\x"',
    b'"' + b"x" * 100_000 + b'"',
    b"9" * 500_000,
]


@pytest.mark.parametrize(
    "member", ["idempotency_key", "from_account_id", "to_account_id", "transfer_type", "memo"]
)
def test_members_of_the_wrong_kind(running_sandbox: SandboxService, token: str, member: str) -> None:
    """Every kind of value that is no text, and texts that are none."""
    for raw in HOSTILE_VALUES:
        assert_error(post(running_sandbox, token, with_raw(member, raw)), 400, "validation_error")


HOSTILE_AMOUNTS = [
    b"0",
    b"-0",
    b"0.00",
    b"-5",
    b"1e3",
    b"1E3",
    b"1e400000",
    b"1.005",
    b"1.000",
    b"1" * 16,
    b"9" * 500_000,
    b"0." + b"0" * 100_000 + b"1",
    b"true",
    b"{}",
    b"[]",
    b'"NaN"',
    b'"Infinity"',
    b'"1e3"',
    b'"1_0"',
    b'" 1"',
    b'"1 "',
    b'"+1"',
    b'"0x10"',
    b'"1,000"',
    b'"."',
    b'"1."',
    b'".5"',
    '"１"'.encode(),
    b'"\\ud800"',
    b'"\\u0000"',
    b'"' + b"9" * 500_000 + b'"',
    b'"' + b"\\u0039" * 100_000 + b'"',
]


@pytest.mark.parametrize("amount", HOSTILE_AMOUNTS, ids=lambda amount: repr(amount[:20]))
def test_hostile_amounts_are_refused(running_sandbox: SandboxService, token: str, amount: bytes) -> None:
    """400 that names the amount, or says that it is no JSON."""
    assert_error(post(running_sandbox, token, with_raw("amount", amount)), 400, "validation_error")


def test_of_a_member_that_is_sent_twice_the_last_counts(sandbox: SandboxService, demo: httpx.Client) -> None:
    """As every common parser has it, so that nobody in between reads another amount."""
    body = json.dumps(internal("twice", 5)).replace('"amount": 5', '"amount": 9, "amount": 5')
    response = demo.post(TRANSFERS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 201
    assert response.json()["transfer"]["amount"] == 5


@pytest.mark.parametrize(
    "path", [TRANSFERS, f"{TRANSFERS}/tx_1", "/sandbox/tokens", "/sandbox/clock", "/oauth/token"]
)
@pytest.mark.parametrize("is_announced", [True, False])
def test_bodies_beyond_a_mebibyte(
    running_sandbox: SandboxService, token: str, path: str, is_announced: bool
) -> None:
    """413, whether the size was said beforehand or not."""
    body = b'{"action": "cancel"' + b" " * MEBIBYTE + b"}"
    headers, content = (sized(body), body) if is_announced else (CHUNKED, chunks(body))
    if path == "/oauth/token":
        headers = (b"Content-Type: application/x-www-form-urlencoded", headers[1])
    method = b"PATCH" if path.endswith("tx_1") else b"POST"
    answer = raw_http.send(
        running_sandbox.url, raw_http.request(method, path.encode(), content, headers, token)
    )
    assert answer.status == 413
    assert b"x-request-id" in answer.head.lower()
    assert isinstance(answer.json(), dict)


def test_a_body_of_a_mebibyte_is_taken(sandbox: SandboxService, token: str) -> None:
    """The bound itself is inside; so is a body in a thousand pieces."""
    body = json.dumps(internal("large", 1)).encode()
    padded = body[:-1] + b" " * (MEBIBYTE - len(body)) + b"}"
    assert post(sandbox, token, padded).status == 201
    sent = raw_http.request(b"POST", TRANSFERS.encode(), chunks(padded, 1_000), CHUNKED, token)
    assert raw_http.send(sandbox.url, sent).status == 200


def test_a_body_that_breaks_off_does_nothing(sandbox: SandboxService, token: str) -> None:
    """What arrived reads like a whole request, but more was meant to come."""
    body = json.dumps(internal("broken-off", 1)).encode()
    broken = b"%x\r\n%s\r\nnonsense\r\n" % (len(body), body)
    answer = raw_http.send(sandbox.url, raw_http.request(b"POST", TRANSFERS.encode(), broken, CHUNKED, token))
    assert answer.status in (0, 400)
    listed = raw_http.send(sandbox.url, raw_http.request(b"GET", TRANSFERS.encode(), token=token))
    assert listed.json() == {"transfers": [], "next_cursor": None}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "\xff",
    ],
)
def test_bodies_of_another_type(
    running_sandbox: SandboxService, token: str, content_type: str | None
) -> None:
    """415, also where no type is said."""
    body = json.dumps(internal("typed")).encode()
    headers = [b"Content-Length: %d" % len(body)]
    if content_type is not None:
        headers.append(b"Content-Type: " + content_type.encode("latin-1"))
    for method, path in ((b"POST", TRANSFERS), (b"PATCH", f"{TRANSFERS}/tx_1")):
        sent = raw_http.request(method, path.encode(), body, tuple(headers), token)
        assert_error(raw_http.send(running_sandbox.url, sent), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
def test_json_by_any_spelling(demo: httpx.Client, content_type: str) -> None:
    """Media types are case-insensitive and may have parameters."""
    content = json.dumps(internal(content_type, 1))
    assert demo.post(TRANSFERS, content=content, headers={"Content-Type": content_type}).status_code == 201


@pytest.mark.parametrize(
    "target",
    [
        b"/api/transfers-v2/%",
        b"/api/transfers-v2/%zz",
        b"/api/transfers-v2/%00",
        b"/api/transfers-v2/%FF%FE",
        b"/api/transfers-v2/%C3%28",
        b"/api/transfers-v2/%ED%A0%80",
        b"/api/transfers-v2/a%2Fb",
        b"/api/transfers-v2/..%2F..%2Fhealth",
        b"/api/transfers-v2/../../etc/passwd",
        b"/api/transfers-v2/" + b"x" * 30_000,
        b"/api/transfers-v2/a/b/c",
        b"/api/accounts/%00/balance",
        b"/api/accounts/%FF/balance",
        b"/api/accounts/a%2Fb/balance",
        b"/api/accounts/" + b"9" * 9_000 + b"/balance",
        b"/api/accounts/9223372036854775808/balance",
        b"/api/accounts/%D9%A3/balance",
        b"/api/accounts",
        b"/api/%00",
        b"/api/nothing/of/that/name",
    ],
    ids=lambda target: repr(target[:40]),
)
def test_paths_to_nothing(running_sandbox: SandboxService, token: str, target: bytes) -> None:
    """404 in the surface's shape."""
    answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", target, token=token))
    assert_error(answer, 404, "not_found")


@pytest.mark.parametrize(
    "target", [b"/", b"/nothing", b"/%", b"/%00", b"/%FF", b"/api", b"/v9/x", b"*", b"//", b"/docs/x"]
)
def test_paths_outside_every_surface(running_sandbox: SandboxService, target: bytes) -> None:
    """404 in the service's own shape."""
    answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", target))
    assert answer.status == 404
    body = answer.json()
    assert isinstance(body, dict)
    assert body["error"]["code"] == "not_found"


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"TRACE", b"PATCH"])
def test_methods_that_are_none(running_sandbox: SandboxService, token: str, method: bytes) -> None:
    """405 with what there is."""
    answer = raw_http.send(running_sandbox.url, raw_http.request(method, TRANSFERS.encode(), token=token))
    assert_error(answer, 405, "method_not_allowed")
    assert b"\r\nallow: " in answer.head.lower()


@pytest.mark.parametrize("method", [b"BREW", b"get", b"X" * 5_000, b"G\xc9T", b"\0", b""])
def test_methods_that_http_does_not_know(running_sandbox: SandboxService, token: str, method: bytes) -> None:
    """Refused, by the HTTP server itself where it cannot read them."""
    answer = raw_http.send(running_sandbox.url, raw_http.request(method, TRANSFERS.encode(), token=token))
    assert answer.status in (400, 405, 501)


@pytest.mark.parametrize(
    "header",
    [
        b"X-Request-ID: \xff\xfe",
        b"X-Request-ID: " + b"x" * 60_000,
        b"Idempotency-Key: \xff",
        b"X-Anything: " + b"x" * 60_000,
        b"Cookie: " + b"a=b; " * 10_000,
        b"Accept: \xff",
        b"Accept-Encoding: nonsense;q=2",
        b"Content-Type: \xff",
        b"X-Forwarded-For: \xff",
        b"Range: bytes=0-0",
        b"If-None-Match: \xff",
        b"Expect: nonsense",
    ],
    ids=lambda header: repr(header[:30]),
)
def test_headers_that_do_not_matter(running_sandbox: SandboxService, token: str, header: bytes) -> None:
    """They change nothing."""
    sent = raw_http.request(b"GET", b"/api/transfers-v2?limit=1", headers=(header,), token=token)
    answer = raw_http.send(running_sandbox.url, sent)
    assert answer.status == 200
    assert b"\r\nx-request-id: req_" in answer.head.lower()


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: -1",),
        (b"Content-Length: " + b"9" * 30,),
        (b"Content-Length: " + b"9" * 5_000,),
        (b"Content-Length: 2", b"Content-Length: 3"),
        (b"X-Min-Position: \xb2",),
        (b"X-Min-Position: " + b"1" * 19,),
        (b"X-NUL: a\0b",),
    ],
    ids=lambda headers: repr(headers[0][:30]),
)
def test_headers_that_are_refused(
    running_sandbox: SandboxService, token: str, headers: tuple[bytes, ...]
) -> None:
    """400: by the surface, or by the HTTP server where it is no HTTP at all."""
    sent = raw_http.request(b"GET", TRANSFERS.encode(), headers=headers, token=token)
    assert raw_http.send(running_sandbox.url, sent).status in (400, 413)


def test_subjects_of_any_script_have_what_is_theirs(running_sandbox: SandboxService) -> None:
    """Names that are printable are names; the longest, too."""
    for subject in ("Zoë", "用户", "a-b/c:d", "x" * 255, "o'; drop table events; --"):
        with running_sandbox.user(subject) as caller:
            assert caller.get(TRANSFERS).json()["transfers"] == []
            assert create(caller, internal("mine"), 400)["code"] == "invalid_account"


def test_nothing_secret_reaches_the_log(running_sandbox: SandboxService, token: str) -> None:
    """Neither tokens nor what was in bodies, paths' queries or headers, whatever went wrong."""
    body = json.dumps(internal(SECRET, SECRET, memo=SECRET)).encode()
    for sent in (
        raw_http.request(b"POST", TRANSFERS.encode(), body, sized(body), token),
        raw_http.request(b"POST", TRANSFERS.encode(), body[:-1], sized(body[:-1]), token),
        raw_http.request(b"GET", f"{TRANSFERS}?status={SECRET}".encode(), token=token),
        raw_http.request(b"GET", TRANSFERS.encode(), token=SECRET),
        raw_http.request(b"POST", b"/oauth/token", f"client_secret={SECRET}".encode()),
        raw_http.request(b"POST", b"/sandbox/tokens", body[:-1], sized(body[:-1])),
    ):
        assert 400 <= raw_http.send(running_sandbox.url, sent).status < 500
    log = running_sandbox.log()
    assert SECRET not in log
    assert token not in log
    assert token.rpartition(".")[2] not in log
    assert "request failed" not in log


@pytest.fixture(autouse=True)
def no_defect(running_sandbox: SandboxService) -> Iterator[None]:
    """Whatever a test sends, the service neither fails nor dies."""
    yield
    answer = running_sandbox.http.get("/metrics").text
    assert 'status="500"' not in answer
    assert "Traceback" not in running_sandbox.log()


def test_amounts_are_never_binary_fractions(demo: httpx.Client) -> None:
    """0.1 + 0.2 to the cent, and seventy-one cents that a float would make seventy."""
    for number, amount in enumerate(("0.1", "0.2", "0.71", "1.15", "2.675"[:4])):
        sent = internal(f"cents-{number}") | {"amount": amount}
        transfer = msgspec.json.decode(demo.post(TRANSFERS, json=sent).content, type=dict[str, msgspec.Raw])[
            "transfer"
        ]
        written = f'"amount":{float(amount):.2f}'.encode()
        assert written in bytes(transfer)
    held = demo.get("/api/accounts/test_checking_123/balance").json()["outgoing_holds"]
    assert held == 4.83
