"""The cookie that tells one browser from another, and the token that shows a form came from our own page."""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from litestar.datastructures import Cookie

from api.oauth.forms import OAuthRequest
from infrastructure.caller_addresses import read_address

_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")
_SAME_SITE_REQUESTS = frozenset({"same-origin", "none"})


class Browser(NamedTuple):
    """`cookie` is the browser's secret: new where it had none. `page` is the request that forms answer."""

    cookie: str
    is_new: bool
    is_secure: bool
    page: bytes

    @property
    def csrf(self) -> str:
        """Known to whoever has seen the page in this browser. Another page's is another."""
        return hmac.digest(self.cookie.encode(), b"csrf " + self.page, hashlib.sha256).hex()

    def is_csrf(self, sent: str) -> bool:
        return hmac.compare_digest(self.csrf.encode(), sent.encode("utf-8", "surrogatepass"))

    def with_cookie(self, cookie: str) -> "Browser":
        return self._replace(cookie=cookie, is_new=True)

    def cookies(self) -> list[Cookie]:
        """What the browser has to be told; nothing where it knows it."""
        if not self.is_new:
            return []
        return [
            Cookie(
                _name(is_secure=self.is_secure),
                "/",
                self.cookie,
                httponly=True,
                secure=self.is_secure,
                samesite="lax",
            )
        ]


def browser_of(request: OAuthRequest) -> Browser:
    is_secure = _is_secure(request)
    page: bytes = request.scope["query_string"]
    sent = request.cookies.get(_name(is_secure=is_secure), "")
    if _COOKIE.fullmatch(sent):
        return Browser(sent, is_new=False, is_secure=is_secure, page=page)
    return Browser(secrets.token_urlsafe(32), is_new=True, is_secure=is_secure, page=page)


def comes_from_elsewhere(request: OAuthRequest) -> bool:
    """Whether the browser says that another site's page sent this."""
    said = request.headers.get("sec-fetch-site")
    return said is not None and said not in _SAME_SITE_REQUESTS


def _name(*, is_secure: bool) -> str:
    # The prefix keeps other hosts of the domain, and plain HTTP, from setting it.
    return "__Host-daybook" if is_secure else "daybook"


def _is_secure(request: OAuthRequest) -> bool:
    """Whether the browser's connection is encrypted, also where a trusted proxy does that."""
    if request.scope["scheme"] == "https":
        return True
    peer = read_address(request.client.host) if request.client is not None else None
    is_proxy = request.app.state.services.caller_addresses.is_proxy(peer)
    return bool(is_proxy) and request.headers.get("x-forwarded-proto", "").lower() == "https"
