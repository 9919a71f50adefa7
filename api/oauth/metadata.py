"""What is published about the authorization server: its keys (RFC 7517) and what it can do (RFC 8414)."""

from typing import Any

from litestar import Request, Response, get

from api.oauth import operations
from api.oauth.errors import answer
from api.oauth.forms import OAuthRequest
from application.access import ALL_SCOPES, AccessTokens
from domain.clients import GRANT_TYPES


@get("/.well-known/jwks.json", operation=operations.KEYS)
async def key_set(request: OAuthRequest) -> Response[bytes]:
    """The public keys that access tokens are verified with."""
    tokens: AccessTokens = request.app.state.services.tokens
    # Short enough for a rotated key to be seen soon; who meets an unknown key id asks again anyhow.
    return answer(tokens.jwks(), headers={"Cache-Control": "public, max-age=300"})


@get("/.well-known/oauth-authorization-server", operation=operations.METADATA)
async def metadata(request: OAuthRequest) -> Response[bytes]:
    issuer = issuer_of(request)
    methods = ["client_secret_basic", "client_secret_post"]
    described = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": list(GRANT_TYPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": sorted(ALL_SCOPES),
    }
    return answer(described, headers={"Cache-Control": "no-store"})


ROUTES = (key_set, metadata)


def issuer_of(request: Request[Any, Any, Any]) -> str:
    return str(request.base_url).rstrip("/")
