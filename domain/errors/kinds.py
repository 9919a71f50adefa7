"""The kinds of refusal: what every one of them has, and the families that surfaces answer alike."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import ClassVar

Fact = int | str


@dataclass
class DomainError(Exception):
    """A decision that was refused. Amounts among the facts are minor units."""

    code: ClassVar[str] = ""
    # When it was refused first, where that was recorded: a replay is answered as it was then.
    refused_at: datetime | None = field(default=None, init=False, compare=False, repr=False)

    def facts(self) -> dict[str, Fact]:
        """The error's fields, ready to be recorded."""
        return {fact.name: getattr(self, fact.name) for fact in fields(self) if fact.init}

    def __str__(self) -> str:
        return ", ".join([self.code, *(f"{name}={value}" for name, value in self.facts().items())])


@dataclass
class NotFound(DomainError):
    """What was named does not exist here."""


@dataclass
class AccountRefusal(DomainError):
    """An account's own state forbids it."""


@dataclass
class TransactionRefusal(DomainError):
    """A transaction's terms, or what became of it, forbid it."""


@dataclass
class TransferRefusal(DomainError):
    """A transfer's parties or status forbid it."""


@dataclass
class CardRefusal(DomainError):
    """A card's, an authorization's or a card hold's state forbids it."""


@dataclass
class LimitRefusal(DomainError):
    """An allowance has no room for it."""


@dataclass
class UserRefusal(DomainError):
    """What a user is or has forbids it."""
