"""The service's own routes as the OpenAPI document describes them: OAuth, health, metrics."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from api.operations import Answer, ErrorBody, Operation, refusals

OAUTH_TAG, HEALTH_TAG = "OAuth", "Health"
FORM = "application/x-www-form-urlencoded"


class TokenRequest(Struct, kw_only=True):
    """RFC 6749 4.4. The client's credentials may come in an `Authorization: Basic` header instead."""

    grant_type: Literal["client_credentials"]
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET


class TokenAnswer(Struct):
    """RFC 6749 5.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class OAuthErrorBody(Struct):
    """RFC 6749 5.2."""

    error: str
    error_description: str


class KeySet(Struct):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


class ServerMetadata(Struct):
    """Authorization server metadata (RFC 8414)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    scopes_supported: list[str]


class HealthStatus(Struct):
    status: Literal["live", "ready"]


TOKEN = Operation(
    OAUTH_TAG,
    "Get an access token for a client",
    {
        200: Answer(
            "The token, and the scopes that it has.",
            TokenAnswer,
            {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 3600, "scope": "accounts.read"},
        ),
        **refusals(OAuthErrorBody, 400, 401, 413, 503),
        **refusals(ErrorBody, 500),
    },
    description="Without `scope`, the token has all of the client's.",
    bodies=(TokenRequest,),
    examples={
        "client_credentials": {
            "grant_type": "client_credentials",
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
            "scope": "transfers",
        }
    },
    media_type=FORM,
)

KEYS = Operation(OAUTH_TAG, "The keys that verify access tokens", {200: Answer("The key set.", KeySet)})

METADATA = Operation(
    OAUTH_TAG, "What the authorization server can do", {200: Answer("Its metadata.", ServerMetadata)}
)

LIVE = Operation(
    HEALTH_TAG, "Whether the process answers", {200: Answer("It does.", HealthStatus, {"status": "live"})}
)

READY = Operation(
    HEALTH_TAG,
    "Whether money can move",
    {
        200: Answer("It can.", HealthStatus, {"status": "ready"}),
        **refusals(ErrorBody, 503),
    },
)

METRICS = Operation(
    HEALTH_TAG,
    "Metrics for Prometheus",
    {200: Answer("The text format of Prometheus.", str, media_type="text/plain")},
)
