"""What callers ask for: a webhook, a change of one, a list of deliveries."""

from typing import NamedTuple

from api.back_office.requests import Members, is_sent, require
from api.exchange import Exchange
from api.members import read_flag, read_text
from api.webhook_terms import read_events, read_url, secret_digest
from domain.webhooks import BACK_OFFICE

MEMBERS = ("url", "events", "secret", "active")
SECRET_LENGTH_MAX = 255


class AskedWebhook(NamedTuple):
    """What is None was not sent."""

    url: str | None
    events: tuple[str, ...] | None
    secret: str | None
    active: bool | None

    def content(self, exchange: Exchange) -> tuple[str, ...]:
        """All of it, as an idempotent request is compared by."""
        secret = "" if self.secret is None else secret_digest(exchange, self.secret)
        return (self.url or "", secret, str(self.active), *(self.events or ()))


def read_webhook(members: Members, *, is_sandbox: bool) -> AskedWebhook:
    """All but `active` is required."""
    require(members, "url", "events", "secret")
    asked = read_change(members, is_sandbox=is_sandbox)
    return asked._replace(active=True if asked.active is None else asked.active)


def read_change(members: Members, *, is_sandbox: bool) -> AskedWebhook:
    """What is sent must be right; null is nothing that any of them can be."""
    url, events, secret, active = (members[name] for name in MEMBERS)
    return AskedWebhook(
        read_url(url, is_sandbox=is_sandbox) if is_sent(url) else None,
        read_events(events, BACK_OFFICE) if is_sent(events) else None,
        read_text(secret, "secret", SECRET_LENGTH_MAX) if is_sent(secret) else None,
        read_flag(active, "active") if is_sent(active) else None,
    )
