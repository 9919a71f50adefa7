"""Signatures where only the code can be asked: what is read when, and what happens without the database."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from api.exchange import ApiError, Exchange
from api.request_signatures import require_signature
from api.surfaces import BACK_OFFICE
from application.access import Claims
from application.store import StoreUnavailable
from tests.api.back_office_requests import SECRET, WEBHOOKS, signature_headers

NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
NOBODY = frozenset[str]()


class Clock:
    def now(self) -> datetime:
        return NOW


class Nonces:
    """Those of a database that is there, or of one that is gone."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.used: list[str] = []
        self._is_gone = is_gone

    async def use(self, _: str, nonce: str, __: datetime) -> bool:
        if self._is_gone:
            raise StoreUnavailable("gone")
        self.used.append(nonce)
        return True


class Asked:
    """A request with those headers; whether its body was read."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.is_read = False
        scope = {
            "method": "POST",
            "path": WEBHOOKS,
            "raw_path": WEBHOOKS.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        self.exchange = Exchange(BACK_OFFICE, scope, self._receive, Clock())
        self.exchange.caller = Claims("client", "client", NOBODY, NOBODY, "bank", 0, 0, "")

    async def _receive(self) -> dict[str, Any]:
        self.is_read = True
        return {"type": "http.request", "body": b"{}"}

    def check(self, nonces: Nonces) -> None:
        asyncio.run(require_signature(self.exchange, SECRET, nonces))  # type: ignore[arg-type]  # as it is used


def test_what_cannot_be_known_to_be_new_is_not_taken() -> None:
    """503, and the caller may try again with another nonce."""
    asked = Asked(signature_headers("POST", WEBHOOKS, b"{}", at=AT))
    with pytest.raises(ApiError) as raised:
        asked.check(Nonces(is_gone=True))
    assert raised.value.status == 503
    assert raised.value.headers["Retry-After"]


def test_a_body_is_read_only_where_the_rest_could_be_right() -> None:
    """What is too old, or no signature at all, costs nothing."""
    for headers in (
        {},
        signature_headers("POST", WEBHOOKS, b"{}", at=AT - 301),
        signature_headers("POST", WEBHOOKS, b"{}", at=AT + 301),
        signature_headers("POST", WEBHOOKS, b"{}", at=AT, nonce="short"),
    ):
        asked, nonces = Asked(headers), Nonces()
        with pytest.raises(ApiError) as raised:
            asked.check(nonces)
        assert (raised.value.status, asked.is_read, nonces.used) == (401, False, [])


def test_five_minutes_are_inside_either_way() -> None:
    for at in (AT - 300, AT, AT + 300):
        nonces = Nonces()
        Asked(signature_headers("POST", WEBHOOKS, b"{}", at=at, nonce="n" * 16)).check(nonces)
        assert nonces.used == ["n" * 16]


def test_a_nonce_is_used_up_only_by_a_right_signature() -> None:
    asked, nonces = Asked(signature_headers("POST", WEBHOOKS, b"{}", at=AT, secret="another")), Nonces()
    with pytest.raises(ApiError):
        asked.check(nonces)
    assert nonces.used == []


def test_hexadecimal_digits_are_taken_in_either_case() -> None:
    headers = signature_headers("POST", WEBHOOKS, b"{}", at=AT)
    headers["X-Signature"] = "sha256=" + headers["X-Signature"].removeprefix("sha256=").upper()
    Asked(headers).check(Nonces())
