"""Who gets into the back office: tokens, API keys, signed requests, and from which addresses."""

import hmac
import inspect
import json
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from api import request_signatures
from tests.api import raw_http
from tests.api.back_office_requests import (
    SECRET,
    V1,
    WEBHOOKS,
    at_once,
    back_office,
    done,
    invalid,
    ledger_seconds,
    refused,
    register,
    rotate,
    signature_headers,
    signed,
    webhook,
)
from tests.api.raw_http import sized
from tests.api.transfer_requests import TRANSFERS
from tests.end_to_end.second_process import second_api
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_receiver import eventually

MEBIBYTE = 1024 * 1024


def with_key(service: SandboxService, api_key: str) -> httpx.Client:
    return httpx.Client(base_url=service.url, timeout=30, headers={"X-API-Key": api_key})


@pytest.fixture
def signing(sandbox: SandboxService) -> Iterator[httpx.Client]:
    """A client that has to sign, with a token."""
    register(sandbox, "signing", require_signing=True)
    with back_office(sandbox, "signing") as client:
        yield client


def test_a_key_is_as_good_as_a_token(sandbox: SandboxService) -> None:
    """For what its scopes allow; the primary and the secondary one, each with its own."""
    register(sandbox, "keyed")
    primary = rotate(sandbox, "keyed")
    secondary = rotate(sandbox, "keyed", "secondary", ("banking.read",))
    with with_key(sandbox, primary) as client, with_key(sandbox, secondary) as reader:
        made = done(client.post(WEBHOOKS, json=webhook()), 201)
        assert done(client.get(f"{WEBHOOKS}/{made['id']}")) == made
        refused(reader.get(WEBHOOKS), 403, "FORBIDDEN")
        refused(reader.get(f"{V1}/nothing"), 404, "NOT_FOUND")
    with back_office(sandbox, scope="audit.read") as auditor:
        [event] = auditor.get("/ledger/v1/events", params={"category": "webhook"}).json()["events"]
    assert event["actor"] == "keyed"


def test_a_rotated_key_ends_at_once(sandbox: SandboxService) -> None:
    """On every process; the other one of the client goes on."""
    register(sandbox, "rotating")
    old, kept = rotate(sandbox, "rotating"), rotate(sandbox, "rotating", "secondary")
    with second_api(sandbox) as elsewhere:
        for url in (sandbox.url, elsewhere):
            assert httpx.get(url + WEBHOOKS, headers={"X-API-Key": old}).status_code == 200
        new = rotate(sandbox, "rotating")
        for url in (sandbox.url, elsewhere):
            for api_key, status in ((old, 401), (new, 200), (kept, 200)):
                # What another process wrote is heard of, a moment later.
                eventually(partial(is_answered, url + WEBHOOKS, api_key, status))


def is_answered(url: str, api_key: str, status: int) -> bool:
    return httpx.get(url, headers={"X-API-Key": api_key}).status_code == status


@pytest.mark.parametrize("api_key", ["", "x", "Bearer x", "k" * 255, "k" * 256, "k" * 5_000, "\xff"])
def test_what_is_no_key(running_sandbox: SandboxService, api_key: str) -> None:
    """401, as without any."""
    answer = raw_http.send(
        running_sandbox.url,
        raw_http.request(b"GET", WEBHOOKS.encode(), headers=(b"X-API-Key: " + api_key.encode("latin-1"),)),
    )
    assert answer.status == 401
    assert b'"code":"UNAUTHORIZED"' in answer.body
    assert b"www-authenticate: Bearer" in answer.head


def test_a_key_and_a_token_together_are_one_too_many(running_sandbox: SandboxService) -> None:
    """400, also where one or both are nothing worth."""
    good = f"Bearer {running_sandbox.token()}"
    for authorization in (good, "Bearer x", "Basic eDp5", ""):
        response = httpx.get(
            running_sandbox.url + WEBHOOKS, headers={"X-API-Key": "x", "Authorization": authorization}
        )
        assert invalid(response) == "X-API-Key"


def test_keys_open_no_other_surface(sandbox: SandboxService) -> None:
    register(sandbox, "elsewhere")
    api_key = rotate(sandbox, "elsewhere")
    with with_key(sandbox, api_key) as client:
        assert client.get(WEBHOOKS).status_code == 200
        for path in (TRANSFERS, "/api/v1/holds?accountId=1", "/ledger/v1/events"):
            assert client.get(path).status_code == 401


def test_signed_requests_get_in(sandbox: SandboxService, signing: httpx.Client) -> None:
    """With path and query exactly as they are sent, and with any body."""
    body = json.dumps(webhook()).encode()
    made = done(signed(signing, sandbox, "POST", WEBHOOKS, body), 201)
    for target in (
        WEBHOOKS,
        f"{WEBHOOKS}?",
        f"{WEBHOOKS}/",
        f"{WEBHOOKS}?page=1&limit=%31",
        f"{WEBHOOKS}?limit=1&page=1",
        "/backoffice/v1/%77ebhooks",
        "/backoffice//v1/webhooks?order=asc",
    ):
        headers = signature_headers("GET", target, at=ledger_seconds(sandbox))
        lines = [f"{name}: {value}".encode() for name, value in headers.items()]
        token = signing.headers["Authorization"].partition(" ")[2]
        sent = raw_http.request(b"GET", target.encode(), headers=tuple(lines), token=token)
        assert raw_http.send(sandbox.url, sent).status == 200, target
    assert done(signed(signing, sandbox, "DELETE", f"{WEBHOOKS}/{made['id']}")) == made


def test_a_signature_is_good_for_one_request(sandbox: SandboxService, signing: httpx.Client) -> None:
    """Sent again it is refused; nothing happens a second time."""
    body = json.dumps(webhook()).encode()
    headers = signature_headers("POST", WEBHOOKS, body, at=ledger_seconds(sandbox))
    headers["Content-Type"] = "application/json"

    def post() -> httpx.Response:
        return httpx.post(
            sandbox.url + WEBHOOKS,
            content=body,
            headers={**headers, "Authorization": signing.headers["Authorization"]},
        )

    answers = at_once(*[post] * 8)
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    refused(post(), 401, "INVALID_SIGNATURE")
    assert len(done(signed(signing, sandbox, "GET", WEBHOOKS))) == 1


def test_a_signature_is_good_on_one_process(sandbox: SandboxService, signing: httpx.Client) -> None:
    """What one of them took, the other does not."""
    with second_api(sandbox) as elsewhere:
        for first, second in ((sandbox.url, elsewhere), (elsewhere, sandbox.url)):
            headers = signature_headers("GET", WEBHOOKS, at=ledger_seconds(sandbox))
            headers["Authorization"] = signing.headers["Authorization"]
            assert httpx.get(first + WEBHOOKS, headers=headers).status_code == 200
            refused(httpx.get(second + WEBHOOKS, headers=headers), 401, "INVALID_SIGNATURE")


def test_whatever_is_altered_is_refused(sandbox: SandboxService, signing: httpx.Client) -> None:
    """Method, path, query, body, timestamp, nonce, secret; and nothing of it is done."""
    body = json.dumps(webhook()).encode()
    at = ledger_seconds(sandbox)
    right = signature_headers("POST", WEBHOOKS, body, at=at)
    right["Content-Type"] = "application/json"
    altered: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("POST", WEBHOOKS, body + b" ", {}),
        ("POST", WEBHOOKS, b"", {}),
        ("POST", f"{WEBHOOKS}?page=1", body, {}),
        ("POST", f"{WEBHOOKS}/", body, {}),
        ("PUT", WEBHOOKS, body, {}),
        ("POST", WEBHOOKS, body, {"X-Timestamp": str(at + 1)}),
        ("POST", WEBHOOKS, body, {"X-Timestamp": f"0{at}"}),
        ("POST", WEBHOOKS, body, {"X-Nonce": "another-nonce-of-mine"}),
        ("POST", WEBHOOKS, body, signature_headers("POST", WEBHOOKS, body, at=at, secret="another")),
        ("POST", WEBHOOKS, body, {"X-Signature": right["X-Signature"].removeprefix("sha256=")}),
        ("POST", WEBHOOKS, body, {"X-Signature": right["X-Signature"].replace("sha256", "sha512")}),
        ("POST", WEBHOOKS, body, {"X-Signature": right["X-Signature"][:-1]}),
        ("POST", WEBHOOKS, body, {"X-Signature": f"sha256={'0' * 64}"}),
    ]
    for method, target, content, headers in altered:
        response = signing.request(method, target, content=content, headers={**right, **headers})
        refused(response, 401, "INVALID_SIGNATURE")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    # None of that used the nonce up.
    assert done(signing.post(WEBHOOKS, content=body, headers=right), 201)
    assert len(done(signed(signing, sandbox, "GET", WEBHOOKS))) == 1


def test_what_is_missing_is_refused(sandbox: SandboxService, signing: httpx.Client) -> None:
    refused(signing.get(WEBHOOKS), 401, "INVALID_SIGNATURE")
    for name in ("X-Timestamp", "X-Nonce", "X-Signature"):
        headers = signature_headers("GET", WEBHOOKS, at=ledger_seconds(sandbox))
        del headers[name]
        refused(signing.get(WEBHOOKS, headers=headers), 401, "INVALID_SIGNATURE")


@pytest.mark.parametrize("nonce", ["n" * 15, "n" * 129, "nonce with blanks in it", "nonce-\xe9-nonce-nonce"])
def test_what_is_no_nonce(sandbox: SandboxService, signing: httpx.Client, nonce: str) -> None:
    """16 to 128 visible ASCII characters."""
    headers = signature_headers("GET", WEBHOOKS, at=ledger_seconds(sandbox), nonce=nonce)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    refused(signing.get(WEBHOOKS, headers=raw), 401, "INVALID_SIGNATURE")


def test_a_signature_lasts_five_minutes_by_the_ledgers_clock(
    sandbox: SandboxService, signing: httpx.Client
) -> None:
    """Either way; a nonce ten, after which the same one is another."""
    assert signed(signing, sandbox, "GET", WEBHOOKS, nonce="n" * 16).status_code == 200
    for off, status in ((-290, 200), (290, 200), (-310, 401), (310, 401)):
        response = signed(signing, sandbox, "GET", WEBHOOKS, at=ledger_seconds(sandbox) + off)
        assert response.status_code == status, off
    for at in ("", "-1", "1e9", "9" * 13, "1.5", "x"):
        headers = signature_headers("GET", WEBHOOKS, at=ledger_seconds(sandbox))
        refused(signing.get(WEBHOOKS, headers={**headers, "X-Timestamp": at}), 401, "INVALID_SIGNATURE")
    sandbox.advance(590)
    assert signed(signing, sandbox, "GET", WEBHOOKS, nonce="n" * 16).status_code == 401
    sandbox.advance(15)
    assert signed(signing, sandbox, "GET", WEBHOOKS, nonce="n" * 16).status_code == 200


def test_a_nonce_is_its_clients_own(sandbox: SandboxService, signing: httpx.Client) -> None:
    register(sandbox, "signing-too", require_signing=True)
    nonce = secrets.token_hex(16)
    with back_office(sandbox, "signing-too") as other:
        for client in (signing, other):
            assert signed(client, sandbox, "GET", WEBHOOKS, nonce=nonce).status_code == 200


def test_what_is_too_large_is_not_read_to_be_checked(sandbox: SandboxService, signing: httpx.Client) -> None:
    """413 as without a signature, whether the size was said or not."""
    body = b" " * (MEBIBYTE + 1)
    refused(signed(signing, sandbox, "POST", WEBHOOKS, body), 413, "PAYLOAD_TOO_LARGE")
    token = signing.headers["Authorization"].partition(" ")[2]
    headers = signature_headers("POST", WEBHOOKS, body, at=ledger_seconds(sandbox))
    lines = tuple(f"{name}: {value}".encode() for name, value in headers.items())
    chunked = raw_http.request(
        b"POST", WEBHOOKS.encode(), raw_http.chunks(body), (*raw_http.CHUNKED, *lines), token
    )
    assert raw_http.send(sandbox.url, chunked).status == 413
    unsigned = raw_http.request(b"POST", WEBHOOKS.encode(), body, sized(body), token)
    assert raw_http.send(sandbox.url, unsigned).status == 413


def test_keys_have_to_sign_as_well(sandbox: SandboxService) -> None:
    register(sandbox, "keyed-signing", require_signing=True)
    with with_key(sandbox, rotate(sandbox, "keyed-signing")) as client:
        refused(client.get(WEBHOOKS), 401, "INVALID_SIGNATURE")
        assert signed(client, sandbox, "GET", WEBHOOKS).status_code == 200


def test_secrets_are_compared_in_constant_time() -> None:
    """The only comparison of what a caller sent with what it should have been."""
    source = inspect.getsource(request_signatures.require_signature)
    assert source.count(f"{hmac.compare_digest.__name__}(expected, given)") == 1
    assert "expected ==" not in source


def test_a_client_calls_only_from_where_it_may(sandbox: SandboxService) -> None:
    """403 on every surface that it calls, with a token and with a key; from listed networks it gets in."""
    register(sandbox, "far-away", ip_allowlist=("192.0.2.0/24", "2001:db8::/32"))
    register(sandbox, "near", ip_allowlist=("192.0.2.0/24", "127.0.0.0/8"))
    with back_office(sandbox, "far-away", scope="audit.read webhooks.admin transfers holds.read") as far:
        refused(far.get(WEBHOOKS), 403, "IP_NOT_ALLOWED")
        refused(far.get(f"{V1}/nothing"), 403, "IP_NOT_ALLOWED")
        # What the caller says of itself does not count.
        forwarded = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Real-IP": "192.0.2.1"}
        refused(far.get(WEBHOOKS, headers=forwarded), 403, "IP_NOT_ALLOWED")
        assert far.get(TRANSFERS).json()["code"] == "ip_not_allowed"
        assert far.get("/api/v1/holds?accountId=1").status_code == 403
        assert far.get("/ledger/v1/events").status_code == 403
    with with_key(sandbox, rotate(sandbox, "far-away")) as far:
        refused(far.get(WEBHOOKS), 403, "IP_NOT_ALLOWED")
    with back_office(sandbox, "near") as near:
        assert near.get(WEBHOOKS).status_code == 200


def test_behind_a_trusted_proxy_the_callers_own_address_counts(tmp_path: Path) -> None:
    """The last one that is no proxy's, IPv6 and mapped ones too; what stands before it may be made up."""
    with sandbox_service(tmp_path, "--trusted-proxies", "127.0.0.1,10.0.0.0/8") as service:
        register(service, "proxied", ip_allowlist=("192.0.2.0/24", "2001:db8::/32"))
        with back_office(service, "proxied") as client:
            for forwarded, status in (
                ("192.0.2.1", 200),
                ("198.51.100.1, 192.0.2.1", 200),
                ("192.0.2.1, 198.51.100.1", 403),
                ("192.0.2.1, 10.1.2.3", 200),
                ("::ffff:192.0.2.1", 200),
                ("[2001:db8::1]:443", 200),
                ("2001:db9::1", 403),
                ("::1", 403),
                ("unknown", 403),
                ("", 403),
                (None, 403),
            ):
                headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
                assert client.get(WEBHOOKS, headers=headers).status_code == status, forwarded
            several = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "198.51.100.1")]
            assert client.get(WEBHOOKS, headers=several).status_code == 403
            assert client.get(WEBHOOKS, headers=several[::-1]).status_code == 200


def test_a_token_of_a_user_keeps_to_its_clients_rules(sandbox: SandboxService) -> None:
    """The rules are the client's, whoever it speaks for."""
    register(sandbox, "app", ip_allowlist=("192.0.2.0/24",))
    with sandbox.user("user_demo", client_id="app") as client:
        assert client.get(TRANSFERS).status_code == 403
    with sandbox.user("user_demo") as client:
        assert client.get(TRANSFERS).status_code == 200


def test_nothing_secret_reaches_the_log(sandbox: SandboxService, signing: httpx.Client) -> None:
    register(sandbox, "quiet")
    api_key = rotate(sandbox, "quiet")
    with with_key(sandbox, api_key) as client:
        client.get(WEBHOOKS)
        client.post(WEBHOOKS, content=b'{"secret": "' + SECRET.encode())
    signed(signing, sandbox, "GET", WEBHOOKS)
    refused(signed(signing, sandbox, "GET", WEBHOOKS, secret="x"), 401, "INVALID_SIGNATURE")
    log = sandbox.log()
    assert api_key not in log
    assert SECRET not in log
    assert "request failed" not in log
