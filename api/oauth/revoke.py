"""The revocation endpoint (RFC 7009): a client gives back what it no longer needs.

Authlib's answers another client's token with an error; here it is answered like one that never was.
"""

from datetime import UTC, datetime

from litestar import Response, post

from api.oauth import operations
from api.oauth.client_authentication import authenticate, read_credentials
from api.oauth.errors import OAuthError, answer, answer_error, unavailable
from api.oauth.forms import OAuthRequest, read_form
from application.access import Claims, InvalidToken, OAuthClient
from application.store import StoreUnavailable
from infrastructure.refresh_tokens import RefreshToken


@post(["/oauth/revoke", "/backoffice/v1/oauth/revoke"], status_code=200, operation=operations.REVOKE)
async def revoke(request: OAuthRequest) -> Response[bytes]:
    try:
        form = await read_form(request)
        client = await authenticate(request, read_credentials(request, form))
        if "token" not in form:
            raise OAuthError("invalid_request", "token is missing")
        await _end(request, client, form["token"])
    except OAuthError as error:
        return answer_error(error)
    except StoreUnavailable:
        return answer_error(unavailable())
    return answer({})


ROUTES = (revoke,)


async def _end(request: OAuthRequest, client: OAuthClient, token: str) -> None:
    """Ends the token where it is the client's: a refresh token with all that came from the same code.

    `token_type_hint` is not needed to tell the two kinds apart.
    """
    services = request.app.state.services
    found: RefreshToken | None = await services.refresh_tokens.find(token)
    if found is not None:
        if (found.tenant, found.client_id) == (client.tenant, client.client_id):
            await services.revocations.end_family(found.tenant, found.family)
        return
    try:
        claims: Claims = await services.tokens.verify_slowly(token, services.clock.now())
    except InvalidToken:
        return
    if (claims.tenant, claims.client_id) == (client.tenant, client.client_id):
        expires_at = datetime.fromtimestamp(claims.expires_at, UTC)
        await services.revocations.end_token(claims.tenant, claims.token_id, expires_at)
