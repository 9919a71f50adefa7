"""What the cards surface refuses for its form: field by field, in the documented order, naming each."""

import json
from typing import Any

import httpx
import pytest

from tests.api.card_requests import (
    ALTERNATIVE_PREFIX,
    AUTHORIZATIONS,
    DOCUMENTED,
    FAILURE,
    HOLDS,
    RELEASE,
    REVERSAL,
    authorize,
    balance,
    post,
    purchase,
    with_raw,
)
from tests.sandbox_service import SandboxService

REQUIRED = [member for member in purchase() if member not in ("maskedPan", "timestamp")]
WRITES = (
    ("POST", AUTHORIZATIONS),
    ("POST", f"{AUTHORIZATIONS}/123456789/reverse"),
    ("POST", f"{AUTHORIZATIONS}/123456789/challenge-complete"),
    ("POST", f"{HOLDS}/456789123/capture"),
    ("POST", f"{HOLDS}/456789123/release"),
)
READS = (
    ("GET", f"{AUTHORIZATIONS}/987654321"),
    ("GET", f"{AUTHORIZATIONS}/request/123456789"),
    ("GET", f"{HOLDS}/456789123"),
    ("GET", f"{HOLDS}?accountId=321654987"),
)


def refused(client: httpx.Client, body: Any) -> dict[str, Any]:
    """The details of what must be refused with a 400."""
    details: dict[str, Any] = post(client, AUTHORIZATIONS, body, 400)["details"]
    return details


def test_the_documented_error(running_card_sandbox: SandboxService, caller: httpx.Client) -> None:
    """Member by member, with the path as it was requested."""
    for path in (AUTHORIZATIONS, ALTERNATIVE_PREFIX + AUTHORIZATIONS):
        body = caller.post(path + "?any=query", json=purchase(amount="-100.00")).json()
        assert list(body.items()) == [
            ("status", 400),
            ("error", "Bad Request"),
            ("message", "Invalid transaction amount"),
            ("path", path),
            ("timestamp", body["timestamp"]),
            (
                "details",
                {"field": "amount", "value": "-100.00", "constraint": "must be greater than 0"},
            ),
        ]
        assert body["timestamp"][:10] == running_card_sandbox.http.get("/sandbox/clock").json()["now"][:10]


def test_required_members_are_named_in_the_documented_order(centre: httpx.Client) -> None:
    """Absent, null and empty are the same; the first one that is missing is named."""
    body = purchase()
    for absent in ({}, dict.fromkeys(body), dict.fromkeys(body, "")):
        sent: dict[str, Any] = dict(absent)
        for member in REQUIRED:
            details = refused(centre, sent)
            assert (details["field"], details["constraint"]) == (member, "is required")
            sent[member] = body[member]
        authorize(centre, sent)


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("maskedPan", ["41111111", "411111*****1", "4111111*1111", "411111xxxxxx1111", 5]),
        ("panHash", ["x" * 256, 5, ["x"]]),
        ("expiryDate", ["13/25", "00/25", "12/2025", "1225", "2025-12", " 12/25", 1225]),
        ("merchantId", ["x" * 256, 5, {}]),
        ("merchantName", ["x" * 256, 5, True]),
        ("channel", ["pos", "WEB", 1]),
        ("mcc", ["541", "54111", "541a", "٥٤١١", 5411]),
        ("countryCode", ["US", "usa", "XXX", 840]),
        ("transactionType", ["purchase", "SALE", 0]),
        ("amount", [0, "0.00", -1, "-0.01", "1.005", "1e3", "abc", True, {}, "1" * 16]),
        ("currency", ["usd", "US", "XXX", "USDC", "USDT", 840]),
        ("timestamp", ["yesterday", "2023-05-01", "2023-05-01T14:30:00", "2023-13-01T00:00:00Z", 1]),
    ],
)
def test_values_that_are_none_are_named(caller: httpx.Client, member: str, values: list[Any]) -> None:
    """Whatever else is right, and whatever comes after it is wrong, too."""
    later = list(purchase())[list(purchase()).index(member) + 1 :]
    for value in values:
        sent = purchase() | {member: value}
        assert refused(caller, sent)["field"] == member, value
        # How many digits an amount may have is known by its currency only.
        if value != "1.005":
            assert refused(caller, sent | {name: [] for name in later})["field"] == member, value


def test_amounts_have_the_digits_of_their_currency(caller: httpx.Client) -> None:
    for currency, amount, digits in (("JPY", "1.0", 0), ("USD", "1.000", 2), ("KWD", "1.0000", 3)):
        details = refused(caller, purchase(amount=amount, currency=currency))
        assert details == {
            "field": "amount",
            "value": amount,
            "constraint": f"in {currency} may have at most {digits} fraction digits",
        }


@pytest.mark.parametrize("member", ["merchantId", "merchantName", "panHash", "channel", "mcc"])
def test_texts_that_are_none(caller: httpx.Client, member: str) -> None:
    """NUL and lone surrogates; bytes that are no text make the body no JSON."""
    for raw in (rb'"a\u0000b"', rb'"\ud800"', rb'"\udc00\ud800"', b'"a\x00b"', b'"\xff\xfe"'):
        response = caller.post(
            AUTHORIZATIONS, content=with_raw(member, raw), headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 400, raw
        assert response.json()["error"] == "Bad Request"


def test_names_of_any_script_are_kept(centre: httpx.Client) -> None:
    """As they came, in the hold."""
    for name in ("Zoë's Café", "用户", "x" * 255, "🂡", "a\nb", "'; drop table events; --"):
        hold_id = authorize(centre, purchase(amount=1, merchantName=name, merchantId=name))["holdId"]
        shown = centre.get(f"{HOLDS}/{hold_id}").json()
        assert (shown["merchantName"], shown["merchantId"]) == (name, name)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("panHash", "4111111111111111"),
        ("panHash", "4111 1111 1111 1111"),
        ("merchantName", "Card 4111-1111-1111-1111"),
        ("merchantId", "4111111111111111"),
        ("maskedPan", "4111111111111111"),
        ("channel", "411111111111"),
        ("timestamp", "4111111111111111"),
        ("cardNumber", "4111111111111111"),
        ("cardNumber", 4111111111111111),
    ],
)
def test_card_numbers_in_clear_are_refused(caller: httpx.Client, member: str, value: Any) -> None:
    """400 without the number; nothing is decided."""
    response = caller.post(AUTHORIZATIONS, json=purchase() | {member: value})
    assert response.status_code == 400
    details = response.json()["details"]
    assert (details["field"], details["value"]) == (member, None)
    assert "4111" not in response.text


def test_card_numbers_are_refused_in_every_body(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """And never logged."""
    hold_id = authorize(centre, purchase())["holdId"]
    for path, body in (
        (f"{AUTHORIZATIONS}/123456789/reverse", {"reason": "for 4000 0000 0000 0002"}),
        (f"{AUTHORIZATIONS}/123456789/challenge-complete", FAILURE | {"eci": "4000000000000002"}),
        (f"{HOLDS}/{hold_id}/release", {"reason": "for 4000-0000-0000-0002"}),
        (
            f"{HOLDS}/{hold_id}/capture",
            {"amount": 1, "currency": "USD", "reference": "4000000000000002"},
        ),
    ):
        assert post(centre, path, body, 400)["details"]["value"] is None
    assert "0000000002" not in card_sandbox.log()


def test_references_may_be_long_numbers(centre: httpx.Client) -> None:
    """Only what could be a card's is refused: thirteen digits at least, and the check digit right."""
    body = purchase(merchantId="123456789012")
    hold_id = authorize(centre, body)["holdId"]
    captured = {"amount": 1, "currency": "USD", "reference": "4000000000000001"}
    post(centre, f"{HOLDS}/{hold_id}/capture", captured)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b'{"amount": NaN}'])
@pytest.mark.parametrize("path", [path for _, path in WRITES])
def test_bodies_that_are_no_request(caller: httpx.Client, path: str, body: bytes) -> None:
    response = caller.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["status"] == 400


@pytest.mark.parametrize(("method", "path"), [*WRITES, *READS])
def test_every_route_wants_a_token_and_its_own_scope(
    running_card_sandbox: SandboxService, method: str, path: str
) -> None:
    """401 without a token; 403 without the scope, and to write is not to read."""
    subject = "holds" if path.startswith(HOLDS) else "authorizations"
    needed = f"{subject}.{'write' if method == 'POST' else 'read'}"
    scopes = {"authorizations.read", "authorizations.write", "holds.read", "holds.write", "cards.admin"}
    for prefix in ("", ALTERNATIVE_PREFIX):
        answer = running_card_sandbox.http.request(method, prefix + path, json={})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["error"] == "Unauthorized"
        with running_card_sandbox.user(scope=" ".join(scopes - {needed})) as caller:
            answer = caller.request(method, prefix + path, json={})
            assert answer.status_code == 403
            assert answer.json()["error"] == "Forbidden"
        with running_card_sandbox.user(scope=needed) as caller:
            answer = caller.request(method, prefix + path, json={} if method == "POST" else None)
            assert answer.status_code in (200, 400, 404)


@pytest.mark.parametrize(
    "malformed", ["0", "-1", "01", "x", "1.0", "1e3", "%20", "9007199254740992", "9" * 30, "١", "null", "%00"]
)
def test_malformed_ids_are_not_found(caller: httpx.Client, malformed: str) -> None:
    """404 in the surface's shape, whatever the body."""
    for method, path in (*WRITES[1:], *READS[:3]):
        target = path.replace("123456789", malformed).replace("456789123", malformed)
        target = target.replace("987654321", malformed)
        response = caller.request(method, target, json={} if method == "POST" else None)
        assert response.status_code == 404, target
        assert response.json()["error"] == "Not Found"


def test_bodies_are_json_by_their_media_type(centre: httpx.Client) -> None:
    """415 for any other, and where none is said."""
    content = json.dumps(purchase(DOCUMENTED))
    for _, path in WRITES:
        for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
            response = centre.post(path, content=content, headers=_typed(kind))
            assert response.status_code == 415
            assert response.json()["error"] == "Unsupported Media Type"
    headers = _typed("application/json; charset=utf-8")
    assert centre.post(AUTHORIZATIONS, content=content, headers=headers).status_code == 200


def _typed(kind: str | None) -> dict[str, str]:
    return {} if kind is None else {"Content-Type": kind}


def test_reasons_are_required(centre: httpx.Client) -> None:
    """Of a reversal and of a release."""
    answer = authorize(centre, purchase())
    paths = (f"{AUTHORIZATIONS}/{answer['requestId']}/reverse", f"{HOLDS}/{answer['holdId']}/release")
    for path, good in zip(paths, (REVERSAL, RELEASE), strict=True):
        for reason in ({}, {"reason": None}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 256}):
            assert post(centre, path, reason, 400)["details"]["field"] == "reason"
        assert good["reason"]
    assert balance(centre)[1] == "125.50"


def test_other_methods_and_paths_are_answered_in_the_surfaces_shape(caller: httpx.Client) -> None:
    for prefix in ("", ALTERNATIVE_PREFIX):
        for method, path, status in (
            ("DELETE", AUTHORIZATIONS, 405),
            ("GET", AUTHORIZATIONS, 405),
            ("POST", f"{AUTHORIZATIONS}/987654321", 405),
            ("PUT", f"{HOLDS}/456789123", 405),
            ("POST", HOLDS, 405),
            ("GET", f"{HOLDS}/456789123/capture", 405),
            ("GET", f"{AUTHORIZATIONS}/1/2/3", 404),
            ("POST", f"{HOLDS}/456789123/void", 404),
        ):
            response = caller.request(method, prefix + path)
            assert response.status_code == status, (method, path)
            body = response.json()
            assert (body["status"], body["path"]) == (status, prefix + path)
            assert ("Allow" in response.headers) == (status == 405)


def test_bodies_have_a_size(caller: httpx.Client) -> None:
    """64 KiB, announced or not."""
    body = json.dumps(purchase() | {"unknown": "x" * 65_536})
    response = caller.post(AUTHORIZATIONS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert response.json()["status"] == 413
