"""Users: their data, passwords and second factors, and that they are forgotten."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Raw, Struct

from daybook_client.back_office.envelope import PREFIX, data_of, sorted_listing
from daybook_client.calls import Call, Listing, reading, writing

USERS, USER = f"{PREFIX}/users", f"{PREFIX}/users/{{userId}}"
ERASE, PASSWORD_RESET = f"{USER}/erase", f"{USER}/password-reset"
PASSWORD = f"{PREFIX}/password-resets/{{token}}"
MFA, CONFIRM_MFA = f"{USER}/mfa", f"{USER}/mfa/confirm"


class User(Struct):
    """Masked without the scope `pii.read`; None where the user was erased."""

    id: str
    name: str | None
    email: str | None
    phone: str | None
    role: str
    status: str
    created_at: datetime
    updated_at: datetime


class PasswordReset(Struct, kw_only=True):
    """`reset_token` is shown in the sandbox only."""

    user_id: str
    expires_at: datetime
    reset_token: str | None = None


class UserState(Struct):
    user_id: str
    status: str


class MfaEnrolment(Struct):
    """What an authenticator needs, shown this once."""

    user_id: str
    status: str
    secret: str | None
    otpauth_uri: str | None


def list_users(
    *,
    role: str | None = None,
    status: str | None = None,
    search: str | None = None,
    fields: Sequence[str] | None = None,
    sort: str | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> Listing[User]:
    """`search` looks in `fields`, such as name and email."""
    looked_in = None if fields is None else ",".join(fields)
    query = {"role": role, "status": status, "search": search, "fields": looked_in}
    return sorted_listing(USERS, User, query, sort=sort, order=order, limit=limit)


def create(
    name: str,
    email: str,
    *,
    phone: str | None = None,
    role: str | None = None,
    idempotency_key: str | None = None,
) -> Call[User]:
    body = {"name": name, "email": email, "phone": phone, "role": role}
    return writing("POST", USERS, data_of(User), body, key=idempotency_key)


def show(user_id: str) -> Call[User]:
    return reading(USER, data_of(User), userId=user_id)


def change(
    user_id: str,
    *,
    name: str | None = None,
    email: str | None = None,
    phone: str | Raw | None = None,
    role: str | None = None,
    status: str | None = None,
    idempotency_key: str | None = None,
) -> Call[User]:
    """What is left out stays; a phone of CLEAR is taken away. `status` is active or inactive."""
    body = {"name": name, "email": email, "phone": phone, "role": role, "status": status}
    return writing("PUT", USER, data_of(User), body, key=idempotency_key, userId=user_id)


def deactivate(user_id: str, *, idempotency_key: str | None = None) -> Call[User]:
    """Nobody signs in as the user any more, and the user's tokens end."""
    return writing("DELETE", USER, data_of(User), key=idempotency_key, userId=user_id)


def erase(user_id: str, *, idempotency_key: str | None = None) -> Call[User]:
    """Who the user was is forgotten for good; what happened stays."""
    return writing("POST", ERASE, data_of(User), key=idempotency_key, userId=user_id)


def start_password_reset(user_id: str, *, idempotency_key: str | None = None) -> Call[PasswordReset]:
    return writing("POST", PASSWORD_RESET, data_of(PasswordReset), key=idempotency_key, userId=user_id)


def set_password(token: str, password: str, *, idempotency_key: str | None = None) -> Call[UserState]:
    body = {"password": password}
    return writing("POST", PASSWORD, data_of(UserState), body, key=idempotency_key, token=token)


def second_factor(user_id: str) -> Call[UserState]:
    """`status` is none, pending or enabled."""
    return reading(MFA, data_of(UserState), userId=user_id)


def enrol_second_factor(user_id: str, *, idempotency_key: str | None = None) -> Call[MfaEnrolment]:
    return writing("POST", MFA, data_of(MfaEnrolment), key=idempotency_key, userId=user_id)


def confirm_second_factor(user_id: str, code: str, *, idempotency_key: str | None = None) -> Call[UserState]:
    body = {"code": code}
    return writing("POST", CONFIRM_MFA, data_of(UserState), body, key=idempotency_key, userId=user_id)


def remove_second_factor(user_id: str, *, idempotency_key: str | None = None) -> Call[UserState]:
    return writing("DELETE", MFA, data_of(UserState), key=idempotency_key, userId=user_id)
