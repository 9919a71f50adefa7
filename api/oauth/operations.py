"""The authorization server's routes as the OpenAPI document describes them."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from api.operations import Answer, ErrorBody, Operation, Parameter, refusals

TAG = "OAuth"
FORM = "application/x-www-form-urlencoded"
HTML = "text/html"

GrantType = Literal["client_credentials", "authorization_code", "refresh_token"]


class TokenRequest(Struct, kw_only=True):
    """RFC 6749 4.1.3, 4.4 and 6. The client's credentials may come in an `Authorization: Basic` header
    instead."""

    grant_type: GrantType
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    redirect_uri: str | UnsetType = UNSET
    code_verifier: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET


class RefreshRequest(Struct, kw_only=True):
    """RFC 6749 6."""

    refresh_token: str
    grant_type: GrantType = "refresh_token"
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET


class RevocationRequest(Struct, kw_only=True):
    """RFC 7009 2.1."""

    token: str
    token_type_hint: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET


class TokenAnswer(Struct, kw_only=True):
    """RFC 6749 5.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class Revoked(Struct):
    """Nothing to say: what was to end has ended."""


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
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    scopes_supported: list[str]


_CREDENTIALS = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
_TOKENS = {
    200: Answer(
        "The token, and the scopes that it has.",
        TokenAnswer,
        {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 3600, "scope": "accounts.read"},
    ),
    **refusals(OAuthErrorBody, 400, 401, 403, 413, 503),
    **refusals(ErrorBody, 500),
}

TOKEN = Operation(
    TAG,
    "Get an access token for a client",
    _TOKENS,
    description=(
        "For the client itself (`client_credentials`; without `scope`, all of its own), for a user who"
        " allowed it at the authorization endpoint (`authorization_code` with its PKCE verifier), or again"
        " for that user (`refresh_token`, which is used once and replaced)."
    ),
    bodies=(TokenRequest,),
    examples={
        "client_credentials": {"grant_type": "client_credentials", **_CREDENTIALS, "scope": "transfers"}
    },
    media_type=FORM,
)

REFRESH = Operation(
    TAG,
    "Refresh an access token",
    _TOKENS,
    description="The token endpoint again, where the grant type may be left out.",
    bodies=(RefreshRequest,),
    media_type=FORM,
)

REVOKE = Operation(
    TAG,
    "Revoke a token",
    {
        200: Answer("It has ended on every process, if it was the client's own.", Revoked, {}),
        **refusals(OAuthErrorBody, 400, 401, 403, 413, 503),
        **refusals(ErrorBody, 500),
    },
    description="A refresh token ends with every token that came from the same authorization.",
    bodies=(RevocationRequest,),
    media_type=FORM,
)

_ASKED = (
    Parameter("response_type", "query", "Always `code`.", Literal["code"], True),
    Parameter("client_id", "query", "Who asks.", str, True),
    Parameter("redirect_uri", "query", "One of the client's own; a loopback address on any port.", str),
    Parameter("scope", "query", "What is asked for, separated by blanks.", str),
    Parameter("state", "query", "Comes back as it was sent.", str),
    Parameter("code_challenge", "query", "PKCE (RFC 7636).", str, True),
    Parameter("code_challenge_method", "query", "Always `S256`.", Literal["S256"], True),
)
_PAGES = {
    302: Answer("Back to the client, with a code or an error.", headers=("Location",)),
    303: Answer("On to the next step, or back to the client.", headers=("Location",)),
    400: Answer("A page that says what is wrong.", str, media_type=HTML),
    403: Answer("A page that says what is wrong.", str, media_type=HTML),
    413: Answer("A page that says what is wrong.", str, media_type=HTML),
    429: Answer("A page: too many attempts.", str, media_type=HTML, headers=("Retry-After",)),
    503: Answer("A page: try again.", str, media_type=HTML, headers=("Retry-After",)),
    **refusals(ErrorBody, 500),
}

AUTHORIZE = Operation(
    TAG,
    "Ask a user for consent",
    {200: Answer("The page to sign in, or to allow or deny.", str, media_type=HTML), **_PAGES},
    description="For the user's browser (RFC 6749 4.1.1). PKCE is required.",
    parameters=_ASKED,
)


class SignInForm(Struct, kw_only=True):
    """What the page's own forms send."""

    csrf: str
    action: str
    email: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


ANSWER_PAGE = Operation(
    TAG,
    "Sign in, allow or deny",
    _PAGES,
    description="Sent by the page's own forms.",
    parameters=_ASKED,
    bodies=(SignInForm,),
    media_type=FORM,
)

KEYS = Operation(TAG, "The keys that verify access tokens", {200: Answer("The key set.", KeySet)})

METADATA = Operation(
    TAG, "What the authorization server can do", {200: Answer("Its metadata.", ServerMetadata)}
)
