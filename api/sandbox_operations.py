"""The sandbox's routes as the OpenAPI document describes them, and the bodies they take and give."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct

from api.operations import Answer, ErrorBody, Operation, refusals
from domain.rates import RATE_LENGTH_MAX
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import TENANT_NAME_LENGTH_MAX

TAG = "Sandbox"
SECONDS_MAX = 10 * 365 * 86400
ROLES_MAX = 50
SCOPE_LENGTH_MAX = 2000

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Seconds = Annotated[int, Meta(ge=-SECONDS_MAX, le=SECONDS_MAX)]


class TokenBody(Struct):
    """Whoever the token is to speak for. All scopes and all roles where they are left out."""

    subject: Name = "user_demo"
    client_id: Name = "sandbox"
    scope: Annotated[str, Meta(max_length=SCOPE_LENGTH_MAX)] | None = None
    roles: Annotated[list[Name], Meta(max_length=ROLES_MAX)] | None = None
    tenant: Annotated[str, Meta(min_length=1, max_length=TENANT_NAME_LENGTH_MAX)] = SANDBOX_TENANT
    expires_in: Annotated[int, Meta(ge=1, le=SECONDS_MAX)] = 3600


class SandboxToken(Struct):
    access_token: str
    token_type: str
    expires_in: int


class ClockBody(Struct):
    """One of the two: how far, or to when."""

    advance_seconds: Seconds | None = None
    set: datetime | None = None


class ClockAnswer(Struct):
    now: datetime


class RateBody(Struct):
    """What one unit of `from_currency` is worth in `to_currency`."""

    from_currency: str
    to_currency: str
    rate: Annotated[
        Raw,
        Meta(
            extra_json_schema={
                "anyOf": [
                    {"type": "number", "exclusiveMinimum": 0},
                    {"type": "string", "maxLength": RATE_LENGTH_MAX},
                ]
            }
        ),
    ]


class RateAnswer(Struct):
    from_currency: str
    to_currency: str
    rate: str


_REFUSALS = refusals(ErrorBody, 400, 413, 415, 500, 503)

TOKENS = Operation(
    TAG,
    "Get an access token for anybody",
    {
        200: Answer(
            "The token.", SandboxToken, {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 3600}
        ),
        **_REFUSALS,
    },
    description="A tenant that is named for the first time comes into being, with its chart of accounts.",
    bodies=(TokenBody,),
    examples={"demo_user": {"subject": "user_demo", "scope": "transfers"}},
    is_body_required=False,
)

READ_CLOCK = Operation(
    TAG,
    "Read the ledger's clock",
    {
        200: Answer("What it shows.", ClockAnswer, {"now": "2025-10-20T15:30:00Z"}),
        **refusals(ErrorBody, 500, 503),
    },
)

MOVE_CLOCK = Operation(
    TAG,
    "Move the ledger's clock forward",
    {200: Answer("What it shows now.", ClockAnswer, {"now": "2025-10-21T12:00:00Z"}), **_REFUSALS},
    description="Whatever falls due on the way has happened, at its own due time, when the answer comes.",
    bodies=(ClockBody,),
    examples={"a_day": {"advance_seconds": 86400}, "to": {"set": "2025-10-21T12:00:00Z"}},
)

SET_RATE = Operation(
    TAG,
    "Set a rate of exchange",
    {
        200: Answer(
            "Set, at every tenant.",
            RateAnswer,
            {"from_currency": "USDC", "to_currency": "PKR", "rate": "280.75"},
        ),
        **_REFUSALS,
    },
    bodies=(RateBody,),
    examples={"pakistani_rupees": {"from_currency": "USDC", "to_currency": "PKR", "rate": "280.75"}},
)

RESET = Operation(
    TAG,
    "Start over",
    {204: Answer("Back to the fixtures; other tenants are empty."), **refusals(ErrorBody, 500, 503)},
    description="The clock runs on, and tokens stay valid.",
)
