"""The routes of clients as the OpenAPI document describes them."""

from typing import Any

from api.back_office import documents as shared
from api.back_office.clients.documents import (
    ApiKeyShown,
    ClientChange,
    ClientRequest,
    ClientShown,
    KeyKind,
    NewClientShown,
    RotationRequest,
)
from api.back_office.documents import (
    BANKING_ADMIN,
    BANKING_READ,
    IDEMPOTENCY_KEY,
    MIN_POSITION,
)
from api.operations import Answer, Operation, Parameter

TAG = "Back office clients"

CLIENTS = "/backoffice/v1/clients"
CLIENT = CLIENTS + "/{clientId:str}"
ROTATION = CLIENT + "/api-keys/{kind:str}/rotate"

_ID = Parameter(
    "clientId", "path", "The client's id.", is_required=True, example="client_9c1f0f2a7d3b4e5f6a7b"
)
_KIND_TYPE: Any = KeyKind
_KIND = Parameter("kind", "path", "Which of the client's two keys.", _KIND_TYPE, is_required=True)

_REQUEST = {
    "name": "Branch terminals",
    "scopes": ["banking.read", "banking.write"],
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "require_signing": False,
    "ip_allowlist": ["192.0.2.0/24"],
}
_CLIENT = {
    "client_id": "client_9c1f0f2a7d3b4e5f6a7b",
    **_REQUEST,
    "status": "active",
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
}
_SECRETS = {"client_secret": "shown once", "signing_secret": "shown once"}
_API_KEY = {
    "client_id": "client_9c1f0f2a7d3b4e5f6a7b",
    "kind": "primary",
    "api_key": "dbk_shown-once",
    "scopes": ["banking.read"],
    "created_at": "2024-01-01T12:00:00Z",
}


def _without_body(answers: dict[int, Answer]) -> dict[int, Answer]:
    return {status: answers[status] for status in answers if status != 415}


REGISTER = Operation(
    TAG,
    "Register a client",
    shared.done("The client with its secrets.", NewClientShown, _CLIENT | _SECRETS, status=201),
    description=(
        "Its secrets are kept only as a hash and sealed, and shown this once; a request that is repeated with"
        " its `Idempotency-Key` is answered with the same ones."
    ),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(ClientRequest,),
    examples={"terminals": _REQUEST},
    scopes=BANKING_ADMIN,
)

LIST = Operation(
    TAG,
    "List clients",
    shared.listed("Without their secrets.", ClientShown, _CLIENT),
    parameters=shared.page_parameters(),
    scopes=BANKING_READ,
)

SHOW = Operation(
    TAG,
    "Show a client",
    shared.shown("Without its secrets.", ClientShown, _CLIENT),
    parameters=(_ID, MIN_POSITION),
    scopes=BANKING_READ,
)

CHANGE = Operation(
    TAG,
    "Change a client",
    shared.done("The client after the change.", ClientShown, _CLIENT),
    description="What is not named stays. Tokens that were issued before keep the scopes that they have.",
    parameters=(_ID, IDEMPOTENCY_KEY),
    bodies=(ClientChange,),
    examples={"rename": {"name": "Branch terminals, north"}},
    scopes=BANKING_ADMIN,
)

DELETE = Operation(
    TAG,
    "Delete a client",
    _without_body(shared.done("The client as it was. All its tokens and keys have ended.", ClientShown)),
    parameters=(_ID, IDEMPOTENCY_KEY),
    scopes=BANKING_ADMIN,
)

ROTATE = Operation(
    TAG,
    "Rotate an API key",
    shared.done("The new key; the old one has ended.", ApiKeyShown, _API_KEY, status=201),
    description="A key is sent as `X-API-Key`, and opens the back office alone. It is kept only as a hash.",
    parameters=(_ID, _KIND, IDEMPOTENCY_KEY),
    bodies=(RotationRequest,),
    examples={"fewer": {"scopes": ["banking.read"]}},
    is_body_required=False,
    scopes=BANKING_ADMIN,
)
