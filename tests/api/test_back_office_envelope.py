"""The back office's envelope in its literal shape: around data, lists, errors, the framework's refusals."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api import raw_http
from tests.api.back_office_requests import V1, WEBHOOKS, back_office, done, invalid, refused, send, webhook
from tests.api.raw_http import CHUNKED, chunks, sized
from tests.sandbox_service import SandboxService

MEBIBYTE = 1024 * 1024


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with back_office(sandbox) as client:
        yield client


@pytest.fixture
def caller(running_sandbox: SandboxService) -> Iterator[httpx.Client]:
    """One who only asks for what is refused: nothing has to be put back before."""
    with back_office(running_sandbox) as client:
        yield client


def test_data_comes_in_the_documented_envelope(staff: httpx.Client) -> None:
    """Member by member in the documented order; `meta.request_id` is the caller's."""
    response = staff.post(WEBHOOKS, json=webhook(), headers={"X-Request-ID": "unique-request-identifier"})
    assert response.status_code == 201
    made = response.json()["data"]
    timestamp = response.json()["meta"]["timestamp"]
    assert response.text == (
        f'{{"status":"success","data":{json.dumps(made, separators=(",", ":"))},'
        f'"meta":{{"timestamp":"{timestamp}","request_id":"unique-request-identifier","version":"v1"}}}}'
    )
    assert response.headers["X-Request-ID"] == "unique-request-identifier"


def test_lists_have_their_pagination_beside_the_data(staff: httpx.Client) -> None:
    """Literally, for the first page of two."""
    made = [done(send(staff, "POST", WEBHOOKS, webhook()), 201) for _ in range(3)]
    response = staff.get(WEBHOOKS, params={"limit": 2})
    assert list(response.json()) == ["status", "data", "pagination", "meta"]
    assert done(response) == [made[2], made[1]]
    assert response.json()["pagination"] == {
        "current_page": 1,
        "per_page": 2,
        "total_pages": 2,
        "total_count": 3,
        "has_next": True,
        "has_previous": False,
    }
    assert list(response.json()["pagination"]) == [
        "current_page",
        "per_page",
        "total_pages",
        "total_count",
        "has_next",
        "has_previous",
    ]


def test_every_row_is_on_one_page(staff: httpx.Client) -> None:
    """In either order; pages past the end are empty and have one before them; 50 rows if nothing is said."""
    made = [done(send(staff, "POST", WEBHOOKS, webhook()), 201)["id"] for _ in range(5)]
    for order, expected in (("asc", made), ("desc", made[::-1]), (None, made[::-1])):
        rows: list[str] = []
        for page in range(1, 5):
            wish: dict[str, Any] = {"page": page, "limit": 2, "sort": "created_at"} | (
                {} if order is None else {"order": order}
            )
            response = staff.get(WEBHOOKS, params=wish)
            rows += [row["id"] for row in done(response)]
            pagination = response.json()["pagination"]
            assert (pagination["total_pages"], pagination["total_count"]) == (3, 5)
            assert (pagination["has_next"], pagination["has_previous"]) == (page < 3, page > 1)
        assert rows == expected
    assert staff.get(WEBHOOKS).json()["pagination"]["per_page"] == 50
    assert staff.get(WEBHOOKS, params={"limit": 200}).json()["pagination"]["total_pages"] == 1
    far = staff.get(WEBHOOKS, params={"page": 1_000_000_000, "limit": 200})
    assert done(far) == []
    assert not far.json()["pagination"]["has_next"]


def test_an_empty_list_has_no_pages(staff: httpx.Client) -> None:
    for page in (1, 2):
        response = staff.get(WEBHOOKS, params={"page": page})
        assert done(response) == []
        assert response.json()["pagination"] == {
            "current_page": page,
            "per_page": 50,
            "total_pages": 0,
            "total_count": 0,
            "has_next": False,
            "has_previous": False,
        }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.0", "page"),
        ("page=", "page"),
        ("page=x", "page"),
        ("page=%D9%A3", "page"),
        ("page=1000000001", "page"),
        ("page=" + "9" * 5_000, "page"),
        ("page=1&page=1", "page"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-5", "limit"),
        ("limit=1e2", "limit"),
        ("sort=secret", "sort"),
        ("sort=created_at,id", "sort"),
        ("sort=created_at;drop table webhooks", "sort"),
        ("sort=", "sort"),
        ("order=up", "order"),
        ("order=DESC", "order"),
        ("status=active", "status"),
        ("search=x", "search"),
        ("Page=1", "Page"),
        ("page[]=1", "page[]"),
        ("%00=1", "?"),
        ("x" * 500 + "=1", "x" * 64),
    ],
)
def test_what_a_list_does_not_know_is_refused_by_name(caller: httpx.Client, query: str, field: str) -> None:
    """Bounds, sorts, orders, filters: 400, and never passed over in silence."""
    assert invalid(caller.get(f"{WEBHOOKS}?{query}")) == field


@pytest.mark.parametrize("query", ["page=%FF", "=%FE", "&".join(f"p{number}=1" for number in range(200))])
def test_query_strings_that_are_none(caller: httpx.Client, query: str) -> None:
    """400 without a field."""
    assert invalid(caller.get(f"{WEBHOOKS}?{query}")) == ""


def test_errors_say_what_is_wrong_and_where(caller: httpx.Client) -> None:
    """The documented members in their order."""
    response = caller.post(WEBHOOKS, json=webhook(url=5))
    assert list(response.json()["error"]) == ["code", "message", "details", "field"]
    assert response.json()["error"] == {
        "code": "INVALID_REQUEST",
        "message": "The request is invalid",
        "details": "url must be a string",
        "field": "url",
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"x"', b'{"url": NaN}', b"\xff", b'{"\\ud800": 1}', b"[" * 100_000],
)
def test_bodies_that_are_no_object(caller: httpx.Client, body: bytes) -> None:
    """400, for a change too."""
    for method, path in (("POST", WEBHOOKS), ("PUT", f"{WEBHOOKS}/webhook-1")):
        response = caller.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert invalid(response) == ""


@pytest.mark.parametrize("member", ["id", "created_at", "tenant", "surface", "Url", "", "\x00", "x" * 999])
def test_members_that_are_not_known_change_nothing(staff: httpx.Client, member: str) -> None:
    """400 that names them, in POST and PUT: nobody sets what is not theirs to set."""
    made = done(send(staff, "POST", WEBHOOKS, webhook()), 201)
    for method, path in (("POST", WEBHOOKS), ("PUT", f"{WEBHOOKS}/{made['id']}")):
        content = json.dumps(webhook(**{member: "x"}))
        response = staff.request(method, path, content=content, headers={"Content-Type": "application/json"})
        shown = "".join(letter if letter.isprintable() else "?" for letter in member[:64])
        assert invalid(response) == shown
    assert done(staff.get(WEBHOOKS)) == [made]


def test_the_version_in_the_header_is_the_one_there_is(caller: httpx.Client) -> None:
    assert caller.get(WEBHOOKS, headers={"X-API-Version": "v1"}).status_code == 200
    for version in ("v2", "V1", "1", "v1.0", "", "v1, v2"):
        response = caller.get(WEBHOOKS, headers={"X-API-Version": version})
        assert refused(response, 400, "UNSUPPORTED_API_VERSION")["field"] == "X-API-Version"
    refused(caller.get("/backoffice/v2/webhooks"), 404, "NOT_FOUND")


def test_what_the_framework_refuses_is_in_the_envelope(
    running_sandbox: SandboxService, caller: httpx.Client
) -> None:
    """Unknown paths below the prefix, wrong methods with what there is, sizes and types of bodies."""
    for path in ("/backoffice", "/backoffice/", V1, f"{V1}/nothing", f"{WEBHOOKS}/webhook-1/nothing"):
        refused(caller.get(path), 404, "NOT_FOUND")
    for method in ("PATCH", "PUT", "DELETE"):
        response = caller.request(method, WEBHOOKS)
        refused(response, 405, "METHOD_NOT_ALLOWED")
        assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))
    for content_type in ("text/plain", "application/jsonx", "application/x-www-form-urlencoded"):
        response = caller.post(WEBHOOKS, content=b"{}", headers={"Content-Type": content_type})
        refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    with httpx.Client(base_url=running_sandbox.url) as nobody:
        response = nobody.get(f"{V1}/nothing")
        refused(response, 401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    with back_office(running_sandbox, scope="banking.read") as reader:
        refused(reader.get(WEBHOOKS), 403, "FORBIDDEN")


@pytest.mark.parametrize("is_announced", [True, False])
def test_bodies_that_are_too_large(running_sandbox: SandboxService, is_announced: bool) -> None:
    """413 beyond a mebibyte, whether the size was said or not; a batch may have four."""
    token = running_sandbox.token(scope="webhooks.admin")
    for path, size, status in (
        (WEBHOOKS, MEBIBYTE + 1, 413),
        (f"{WEBHOOKS}/", MEBIBYTE + 1, 413),
        (f"{V1}/transactions/batch", 4 * MEBIBYTE + 1, 413),
        (WEBHOOKS, MEBIBYTE, 400),
    ):
        body = b" " * size
        headers, content = (sized(body), body) if is_announced else (CHUNKED, chunks(body))
        if path.endswith("batch") and not is_announced:
            # The route itself reads it, and is another's to test.
            continue
        answer = raw_http.send(
            running_sandbox.url, raw_http.request(b"POST", path.encode(), content, headers, token)
        )
        assert answer.status == status, path
        assert b'"code":"PAYLOAD_TOO_LARGE"' in answer.body or status == 400


@pytest.mark.parametrize("sent", ["a", "x" * 128, "~!{}", "unique-request-identifier"])
def test_a_request_id_is_echoed_where_it_is_one(caller: httpx.Client, sent: str) -> None:
    """1 to 128 visible ASCII characters; in the header, in `meta`, and in errors, too."""
    for response in (
        caller.get(WEBHOOKS, headers={"X-Request-ID": sent}),
        caller.get(f"{V1}/nothing", headers={"X-Request-ID": sent}),
        caller.post(WEBHOOKS, content=b"{", headers={"X-Request-ID": sent}),
    ):
        assert response.headers["X-Request-ID"] == sent
        assert response.json()["meta"]["request_id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "two words", "é"])
def test_what_is_no_request_id_is_replaced(caller: httpx.Client, sent: str) -> None:
    response = caller.get(WEBHOOKS, headers=[(b"X-Request-ID", sent.encode())])
    assert response.headers["X-Request-ID"].startswith("req_")
    done(response)


def test_a_request_id_is_in_the_events_that_it_led_to(sandbox: SandboxService, staff: httpx.Client) -> None:
    """As their correlation id, so that an auditor finds them."""
    done(staff.post(WEBHOOKS, json=webhook(), headers={"X-Request-ID": "look-for-me"}), 201)
    with back_office(sandbox, scope="audit.read") as auditor:
        found = auditor.get("/ledger/v1/events", params={"category": "webhook"}).json()["events"]
    assert [event["correlation_id"] for event in found] == ["look-for-me"]


def test_a_replay_has_the_first_data_and_its_own_meta(staff: httpx.Client) -> None:
    """Also where what was made is gone by then."""
    first = send(staff, "POST", WEBHOOKS, webhook(), "again")
    done(send(staff, "DELETE", f"{WEBHOOKS}/{first.json()['data']['id']}"))
    second = send(staff, "POST", WEBHOOKS, webhook(), "again")
    assert done(second, 201) == done(first, 201)
    assert second.json()["meta"]["request_id"] != first.json()["meta"]["request_id"]
    assert done(staff.get(WEBHOOKS)) == []


def test_a_key_belongs_to_its_client_and_operation(sandbox: SandboxService, staff: httpx.Client) -> None:
    """However the path is written. Another client's key is another key; another content is a conflict."""
    first = done(send(staff, "POST", WEBHOOKS, webhook(), "key"), 201)
    for path in (f"{WEBHOOKS}/", "/backoffice//v1/webhooks", "/backoffice/v1/%77ebhooks"):
        assert done(send(staff, "POST", path, webhook(), "key"), 201) == first
    refused(send(staff, "POST", WEBHOOKS, webhook(active=False), "key"), 409, "IDEMPOTENCY_CONFLICT")
    with back_office(sandbox, "another-client") as other:
        assert done(send(other, "POST", WEBHOOKS, webhook(), "key"), 201) != first
    for key in ("", "k" * 256):
        assert invalid(send(staff, "POST", WEBHOOKS, webhook(), key)) == "Idempotency-Key"
    done(send(staff, "POST", WEBHOOKS, webhook(), "k" * 255), 201)
    assert done(send(staff, "DELETE", f"{WEBHOOKS}/{first['id']}", key="key")) == first


def test_slashes_that_come_twice_are_one(running_sandbox: SandboxService) -> None:
    """Nobody gets past a surface's admission by writing its paths otherwise."""
    for path in ("//backoffice/v1/webhooks", "/backoffice//v1/webhooks", "//backoffice//v1//webhooks//"):
        answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", path.encode()))
        assert answer.status == 401
        assert b'"UNAUTHORIZED"' in answer.body
    answer = raw_http.send(running_sandbox.url, raw_http.request(b"GET", b"//api//transfers-v2"))
    assert answer.status == 401
    assert "request failed" not in running_sandbox.log()
