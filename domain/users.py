"""A person who may use the bank's surfaces, as far as the ledger must know them."""

import msgspec

from domain import errors
from domain.events import Event


class UserRegistered(Event, frozen=True):
    TOPIC = "user.registered"
    user_id: str
    role: str
    country: str


class User(msgspec.Struct, frozen=True):
    user_id: str
    role: str
    country: str


def stream(user_id: str) -> str:
    return f"user-{user_id}"


def register(existing: User | None, registered: UserRegistered) -> UserRegistered:
    if existing is not None:
        raise errors.AccountExists(existing.user_id)
    return registered


def evolve(_: User | None, event: UserRegistered) -> User:
    return User(event.user_id, event.role, event.country)
