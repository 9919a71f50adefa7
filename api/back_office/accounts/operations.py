"""The routes of accounts as the OpenAPI document describes them."""

from decimal import Decimal

from api.back_office import documents as shared
from api.back_office.accounts.documents import (
    AccountChange,
    AccountClosing,
    AccountRequest,
    AccountShown,
    AccountType,
    Status,
)
from api.back_office.documents import BANKING_READ, BANKING_WRITE, IDEMPOTENCY_KEY, MIN_POSITION
from api.operations import Operation, Parameter
from projections.account_pages import SORTS

TAG = "Back office accounts"

ACCOUNTS = "/backoffice/v1/accounts"
ACCOUNT = ACCOUNTS + "/{accountId:str}"
CLOSING = ACCOUNT + "/close"

_REQUEST = {"customer_id": "user_demo", "account_type": "savings", "currency": "USD", "nickname": "Holidays"}
_ACCOUNT = {
    "id": "acct_5f0c3a9be1d24776a80c",
    "account_number": "4123456789",
    "customer_id": "user_demo",
    "account_type": "savings",
    "currency": "USD",
    "balance": Decimal("1250.00"),
    "available_balance": Decimal("1250.00"),
    "overdraft_limit": Decimal("0.00"),
    "nickname": "Holidays",
    "status": "active",
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
    "closed_at": None,
    "accountId": 412345678901232,
    "accountSpaceId": 654987321,
}

_ID = Parameter(
    "accountId",
    "path",
    "The account's id, number or accountId.",
    is_required=True,
    example="test_checking_123",
)

CREATE = Operation(
    TAG,
    "Create an account",
    shared.done("It is open.", AccountShown, _ACCOUNT, status=201),
    description="For any customer or user of the bank, who owns it on the other surfaces, too.",
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(AccountRequest,),
    examples={"savings": _REQUEST},
    scopes=BANKING_WRITE,
)

LIST = Operation(
    TAG,
    "List accounts",
    shared.listed("With their balances.", AccountShown, _ACCOUNT),
    parameters=(
        Parameter("customer_id", "query", "Only those of the customer."),
        Parameter("account_type", "query", "Only those of that type.", AccountType),
        Parameter("currency", "query", "Only those in that currency."),
        Parameter("status", "query", "Only those of that status.", Status),
        *shared.page_parameters(*SORTS),
    ),
    scopes=BANKING_READ,
)

SHOW = Operation(
    TAG,
    "Show an account",
    shared.shown("With its balance.", AccountShown, _ACCOUNT),
    parameters=(_ID, MIN_POSITION),
    scopes=BANKING_READ,
)

CHANGE = Operation(
    TAG,
    "Change an account",
    shared.done("The account after the change.", AccountShown, _ACCOUNT),
    description="A frozen account takes credits, and refuses debits. What is not named stays.",
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(AccountChange,),
    examples={
        "freeze": {"status": "frozen", "reason": "Card lost"},
        "limit": {"overdraft_limit": Decimal("500.00")},
    },
    scopes=BANKING_WRITE,
)

CLOSE = Operation(
    TAG,
    "Close an account",
    shared.done("It is closed, now or since before.", AccountShown, _ACCOUNT | {"status": "closed"}),
    description="Refused while there is money on it, or a hold.",
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(AccountClosing,),
    examples={"reason": {"reason": "Asked for by the customer"}},
    is_body_required=False,
    scopes=BANKING_WRITE,
)
