"""The routes of authorizations and holds as the OpenAPI document describes them."""

from typing import Annotated, Any

from msgspec import Meta

from api.cards import documents, examples
from api.cards.errors import CardError
from api.cards.pages import NUMBER_MAX, SIZE_MAX, Page
from api.operations import WITH_TOKEN, Answer, Operation, Parameter, refusals

AUTHORIZATIONS_TAG = "Card authorizations"
HOLDS_TAG = "Card holds"

READ_AUTHORIZATIONS, WRITE_AUTHORIZATIONS = "authorizations.read", "authorizations.write"
READ_HOLDS, WRITE_HOLDS = "holds.read", "holds.write"

POSITION = ("X-Ledger-Position",)
_Position = Annotated[int, Meta(ge=0, lt=10**18)]

MIN_POSITION = Parameter(
    "X-Min-Position",
    "header",
    "Wait until the answer shows at least this position of the ledger; 503 where that takes too long.",
    _Position,
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The same request under the same key has the same outcome, however often it is sent.",
    Annotated[str, Meta(min_length=1, max_length=255)],
)

_READING = (400, 404, *WITH_TOKEN)
_WRITING = (400, 404, 409, 413, 415, *WITH_TOKEN)


def _id(name: str, description: str, example: int) -> Parameter:
    return Parameter(name, "path", description, documents.Number, is_required=True, example=example)


_DECISION_ID = _id("decisionId", "The decision's number.", 987654321)
_REQUEST_ID = _id("requestId", "The number of the request that was decided.", 123456789)
_HOLD_ID = _id("holdId", "The hold's number.", 456789123)


def _shown(description: str, body: Any, example: Any) -> dict[int, Answer]:
    return {200: Answer(description, body, example), **refusals(CardError, *_READING)}


def _changed(description: str, body: Any, example: Any) -> dict[int, Answer]:
    return {200: Answer(description, body, example, headers=POSITION), **refusals(CardError, *_WRITING)}


AUTHORIZE = Operation(
    AUTHORIZATIONS_TAG,
    "Ask for the authorization of a card transaction",
    {
        200: Answer("Approved.", documents.AuthorizationDecision, examples.APPROVED, headers=POSITION),
        202: Answer(
            "The cardholder has to complete a challenge first, within ten minutes.",
            documents.AuthorizationDecision,
            examples.CHALLENGED,
            headers=POSITION,
        ),
        422: Answer(
            "Declined, and recorded like every decision.",
            documents.AuthorizationDecision,
            examples.DECLINED,
            headers=POSITION,
        ),
        **refusals(CardError, 400, 409, 413, 415, *WITH_TOKEN),
        400: Answer("The request is not valid.", CardError, examples.INVALID_AMOUNT),
    },
    description=(
        "What is approved is held on the card's account for seven days; a refund is credited at once. A card"
        " is named by `panHash`; a card number in clear is refused wherever it stands."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(documents.AuthorizationRequest,),
    examples=examples.AUTHORIZATIONS,
    scopes=(WRITE_AUTHORIZATIONS,),
)

DECISION = Operation(
    AUTHORIZATIONS_TAG,
    "Show a decision as it was made",
    _shown("The decision.", documents.AuthorizationDecision, examples.APPROVED),
    description="A later decision on the same request has a number of its own.",
    parameters=(_DECISION_ID, MIN_POSITION),
    scopes=(READ_AUTHORIZATIONS,),
)

LATEST_DECISION = Operation(
    AUTHORIZATIONS_TAG,
    "Show the latest decision on a request",
    _shown("The decision that stands.", documents.AuthorizationDecision, examples.APPROVED),
    parameters=(_REQUEST_ID, MIN_POSITION),
    scopes=(READ_AUTHORIZATIONS,),
)

REVERSE = Operation(
    AUTHORIZATIONS_TAG,
    "Reverse an approved authorization",
    _changed("Reversed: the hold is released.", documents.AuthorizationDecision, examples.REVERSED),
    description="Possible while nothing was captured of its hold; afterwards 409.",
    parameters=(_REQUEST_ID, IDEMPOTENCY_KEY),
    bodies=(documents.ReversalRequest,),
    examples={"reversal": examples.REVERSAL},
    scopes=(WRITE_AUTHORIZATIONS,),
)

COMPLETE_CHALLENGE = Operation(
    AUTHORIZATIONS_TAG,
    "Tell how a challenge ended",
    _changed(
        "Approved or declined, as the decision says.",
        documents.AuthorizationDecision,
        examples.AFTER_CHALLENGE,
    ),
    description=(
        "After a success all but the risk is checked again. From the tenth minute on the authorization is"
        " declined, and this is 409."
    ),
    parameters=(_REQUEST_ID, IDEMPOTENCY_KEY),
    bodies=(documents.ChallengeCompletion,),
    examples=examples.COMPLETIONS,
    scopes=(WRITE_AUTHORIZATIONS,),
)

HOLD = Operation(
    HOLDS_TAG,
    "Show a hold",
    _shown("The hold as it is now.", documents.CardHold, examples.HOLD),
    parameters=(_HOLD_ID, MIN_POSITION),
    scopes=(READ_HOLDS,),
)

CAPTURE = Operation(
    HOLDS_TAG,
    "Capture a hold, or a part of it",
    _changed("Captured.", documents.CardHold, examples.CAPTURED),
    description="The rest is freed, unless `final` is false: then it stays held until it is captured, too.",
    parameters=(_HOLD_ID, IDEMPOTENCY_KEY),
    bodies=(documents.CaptureRequest,),
    examples=examples.CAPTURES,
    scopes=(WRITE_HOLDS,),
)

RELEASE = Operation(
    HOLDS_TAG,
    "Release a hold",
    _changed("Released; the account afterwards.", documents.ReleasedBalance, examples.RELEASED),
    description="What was captured before stays captured.",
    parameters=(_HOLD_ID, IDEMPOTENCY_KEY),
    bodies=(documents.ReleaseRequest,),
    examples={"release": examples.RELEASE},
    scopes=(WRITE_HOLDS,),
)

HOLDS = Operation(
    HOLDS_TAG,
    "List an account's holds",
    _shown("Newest first, page by page.", Page[documents.CardHold], examples.HOLDS),
    parameters=(
        Parameter(
            "accountId",
            "query",
            "The account's accountId, id or number.",
            documents.Text,
            is_required=True,
            example="321654987",
        ),
        Parameter("status", "query", "Only those that have this status.", documents.HoldStatus),
        Parameter("fromDate", "query", "Placed then or later: an instant, or a UTC day."),
        Parameter("toDate", "query", "Placed then or before: an instant, or a UTC day."),
        Parameter("page", "query", "Which page, from 0.", Annotated[int, Meta(ge=0, le=NUMBER_MAX)]),
        Parameter(
            "size", "query", "How many on a page; 20 if left out.", Annotated[int, Meta(ge=1, le=SIZE_MAX)]
        ),
        MIN_POSITION,
    ),
    scopes=(READ_HOLDS,),
)
