"""The bodies of users: answers are made of these structs, and the OpenAPI document is."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.back_office.envelope import Instant

Role = Literal["admin", "teller", "compliance", "finance", "auditor", "customer"]
Status = Literal["active", "inactive", "erased"]

Name = Annotated[str, Meta(min_length=1, max_length=140)]
Email = Annotated[str, Meta(min_length=3, max_length=254, extra_json_schema={"format": "email"})]
Phone = Annotated[str, Meta(min_length=5, max_length=40, description="With its country code, such as +1.")]
Password = Annotated[str, Meta(min_length=10, max_length=256, extra_json_schema={"format": "password"})]
Code = Annotated[str, Meta(min_length=6, max_length=6, pattern="^[0-9]{6}$")]


class UserRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address is one user's only, however it is cased."""

    name: Name
    email: Email
    phone: Phone | None = None
    role: Role = "customer"


class UserChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays; a `phone` of null is taken away."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET


class UserShown(Struct):
    """Without the scope `pii.read` name, e-mail address and phone number are masked. Of an erased user they
    are null."""

    id: str
    name: str | None
    email: str | None
    phone: str | None
    role: Role
    status: Status
    created_at: Instant
    updated_at: Instant


class ResetShown(Struct):
    """`reset_token` is shown in the sandbox only."""

    user_id: str
    expires_at: Instant
    reset_token: str | UnsetType = UNSET


class PasswordRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    password: Password


class PasswordChanged(Struct):
    user_id: str
    status: Literal["password_changed"]


class MfaShown(Struct):
    """Codes of a second factor that is pending do not count yet."""

    user_id: str
    status: Literal["none", "pending", "enabled"]


class MfaEnrolment(Struct):
    """What an authenticator needs, shown this once; null where the user was erased since."""

    user_id: str
    status: Literal["pending"]
    secret: str | None
    otpauth_uri: str | None


class CodeRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    code: Code
