"""Which public events a fact announces, to the webhooks of which surface.

Deliveries of one aggregate are made in order: one waits until those before it were delivered or given up.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from domain import accounts, authorizations, holds, requests, transactions, transfers, users
from domain.events import Event
from domain.webhooks import BACK_OFFICE, CARDS


class Announcement(NamedTuple):
    surface: str
    event_type: str
    aggregate: str


Announce = Callable[[str, Any], tuple[Announcement, ...]]
"""From the fact's stream and the fact to what it announces, in order. No event type twice."""


def _of_stream(surface: str, *event_types: str) -> Announce:
    """The same events for every such fact, in order with what else its stream announces."""
    return lambda stream, _: tuple(Announcement(surface, event_type, stream) for event_type in event_types)


def _transfer_created(stream: str, created: transfers.TransferCreated) -> tuple[Announcement, ...]:
    announced = Announcement(BACK_OFFICE, "transfer.created", stream)
    if created.awaits_mfa:
        return (announced,)
    return announced, Announcement(BACK_OFFICE, "transfer.pending", stream)


def _user_registered(stream: str, registered: users.UserRegistered) -> tuple[Announcement, ...]:
    # Who is only somebody's customer, nobody can look at.
    return () if registered.email is None else (Announcement(BACK_OFFICE, "user.created", stream),)


_HOLD = len("hold-")


def _ruled(
    stream: str, event: authorizations.AuthorizationDecided | authorizations.ChallengeCompleted
) -> tuple[Announcement, ...]:
    announced = Announcement(CARDS, "AUTHORIZATION_DECISION", stream)
    if authorizations.is_limit_breach(event.ruling):
        return announced, Announcement(CARDS, "LIMIT_BREACH", stream)
    return (announced,)


def _hold_changed(stream: str, _: holds.HoldEvent) -> tuple[Announcement, ...]:
    # In one order with the decisions on the same request.
    request_id = authorizations.request_id_of_hold(int(stream[_HOLD:]))
    return (Announcement(CARDS, "HOLD_STATUS_CHANGE", authorizations.stream(request_id)),)


ANNOUNCES: Mapping[type[Event], Announce] = {
    accounts.AccountOpened: _of_stream(BACK_OFFICE, "account.created"),
    accounts.OverdraftLimitChanged: _of_stream(BACK_OFFICE, "account.updated"),
    accounts.NicknameChanged: _of_stream(BACK_OFFICE, "account.updated"),
    accounts.AccountFroze: _of_stream(BACK_OFFICE, "account.updated"),
    accounts.AccountUnfroze: _of_stream(BACK_OFFICE, "account.updated"),
    accounts.AccountWasClosed: _of_stream(BACK_OFFICE, "account.closed"),
    authorizations.AuthorizationDecided: _ruled,
    authorizations.ChallengeCompleted: _ruled,
    authorizations.ChallengeExpired: _of_stream(CARDS, "AUTHORIZATION_DECISION"),
    authorizations.AuthorizationReversed: _of_stream(CARDS, "AUTHORIZATION_DECISION"),
    holds.HoldCaptured: _hold_changed,
    holds.HoldReleased: _hold_changed,
    holds.HoldExpired: _hold_changed,
    transactions.TransactionPosted: _of_stream(BACK_OFFICE, "transaction.created"),
    transactions.TransactionFailed: _of_stream(BACK_OFFICE, "transaction.failed"),
    transfers.TransferCreated: _transfer_created,
    transfers.MfaVerified: _of_stream(BACK_OFFICE, "transfer.pending"),
    transfers.ProcessingStarted: _of_stream(BACK_OFFICE, "transfer.processing"),
    transfers.TransferSettled: _of_stream(BACK_OFFICE, "transfer.settled"),
    transfers.TransferFailed: _of_stream(BACK_OFFICE, "transfer.failed"),
    transfers.TransferCancelled: _of_stream(BACK_OFFICE, "transfer.cancelled"),
    transfers.TransferReversed: _of_stream(BACK_OFFICE, "transfer.reversed"),
    users.UserRegistered: _user_registered,
    users.UserUpdated: _of_stream(BACK_OFFICE, "user.updated"),
    users.UserErased: _of_stream(BACK_OFFICE, "user.updated"),
}


def announced_by(stream: str, event: Event) -> tuple[Announcement, ...]:
    announce = ANNOUNCES.get(type(event))
    return () if announce is None else announce(stream, event)


def event_id(stream: str, version: int, event_type: str) -> str:
    """The public id: the same for every receiver and every attempt."""
    return "evt_" + requests.identity(stream, str(version), event_type)
