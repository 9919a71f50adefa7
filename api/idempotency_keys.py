"""The `Idempotency-Key` header."""

from api.exchange import invalid
from application.idempotency import RequestKey
from domain.requests import identity

KEY_LENGTH_MAX = 255


def read_key(header: str | None, owner: str, operation: str, *content: str) -> RequestKey | None:
    """The header's key, scoped to its owner (a user or a client) and the operation; None where none was sent.

    `content` is what was asked for, as parsed: the same key with other content is a conflict.
    """
    if header is None:
        return None
    if not 1 <= len(header) <= KEY_LENGTH_MAX:
        raise invalid("Idempotency-Key", f"must have 1 to {KEY_LENGTH_MAX} characters")
    return RequestKey(identity(operation, owner, header), identity(*content))
