"""The catalogue of all facts: which topics exist, how each is read, and what each category folds to."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from domain import (
    account_aliases,
    accounts,
    allowances,
    authorizations,
    card_aliases,
    cards,
    chart_of_accounts,
    clients,
    deliveries,
    holds,
    periods,
    rates,
    requests,
    transactions,
    transfers,
    users,
    webhooks,
)
from domain.events import Envelope, Event

EVENTS: tuple[type[Event], ...] = (
    accounts.AccountOpened,
    accounts.AccountNumberedForCards,
    accounts.AccountCredited,
    accounts.AccountDebited,
    accounts.HoldPlaced,
    accounts.HoldReleased,
    accounts.HoldCaptured,
    accounts.OverdraftLimitChanged,
    accounts.NicknameChanged,
    accounts.AccountFroze,
    accounts.AccountUnfroze,
    accounts.AccountWasClosed,
    account_aliases.AliasAssigned,
    allowances.TierAssigned,
    allowances.AllowanceTaken,
    allowances.AllowanceReturned,
    authorizations.AuthorizationDecided,
    authorizations.ChallengeCompleted,
    authorizations.ChallengeExpired,
    authorizations.AuthorizationReversed,
    card_aliases.CardAliasAssigned,
    cards.CardIssued,
    cards.CardWasBlocked,
    cards.CardUnblocked,
    cards.LimitsChanged,
    cards.LimitsOverridden,
    cards.OverrideDeleted,
    cards.OverrideExpired,
    cards.CardAttempted,
    cards.CardSpent,
    cards.SpendingReturned,
    chart_of_accounts.AccountCodeAdded,
    clients.ClientRegistered,
    clients.ClientUpdated,
    clients.ApiKeyRotated,
    clients.ClientDeleted,
    deliveries.DeliverySucceeded,
    deliveries.DeliveryFailed,
    deliveries.DeliveryDeadLettered,
    deliveries.DeliveryRequeued,
    holds.HoldPlaced,
    holds.HoldCaptured,
    holds.HoldReleased,
    holds.HoldExpired,
    periods.PeriodClosed,
    rates.RateSet,
    requests.RequestAnswered,
    transactions.TransactionPosted,
    transactions.TransactionFailed,
    transactions.TransactionReversed,
    transfers.TransferCreated,
    transfers.TransferDeclined,
    transfers.MfaVerified,
    transfers.MfaFailed,
    transfers.MfaDeclined,
    transfers.TransferCancelled,
    transfers.ProcessingStarted,
    transfers.TransferSettled,
    transfers.TransferFailed,
    transfers.TransferReversed,
    users.UserRegistered,
    users.UserUpdated,
    users.UserErased,
    users.PasswordResetRequested,
    users.PasswordSet,
    users.MfaEnrolled,
    users.MfaConfirmed,
    users.MfaRemoved,
    webhooks.WebhookCreated,
    webhooks.WebhookUpdated,
    webhooks.WebhookDeleted,
)

# A topic whose shape was replaced keeps its name here for ever: its stored JSON (the whole envelope, as
# plain values) is turned into that of a current topic.
Upcast = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
RETIRED: Mapping[str, Upcast] = {}

Evolve = Callable[[Any, Any], Any]

EVOLVE: Mapping[str, Evolve] = {
    "account": accounts.evolve,
    "account_alias": account_aliases.evolve,
    "allowance": allowances.evolve,
    "authorization": authorizations.evolve,
    "card": cards.evolve,
    "card_alias": card_aliases.evolve,
    "chart_of_accounts": chart_of_accounts.evolve,
    "client": clients.evolve,
    "delivery": deliveries.evolve,
    "hold": holds.evolve,
    "periods": periods.evolve,
    "rate": rates.evolve,
    "request": requests.evolve,
    "transaction": transactions.evolve,
    "transfer": transfers.evolve,
    "user": users.evolve,
    "webhook": webhooks.evolve,
}

# What a snapshot of a category holds. Categories with short streams are not listed: they need none.
SNAPSHOT_TYPES: Mapping[str, type] = {
    "account": accounts.Account,
    "allowance": allowances.Allowance,
    "card": cards.Card,
    "chart_of_accounts": chart_of_accounts.Chart,
}


def _shape(state: type) -> str:
    return hashlib.blake2b(msgspec.json.encode(msgspec.json.schema(state)), digest_size=4).hexdigest()


# A snapshot is named after the shape of its state: one of another shape is passed over, and the state is
# folded from the events instead.
SNAPSHOT_TOPICS: Mapping[str, str] = {
    name: f"{name}.snapshot.{_shape(state)}" for name, state in SNAPSHOT_TYPES.items()
}

_DECODERS: dict[str, msgspec.json.Decoder[Envelope[Any]]] = {
    event.TOPIC: msgspec.json.Decoder(Envelope[event])  # type: ignore[valid-type]  # built per topic
    for event in EVENTS
}
_ENCODER = msgspec.json.Encoder()


def category(stream: str) -> str:
    return stream[: stream.index("-")]


def evolve_for(stream: str) -> Evolve:
    return EVOLVE[stream[: stream.index("-")]]


def encode(envelope: Envelope[Any]) -> bytes:
    return _ENCODER.encode(envelope)


def decode(topic: str, state: bytes) -> Envelope[Any]:
    """The stored fact, in today's shape whatever shape it was stored in."""
    decoder = _DECODERS.get(topic)
    if decoder is not None:
        return decoder.decode(state)
    current_topic, content = RETIRED[topic](msgspec.json.decode(state))
    envelope: Envelope[Any] = msgspec.convert(
        content,
        Envelope[_event_class(current_topic)],  # type: ignore[misc]  # known only when it is read
    )
    return envelope


def _event_class(topic: str) -> type[Event]:
    return next(event for event in EVENTS if topic == event.TOPIC)
