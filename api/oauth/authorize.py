"""The authorization endpoint (RFC 6749 3.1): a user signs in and allows or denies what a client asks for.

Nothing is ever sent to an address that is not the client's: until that is known, what is wrong is said on a
page. All that the pages send is checked again from the request itself, which the forms repeat.
"""

from collections.abc import Mapping
from typing import Any

from authlib.common.urls import add_params_to_uri
from litestar import Response, get, post

from api.oauth import operations, pages
from api.oauth.browser_sessions import Browser, browser_of, comes_from_elsewhere
from api.oauth.client_authentication import address_of
from api.oauth.errors import OAuthError
from api.oauth.forms import OAuthRequest, read_form, read_pairs
from api.oauth.grants import Asked, NotAsked, grantable, read_authorization_request
from api.oauth.metadata import issuer_of
from application.access import SignInUser, TooManySecretChecks
from application.store import StoreUnavailable
from infrastructure.sign_in import TooManyAttempts, WrongCredentials
from infrastructure.sign_in_sessions import SignedIn

PATHS = ["/oauth/authorize", "/backoffice/v1/oauth/authorize"]

_WRONG = "The e-mail address or the password is wrong."
_WRONG_CODE = "The code is wrong, or was used before."
_STALE = "This page was open for too long. Try again."
_BUSY = "The service is busy. Try again in a moment."
_REFUSED = "The request cannot be shown"


@get(PATHS, operation=operations.AUTHORIZE)
async def authorize(request: OAuthRequest) -> Response[Any]:
    try:
        asked = await _asked(request)
        browser = browser_of(request)
        return await _next_page(request, asked, browser)
    except NotAsked as error:
        return _not_asked(request, error, 302)
    except StoreUnavailable:
        return _busy()


@post(PATHS, status_code=200, operation=operations.ANSWER_PAGE)
async def answer_page(request: OAuthRequest) -> Response[Any]:
    try:
        asked = await _asked(request)
        form = await read_form(request)
        browser = browser_of(request)
        if comes_from_elsewhere(request) or not browser.is_csrf(form.get("csrf", "")):
            page = pages.sign_in(_name(asked), browser.csrf, alert=_STALE)
            return _shown(page, asked, browser, 403)
        return await _step(request, asked, browser, form)
    except NotAsked as error:
        return _not_asked(request, error, 303)
    except OAuthError as error:
        return pages.answer_page(pages.problem(_REFUSED, error.description), error.status)
    except (StoreUnavailable, TooManySecretChecks):
        return _busy()


ROUTES = (authorize, answer_page)


async def _asked(request: OAuthRequest) -> Asked:
    try:
        pairs = read_pairs(request.scope["query_string"].decode("ascii"))
    except ValueError:
        raise NotAsked("invalid_request", "The query string is not valid", None, None) from None
    client_id = dict(pairs).get("client_id", "")
    return read_authorization_request(pairs, await request.app.state.services.oauth_clients.find(client_id))


async def _step(
    request: OAuthRequest, asked: Asked, browser: Browser, form: Mapping[str, str]
) -> Response[Any]:
    match form.get("action"):
        case "sign_in":
            return await _sign_in(request, asked, browser, form)
        case "code":
            return await _check_code(request, asked, browser, form)
        case "sign_out":
            await request.app.state.services.sign_in_sessions.end(browser.cookie)
            return _again(request, browser)
        case "allow":
            return await _allow(request, asked, browser)
        case "deny":
            return _redirect(request, asked.redirect_uri, asked.state, 303, error="access_denied")
        case _:
            raise OAuthError("invalid_request", "The form is not one of this page's")


async def _sign_in(
    request: OAuthRequest, asked: Asked, browser: Browser, form: Mapping[str, str]
) -> Response[Any]:
    services, now = request.app.state.services, request.app.state.services.clock.now()
    email, tenant = form.get("email", ""), asked.client.tenant
    try:
        user: SignInUser = await services.sign_in.with_password(
            tenant, email, form.get("password", ""), str(address_of(request)), now
        )
    except WrongCredentials:
        page = pages.sign_in(_name(asked), browser.csrf, email=email, alert=_WRONG)
        return _shown(page, asked, browser, 400)
    except TooManyAttempts as error:
        page = pages.sign_in(_name(asked), browser.csrf, email=email, alert=_later(error))
        return _shown(page, asked, browser, 429, {"Retry-After": str(error.retry_after_seconds)})
    who = SignedIn(tenant, user.user_id, owes_code=user.totp_secret is not None)
    return await _begin(request, browser, who)


async def _check_code(
    request: OAuthRequest, asked: Asked, browser: Browser, form: Mapping[str, str]
) -> Response[Any]:
    services, now = request.app.state.services, request.app.state.services.clock.now()
    who, user = await _signed_in(request, asked, browser)
    if who is None or user is None:
        return _again(request, browser)
    try:
        await services.sign_in.with_code(
            who.tenant, user, form.get("code", ""), str(address_of(request)), now
        )
    except WrongCredentials:
        return _shown(pages.code(browser.csrf, alert=_WRONG_CODE), asked, browser, 400)
    except TooManyAttempts as error:
        page = pages.code(browser.csrf, alert=_later(error))
        return _shown(page, asked, browser, 429, {"Retry-After": str(error.retry_after_seconds)})
    return await _begin(request, browser, who._replace(owes_code=False))


async def _allow(request: OAuthRequest, asked: Asked, browser: Browser) -> Response[Any]:
    who, user = await _signed_in(request, asked, browser)
    if who is None or user is None or who.owes_code:
        return _again(request, browser)
    scopes = grantable(user, asked)
    if scopes is None:
        return _redirect(request, asked.redirect_uri, asked.state, 303, error="invalid_scope")
    services = request.app.state.services
    code = await services.authorization_codes.issue(
        tenant=who.tenant,
        client_id=asked.client.client_id,
        subject=user.user_id,
        scope=" ".join(scopes),
        redirect_uri=asked.redirect_uri_given,
        code_challenge=asked.code_challenge,
        now=services.clock.now(),
    )
    return _redirect(request, asked.redirect_uri, asked.state, 303, code=code)


async def _next_page(request: OAuthRequest, asked: Asked, browser: Browser) -> Response[Any]:
    who, user = await _signed_in(request, asked, browser)
    if who is None or user is None:
        return _shown(pages.sign_in(_name(asked), browser.csrf), asked, browser)
    if who.owes_code:
        return _shown(pages.code(browser.csrf), asked, browser)
    scopes = grantable(user, asked)
    if scopes is None:
        return _redirect(request, asked.redirect_uri, asked.state, 302, error="invalid_scope")
    page = pages.consent(_name(asked), browser.csrf, scopes, asked.redirect_uri)
    return _shown(page, asked, browser)


async def _signed_in(
    request: OAuthRequest, asked: Asked, browser: Browser
) -> tuple[SignedIn | None, SignInUser | None]:
    """Who is signed in at the client's bank and still may be."""
    if browser.is_new:
        return None, None
    services = request.app.state.services
    who: SignedIn | None = await services.sign_in_sessions.find(browser.cookie, services.clock.now())
    if who is None or who.tenant != asked.client.tenant:
        return None, None
    user: SignInUser | None = await services.sign_in_users.find(who.tenant, who.subject)
    return who, user if user is not None and user.is_active else None


async def _begin(request: OAuthRequest, browser: Browser, who: SignedIn) -> Response[Any]:
    """A session of its own for each step: a cookie that was known before is worth nothing after it."""
    sessions = request.app.state.services.sign_in_sessions
    cookie = await sessions.begin(who, request.app.state.services.clock.now())
    await sessions.end(browser.cookie)
    return _again(request, browser.with_cookie(cookie))


def _again(request: OAuthRequest, browser: Browser) -> Response[Any]:
    """To the page that comes next, by GET, so that reloading it sends nothing twice."""
    path = PATHS[1] if request.scope["path"].startswith("/backoffice") else PATHS[0]
    query = request.scope["query_string"].decode("ascii")
    headers = pages.security_headers() | {"Location": f"{path}?{query}"}
    return Response("", status_code=303, headers=headers, cookies=browser.cookies())


def _shown(
    page: str, asked: Asked, browser: Browser, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[Any]:
    response = pages.answer_page(page, status, asked.redirect_uri, headers)
    response.cookies.extend(browser.cookies())
    return response


def _not_asked(request: OAuthRequest, error: NotAsked, status: int) -> Response[Any]:
    if error.redirect_uri is None:
        return pages.answer_page(pages.problem(_REFUSED, f"{error.description}."), 400)
    return _redirect(request, error.redirect_uri, error.state, status, error=error.error)


def _redirect(
    request: OAuthRequest, redirect_uri: str, state: str | None, status: int, **parameters: str
) -> Response[Any]:
    """Back to the client. `iss` keeps it from taking another server's answer for ours (RFC 9207)."""
    given = {**parameters, **({} if state is None else {"state": state}), "iss": issuer_of(request)}
    location = add_params_to_uri(redirect_uri, list(given.items()))
    return Response("", status_code=status, headers=pages.security_headers() | {"Location": location})


def _busy() -> Response[Any]:
    return pages.answer_page(pages.problem("Try again", _BUSY), 503, headers={"Retry-After": "1"})


def _later(error: TooManyAttempts) -> str:
    minutes = -(-error.retry_after_seconds // 60)
    return f"There were too many attempts. Try again in {minutes} minute{'' if minutes == 1 else 's'}."


def _name(asked: Asked) -> str:
    return asked.client.name or asked.client.client_id
