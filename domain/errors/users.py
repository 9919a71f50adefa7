"""What is refused about users, and about the clients that act for them."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import DomainError, UserRefusal


@dataclass
class EmailExists(UserRefusal):
    """Another user has the e-mail address, whatever its case."""

    code: ClassVar[str] = "email_exists"


@dataclass
class UserErased(UserRefusal):
    code: ClassVar[str] = "user_erased"
    user_id: str


@dataclass
class MfaAlreadyEnabled(UserRefusal):
    code: ClassVar[str] = "mfa_already_enabled"
    user_id: str


@dataclass
class MfaNotEnrolled(UserRefusal):
    """There is no second factor to confirm, or none that is not confirmed already."""

    code: ClassVar[str] = "mfa_not_enrolled"
    user_id: str


@dataclass
class ClientExists(DomainError):
    code: ClassVar[str] = "client_exists"
    client_id: str


@dataclass
class InvalidClientSettings(DomainError):
    """What is asked for does not go with the client's other settings."""

    code: ClassVar[str] = "invalid_client_settings"
    field: str
