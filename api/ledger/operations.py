"""The ledger surface's routes as the OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.ledger import documents
from api.ledger.admission import READ_SCOPES, WRITE_SCOPE
from api.operations import WITH_TOKEN, Answer, ErrorBody, Operation, Parameter, refusals

TAG = "Ledger"

_Position = Annotated[int, Meta(ge=0, lt=10**18)]
_Limit = Annotated[int, Meta(ge=1, le=1_000)]

MIN_POSITION = Parameter(
    "X-Min-Position",
    "header",
    "Wait until the answer shows at least this position of the ledger; 503 where that takes too long.",
    _Position,
)
_AFTER = Parameter("after", "query", "Only what comes after this position.", _Position)
_LIMIT = Parameter("limit", "query", "How many at most.", _Limit)
_FROM = Parameter("from", "query", "A UTC day or an instant, inclusive.", example="2025-10-20")
_TO = Parameter("to", "query", "A UTC day or an instant, inclusive.", example="2025-10-21T12:00:00Z")
_EFFECTIVE_AT = Parameter("effective_at", "query", "What counted at this instant; now.", datetime)
_KNOWN_AT = Parameter("known_at", "query", "As it was known at this instant; now.", datetime)
_ACCOUNT_CODE = Parameter("account_code", "query", "Only this code.", example="1000-CASH")
_IDENTIFIER = Parameter(
    "identifier",
    "path",
    "The account's id, number or accountId.",
    is_required=True,
    example="test_checking_123",
)
_REFUSALS = refusals(ErrorBody, 400, *WITH_TOKEN)
_REFUSALS_OF_ONE = refusals(ErrorBody, 400, 404, *WITH_TOKEN)

EVENTS = Operation(
    TAG,
    "Read the log",
    {200: Answer("Oldest first.", documents.Events), **_REFUSALS},
    description=(
        "With `Accept: application/x-ndjson` all of it, one event a line; with `Accept: text/event-stream` it"
        " goes on live. `from` and `to` are times of recording."
    ),
    parameters=(
        _AFTER,
        _LIMIT,
        Parameter("stream", "query", "Only this stream.", example="account-test_checking_123"),
        Parameter("category", "query", "Only streams of this category.", example="account"),
        Parameter("topic", "query", "Only events of this topic.", example="account.debited"),
        _FROM,
        _TO,
        MIN_POSITION,
    ),
    scopes=READ_SCOPES,
)
STREAM = Operation(
    TAG,
    "Read one stream and what it folds to",
    {200: Answer("The events, and the state after them.", documents.StreamAndState), **_REFUSALS_OF_ONE},
    parameters=(
        Parameter("stream", "path", "The stream.", is_required=True, example="account-test_checking_123"),
        Parameter("at_version", "query", "No event after this version.", Annotated[int, Meta(ge=1)]),
        Parameter("at", "query", "No event recorded after this instant.", datetime),
        Parameter("after", "query", "List only events after this version.", _Position),
        _LIMIT,
        MIN_POSITION,
    ),
    scopes=READ_SCOPES,
)
BALANCE = Operation(
    TAG,
    "Read a balance at any instant",
    {200: Answer("Effective then as known then.", documents.BalanceAsOf), **_REFUSALS_OF_ONE},
    parameters=(_IDENTIFIER, _EFFECTIVE_AT, _KNOWN_AT, MIN_POSITION),
    scopes=READ_SCOPES,
)
STATEMENT = Operation(
    TAG,
    "Read an account's statement",
    {200: Answer("In order of effective time.", documents.Statement), **_REFUSALS_OF_ONE},
    description="With `Accept: text/csv` a table, whole unless a limit is given.",
    parameters=(
        _IDENTIFIER,
        _FROM,
        _TO,
        Parameter("cursor", "query", "The `next_cursor` of the page before."),
        _LIMIT,
        MIN_POSITION,
    ),
    scopes=READ_SCOPES,
)
TRIAL_BALANCE = Operation(
    TAG,
    "Read the trial balance at any instant",
    {200: Answer("Debit equals credit in every currency.", documents.TrialBalance), **_REFUSALS},
    parameters=(_EFFECTIVE_AT, _KNOWN_AT, MIN_POSITION),
    scopes=READ_SCOPES,
)
JOURNAL = Operation(
    TAG,
    "Read the journal",
    {200: Answer("Oldest first; whole entries of two lines.", documents.Journal), **_REFUSALS_OF_ONE},
    description="With `Accept: text/csv` a table, whole unless a limit is given.",
    parameters=(_FROM, _TO, _ACCOUNT_CODE, _AFTER, _LIMIT, MIN_POSITION),
    scopes=READ_SCOPES,
)
GENERAL_LEDGER = Operation(
    TAG,
    "Read the general ledger",
    {200: Answer("By code, currency and effective day.", documents.GeneralLedger), **_REFUSALS_OF_ONE},
    parameters=(_FROM, _TO, _ACCOUNT_CODE, MIN_POSITION),
    scopes=READ_SCOPES,
)
CHART = Operation(
    TAG,
    "Read the chart of accounts",
    {200: Answer("In order of code.", documents.Chart), **_REFUSALS},
    parameters=(MIN_POSITION,),
    scopes=READ_SCOPES,
)
ADD_TO_CHART = Operation(
    TAG,
    "Add an account code",
    {
        201: Answer("It is in the chart.", documents.ChartEntry, headers=("X-Ledger-Position",)),
        **refusals(ErrorBody, 400, 409, 413, 415, *WITH_TOKEN),
    },
    description="A code never changes its meaning: the same code with other content is refused.",
    parameters=(Parameter("Idempotency-Key", "header", "Answers the same request the same again."),),
    bodies=(documents.NewAccountCode,),
    examples={
        "petty cash": {"account_code": "1300-PETTY-CASH", "account_name": "Petty Cash", "type": "asset"}
    },
    scopes=(WRITE_SCOPE,),
)
CLOSE_PERIOD = Operation(
    TAG,
    "Close a period",
    {
        200: Answer(
            "It is closed, now or since before.", documents.PeriodShown, headers=("X-Ledger-Position",)
        ),
        **refusals(ErrorBody, 400, 409, *WITH_TOKEN),
    },
    description=(
        "A month, and all before it: nothing that counts from them is posted any more, so their trial balance"
        " stays what it is. A month that is not over yet is refused."
    ),
    parameters=(
        Parameter("period", "path", "The month.", is_required=True, example="2025-09"),
        Parameter("Idempotency-Key", "header", "Answers the same request the same again."),
    ),
    scopes=(WRITE_SCOPE,),
)
