"""A request that was answered, under the idempotency key it came with.

The stream's identity is derived from caller, operation and key, so the store's unique key makes each
request exactly once, across processes and restarts. A request that creates something with a stream of its
own (a transfer) needs none of this: the created stream's identity is derived the same way.
"""

import base64
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
    """A stable identifier of 20 lower-case letters and digits (100 bits) derived from `parts`."""
    # Parts are length-prefixed, so that no two different lists of parts read the same.
    content = b"".join(b"%d:%s," % (len(raw), raw) for raw in (part.encode() for part in parts))
    digest = hashlib.blake2b(content, digest_size=13).digest()
    return base64.b32encode(digest)[:20].decode().lower()


def stream(request_id: str) -> str:
    return f"request-{request_id}"


def evolve(_: AnsweredRequest | None, event: RequestAnswered) -> AnsweredRequest:
    return AnsweredRequest(event.content_hash, event.outcome)
