"""One request of the cards surface as its readers and its error body see it, without a server."""

from datetime import UTC, datetime
from typing import Any

from api.exchange import Exchange
from api.surfaces import CARDS
from application.access import Claims

NOW = datetime(2023, 5, 1, 14, 30, 0, 999_999, tzinfo=UTC)
CALLER = Claims("till-1", "shop", frozenset(), frozenset(), "test-bank-001", 0, 0, "t")


class _StoppedClock:
    def now(self) -> datetime:
        return NOW


def exchange(
    method: str = "POST",
    path: str = "/api/v1/authorizations",
    query: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Exchange:
    """With `body` as one that was read."""

    async def receive() -> Any:
        raise AssertionError("nothing is read here")

    scope = {
        "method": method,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()
        ],
    }
    made = Exchange(CARDS, scope, receive, _StoppedClock())
    made.caller = CALLER
    made.sent_body = body
    return made
