"""The routes of transactions as the OpenAPI document describes them."""

from decimal import Decimal
from typing import Any

from api.back_office import documents as shared
from api.back_office.documents import BANKING_READ, BANKING_WRITE, IDEMPOTENCY_KEY, MIN_POSITION
from api.back_office.transactions.documents import (
    BatchRequest,
    BatchShown,
    Day,
    ReversalRequest,
    ShownType,
    Source,
    Status,
    TransactionRequest,
    TransactionShown,
)
from api.operations import Operation, Parameter
from projections.transaction_pages import SORTS

TAG = "Back office transactions"

TRANSACTIONS = "/backoffice/v1/transactions"
BATCH = TRANSACTIONS + "/batch"
TRANSACTION = TRANSACTIONS + "/{transactionId:str}"
REVERSAL = TRANSACTION + "/reverse"

_REQUEST = {
    "type": "deposit",
    "account_id": "test_checking_123",
    "amount": Decimal("250.00"),
    "description": "Cash over the counter",
}
_TRANSACTION = {
    "id": "txn_8c1f0a4be27d6f3a9e05",
    "type": "deposit",
    "status": "completed",
    "account_id": "test_checking_123",
    "to_account_id": None,
    "amount": Decimal("250.00"),
    "currency": "USD",
    "description": "Cash over the counter",
    "effective_date": "2024-01-01",
    "reversal_of": None,
    "reversed_by": None,
    "source": "back_office",
    "created_at": "2024-01-01T12:00:00Z",
}
_TRANSFER = {
    "type": "transfer",
    "account_id": "test_checking_123",
    "to_account_id": "1000000456",
    "amount": "125.50",
}
_BATCH = {
    "atomic": True,
    "posted": 1,
    "failed": 0,
    "results": [{"index": 0, "status": "completed", "transaction": _TRANSACTION, "error": None}],
}

_ID = Parameter(
    "transactionId", "path", "The transaction's id.", is_required=True, example="txn_8c1f0a4be27d6f3a9e05"
)


def _filter(name: str, description: str, schema: Any = str) -> Parameter:
    return Parameter(name, "query", description, schema)


CREATE = Operation(
    TAG,
    "Post a transaction",
    shared.done("It is posted.", TransactionShown, _TRANSACTION, status=201),
    description=(
        "Deposits and withdrawals are cash; a fee goes to the bank, interest comes from it; an adjustment is"
        " a credit unless `direction` says debit; a transfer takes from `account_id` and gives to"
        " `to_account_id`. `effective_date` may lie in the past, but not before the account was opened, nor"
        " in a closed period. What the state of the accounts refuses is listed as a failed transaction,"
        " whose id is in `error.details.transaction_id`."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(TransactionRequest,),
    examples={"deposit": _REQUEST, "transfer": _TRANSFER},
    scopes=BANKING_WRITE,
)

CREATE_BATCH = Operation(
    TAG,
    "Post many transactions at once",
    {
        **shared.shown("Some of them are posted, some failed.", BatchShown),
        **shared.done("All of them are posted.", BatchShown, _BATCH, status=201),
    },
    description=(
        "In this order, each on what those before it left. Atomic: all of them or none, and then the results"
        " are in the `details` of BATCH_FAILED. It counts as one request."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(BatchRequest,),
    examples={"two": {"atomic": True, "transactions": [_REQUEST, _TRANSFER]}},
    scopes=BANKING_WRITE,
)
REVERSE = Operation(
    TAG,
    "Reverse a transaction",
    shared.done(
        "The transaction that undoes it.",
        TransactionShown,
        _TRANSACTION | {"type": "withdrawal", "reversal_of": "txn_04d1c0de9f1a2b3c4d5e"},
        status=201,
    ),
    description=(
        "Also of a transfer (`tx_…`) that was settled: it becomes reversed, and its fee is given back. What"
        " is reversed already, or is a reversal, is refused."
    ),
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(ReversalRequest,),
    examples={"reason": {"reason": "Entered twice"}},
    is_body_required=False,
    scopes=BANKING_WRITE,
)

LIST = Operation(
    TAG,
    "List transactions",
    shared.listed("The postings of all surfaces.", TransactionShown, _TRANSACTION),
    parameters=(
        _filter("account_id", "Only those of the account, on either side."),
        _filter("type", "Only those of that type.", ShownType),
        _filter("status", "Only those of that status.", Status),
        _filter("currency", "Only those in that currency."),
        _filter("source", "Only those of that surface.", Source),
        _filter("date_from", "Created on that UTC day or later.", Day),
        _filter("date_to", "Created on that UTC day or before.", Day),
        *shared.page_parameters(*SORTS),
    ),
    scopes=BANKING_READ,
)

SHOW = Operation(
    TAG,
    "Show a transaction",
    shared.shown("Of any surface.", TransactionShown, _TRANSACTION),
    parameters=(_ID, MIN_POSITION),
    scopes=BANKING_READ,
)
