"""Commands on card authorizations: ask for one, complete its challenge, reverse it, let a challenge expire.

Whatever is decided is recorded as one group: the authorization, its hold, what the card spent, and what the
account holds; declines, too. A decline is an answer, not an error.
"""

from typing import NamedTuple

import msgspec

from application import accounts as account_commands
from application import cards as card_commands
from application.decision import Decision
from application.holds import free_what_is_held
from application.idempotency import RequestKey, once
from domain import accounts, authorizations, cards, errors, holds
from domain.accounts import Account
from domain.authorization_checks import REFUND, Terms
from domain.authorizations import Authorization, ChallengeResult, Ruling
from domain.cards import Card, CardAttempted, CardSpent
from domain.chart_of_accounts import CARD_SETTLEMENT
from domain.errors import DomainError
from domain.holds import Hold, HoldPlaced


class Authorize(msgspec.Struct, frozen=True):
    """`request_id` is the first number of a fresh block; the card is found by `pan_hash_stream`."""

    request_id: int
    pan_hash_stream: str
    expiry: str
    terms: Terms
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (self.pan_hash_stream,)
        return own if self.key is None else (*own, self.key.stream)


def authorize(decision: Decision, command: Authorize) -> Ruling | DomainError:
    return once(decision, command.key, Ruling, lambda: _authorize(decision, command))


def _authorize(decision: Decision, command: Authorize) -> Ruling:
    card = card_commands.find(decision, command.pan_hash_stream)
    account = None if card is None else account_commands.require(decision, card.account_id)
    decided = authorizations.decide(
        command.request_id, command.terms, command.expiry, card, account, decision.at
    )
    ruling = decided.ruling
    decision.create(authorizations.stream(command.request_id), decided)
    if card is None or account is None:
        return ruling
    if command.terms.transaction_type == REFUND:
        if ruling.decision == authorizations.APPROVED:
            _credit_refund(decision, account, command)
    elif ruling.decision == authorizations.APPROVED:
        _place_hold(decision, card, account, command.terms, ruling)
        _count(decision, card, command.terms, ruling, is_attempt=True)
    else:
        decision.record(cards.stream(card.card_id), CardAttempted(command.request_id, decision.at))
    return ruling


def _credit_refund(decision: Decision, account: Account, command: Authorize) -> None:
    credited = accounts.credit(
        account,
        command.terms.amount,
        contra=CARD_SETTLEMENT,
        kind="refund",
        reference=authorizations.stream(command.request_id),
        description=command.terms.merchant_name,
    )
    decision.record(accounts.stream(account.account_id), credited)


def _place_hold(decision: Decision, card: Card, account: Account, terms: Terms, ruling: Ruling) -> None:
    assert ruling.hold_id is not None, "what is approved, and is no refund, is held"
    assert account.card_account_id is not None, "issuing a card numbers its account"
    assert account.card_account_space_id is not None
    decision.create(
        holds.stream(ruling.hold_id),
        HoldPlaced(
            ruling.hold_id,
            ruling.request_id,
            card.card_id,
            account.account_id,
            account.card_account_id,
            account.card_account_space_id,
            terms.amount,
            terms.channel,
            terms.category,
            terms.merchant_id,
            terms.merchant_name,
            decision.at,
            decision.at + holds.LIFE,
        ),
    )
    held = accounts.place_hold(
        account,
        terms.amount,
        hold_id=str(ruling.hold_id),
        reference=authorizations.stream(ruling.request_id),
        description=terms.merchant_name,
    )
    decision.record(accounts.stream(account.account_id), held)


def _count(decision: Decision, card: Card, terms: Terms, ruling: Ruling, *, is_attempt: bool) -> None:
    spent = CardSpent(
        ruling.request_id, terms.channel, terms.category, terms.amount.minor, decision.at, is_attempt
    )
    decision.record(cards.stream(card.card_id), spent)


class CompleteChallenge(msgspec.Struct, frozen=True):
    """`decision_id` is fresh: it becomes the number of the ruling that follows."""

    request_id: int
    decision_id: int
    result: ChallengeResult
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (authorizations.stream(self.request_id),)
        return own if self.key is None else (*own, self.key.stream)


def complete_challenge(decision: Decision, command: CompleteChallenge) -> Ruling | DomainError:
    """Raises AuthorizationNotFound; refuses with NotAwaitingChallenge."""
    return once(decision, command.key, Ruling, lambda: _complete_challenge(decision, command))


def _complete_challenge(decision: Decision, command: CompleteChallenge) -> Ruling | DomainError:
    stream = authorizations.stream(command.request_id)
    authorization = _require(decision, command.request_id)
    if authorizations.has_challenge_expired(authorization, decision.at):
        decision.record(stream, authorizations.expire_challenge(authorization))
        return errors.NotAwaitingChallenge(authorizations.DECLINED)
    authorizations.refuse_unless_challenged(authorization)
    card, account = _parties(decision, authorization)
    completed = authorizations.complete_challenge(
        authorization, command.result, command.decision_id, card, account, decision.at
    )
    decision.record(stream, completed)
    if completed.ruling.decision == authorizations.APPROVED:
        _place_hold(decision, card, account, authorization.terms, completed.ruling)
        _count(decision, card, authorization.terms, completed.ruling, is_attempt=False)
    return completed.ruling


class _Parties(NamedTuple):
    card: Card
    account: Account


def _parties(decision: Decision, authorization: Authorization) -> _Parties:
    assert authorization.card_id is not None, "without a card nothing is approved or challenged"
    assert authorization.account_id is not None
    decision.need(cards.stream(authorization.card_id), accounts.stream(authorization.account_id))
    return _Parties(
        card_commands.require(decision, authorization.card_id),
        account_commands.require(decision, authorization.account_id),
    )


class ExpireChallenge(msgspec.Struct, frozen=True):
    request_id: int

    def streams(self) -> tuple[str, ...]:
        return (authorizations.stream(self.request_id),)


def expire_challenge(decision: Decision, command: ExpireChallenge) -> str | None:
    """Ends a challenge that was not completed in time; anything else stays as it is."""
    stream = authorizations.stream(command.request_id)
    authorization: Authorization | None = decision.load(stream)
    if authorization is None or not authorizations.has_challenge_expired(authorization, decision.at):
        return None
    decision.record(stream, authorizations.expire_challenge(authorization))
    return authorizations.DECLINED


class Reverse(msgspec.Struct, frozen=True):
    """`decision_id` is fresh: it becomes the number of the ruling that follows."""

    request_id: int
    decision_id: int
    reason: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        own = (
            authorizations.stream(self.request_id),
            holds.stream(authorizations.hold_id_of(self.request_id)),
        )
        return own if self.key is None else (*own, self.key.stream)


def reverse(decision: Decision, command: Reverse) -> Ruling | DomainError:
    """Raises AuthorizationNotFound; refuses with AuthorizationNotReversible."""
    return once(decision, command.key, Ruling, lambda: _reverse(decision, command))


def _reverse(decision: Decision, command: Reverse) -> Ruling | DomainError:
    authorization = _require(decision, command.request_id)
    hold: Hold | None = decision.load(holds.stream(authorizations.hold_id_of(command.request_id)))
    if hold is not None and holds.has_run_out(hold, decision.at):
        free_what_is_held(decision, hold, holds.expire(hold))
        return errors.AuthorizationNotReversible(holds.EXPIRED)
    reversed_event = authorizations.reverse(
        authorization, hold, command.decision_id, command.reason, decision.at
    )
    assert hold is not None, "only what is held can be reversed"
    free_what_is_held(decision, hold, holds.release(hold, command.reason))
    decision.record(authorizations.stream(command.request_id), reversed_event)
    return reversed_event.ruling


def _require(decision: Decision, request_id: int) -> Authorization:
    authorization: Authorization | None = decision.load(authorizations.stream(request_id))
    if authorization is None:
        raise errors.AuthorizationNotFound(request_id)
    return authorization
