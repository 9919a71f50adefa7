"""The pages of the authorization endpoint: plain HTML that works without scripts and by keyboard alone.

Whatever comes from outside is escaped where it is put in.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from litestar import Response

TITLE = "Sign in"

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 26rem; padding: 2rem 1rem; font: 1rem/1.5 system-ui, sans-serif;
       color: #1b1f24; background: #fff; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; color: inherit;
        background: #fff; border: 1px solid #57606a; border-radius: 4px; }
button { margin: 1.5rem .75rem 0 0; padding: .6rem 1.25rem; font: inherit; font-weight: 600; cursor: pointer;
         color: #fff; background: #0b5394; border: 2px solid #0b5394; border-radius: 4px; }
button.plain { color: #0b5394; background: transparent; }
:focus-visible { outline: 3px solid #b35900; outline-offset: 2px; }
.alert { padding: .75rem 1rem; color: #8a0f1c; background: #fff1f1; border-left: 4px solid #b3261e; }
.hint { margin: .25rem 0 0; color: #57606a; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; } input { background: #161b22; border-color: #8b949e; }
  button { color: #0d1117; background: #79b8ff; border-color: #79b8ff; }
  button.plain { color: #79b8ff; } :focus-visible { outline-color: #ffb454; }
  .alert { color: #ffc9c9; background: #3b1418; } .hint { color: #9ea7b1; }
}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_SCOPES: Mapping[str, str] = {
    "transfers": "See your accounts and balances, and make transfers from them",
    "authorizations.write": "Ask for card authorizations",
    "authorizations.read": "See card authorizations",
    "holds.write": "Place, capture and release holds",
    "holds.read": "See holds",
    "cards.admin": "Administer cards and their limits",
    "webhooks.admin": "Administer webhooks",
    "banking.read": "See the bank's accounts, transactions, users and reports",
    "banking.write": "Open and change accounts, and post transactions",
    "banking.admin": "Administer users and clients",
    "pii.read": "See names, e-mail addresses and phone numbers in full",
    "accounts.read": "See core banking accounts",
    "accounts.write": "Debit and credit core banking accounts",
    "customers.read": "See customers",
    "gl.read": "See the general ledger",
    "gl.write": "Post to the general ledger",
    "audit.read": "See the log of events and of calls",
}


def sign_in(client: str, csrf: str, *, email: str = "", alert: str = "") -> str:
    described = _described(alert)
    return _page(
        TITLE,
        f"""
<p><strong>{escape(client)}</strong> asks for access to your bank. Sign in to decide.</p>
{_alert(alert)}
<form method="post">
{_hidden(csrf)}
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="{escape(email)}" autocomplete="username"
 maxlength="254" required{described}{"" if email else " autofocus"}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 maxlength="1024" required{described}{" autofocus" if email else ""}>
<button name="action" value="sign_in">Sign in</button>
</form>
<form method="post">{_hidden(csrf)}<button class="plain" name="action" value="deny">Cancel</button></form>
""",
        is_wrong=bool(alert),
    )


def code(csrf: str, *, alert: str = "") -> str:
    return _page(
        "Enter your code",
        f"""
{_alert(alert)}
<form method="post">
{_hidden(csrf)}
<label for="code">Six-digit code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="10"
 required autofocus aria-describedby="code-hint{" alert" if alert else ""}"{_invalid(alert)}>
<p class="hint" id="code-hint">Your authenticator app shows it.</p>
<button name="action" value="code">Continue</button>
</form>
<form method="post">{_hidden(csrf)}
<button class="plain" name="action" value="sign_out">Start over</button></form>
""",
        is_wrong=bool(alert),
    )


def consent(client: str, csrf: str, scopes: Sequence[str], redirect_uri: str) -> str:
    wanted = "\n".join(f"<li>{escape(_SCOPES.get(scope, scope))}</li>" for scope in scopes)
    return _page(
        "Allow access?",
        f"""
<p><strong>{escape(client)}</strong> wants to:</p>
<ul>
{wanted}
</ul>
<p class="hint">You will go back to {escape(urlsplit(redirect_uri).netloc)}.</p>
<form method="post">
{_hidden(csrf)}
<button name="action" value="allow">Allow</button>
<button class="plain" name="action" value="deny">Deny</button>
</form>
<form method="post">{_hidden(csrf)}
<button class="plain" name="action" value="sign_out">Use another account</button></form>
""",
    )


def problem(title: str, text: str) -> str:
    return _page(title, _alert(text), is_wrong=True)


def answer_page(
    page: str, status: int = 200, redirect_uri: str = "", headers: Mapping[str, str] | None = None
) -> Response[str]:
    """The page; its forms may lead back to the client at `redirect_uri`."""
    return Response(
        page,
        status_code=status,
        media_type="text/html",
        headers=security_headers(redirect_uri) | dict(headers or {}),
    )


def security_headers(redirect_uri: str = "") -> dict[str, str]:
    # Browsers look at where a form leads after redirects, too, also the client's own. So what can be told
    # here is how, not where.
    targets = " ".join(["'self'", *_schemes(redirect_uri)])
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets};"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _schemes(redirect_uri: str) -> tuple[str, ...]:
    if not redirect_uri:
        return ()
    return ("https:",) if redirect_uri.startswith("https:") else ("http:", "https:")


def _page(title: str, content: str, *, is_wrong: bool = False) -> str:
    # A reader that speaks the page begins with its title.
    spoken = f"Error: {title}" if is_wrong else title
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(spoken)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{content}
</main>
</body>
</html>
"""


def _alert(text: str) -> str:
    return f'<p class="alert" role="alert" id="alert">{escape(text)}</p>' if text else ""


def _invalid(alert: str) -> str:
    return ' aria-invalid="true"' if alert else ""


def _described(alert: str) -> str:
    return f' aria-describedby="alert"{_invalid(alert)}' if alert else ""


def _hidden(csrf: str) -> str:
    return f'<input type="hidden" name="csrf" value="{escape(csrf)}">'
