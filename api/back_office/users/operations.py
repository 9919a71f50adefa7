"""The routes of users as the OpenAPI document describes them."""

from typing import Annotated, Any

from msgspec import Meta

from api.back_office import documents as shared
from api.back_office.documents import BANKING_ADMIN, BANKING_READ, IDEMPOTENCY_KEY, MIN_POSITION
from api.back_office.users.documents import (
    CodeRequest,
    MfaEnrolment,
    MfaShown,
    PasswordChanged,
    PasswordRequest,
    ResetShown,
    Role,
    Status,
    UserChange,
    UserRequest,
    UserShown,
)
from api.operations import Answer, Operation, Parameter
from projections.users import SORTS

TAG = "Back office users"

USERS = "/backoffice/v1/users"
USER = USERS + "/{userId:str}"
ERASURE = USER + "/erase"
RESET_REQUEST = USER + "/password-reset"
RESET_PATH = "/backoffice/v1/password-resets/{token:str}"
MFA = USER + "/mfa"
CONFIRMATION = MFA + "/confirm"

_ID = Parameter("userId", "path", "The user's id.", is_required=True, example="user_other")
_ROLE: Any = Role
_STATUS: Any = Status

_REQUEST = {"name": "Jane Doe", "email": "jane.doe@example.com", "phone": "+15551234570", "role": "teller"}
_USER = {
    "id": "user_9c1f0f2a7d3b4e5f6a7b",
    **_REQUEST,
    "status": "active",
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
}
_MASKED = _USER | {"name": "J*** D***", "email": "j***@example.com", "phone": "***-***-4570"}
_ERASED = _USER | {"name": None, "email": None, "phone": None, "status": "erased"}
_MFA_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _without_body(answers: dict[int, Answer]) -> dict[int, Answer]:
    return {status: answers[status] for status in answers if status != 415}


CREATE = Operation(
    TAG,
    "Create a user",
    shared.done("The new user.", UserShown, _USER, status=201),
    description=(
        "Name, e-mail address and phone number are encrypted with a key of the user's own. 409 `EMAIL_EXISTS`"
        " where another user has the address, however it is cased. A user signs in once a password was set:"
        " see the password reset."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(UserRequest,),
    examples={"teller": _REQUEST},
    scopes=BANKING_ADMIN,
)

LIST = Operation(
    TAG,
    "List and search users",
    shared.listed("Personal data is masked without the scope pii.read.", UserShown, _MASKED),
    description=(
        "A search finds whole words and how they begin, whatever their case, and how phone numbers begin and"
        " end; all words have to be in one field. It takes the scope pii.read."
    ),
    parameters=(
        Parameter("role", "query", "Only users with that role.", _ROLE),
        Parameter("status", "query", "Only users with that status.", _STATUS),
        Parameter(
            "search",
            "query",
            "What to look for.",
            Annotated[str, Meta(min_length=1, max_length=254)],
            example="john.doe",
        ),
        Parameter("fields", "query", "Where to look: name, email, phone.", example="name,email"),
        *shared.page_parameters(*SORTS),
    ),
    scopes=BANKING_READ,
)

SHOW = Operation(
    TAG,
    "Show a user",
    shared.shown("Personal data is masked without the scope pii.read.", UserShown, _MASKED),
    parameters=(_ID, MIN_POSITION),
    scopes=BANKING_READ,
)

CHANGE = Operation(
    TAG,
    "Change a user",
    shared.done("The user after the change.", UserShown, _USER),
    description=(
        "What is not named stays. Who becomes inactive cannot sign in, and their access tokens stop working"
        " at once. An erased user cannot be changed (409)."
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(UserChange,),
    examples={"promotion": {"role": "finance"}, "back": {"status": "active"}},
    scopes=BANKING_ADMIN,
)

DEACTIVATE = Operation(
    TAG,
    "Deactivate a user",
    _without_body(shared.done("The user, inactive now.", UserShown, _USER | {"status": "inactive"})),
    description="They cannot sign in, and their access tokens stop working at once. Done again: the same.",
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)

ERASE = Operation(
    TAG,
    "Erase a user's personal data",
    _without_body(shared.done("The user, without personal data.", UserShown, _ERASED)),
    description=(
        "Destroys the key that name, e-mail address, phone number, password and second factor are encrypted"
        " with. What happened stays on record; the e-mail address may be used again. Done again: the same."
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)

REQUEST_RESET = Operation(
    TAG,
    "Let a user set a new password",
    _without_body(
        shared.done(
            "Until when the token is good. The sandbox shows it.",
            ResetShown,
            {"user_id": "user_other", "expires_at": "2024-01-01T13:00:00Z"},
            status=202,
        )
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)

RESET = Operation(
    TAG,
    "Set a new password",
    shared.done(
        "It is set.", PasswordChanged, {"user_id": "user_other", "status": "password_changed"}, status=200
    ),
    description=(
        "404 where the token is unknown, was used or has expired. Whoever is signed in as the user is not any"
        " more."
    ),
    parameters=(
        Parameter("token", "path", "The token of the reset.", is_required=True, example="a-reset-token"),
        IDEMPOTENCY_KEY,
    ),
    bodies=(PasswordRequest,),
    examples={"password": {"password": "correct horse battery staple"}},
    scopes=BANKING_ADMIN,
)

SHOW_MFA = Operation(
    TAG,
    "Show whether a user has a second factor",
    shared.shown("Without its secret.", MfaShown, {"user_id": "user_other", "status": "enabled"}),
    parameters=(_ID,),
    scopes=BANKING_READ,
)

ENROL_MFA = Operation(
    TAG,
    "Enrol a second factor",
    _without_body(
        shared.done(
            "What the user's authenticator needs, shown this once.",
            MfaEnrolment,
            {
                "user_id": "user_other",
                "status": "pending",
                "secret": _MFA_SECRET,
                "otpauth_uri": f"otpauth://totp/Daybook:other%40example.com?secret={_MFA_SECRET}&issuer=Daybook",
            },
            status=201,
        )
    ),
    description=(
        "Codes are those of RFC 6238: six digits, 30 seconds, SHA-1. They count when one of them was"
        " confirmed. 409 where the user has a second factor already."
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)

CONFIRM_MFA = Operation(
    TAG,
    "Confirm a second factor",
    shared.done(
        "It is asked for from now on.", MfaShown, {"user_id": "user_other", "status": "enabled"}, status=200
    ),
    description="400 where the code is not right, or was used; 409 where nothing waits to be confirmed.",
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(CodeRequest,),
    examples={"code": {"code": "287082"}},
    scopes=BANKING_ADMIN,
)

REMOVE_MFA = Operation(
    TAG,
    "Remove a second factor",
    _without_body(
        shared.done("There is none any more.", MfaShown, {"user_id": "user_other", "status": "none"})
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)
