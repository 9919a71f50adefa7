"""A request that was answered, under the idempotency key it came with.

The stream's identity is derived from caller, operation and key, so the store's unique key makes each
request exactly once, across processes and restarts. A request that creates something with a stream of its
own (a transfer) needs none of this: the created stream's identity is derived the same way.
"""

import hashlib

import msgspec

from domain.events import Event


class RequestAnswered(Event, frozen=True):
    """`outcome` is the answer as the application gave it, or the refusal, as JSON."""

    TOPIC = "request.answered"
    content_hash: str
    outcome: msgspec.Raw


class AnsweredRequest(msgspec.Struct, frozen=True):
    content_hash: str
    outcome: msgspec.Raw


def identity(*parts: str) -> str:
    """A stable identifier of 20 lower-case hexadecimal digits (80 bits) derived from `parts`."""
    # Each part is preceded by its length, so that no two different lists of parts read the same.
    content = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.blake2b(content.encode(), digest_size=10).hexdigest()


def stream(request_id: str) -> str:
    return f"request-{request_id}"


def evolve(_: AnsweredRequest | None, event: RequestAnswered) -> AnsweredRequest:
    return AnsweredRequest(event.content_hash, event.outcome)
