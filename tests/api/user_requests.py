"""Requests about users as tests send them."""

import base64
import hashlib
import hmac
import itertools
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx

from tests.api.back_office_requests import V1, back_office, done, send
from tests.sandbox_service import SandboxService

USERS = f"{V1}/users"
RESETS = f"{V1}/password-resets"
STAFF_SCOPES = "banking.read banking.admin pii.read"
MEMBERS = ["id", "name", "email", "phone", "role", "status", "created_at", "updated_at"]

_numbers = itertools.count(1)


@contextmanager
def user_staff(
    service: SandboxService, scope: str = STAFF_SCOPES, client_id: str = "sandbox"
) -> Iterator[httpx.Client]:
    with back_office(service, client_id, scope=scope) as client:
        yield client


def person(**changes: Any) -> dict[str, Any]:
    """Somebody whom nobody else is."""
    number = next(_numbers)
    body = {
        "name": "Jane Roe",
        "email": f"jane.roe{number}@example.org",
        "phone": f"+1555765{number:04}",
        "role": "teller",
    }
    return {**body, **changes}


def create(client: httpx.Client, key: str | None = None, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = done(send(client, "POST", USERS, person(**changes), key), 201)
    return made


def path_of(user: dict[str, Any]) -> str:
    return f"{USERS}/{user['id']}"


def set_password(client: httpx.Client, user: dict[str, Any], password: str) -> None:
    asked = done(client.post(f"{path_of(user)}/password-reset"), 202)
    done(client.post(f"{RESETS}/{asked['reset_token']}", json={"password": password}))


def totp(secret: str, at: int) -> str:
    """RFC 6238 written down a second time."""
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", at // 30), hashlib.sha1)
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def code_now(service: SandboxService, secret: str) -> str:
    now: str = service.http.get("/sandbox/clock").json()["now"]
    return totp(secret, int(datetime.fromisoformat(now).timestamp()))
