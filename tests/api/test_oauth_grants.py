"""Whatever is sent, it is granted by the rules or refused by name; nothing leads to a stranger's address."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.oauth.errors import OAuthError
from api.oauth.grants import Asked, Fetched, NotAsked, decide, is_redirect_uri_of, read_authorization_request
from application.access import OAuthClient, SignInUser
from domain.clients import GRANT_TYPES
from infrastructure.authorization_codes import AuthorizationCode
from infrastructure.refresh_tokens import RefreshToken
from tests.oauth_scene import CALLBACK, NOW, TENANT, VERIFIER, asked, challenge

CLIENT = OAuthClient(
    "sandbox",
    TENANT,
    frozenset({"transfers", "gl.read"}),
    grant_types=frozenset(GRANT_TYPES),
    redirect_uris=("http://127.0.0.1/callback", "https://app.example/callback"),
)
USER = SignInUser("user_demo", "customer", is_active=True)
CODE = AuthorizationCode(
    "f", TENANT, "sandbox", "user_demo", "transfers", CALLBACK, challenge(), NOW + timedelta(minutes=1)
)
REFRESH = RefreshToken("f", TENANT, "sandbox", "user_demo", "transfers", False, CODE.expires_at, None)

names = st.sampled_from([*asked(), "prompt", "request"])
values = st.one_of(
    st.text(max_size=60),
    st.sampled_from([*asked().values(), "token", "code token", "plain", "https://app.example/callback"]),
    st.from_regex(r"https?://[a-z0-9.@:\[\]/\\?#]{0,40}", fullmatch=True),
)


@given(st.dictionaries(names, values), st.lists(st.tuples(names, values), max_size=3))
def test_any_authorization_request_is_asked_or_not(
    changes: dict[str, str], extra: list[tuple[str, str]]
) -> None:
    pairs = [*(asked() | changes).items(), *extra]
    try:
        read = read_authorization_request(pairs, CLIENT)
    except NotAsked as refusal:
        assert refusal.error.isidentifier() and refusal.description.isascii()
        assert refusal.redirect_uri is None or is_redirect_uri_of(CLIENT, refusal.redirect_uri)
    else:
        assert isinstance(read, Asked)
        assert is_redirect_uri_of(CLIENT, read.redirect_uri)
        assert CLIENT.scopes.issuperset(read.scopes) and read.scopes
        assert len(read.code_challenge) >= 43


@given(st.lists(st.tuples(names, values), max_size=8))
def test_an_unknown_client_is_never_sent_anywhere(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(NotAsked) as refusal:
        read_authorization_request(pairs, None)
    assert refusal.value.redirect_uri is None


forms = st.dictionaries(
    st.sampled_from(["scope", "code", "redirect_uri", "code_verifier", "refresh_token", "state"]),
    st.one_of(
        st.text(min_size=1, max_size=80), st.sampled_from([VERIFIER, CALLBACK, "transfers", "gl.read"])
    ),
)


@given(forms, st.sampled_from(GRANT_TYPES))
def test_any_token_request_is_granted_by_the_rules_or_refused(form: dict[str, str], grant_type: str) -> None:
    fetched = Fetched(CLIENT, NOW, code=CODE, refresh_token=REFRESH, user=USER)
    try:
        granted = decide(form | {"grant_type": grant_type}, fetched)
    except OAuthError as refusal:
        assert refusal.error.isidentifier() and refusal.status == 400
        return
    assert granted.scopes
    if grant_type == "client_credentials":
        assert granted.subject == "sandbox" and CLIENT.scopes.issuperset(granted.scopes)
        return
    assert (granted.subject, granted.scopes) == ("user_demo", ("transfers",))
    assert granted.roles == {"customer"}
    if grant_type == "authorization_code":
        assert (form["code_verifier"], form["redirect_uri"]) == (VERIFIER, CALLBACK)
        assert "code" in form
    else:
        assert "refresh_token" in form


@pytest.mark.parametrize(
    "change",
    [
        {"code": CODE._replace(expires_at=NOW), "refresh_token": REFRESH._replace(expires_at=NOW)},
        {"code": CODE._replace(client_id="other"), "refresh_token": REFRESH._replace(client_id="other")},
        {"code": CODE._replace(tenant="other"), "refresh_token": REFRESH._replace(tenant="other")},
        {"code": CODE._replace(scope="gl.read"), "refresh_token": REFRESH._replace(scope="gl.read")},
        {"code": None, "refresh_token": None},
        {"user": None},
        {"user": SignInUser("user_demo", "customer", is_active=False)},
        {"user": SignInUser("user_demo", "no such role", is_active=True)},
    ],
)
def test_what_is_not_good_any_more_grants_nothing(change: dict[str, Any]) -> None:
    fetched = Fetched(CLIENT, NOW, code=CODE, refresh_token=REFRESH, user=USER)._replace(**change)
    redeeming = {"code": "c", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    for form in (
        redeeming | {"grant_type": "authorization_code"},
        {"grant_type": "refresh_token", "refresh_token": "r"},
    ):
        with pytest.raises(OAuthError) as refusal:
            decide(form, fetched)
        assert refusal.value.error == "invalid_grant"
