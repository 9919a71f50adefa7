"""Commands on cards: issue, block, unblock, change and override limits. And how a card is found."""

from datetime import datetime

import msgspec

from application import accounts as account_commands
from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import accounts, card_aliases, card_limits, cards, errors, users
from domain.account_aliases import AliasAssigned
from domain.account_aliases import stream as account_alias_stream
from domain.accounts import Account, AccountNumberedForCards
from domain.card_aliases import CardAlias, CardAliasAssigned
from domain.card_limits import CardLimits, LimitsChange, Override
from domain.cards import Card, CardIssued, CardStatus
from domain.errors import DomainError


def find(decision: Decision, alias_stream: str) -> Card | None:
    """The card of that alias (see `domain.card_aliases`)."""
    alias: CardAlias | None = decision.load(alias_stream)
    return None if alias is None else require(decision, alias.card_id)


def require(decision: Decision, card_id: int) -> Card:
    card: Card | None = decision.load(cards.stream(card_id))
    if card is None:
        raise errors.CardNotFound(card_id)
    return card


class CurrencyOfCard(msgspec.Struct, frozen=True):
    card_id: int

    def streams(self) -> tuple[str, ...]:
        return (cards.stream(self.card_id),)


def currency_of_card(decision: Decision, command: CurrencyOfCard) -> str:
    """What the card's limits are in: its account's currency, which never changes. Raises CardNotFound."""
    card = require(decision, command.card_id)
    return account_commands.require(decision, card.account_id).currency


class CurrencyOfAccount(msgspec.Struct, frozen=True):
    """`account` is any of the account's identifiers."""

    account: str

    def streams(self) -> tuple[str, ...]:
        return (accounts.stream(self.account),)


def currency_of_account(decision: Decision, command: CurrencyOfAccount) -> str:
    """Raises AccountNotFound."""
    return account_commands.require(decision, command.account).currency


def _with_key(key: RequestKey | None, *streams: str) -> tuple[str, ...]:
    return streams if key is None else (*streams, key.stream)


class IssueCard(msgspec.Struct, frozen=True):
    """`account` is any of the account's identifiers. `new_card_account_id` is the integer that an account
    without one gets. Limits are minor units of the account's currency."""

    card_id: int
    account: str
    new_card_account_id: int
    pan_hash_stream: str
    masked_pan: str
    expiry: str
    limits: CardLimits
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _with_key(self.key, self.pan_hash_stream, accounts.stream(self.account))


class IssuedCard(msgspec.Struct, frozen=True):
    """`issued_at` as ISO 8601."""

    card_id: int
    card_account_id: int
    card_account_space_id: int
    issued_at: str


def issue_card(decision: Decision, command: IssueCard) -> IssuedCard | DomainError:
    """Raises AccountNotFound; refuses with CardExists or InvalidCardLimits."""
    return once(decision, command.key, IssuedCard, lambda: _issue(decision, command))


def _issue(decision: Decision, command: IssueCard) -> IssuedCard:
    account = account_commands.require(decision, command.account)
    taken: CardAlias | None = decision.load(command.pan_hash_stream)
    if taken is not None:
        raise errors.CardExists
    limits = card_limits.checked(command.limits)
    customer: users.User | None = decision.load(users.stream(account.owner_id))
    numbered = _numbered_account(decision, account, command.new_card_account_id)
    decision.create(
        cards.stream(command.card_id),
        CardIssued(
            command.card_id,
            account.account_id,
            command.masked_pan,
            command.expiry,
            limits,
            None if customer is None else customer.country,
        ),
    )
    decision.record(command.pan_hash_stream, CardAliasAssigned(command.card_id))
    assert numbered.card_account_id is not None and numbered.card_account_space_id is not None
    return IssuedCard(
        command.card_id,
        numbered.card_account_id,
        numbered.card_account_space_id,
        decision.at.isoformat(),
    )


def _numbered_account(decision: Decision, account: Account, card_account_id: int) -> Account:
    if account.card_account_id is not None:
        return account
    numbered = AccountNumberedForCards(card_account_id, accounts.CARD_ACCOUNT_SPACE_ID)
    decision.record(accounts.stream(account.account_id), numbered)
    decision.create(account_alias_stream(str(card_account_id)), AliasAssigned(account.account_id))
    return account_commands.require(decision, account.account_id)


class ChangeCardStatus(msgspec.Struct, frozen=True):
    card_id: int
    status: CardStatus
    reason: str = ""
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _with_key(self.key, cards.stream(self.card_id))


class ChangedCard(msgspec.Struct, frozen=True):
    """The card's status and limits as they were after the change."""

    card_id: int
    status: CardStatus
    limits: CardLimits


def change_card_status(decision: Decision, command: ChangeCardStatus) -> ChangedCard | DomainError:
    """A card that has the status already stays as it is."""
    return once(decision, command.key, ChangedCard, lambda: _change_status(decision, command))


def _change_status(decision: Decision, command: ChangeCardStatus) -> ChangedCard:
    card = require(decision, command.card_id)
    event = cards.change_status(card, command.status, command.reason)
    if event is not None:
        decision.record(cards.stream(command.card_id), event)
    return ChangedCard(command.card_id, command.status, card.limits)


class ChangeCardLimits(msgspec.Struct, frozen=True):
    card_id: int
    change: LimitsChange
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _with_key(self.key, cards.stream(self.card_id))


class ChangedLimits(msgspec.Struct, frozen=True):
    """All limits as they are now; `updated_at` as ISO 8601."""

    card_id: int
    currency: str
    limits: CardLimits
    updated_at: str


def change_card_limits(decision: Decision, command: ChangeCardLimits) -> ChangedLimits | DomainError:
    """Refuses with InvalidCardLimits where the limits would be out of order afterwards."""
    return once(decision, command.key, ChangedLimits, lambda: _change_limits(decision, command))


def _change_limits(decision: Decision, command: ChangeCardLimits) -> ChangedLimits:
    card = require(decision, command.card_id)
    account = account_commands.require(decision, card.account_id)
    event = cards.change_limits(card, command.change)
    decision.record(cards.stream(command.card_id), event)
    return ChangedLimits(command.card_id, account.currency, event.limits, decision.at.isoformat())


class OverrideCardLimits(msgspec.Struct, frozen=True):
    """`expires_at` must lie in the future of the ledger clock. Limits are minor units."""

    card_id: int
    override_id: int
    reason: str
    created_by: str
    expires_at: datetime
    transaction: int | None = None
    daily: int | None = None
    monthly: int | None = None
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _with_key(self.key, cards.stream(self.card_id))


class OverriddenLimits(msgspec.Struct, frozen=True):
    card_id: int
    currency: str
    override: Override


def override_card_limits(decision: Decision, command: OverrideCardLimits) -> OverriddenLimits | DomainError:
    """Refuses with InvalidCardLimits or OverrideExpiresTooEarly."""
    return once(decision, command.key, OverriddenLimits, lambda: _override(decision, command))


def _override(decision: Decision, command: OverrideCardLimits) -> OverriddenLimits:
    card = require(decision, command.card_id)
    account = account_commands.require(decision, card.account_id)
    override = Override(
        command.override_id,
        command.reason,
        command.created_by,
        decision.at,
        command.expires_at,
        command.transaction,
        command.daily,
        command.monthly,
    )
    events = cards.override_limits(card, override, decision.at)
    decision.record(cards.stream(command.card_id), *events)
    decision.create(card_aliases.of_override(command.override_id), CardAliasAssigned(command.card_id))
    return OverriddenLimits(command.card_id, account.currency, override)


class EndOverride(msgspec.Struct, frozen=True):
    override_id: int
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _with_key(self.key, card_aliases.of_override(self.override_id))


class EndedOverride(msgspec.Struct, frozen=True):
    override_id: int


def delete_override(decision: Decision, command: EndOverride) -> EndedOverride | DomainError:
    """Raises LimitOverrideNotFound, also for one that has expired or was deleted before."""
    return once(decision, command.key, EndedOverride, lambda: _delete_override(decision, command))


def _delete_override(decision: Decision, command: EndOverride) -> EndedOverride:
    card = find(decision, card_aliases.of_override(command.override_id))
    if card is None:
        raise errors.LimitOverrideNotFound(command.override_id)
    decision.record(cards.stream(card.card_id), cards.delete_override(card, command.override_id))
    return EndedOverride(command.override_id)


def expire_override(decision: Decision, command: EndOverride) -> None:
    """Takes an override that is over off the card, so that its state stays small."""
    card = find(decision, card_aliases.of_override(command.override_id))
    event = None if card is None else cards.expire_override(card, command.override_id, decision.at)
    if card is not None and event is not None:
        decision.record(cards.stream(card.card_id), event)
