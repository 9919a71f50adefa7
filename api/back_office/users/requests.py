"""What callers ask of users: who they are, checked member by member, and what a new password must be."""

from typing import NamedTuple

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from api.back_office.requests import Members, is_null, is_sent, require
from api.exchange import invalid
from api.members import among, is_absent, read_text, read_word
from application.access import USER_ROLES
from domain.users import ACTIVE, CUSTOMER, INACTIVE
from infrastructure.personal_data import Person
from infrastructure.subject_words import FIELDS
from infrastructure.users import Change

MEMBERS = ("name", "email", "phone", "role")
CHANGE_MEMBERS = (*MEMBERS, "status")
ROLES = ("admin", "teller", "compliance", "finance", "auditor", "customer")
assert set(ROLES) == USER_ROLES

NAME_LENGTH_MAX = 140
EMAIL_LENGTH_MAX = 254
PHONE_LENGTH_MAX = 40
SEARCH_LENGTH_MAX = 254
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 10, 256
_PASSWORD_CHARACTERS_MIN = 5
_ID_LENGTH_MAX = 255


class AskedUser(NamedTuple):
    person: Person
    role: str


def read_user(members: Members, *, is_sandbox: bool) -> AskedUser:
    require(members, "name", "email")
    change = read_change({**members, "status": msgspec.Raw()}, is_sandbox=is_sandbox)
    person = change.person._replace(phone=change.person.phone or None)
    return AskedUser(person, change.role or CUSTOMER)


def read_change(members: Members, *, is_sandbox: bool) -> Change:
    """What is sent must be right; only a phone may be null."""
    name, email, phone, role, status = (members[member] for member in CHANGE_MEMBERS)
    person = Person(
        _name(name) if is_sent(name) else None,
        _email(email, is_sandbox=is_sandbox) if is_sent(email) else None,
        _phone(phone) if is_sent(phone) else None,
    )
    word = read_word(status, "status", (ACTIVE, INACTIVE)) if is_sent(status) else None
    return Change(
        person,
        read_word(role, "role", ROLES) if is_sent(role) else None,
        word,  # type: ignore[arg-type]  # one of the two
    )


def _name(raw: msgspec.Raw) -> str:
    name = " ".join(read_text(raw, "name", NAME_LENGTH_MAX).split())
    if not name or not name.isprintable():
        raise invalid("name", f"must have 1 to {NAME_LENGTH_MAX} printable characters")
    return name


def _email(raw: msgspec.Raw, *, is_sandbox: bool) -> str:
    """As it is written, in one form. Nobody is asked whether it can be reached."""
    text = read_text(raw, "email", EMAIL_LENGTH_MAX)
    try:
        return validate_email(text, check_deliverability=False, test_environment=is_sandbox).normalized
    except EmailNotValidError:
        raise invalid("email", "must be an e-mail address") from None


def _phone(raw: msgspec.Raw) -> str:
    """In the form of E.164; empty for null."""
    if is_null(raw):
        return ""
    text = read_text(raw, "phone", PHONE_LENGTH_MAX)
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    # Possible, not assigned: numbering plans change faster than libraries do.
    if number is None or number.extension or not phonenumbers.is_possible_number(number):
        raise invalid("phone", "must be a phone number with its country code, such as +15551234567")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_password(raw: msgspec.Raw) -> str:
    """Long, and not the same few characters over and over; what it is made of is its owner's business."""
    if is_absent(raw):
        raise invalid("password", "is required")
    password = read_text(raw, "password", PASSWORD_LENGTH_MAX)
    if len(password) < PASSWORD_LENGTH_MIN:
        raise invalid("password", f"must have {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters")
    if len(set(password)) < _PASSWORD_CHARACTERS_MIN:
        raise invalid("password", f"must have {_PASSWORD_CHARACTERS_MIN} different characters")
    return password


def read_code(raw: msgspec.Raw) -> str:
    if is_absent(raw):
        raise invalid("code", "is required")
    return read_text(raw, "code", 16).replace(" ", "")


def read_search(text: str, fields: str | None) -> tuple[str, tuple[str, ...]]:
    """What is searched for, and in which fields; in all of them where none are named."""
    if not text.strip() or len(text) > SEARCH_LENGTH_MAX:
        raise invalid("search", f"must have 1 to {SEARCH_LENGTH_MAX} characters")
    return text.strip(), read_fields(fields)


def read_fields(fields: str | None) -> tuple[str, ...]:
    if fields is None:
        return FIELDS
    named = tuple(field.strip() for field in fields.split(","))
    if not all(field in FIELDS for field in named):
        raise invalid("fields", f"must only name known fields, separated by commas: {among(FIELDS)}")
    return named


def is_possible_id(user_id: str) -> bool:
    return len(user_id) <= _ID_LENGTH_MAX and "\x00" not in user_id
