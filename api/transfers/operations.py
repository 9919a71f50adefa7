"""The transfers surface's routes as the OpenAPI document describes them."""

from typing import Annotated

from msgspec import Meta

from api.operations import WITH_TOKEN, Answer, Operation, Parameter, refusals
from api.transfers import documents, examples
from api.transfers.documents import TransferError

TAG = "Transfers"
SCOPES = ("transfers",)

_POSITION = ("X-Ledger-Position",)
_Limit = Annotated[int, Meta(ge=1, le=200)]
_Position = Annotated[int, Meta(ge=0, lt=10**18)]

MIN_POSITION = Parameter(
    "X-Min-Position",
    "header",
    "Wait until the answer shows at least this position of the ledger; 503 where that takes too long.",
    _Position,
)
_TRANSFER_ID = Parameter(
    "transfer_id", "path", "The transfer's id.", is_required=True, example="tx_abc123def456"
)

CREATE = Operation(
    TAG,
    "Create a transfer",
    {
        201: Answer("Created.", documents.TransferCreatedAnswer, examples.CREATED, headers=_POSITION),
        200: Answer("Created before by the same request: as it is now.", documents.TransferCreatedAnswer),
        **refusals(TransferError, 400, 409, 413, 415, *WITH_TOKEN),
        400: Answer(
            "Not valid, or declined. What was declined is recorded and declined again under its key.",
            TransferError,
            examples.MISSING_FIELDS,
        ),
        429: Answer(
            "Too many requests, or a limit on transfers is used up.", TransferError, examples.USED_UP
        ),
    },
    description=(
        "Internal transfers go to any account of the bank, without a fee; interbank ones to another bank's."
        " The idempotency key never expires: the same request again gives the same transfer. Above 5,000.00"
        " the transfer waits for a second factor."
    ),
    bodies=(documents.InternalTransferRequest, documents.InterbankTransferRequest),
    examples=examples.REQUESTS,
    scopes=SCOPES,
)

LIST = Operation(
    TAG,
    "List the caller's transfers",
    {
        200: Answer("Newest first.", documents.TransferList, examples.LISTED),
        **refusals(TransferError, 400, *WITH_TOKEN),
    },
    parameters=(
        Parameter("status", "query", "Only those that have this status.", documents.Status),
        Parameter("type", "query", "Only those of this type.", documents.TransferTypeName),
        Parameter("limit", "query", "How many at most; 50 where it is left out.", _Limit, example=20),
        Parameter("cursor", "query", "The `next_cursor` of the page before.", str),
        MIN_POSITION,
    ),
    scopes=SCOPES,
)

DETAIL = Operation(
    TAG,
    "Show a transfer in full",
    {
        200: Answer(
            "The transfer, its holds, its entries on the caller's accounts and its history.",
            documents.TransferDetail,
            examples.DETAIL,
        ),
        **refusals(TransferError, 400, *WITH_TOKEN),
        404: Answer("The caller has no such transfer.", TransferError, examples.UNKNOWN_TRANSFER),
    },
    parameters=(_TRANSFER_ID, MIN_POSITION),
    scopes=SCOPES,
)

CHANGE = Operation(
    TAG,
    "Cancel a transfer, or give its second factor",
    {
        200: Answer(
            "Done.",
            (documents.TransferCancelledAnswer, documents.MfaVerifiedAnswer),
            examples.CANCELLED,
            headers=_POSITION,
        ),
        **refusals(TransferError, 400, 409, 413, 415, *WITH_TOKEN),
        404: Answer("The caller has no such transfer.", TransferError, examples.UNKNOWN_TRANSFER),
    },
    description="The fifth wrong code cancels the transfer, and so do 15 minutes without the right one.",
    parameters=(
        _TRANSFER_ID,
        Parameter(
            "Idempotency-Key",
            "header",
            "The same change under the same key has the same outcome.",
            Annotated[str, Meta(min_length=1, max_length=255)],
        ),
    ),
    bodies=(documents.CancelRequest, documents.VerifyMfaRequest),
    examples=examples.CHANGES,
    scopes=SCOPES,
)

BALANCE = Operation(
    TAG,
    "Show an account's balance",
    {
        200: Answer(
            "Posted and available balance, what is on its way, and the last ten postings.",
            documents.AccountBalance,
            examples.BALANCE,
        ),
        **refusals(TransferError, 400, *WITH_TOKEN),
        404: Answer("The caller has no such account.", TransferError, examples.UNKNOWN_ACCOUNT),
    },
    parameters=(
        Parameter(
            "account_id",
            "path",
            "The account's id, number or card account id.",
            is_required=True,
            example="test_checking_123",
        ),
        MIN_POSITION,
    ),
    scopes=SCOPES,
)
