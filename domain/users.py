"""A person who may use the bank's surfaces, as far as the ledger must know them."""

from typing import assert_never

import msgspec

from domain import errors
from domain.events import Event


class UserRegistered(Event, frozen=True):
    TOPIC = "user.registered"
    user_id: str
    role: str
    country: str


class TotpEnrolled(Event, frozen=True):
    """`sealed_secret` is the RFC 6238 secret, encrypted with the service's key."""

    TOPIC = "user.totp_enrolled"
    sealed_secret: str


UserEvent = UserRegistered | TotpEnrolled


class User(msgspec.Struct, frozen=True):
    user_id: str
    role: str
    country: str
    sealed_totp_secret: str | None = None


def stream(user_id: str) -> str:
    return f"user-{user_id}"


def register(existing: User | None, registered: UserRegistered) -> UserRegistered:
    if existing is not None:
        raise errors.AccountExists(existing.user_id)
    return registered


def evolve(user: User | None, event: UserEvent) -> User:
    match event:
        case UserRegistered():
            return User(event.user_id, event.role, event.country)
        case TotpEnrolled():
            assert user is not None, "a user's first event registers it"
            return msgspec.structs.replace(user, sealed_totp_secret=event.sealed_secret)
        case _:
            assert_never(event)
