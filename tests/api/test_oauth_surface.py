"""The authorization server as it is served: both prefixes, plain bodies for all that is refused."""

import httpx
import pytest

from tests.oauth_scene import asked, challenge, csrf_of, sent_back
from tests.sandbox_service import SandboxService

CREDENTIALS = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
VERIFIER = "x" * 60


@pytest.mark.parametrize("prefix", ["", "/backoffice/v1"])
def test_refusals_of_the_service_itself_have_plain_bodies(
    running_sandbox: SandboxService, prefix: str
) -> None:
    """Unknown paths, other methods, bodies that are too large: RFC 6749's two members."""
    http = running_sandbox.http
    for response, status in (
        (http.get(f"{prefix}/oauth/no-such"), 404),
        (http.get(f"{prefix}/oauth/token"), 405),
        (http.delete(f"{prefix}/oauth/authorize"), 405),
        (http.post(f"{prefix}/oauth/token", content=b"a=" + b"x" * 2_000_000), 413),
    ):
        assert response.status_code == status
        assert response.json().keys() == {"error", "error_description"}
        assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize("prefix", ["", "/backoffice/v1"])
def test_the_documented_requests_work(sandbox: SandboxService, prefix: str) -> None:
    """A token for the client itself; a user's, refreshed, used and revoked."""
    http = sandbox.http
    form = CREDENTIALS | {"grant_type": "client_credentials", "scope": "banking.read banking.write"}
    answer = http.post(f"{prefix}/oauth/token", data=form).json()
    assert (answer["scope"], answer["expires_in"]) == ("banking.read banking.write", 3600)
    with httpx.Client(base_url=sandbox.url, timeout=30) as browser:
        page = f"{prefix}/oauth/authorize"
        parameters = asked(code_challenge=challenge(VERIFIER), redirect_uri="http://localhost:5173/callback")
        fields = {"email": "Demo@Example.com", "password": "sandbox-password", "action": "sign_in"}
        csrf = csrf_of(browser.get(page, params=parameters).text)
        answered = browser.post(page, params=parameters, data=fields | {"csrf": csrf}, follow_redirects=True)
        assert "Allow access?" in answered.text
        allowed = {"csrf": csrf_of(answered.text), "action": "allow"}
        code = sent_back(browser.post(page, params=parameters, data=allowed))["code"]
    redeemed = http.post(
        f"{prefix}/oauth/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost:5173/callback",
            "code_verifier": VERIFIER,
        },
        auth=("sandbox", "sandbox-secret"),
    ).json()
    refreshed = http.post(
        f"{prefix}/oauth/refresh", data=CREDENTIALS | {"refresh_token": redeemed["refresh_token"]}
    ).json()

    def balance(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return http.get("/api/accounts/test_checking_123/balance", headers=headers).status_code

    assert balance(redeemed["access_token"]) == balance(refreshed["access_token"]) == 200
    revoked = http.post(f"{prefix}/oauth/revoke", data=CREDENTIALS | {"token": refreshed["access_token"]})
    assert revoked.status_code == 200
    assert (balance(redeemed["access_token"]), balance(refreshed["access_token"])) == (200, 401)
    http.post(f"{prefix}/oauth/revoke", data=CREDENTIALS | {"token": refreshed["refresh_token"]})
    assert balance(redeemed["access_token"]) == 401


def test_a_teller_gets_what_a_teller_may(sandbox: SandboxService) -> None:
    with httpx.Client(base_url=sandbox.url, timeout=30) as browser:
        for scope, wanted in (("banking.read", "code"), ("banking.admin", "error")):
            parameters = asked(scope=scope)
            fields = {"email": "teller@example.com", "password": "sandbox-password", "action": "sign_in"}
            page = browser.get("/oauth/authorize", params=parameters)
            if "password" in page.text:
                sent = fields | {"csrf": csrf_of(page.text)}
                page = browser.post("/oauth/authorize", params=parameters, data=sent)
                page = browser.get("/oauth/authorize", params=parameters)
            if page.status_code == 200:
                allowed = {"csrf": csrf_of(page.text), "action": "allow"}
                page = browser.post("/oauth/authorize", params=parameters, data=allowed)
            assert wanted in sent_back(page)
