"""The token endpoint (RFC 6749 3.2): tokens for a client that proves who it is, for itself or for users."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, post

from api.oauth import operations
from api.oauth.client_authentication import authenticate, read_credentials
from api.oauth.errors import OAuthError, answer, answer_error, unavailable
from api.oauth.forms import OAuthRequest, read_form
from api.oauth.grants import Fetched, Granted, decide
from application.access import ACCESS_TOKEN_SECONDS, OAuthClient, SignInUser
from application.store import StoreUnavailable
from domain.clients import AUTHORIZATION_CODE, GRANT_TYPES, REFRESH_TOKEN
from infrastructure.authorization_codes import AuthorizationCode
from infrastructure.refresh_tokens import RefreshToken, new_refresh_token


@post(["/oauth/token", "/backoffice/v1/oauth/token"], status_code=200, operation=operations.TOKEN)
async def token(request: OAuthRequest) -> Response[bytes]:
    return await _answered(request)


@post(["/oauth/refresh", "/backoffice/v1/oauth/refresh"], status_code=200, operation=operations.REFRESH)
async def refresh(request: OAuthRequest) -> Response[bytes]:
    """The same form as the token endpoint's; where it does not say otherwise, a token is refreshed."""
    return await _answered(request, REFRESH_TOKEN)


ROUTES = (token, refresh)


async def _answered(request: OAuthRequest, default_grant_type: str | None = None) -> Response[bytes]:
    try:
        return answer(await _grant(request, default_grant_type))
    except OAuthError as error:
        return answer_error(error)
    except StoreUnavailable:
        return answer_error(unavailable())


async def _grant(request: OAuthRequest, default_grant_type: str | None) -> dict[str, Any]:
    form = await read_form(request)
    grant_type = form.setdefault("grant_type", default_grant_type or "")
    if not grant_type:
        raise OAuthError("invalid_request", "grant_type is missing")
    credentials = read_credentials(request, form)
    if grant_type not in GRANT_TYPES:
        raise OAuthError("unsupported_grant_type", f"The grant type must be one of {', '.join(GRANT_TYPES)}")
    client = await authenticate(request, credentials)
    if grant_type == AUTHORIZATION_CODE:
        return await _redeem(request, client, form)
    if grant_type == REFRESH_TOKEN:
        return await _refresh(request, client, form)
    granted = decide(form, Fetched(client, request.app.state.services.clock.now()))
    return _issued(request, client, granted)


async def _redeem(request: OAuthRequest, client: OAuthClient, form: Mapping[str, str]) -> dict[str, Any]:
    services = request.app.state.services
    code, now = form.get("code", ""), services.clock.now()
    found: AuthorizationCode | None = await services.authorization_codes.find(code)
    if found is not None and found.used_by is not None and found.client_id == client.client_id:
        # Whoever comes second, the code is in two hands (RFC 6749 4.1.2).
        await services.revocations.end_family(found.tenant, found.family)
        found = None
    granted = decide(form, Fetched(client, now, code=found, user=await _user(request, found)))
    assert found is not None, "nothing is granted for no code"
    scope = " ".join(granted.scopes)
    refresh_token = new_refresh_token() if granted.with_refresh_token else None
    if not await services.authorization_codes.redeem(code, scope, refresh_token, now):
        await services.revocations.end_family(found.tenant, found.family)
        raise _used_up()
    return _issued(request, client, granted, found.family, refresh_token)


async def _refresh(request: OAuthRequest, client: OAuthClient, form: Mapping[str, str]) -> dict[str, Any]:
    services = request.app.state.services
    old_token, now = form.get("refresh_token", ""), services.clock.now()
    found: RefreshToken | None = await services.refresh_tokens.find(old_token)
    if found is not None and found.used_by is not None and found.client_id == client.client_id:
        if not found.is_ended:
            await services.revocations.end_family(found.tenant, found.family)
        found = None
    granted = decide(form, Fetched(client, now, refresh_token=found, user=await _user(request, found)))
    assert found is not None, "nothing is granted for no token"
    refresh_token = new_refresh_token()
    if not await services.refresh_tokens.rotate(old_token, found.family, refresh_token, now):
        await services.revocations.end_family(found.tenant, found.family)
        raise _used_up()
    return _issued(request, client, granted, found.family, refresh_token)


async def _user(request: OAuthRequest, found: AuthorizationCode | RefreshToken | None) -> SignInUser | None:
    if found is None:
        return None
    user: SignInUser | None = await request.app.state.services.sign_in_users.find(found.tenant, found.subject)
    return user


def _used_up() -> OAuthError:
    return OAuthError("invalid_grant", "The code or token was used before, or has ended")


def _issued(
    request: OAuthRequest,
    client: OAuthClient,
    granted: Granted,
    family: str = "",
    refresh_token: str | None = None,
) -> dict[str, Any]:
    services = request.app.state.services
    issued = services.tokens.issue(
        subject=granted.subject,
        client_id=client.client_id,
        scopes=frozenset(granted.scopes),
        roles=granted.roles,
        tenant=client.tenant,
        lifetime_seconds=ACCESS_TOKEN_SECONDS,
        now=services.clock.now(),
        family=family,
    )
    body = {
        "access_token": issued,
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "scope": " ".join(granted.scopes),
    }
    return body if refresh_token is None else body | {"refresh_token": refresh_token}
