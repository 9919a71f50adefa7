"""The other names of an account: its 10-digit number and the card surface's integer.

An alias is a stream of its own, so that the store's unique key makes it unique across processes.
"""

import msgspec

from domain.events import Event


class AliasAssigned(Event, frozen=True):
    TOPIC = "account_alias.assigned"
    account_id: str


class Alias(msgspec.Struct, frozen=True):
    account_id: str


def stream(alias: str) -> str:
    return f"account_alias-{alias}"


def evolve(_: Alias | None, event: AliasAssigned) -> Alias:
    return Alias(event.account_id)
