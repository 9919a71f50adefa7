"""The names by which a card is found: the digest of its number's hash, and the numbers of its overrides.

Each is a stream of its own, so that the store's unique key makes it unique across processes.
"""

import msgspec

from domain.events import Event
from domain.requests import identity


class CardAliasAssigned(Event, frozen=True):
    TOPIC = "card_alias.assigned"
    card_id: int


class CardAlias(msgspec.Struct, frozen=True):
    card_id: int


def of_pan_hash(pan_hash: str) -> str:
    """The stream for a card number's hash, as clients send it. The hash itself is stored nowhere."""
    return f"card_alias-pan-{identity(pan_hash)}"


def of_override(override_id: int) -> str:
    return f"card_alias-override-{override_id}"


def evolve(_: CardAlias | None, event: CardAliasAssigned) -> CardAlias:
    return CardAlias(event.card_id)
