"""A person who may use the bank's surfaces: who it is, what role they have, how they prove who they are.

Name, e-mail address, phone number, password and second factor come here sealed with a key of the person's own
(see `infrastructure.personal_data`): when that key is destroyed, no event can tell them any more. A user
without an e-mail address is only known as somebody's customer, and cannot be administered.
"""

from datetime import datetime
from typing import Final, Literal, assert_never

import msgspec

from domain import errors
from domain.events import Event

Status = Literal["active", "inactive", "erased"]
ACTIVE: Final = "active"
INACTIVE: Final = "inactive"
ERASED: Final = "erased"

CUSTOMER = "customer"


class UserRegistered(Event, frozen=True):
    """`country` is ISO 3166 alpha-3, empty where it is not known. The rest is there for users who are
    administered; `name`, `email` and `phone` are sealed texts."""

    TOPIC = "user.registered"
    user_id: str
    role: str
    country: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    registered_at: datetime | None = None


class UserUpdated(Event, frozen=True):
    """`role` and `status` are what they are from now on; of the sealed texts those that were replaced are
    there. An empty `phone`: there is none any more."""

    TOPIC = "user.updated"
    role: str
    status: Status
    updated_at: datetime
    name: str | None = None
    email: str | None = None
    phone: str | None = None


class UserErased(Event, frozen=True):
    """The key was destroyed before."""

    TOPIC = "user.erased"
    role: str
    erased_at: datetime


class PasswordResetRequested(Event, frozen=True):
    """The token itself, or what would tell it, is not recorded."""

    TOPIC = "user.password_reset_requested"
    expires_at: datetime


class PasswordSet(Event, frozen=True):
    """`password` is an Argon2 hash, sealed."""

    TOPIC = "user.password_set"
    password: str


class MfaEnrolled(Event, frozen=True):
    """`secret` is sealed. It counts when it is confirmed."""

    TOPIC = "user.mfa_enrolled"
    secret: str


class MfaConfirmed(Event, frozen=True):
    TOPIC = "user.mfa_confirmed"


class MfaRemoved(Event, frozen=True):
    TOPIC = "user.mfa_removed"


UserEvent = (
    UserRegistered
    | UserUpdated
    | UserErased
    | PasswordResetRequested
    | PasswordSet
    | MfaEnrolled
    | MfaConfirmed
    | MfaRemoved
)


class User(msgspec.Struct, frozen=True):
    """`country` is None where it is not known."""

    user_id: str
    role: str
    country: str | None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    status: Status = ACTIVE
    created_at: datetime | None = None
    updated_at: datetime | None = None
    password: str | None = None
    mfa_secret: str | None = None
    is_mfa_confirmed: bool = False

    @property
    def is_administered(self) -> bool:
        return self.email is not None or self.status == ERASED


def stream(user_id: str) -> str:
    return f"user-{user_id}"


def register(existing: User | None, registered: UserRegistered) -> UserRegistered:
    if existing is not None:
        raise errors.AccountExists(existing.user_id)
    return registered


def require(user: User | None, user_id: str) -> User:
    if user is None or not user.is_administered:
        raise errors.UserNotFound(user_id)
    return user


def update(
    user: User,
    at: datetime,
    *,
    name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    role: str | None = None,
    status: Status | None = None,
) -> UserUpdated | None:
    """Changes what is given and leaves the rest; None where nothing is given. Refuses with UserErased."""
    _require_not_erased(user)
    if (name, email, phone, role, status) == (None,) * 5:
        return None
    return UserUpdated(role or user.role, status or user.status, at, name, email, phone)


def deactivate(user: User, at: datetime) -> UserUpdated | None:
    """None where there is nothing to do."""
    return None if user.status != ACTIVE else UserUpdated(user.role, INACTIVE, at)


def erase(user: User, at: datetime) -> UserErased | None:
    """None where it was done before."""
    return None if user.status == ERASED else UserErased(user.role, at)


def request_password_reset(user: User, expires_at: datetime) -> PasswordResetRequested:
    _require_not_erased(user)
    return PasswordResetRequested(expires_at)


def set_password(user: User, password: str) -> PasswordSet:
    _require_not_erased(user)
    return PasswordSet(password)


def enrol_mfa(user: User, secret: str) -> MfaEnrolled:
    """Takes the place of one that was not confirmed."""
    _require_not_erased(user)
    if user.is_mfa_confirmed:
        raise errors.MfaAlreadyEnabled(user.user_id)
    return MfaEnrolled(secret)


def confirm_mfa(user: User, secret: str | None) -> MfaConfirmed:
    """`secret` is the sealed one that a right code was given for."""
    _require_not_erased(user)
    if user.is_mfa_confirmed or user.mfa_secret is None or user.mfa_secret != secret:
        raise errors.MfaNotEnrolled(user.user_id)
    return MfaConfirmed()


def remove_mfa(user: User) -> MfaRemoved | None:
    """None where there is none."""
    return None if user.mfa_secret is None else MfaRemoved()


def _require_not_erased(user: User) -> None:
    if user.status == ERASED:
        raise errors.UserErased(user.user_id)


def evolve(user: User | None, event: UserEvent) -> User:
    if isinstance(event, UserRegistered):
        return User(
            event.user_id,
            event.role,
            event.country or None,
            event.name,
            event.email,
            event.phone,
            created_at=event.registered_at,
            updated_at=event.registered_at,
        )
    assert user is not None, "a user's first event registers them"
    match event:
        case UserUpdated():
            return _updated(user, event)
        case UserErased():
            return User(
                user.user_id,
                event.role,
                user.country,
                status=ERASED,
                created_at=user.created_at,
                updated_at=event.erased_at,
            )
        case PasswordResetRequested():
            return user
        case PasswordSet():
            return msgspec.structs.replace(user, password=event.password)
        case MfaEnrolled():
            return msgspec.structs.replace(user, mfa_secret=event.secret, is_mfa_confirmed=False)
        case MfaConfirmed():
            return msgspec.structs.replace(user, is_mfa_confirmed=True)
        case MfaRemoved():
            return msgspec.structs.replace(user, mfa_secret=None, is_mfa_confirmed=False)
        case _:
            assert_never(event)


def _updated(user: User, event: UserUpdated) -> User:
    phone = user.phone if event.phone is None else event.phone or None
    return msgspec.structs.replace(
        user,
        name=event.name or user.name,
        email=event.email or user.email,
        phone=phone,
        role=event.role,
        status=event.status,
        updated_at=event.updated_at,
    )
