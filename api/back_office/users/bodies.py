"""What is shown of users: personal data in clear to those who may read it, masked to all others."""

from collections.abc import Mapping, Sequence

from api.back_office.users.documents import MfaEnrolment, MfaShown, UserShown
from api.instants import whole_seconds
from application.users import MfaAnswer, UserAnswer
from domain.users import ERASED
from infrastructure.personal_data import SubjectSeal
from infrastructure.second_factor import otpauth_uri
from infrastructure.users import EMAIL, MFA_SECRET, NAME, PHONE
from projections.users import UserView

Seals = Mapping[str, SubjectSeal]


def users(shown: Sequence[UserAnswer | UserView], seals: Seals, *, is_masked: bool) -> list[UserShown]:
    return [user(each, seals.get(each.user_id), is_masked=is_masked) for each in shown]


def user(shown: UserAnswer | UserView, own: SubjectSeal | None, *, is_masked: bool) -> UserShown:
    """Whose key is gone is erased, whatever was known of them when that was written."""
    name = _opened(own, shown.name, NAME)
    email = _opened(own, shown.email, EMAIL)
    phone = _opened(own, shown.phone, PHONE)
    if is_masked:
        name, email, phone = masked_name(name), masked_email(email), masked_phone(phone)
    return UserShown(
        shown.user_id,
        name,
        email,
        phone,
        shown.role,  # type: ignore[arg-type]  # one of those that are taken
        ERASED if own is None else shown.status,  # type: ignore[arg-type]  # one of the three
        whole_seconds(shown.created_at),
        whole_seconds(shown.updated_at),
    )


def masked_name(name: str | None) -> str | None:
    """How each word begins: `J*** D***`."""
    return name and " ".join(f"{word[0]}***" for word in name.split())


def masked_email(email: str | None) -> str | None:
    """How it begins, and where it is: `j***@example.com`."""
    if email is None:
        return None
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}"


def masked_phone(phone: str | None) -> str | None:
    """How it ends: `***-***-4567`."""
    return phone and f"***-***-{phone[-4:]}"


def enrolment(enrolled: MfaAnswer, own: SubjectSeal | None) -> MfaEnrolment:
    secret = _opened(own, enrolled.secret, MFA_SECRET)
    email = _opened(own, enrolled.email, EMAIL)
    uri = otpauth_uri(secret, email or enrolled.user_id) if secret else None
    return MfaEnrolment(enrolled.user_id, "pending", secret, uri)


def mfa(answered: MfaAnswer) -> MfaShown:
    return MfaShown(answered.user_id, answered.status)


def _opened(own: SubjectSeal | None, sealed: str | None, member: str) -> str | None:
    return None if own is None else own.open(sealed, member)
