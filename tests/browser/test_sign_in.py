"""A person signs in and allows a client, in a real browser without JavaScript and without a mouse."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.sandbox_service import SandboxService

VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
CREDENTIALS = {"client_id": "sandbox", "client_secret": "sandbox-secret"}


class ClientApp:
    """What the user comes from and is sent back to."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/callback"):
                    # As clients do: on to a page whose address has no code in it, on another host.
                    outer.visits.append(self.path)
                    self.send_response(303)
                    self.send_header("Location", outer.done)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = b"<!doctype html><title>Client</title><h1>Back at the client</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.callback = f"http://127.0.0.1:{self._server.server_port}/callback"
        self.done = f"http://localhost:{self._server.server_port}/done"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def got(self) -> dict[str, str]:
        (visit,) = self.visits
        return {name: values[0] for name, values in parse_qs(urlsplit(visit).query).items()}


@pytest.fixture
def app() -> Iterator[ClientApp]:
    app = ClientApp()
    try:
        yield app
    finally:
        app.close()


def address(sandbox: SandboxService, app: ClientApp, **changes: str) -> str:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": "sandbox",
        "redirect_uri": app.callback,
        "scope": "transfers",
        "state": "some state",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{sandbox.url}/oauth/authorize?{urlencode(asked | changes)}"


def sign_in(page: Page, email: str = "demo@example.com", password: str = "sandbox-password") -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_user_allows_a_client_by_keyboard_alone(
    sandbox: SandboxService, app: ClientApp, page: Page
) -> None:
    """From the first page, which has the cursor in its first field, to the client with a code."""
    page.goto(address(sandbox, app))
    expect(page).to_have_title("Sign in")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type("demo@example.com")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("sandbox-password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow access?")).to_be_visible()
    expect(page.get_by_text("make transfers")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Allow")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Back at the client")).to_be_visible()
    got = app.got()
    assert (got["state"], got["iss"]) == ("some state", sandbox.url)
    form = CREDENTIALS | {
        "grant_type": "authorization_code",
        "code": got["code"],
        "redirect_uri": app.callback,
        "code_verifier": VERIFIER,
    }
    token = httpx.post(f"{sandbox.url}/oauth/token", data=form).json()["access_token"]
    balance = httpx.get(
        f"{sandbox.url}/api/accounts/test_checking_123/balance", headers={"Authorization": f"Bearer {token}"}
    )
    assert balance.status_code == 200, balance.text


def test_what_went_wrong_is_said_where_it_is_heard(
    sandbox: SandboxService, app: ClientApp, page: Page
) -> None:
    """As an alert, in the title, and with the fields that it is about; the e-mail address stays."""
    page.goto(address(sandbox, app))
    sign_in(page, password="wrong")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(page).to_have_title("Error: Sign in")
    for label in ("E-mail address", "Password"):
        field = page.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_attribute("aria-describedby", "alert")
    expect(page.get_by_label("E-mail address")).to_have_value("demo@example.com")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("sandbox-password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Allow")).to_be_visible()


def test_a_user_may_say_no(sandbox: SandboxService, app: ClientApp, page: Page) -> None:
    page.goto(address(sandbox, app))
    sign_in(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Back at the client")).to_be_visible()
    assert app.got() == {"error": "access_denied", "state": "some state", "iss": sandbox.url}


def test_going_back_and_reloading_does_no_harm(sandbox: SandboxService, app: ClientApp, page: Page) -> None:
    """The sign-in page after signing in, a page of before: nothing is sent twice, nobody is stuck."""
    page.goto(address(sandbox, app))
    sign_in(page)
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    page.get_by_role("button", name="Use another account").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()
    sign_in(page, "other@example.com")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Back at the client")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Back at the client")).to_be_visible()
    codes = {parse_qs(urlsplit(visit).query)["code"][0] for visit in app.visits}
    assert len(codes) == len(app.visits) == 2


def test_another_site_cannot_show_the_page_in_a_frame(
    sandbox: SandboxService, app: ClientApp, page: Page
) -> None:
    """So nobody clicks on it without seeing it."""
    page.goto(app.callback.replace("/callback", "/"))
    page.set_content(f'<iframe src="{address(sandbox, app).replace("&", "&amp;")}"></iframe>')
    frame = page.frames[-1]
    expect(page.frame_locator("iframe").get_by_label("E-mail address")).to_have_count(0)
    assert "Sign in" not in frame.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(
    sandbox: SandboxService, app: ClientApp, browser: Browser, scheme: Any
) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3), buttons and alerts too; and nothing is refused by the policy."""
    context = browser.new_context(color_scheme=scheme)
    try:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(address(sandbox, app))
        sign_in(page, password="wrong")
        expect(page.get_by_role("alert")).to_be_visible()
        for selector in ("body", ".alert", "input[type=email]", "form button", "button.plain"):
            text, behind = page.locator(selector).first.evaluate(COLOURS)
            assert contrast(text, behind) >= 4.5, (scheme, selector, text, behind)
        assert [complaint for complaint in complaints if "status of 400" not in complaint] == []
    finally:
        context.close()


COLOURS = """element => {
  const read = text => text.match(/[\\d.]+/g).map(Number);
  let behind = element;
  while (behind && read(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  return [read(getComputedStyle(element).color), read(getComputedStyle(behind).backgroundColor)];
}"""


def contrast(one: list[float], other: list[float]) -> float:
    def luminance(colour: list[float]) -> float:
        parts = [part / 255 for part in colour[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
