"""The administrative routes as the OpenAPI document describes them."""

from typing import Annotated, Any

from msgspec import Meta

from api.cards.administration import documents, examples
from api.cards.administration.access import CARDS_SCOPE, WEBHOOKS_SCOPE
from api.cards.documents import Number, Text
from api.cards.errors import CardError
from api.cards.operations import IDEMPOTENCY_KEY, MIN_POSITION, POSITION
from api.cards.pages import NUMBER_MAX, SIZE_MAX, Page
from api.operations import WITH_TOKEN, Answer, Operation, Parameter, refusals

TAG = "Card administration"
WEBHOOKS_TAG = "Card webhooks"

_CARDS, _WEBHOOKS = (CARDS_SCOPE,), (WEBHOOKS_SCOPE,)
_READING = refusals(CardError, 400, 404, *WITH_TOKEN)
_WRITING = refusals(CardError, 400, 404, 409, 413, 415, *WITH_TOKEN)
_ENDING = refusals(CardError, 400, 404, 409, *WITH_TOKEN)

_CARD_ID = Parameter("cardId", "path", "The card's number.", Number, is_required=True, example=789123456)
_PAGE = (
    Parameter("page", "query", "Which page, from 0.", Annotated[int, Meta(ge=0, le=NUMBER_MAX)]),
    Parameter(
        "size", "query", "How many on a page; 20 if left out.", Annotated[int, Meta(ge=1, le=SIZE_MAX)]
    ),
)


def _done(status: int, description: str, body: Any, example: Any) -> dict[int, Answer]:
    return {status: Answer(description, body, example, headers=POSITION), **_WRITING}


GET_LIMITS = Operation(
    TAG,
    "Show a card's limits",
    {
        200: Answer("As they are now, overrides aside.", documents.CardLimitsAnswer, examples.LIMITS),
        **_READING,
    },
    parameters=(_CARD_ID, MIN_POSITION),
    scopes=_CARDS,
)

CHANGE_LIMITS = Operation(
    TAG,
    "Change a card's limits",
    _done(200, "All limits after the change.", documents.CardLimitsAnswer, examples.CHANGED_LIMITS),
    description=(
        "What is not named stays. A named channel is replaced whole: what it leaves out is not limited there;"
        " null takes the channel's limits away. A transaction's limit is not above the day's, nor that above"
        " the month's. Amounts are in the currency of the card's account."
    ),
    parameters=(_CARD_ID, IDEMPOTENCY_KEY),
    bodies=(documents.LimitsUpdateRequest,),
    examples=examples.LIMITS_CHANGES,
    scopes=_CARDS,
)

CREATE_OVERRIDE = Operation(
    TAG,
    "Override a card's limits for a while",
    _done(201, "In force until it expires or is deleted.", documents.OverrideAnswer, examples.OVERRIDE),
    description=(
        "Replaces the card's limits of the kinds that it names, and those of its channels. Of several that"
        " name a kind the newest one counts. It has to name one at least, and to end in the future."
    ),
    parameters=(_CARD_ID, IDEMPOTENCY_KEY),
    bodies=(documents.OverrideRequest,),
    examples={"travel": examples.OVERRIDE_REQUEST},
    scopes=_CARDS,
)

LIST_OVERRIDES = Operation(
    TAG,
    "List a card's overrides",
    {
        200: Answer("Newest first, page by page.", Page[documents.OverrideAnswer], examples.OVERRIDES),
        **_READING,
    },
    parameters=(
        _CARD_ID,
        Parameter("includeExpired", "query", "Those that are over, too; deleted ones never.", bool),
        *_PAGE,
        MIN_POSITION,
    ),
    scopes=_CARDS,
)

END_OVERRIDE = Operation(
    TAG,
    "Delete an override",
    {204: Answer("From here on the limits are those without it.", headers=POSITION), **_ENDING},
    parameters=(
        Parameter("overrideId", "path", "The override's number.", Number, is_required=True, example=123456),
        IDEMPOTENCY_KEY,
    ),
    scopes=_CARDS,
)

SPENDING_SUMMARY = Operation(
    TAG,
    "Sum up what a card was used for",
    {
        200: Answer(
            "In all, by channel, by merchant category and by day.",
            documents.SpendingSummaryAnswer,
            examples.SPENDING_SUMMARY,
        ),
        **_READING,
    },
    description=(
        "Counts what the limits count: what was approved, without what was reversed, released, expired or"
        " left over, on the UTC day of its authorization. Days count whole, also where an instant of them is"
        " given. Without dates it is the current month; without the first, from the beginning of the last"
        " one's month; without the last, to the end of the current month."
    ),
    parameters=(
        _CARD_ID,
        Parameter("fromDate", "query", "The first UTC day, or an instant of it.", example="2023-05-01"),
        Parameter("toDate", "query", "The last UTC day, or an instant of it.", example="2023-05-02"),
        MIN_POSITION,
    ),
    scopes=_CARDS,
)

ISSUE_CARD = Operation(
    TAG,
    "Issue a card",
    _done(201, "Issued, and active.", documents.CardAnswer, examples.CARD),
    description="A `panHash` belongs to one card. The number itself is refused, wherever it stands.",
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(documents.CardRequest,),
    examples={"card": examples.CARD_REQUEST},
    scopes=_CARDS,
)

LIST_CARDS = Operation(
    TAG,
    "List an account's cards",
    {200: Answer("Newest first, page by page.", Page[documents.CardAnswer], examples.CARDS), **_READING},
    parameters=(
        Parameter(
            "accountId",
            "query",
            "The account's accountId, id or number.",
            Text,
            is_required=True,
            example="321654987",
        ),
        *_PAGE,
        MIN_POSITION,
    ),
    scopes=_CARDS,
)

GET_CARD = Operation(
    TAG,
    "Show a card",
    {200: Answer("The card as it is now.", documents.CardAnswer, examples.CARD), **_READING},
    parameters=(_CARD_ID, MIN_POSITION),
    scopes=_CARDS,
)

CHANGE_STATUS = Operation(
    TAG,
    "Block or unblock a card",
    _done(200, "The card after the change.", documents.CardAnswer, examples.BLOCKED_CARD),
    description="A blocked card's authorizations are declined. One that has the status already keeps it.",
    parameters=(_CARD_ID, IDEMPOTENCY_KEY),
    bodies=(documents.CardStatusRequest,),
    examples=examples.STATUS_CHANGES,
    scopes=_CARDS,
)

_WEBHOOK_ID = Parameter("webhookId", "path", "The webhook's id.", is_required=True, example="webhook-123456")

CREATE_WEBHOOK = Operation(
    WEBHOOKS_TAG,
    "Subscribe to events",
    _done(201, "Events from here on are sent.", documents.CardWebhookAnswer, examples.WEBHOOK),
    description=(
        "Each event is posted as JSON with `event`, `id`, `timestamp` and `data`, at least once, and in order"
        " for one authorization and its hold. `X-Webhook-Signature` is `sha256=` and the hexadecimal"
        " HMAC-SHA256 of the body with the secret; `X-Webhook-Id` is the same over all attempts. Outside the"
        " sandbox the receiver has to be on the public internet."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(documents.CardWebhookRequest,),
    examples={"all_events": examples.WEBHOOK_REQUEST},
    scopes=_WEBHOOKS,
)

LIST_WEBHOOKS = Operation(
    WEBHOOKS_TAG,
    "List webhooks",
    {
        200: Answer("Newest first, page by page.", Page[documents.CardWebhookAnswer], examples.WEBHOOKS),
        **_READING,
    },
    parameters=(*_PAGE, MIN_POSITION),
    scopes=_WEBHOOKS,
)

GET_WEBHOOK = Operation(
    WEBHOOKS_TAG,
    "Show a webhook",
    {200: Answer("Without its secret.", documents.CardWebhookAnswer, examples.WEBHOOK), **_READING},
    parameters=(_WEBHOOK_ID, MIN_POSITION),
    scopes=_WEBHOOKS,
)

DELETE_WEBHOOK = Operation(
    WEBHOOKS_TAG,
    "Delete a webhook",
    {204: Answer("Nothing more is sent, nor what was still to be sent.", headers=POSITION), **_ENDING},
    parameters=(_WEBHOOK_ID, IDEMPOTENCY_KEY),
    scopes=_WEBHOOKS,
)
