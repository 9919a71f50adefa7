"""Commands on users. What tells who a person is comes here sealed; what is not given stays as it is."""

from datetime import datetime
from typing import Literal

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import allowances, errors, users
from domain.errors import DomainError
from domain.events import Event
from domain.requests import AnsweredRequest
from domain.users import Status, User, UserRegistered


class RegisterUser(msgspec.Struct, frozen=True):
    """`tier` is what the user's limits come from, the usual one where it is None; `password` is sealed."""

    registered: UserRegistered
    tier: str | None = None
    password: str | None = None

    def streams(self) -> tuple[str, ...]:
        user_id = self.registered.user_id
        return users.stream(user_id), allowances.stream(user_id)


def register_user(decision: Decision, command: RegisterUser) -> str:
    stream = users.stream(command.registered.user_id)
    decision.record(stream, users.register(decision.load(stream), command.registered))
    if command.password is not None:
        decision.record(stream, users.PasswordSet(command.password))
    if command.tier is not None:
        decision.record(allowances.stream(command.registered.user_id), allowances.TierAssigned(command.tier))
    return command.registered.user_id


class UserAnswer(msgspec.Struct, frozen=True):
    """A user as it was answered: `name`, `email` and `phone` are sealed, so that a replay can tell them as
    long as the person's key is there."""

    user_id: str
    name: str | None
    email: str | None
    phone: str | None
    role: str
    status: Status
    created_at: datetime
    updated_at: datetime


class CreateUser(msgspec.Struct, frozen=True):
    """`user_id` is new, and so is the key that the texts are sealed with.

    `is_email_taken`: somebody else has the e-mail address, so that this is to be refused.
    """

    user_id: str
    name: str
    email: str
    phone: str | None
    role: str
    password: str | None = None
    is_email_taken: bool = False
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


def create_user(decision: Decision, command: CreateUser) -> UserAnswer | DomainError:
    """Refuses with EmailExists."""
    return once(decision, command.key, UserAnswer, lambda: _create(decision, command))


def _create(decision: Decision, command: CreateUser) -> UserAnswer:
    if command.is_email_taken:
        raise errors.EmailExists
    stream = users.stream(command.user_id)
    registered = UserRegistered(
        command.user_id, command.role, "", command.name, command.email, command.phone, decision.at
    )
    decision.record(stream, users.register(decision.load(stream), registered))
    if command.password is not None:
        decision.record(stream, users.PasswordSet(command.password))
    return _answer(decision, command.user_id)


class UpdateUser(msgspec.Struct, frozen=True):
    """What is None stays as it is; an empty `phone` takes it away. `is_email_taken` as in CreateUser."""

    user_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    role: str | None = None
    status: Status | None = None
    is_email_taken: bool = False
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


def update_user(decision: Decision, command: UpdateUser) -> UserAnswer | DomainError:
    """Raises UserNotFound; refuses with UserErased or EmailExists."""
    return once(decision, command.key, UserAnswer, lambda: _update(decision, command))


def _update(decision: Decision, command: UpdateUser) -> UserAnswer:
    user = _require(decision, command.user_id)
    updated = users.update(
        user,
        decision.at,
        name=command.name,
        email=command.email,
        phone=command.phone,
        role=command.role,
        status=command.status,
    )
    if command.is_email_taken:
        raise errors.EmailExists
    _record(decision, command.user_id, updated)
    return _answer(decision, command.user_id)


class OfUser(msgspec.Struct, frozen=True):
    """What needs no more than to be told of whom."""

    user_id: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


def deactivate_user(decision: Decision, command: OfUser) -> UserAnswer | DomainError:
    """Done before, it changes nothing. Raises UserNotFound."""

    def decide() -> UserAnswer:
        _record(decision, command.user_id, users.deactivate(_require(decision, command.user_id), decision.at))
        return _answer(decision, command.user_id)

    return once(decision, command.key, UserAnswer, decide)


def erase_user(decision: Decision, command: OfUser) -> UserAnswer | DomainError:
    """To be asked when the person's key is destroyed. Done before, it changes nothing.

    Raises UserNotFound.
    """

    def decide() -> UserAnswer:
        _record(decision, command.user_id, users.erase(_require(decision, command.user_id), decision.at))
        return _answer(decision, command.user_id)

    return once(decision, command.key, UserAnswer, decide)


def current_user(decision: Decision, command: OfUser) -> User | None:
    """The user as it is now, erased or not; None where there never was one."""
    user: User | None = decision.load(users.stream(command.user_id))
    return user


class RequestPasswordReset(msgspec.Struct, frozen=True):
    """`salt` is what the token was made from, together with what is not recorded."""

    user_id: str
    expires_at: datetime
    salt: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


class ResetAnswer(msgspec.Struct, frozen=True):
    user_id: str
    expires_at: datetime
    salt: str


def request_password_reset(decision: Decision, command: RequestPasswordReset) -> ResetAnswer | DomainError:
    """Raises UserNotFound; refuses with UserErased."""
    return once(decision, command.key, ResetAnswer, lambda: _request_reset(decision, command))


def _request_reset(decision: Decision, command: RequestPasswordReset) -> ResetAnswer:
    user = _require(decision, command.user_id)
    _record(decision, command.user_id, users.request_password_reset(user, command.expires_at))
    return ResetAnswer(command.user_id, command.expires_at, command.salt)


class SetPassword(msgspec.Struct, frozen=True):
    """`password` is a sealed hash."""

    user_id: str
    password: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


def set_password(decision: Decision, command: SetPassword) -> str | DomainError:
    """Answers the user's id. Raises UserNotFound; refuses with UserErased."""

    def decide() -> str:
        user = _require(decision, command.user_id)
        _record(decision, command.user_id, users.set_password(user, command.password))
        return command.user_id

    return once(decision, command.key, str, decide)


class EnrolMfa(msgspec.Struct, frozen=True):
    """`secret` is sealed."""

    user_id: str
    secret: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


class MfaAnswer(msgspec.Struct, frozen=True):
    """`secret`, sealed, is there where it was new; `email`, sealed, for what an authenticator shows."""

    user_id: str
    status: Literal["none", "pending", "enabled"]
    secret: str | None = None
    email: str | None = None


def enrol_mfa(decision: Decision, command: EnrolMfa) -> MfaAnswer | DomainError:
    """Raises UserNotFound; refuses with UserErased or MfaAlreadyEnabled."""

    def decide() -> MfaAnswer:
        user = _require(decision, command.user_id)
        _record(decision, command.user_id, users.enrol_mfa(user, command.secret))
        return MfaAnswer(command.user_id, "pending", command.secret, user.email)

    return once(decision, command.key, MfaAnswer, decide)


class ConfirmMfa(msgspec.Struct, frozen=True):
    """`secret` is the sealed one that a right code was given for."""

    user_id: str
    secret: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.user_id, self.key)


def confirm_mfa(decision: Decision, command: ConfirmMfa) -> MfaAnswer | DomainError:
    """Raises UserNotFound; refuses with UserErased or MfaNotEnrolled."""

    def decide() -> MfaAnswer:
        user = _require(decision, command.user_id)
        _record(decision, command.user_id, users.confirm_mfa(user, command.secret))
        return MfaAnswer(command.user_id, "enabled")

    return once(decision, command.key, MfaAnswer, decide)


def mfa_status(decision: Decision, command: OfUser) -> MfaAnswer:
    """Raises UserNotFound."""
    user = _require(decision, command.user_id)
    if user.mfa_secret is None:
        return MfaAnswer(command.user_id, "none")
    return MfaAnswer(command.user_id, "enabled" if user.is_mfa_confirmed else "pending")


def remove_mfa(decision: Decision, command: OfUser) -> MfaAnswer | DomainError:
    """Done before, it changes nothing. Raises UserNotFound."""

    def decide() -> MfaAnswer:
        _record(decision, command.user_id, users.remove_mfa(_require(decision, command.user_id)))
        return MfaAnswer(command.user_id, "none")

    return once(decision, command.key, MfaAnswer, decide)


class FindAnswered(msgspec.Struct, frozen=True):
    key: RequestKey

    def streams(self) -> tuple[str, ...]:
        return (self.key.stream,)


def is_answered(decision: Decision, command: FindAnswered) -> bool:
    """Whether the key was used: then what is asked for once more needs no preparation."""
    answered: AnsweredRequest | None = decision.load(command.key.stream)
    return answered is not None


def _streams(user_id: str, key: RequestKey | None) -> tuple[str, ...]:
    own = users.stream(user_id)
    return (own,) if key is None else (own, key.stream)


def _require(decision: Decision, user_id: str) -> User:
    return users.require(decision.load(users.stream(user_id)), user_id)


def _record(decision: Decision, user_id: str, event: Event | None) -> None:
    if event is not None:
        decision.record(users.stream(user_id), event)


def _answer(decision: Decision, user_id: str) -> UserAnswer:
    user = _require(decision, user_id)
    assert user.created_at is not None and user.updated_at is not None, "known of who is administered"
    return UserAnswer(
        user_id, user.name, user.email, user.phone, user.role, user.status, user.created_at, user.updated_at
    )
