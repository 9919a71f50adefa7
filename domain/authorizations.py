"""A card transaction's authorization: asked for once, decided, perhaps challenged, perhaps reversed.

    APPROVED ──> DECLINED (reversed)
    CHALLENGE ─> APPROVED, or DECLINED (failed, expired, or what the checks say by then)
    DECLINED

Each decision is a ruling with a number of its own, which stays as it was made; an authorization shows the
latest one. Numbers come in blocks of four: the request's, its first ruling's, its hold's, and that of the
ruling that ends a challenge which nobody completed.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

import msgspec

from domain import errors, risk
from domain.accounts import Account
from domain.authorization_checks import (
    CARD_NOT_FOUND,
    LIMIT_REASONS,
    REFUND,
    Case,
    Check,
    Seen,
    Terms,
    case_of,
    first_failure,
)
from domain.cards import Card
from domain.events import Event
from domain.holds import Hold
from domain.money import Money

APPROVED: Final = "APPROVED"
DECLINED: Final = "DECLINED"
CHALLENGE: Final = "CHALLENGE"
Word = Literal["APPROVED", "DECLINED", "CHALLENGE"]
ChallengeResult = Literal["SUCCESS", "FAILURE"]

NUMBERS_PER_BLOCK = 4
CHALLENGE_PATIENCE = timedelta(minutes=10)


class Ruling(msgspec.Struct, frozen=True, omit_defaults=True):
    """One decision as it is shown. `approved` is what was approved, or would be after a challenge.

    `explanation` is what a caller gave as the reason of a reversal. `breached_limit` in minor units.
    """

    request_id: int
    decision_id: int
    decision: Word
    reason: str
    approved: Money
    risk_score: int
    decided_at: datetime
    authorization_code: str | None = None
    hold_id: int | None = None
    explanation: str = ""
    breached_limit: int | None = None


class AuthorizationDecided(Event, frozen=True):
    """The first ruling, with all that it saw; card and account are None where the card is not known."""

    TOPIC = "authorization.decided"
    ruling: Ruling
    terms: Terms
    risk_rules_version: int
    risk_rules: tuple[str, ...] = ()
    card_id: int | None = None
    account_id: str | None = None
    seen: Seen | None = None


class ChallengeCompleted(Event, frozen=True):
    TOPIC = "authorization.challenge_completed"
    ruling: Ruling
    result: ChallengeResult
    seen: Seen | None = None


class ChallengeExpired(Event, frozen=True):
    TOPIC = "authorization.challenge_expired"
    ruling: Ruling


class AuthorizationReversed(Event, frozen=True):
    TOPIC = "authorization.reversed"
    ruling: Ruling


AuthorizationEvent = AuthorizationDecided | ChallengeCompleted | ChallengeExpired | AuthorizationReversed


class Authorization(msgspec.Struct, frozen=True):
    """What was asked for, and the latest ruling on it."""

    terms: Terms
    card_id: int | None
    account_id: str | None
    ruling: Ruling


def stream(request_id: int) -> str:
    return f"authorization-{request_id}"


def first_decision_id(request_id: int) -> int:
    return request_id + 1


def hold_id_of(request_id: int) -> int:
    return request_id + 2


def expiry_decision_id(request_id: int) -> int:
    return request_id + 3


def request_id_of_hold(hold_id: int) -> int:
    return hold_id - 2


def request_id_of_expiry(decision_id: int) -> int:
    return decision_id - 3


def authorization_code(request_id: int) -> str:
    """Six digits derived from the request, so that deciding again gives the same."""
    # An odd factor spreads neighbours; what is left out of a block of four is always the same.
    return f"{request_id // NUMBERS_PER_BLOCK * 741_457 % 1_000_000:06}"


def decide(
    request_id: int, terms: Terms, expiry: str, card: Card | None, account: Account | None, at: datetime
) -> AuthorizationDecided:
    """`expiry` is the card's as the merchant gave it, MM/YY."""
    assessment = _assess(terms, card, at)
    decision_id = first_decision_id(request_id)
    if card is None or account is None:
        ruling = _declined(CARD_NOT_FOUND, terms, request_id, decision_id, assessment.score, at)
        return AuthorizationDecided(ruling, terms, risk.RULES_VERSION, assessment.rules)
    case = case_of(terms, expiry, card, account, at)
    failed = first_failure(case)
    if failed is not None:
        ruling = _declined_by(failed, case, request_id, decision_id, assessment.score)
    elif assessment.score >= risk.DECLINE_FROM:
        ruling = _declined("SUSPECTED_FRAUD", terms, request_id, decision_id, assessment.score, at)
    elif assessment.score >= risk.CHALLENGE_FROM and terms.channel == risk.CHALLENGED_CHANNEL:
        ruling = _challenged(terms, request_id, decision_id, assessment.score, at)
    else:
        ruling = _approved(terms, request_id, decision_id, assessment.score, at)
    return AuthorizationDecided(
        ruling,
        terms,
        risk.RULES_VERSION,
        assessment.rules,
        card.card_id,
        account.account_id,
        case.seen,
    )


def complete_challenge(
    authorization: Authorization,
    result: ChallengeResult,
    decision_id: int,
    card: Card,
    account: Account,
    at: datetime,
) -> ChallengeCompleted:
    """Every check again but risk. Raises NotAwaitingChallenge."""
    before, terms = authorization.ruling, authorization.terms
    refuse_unless_challenged(authorization)
    if result == "FAILURE":
        failed = _declined("CHALLENGE_FAILED", terms, before.request_id, decision_id, before.risk_score, at)
        return ChallengeCompleted(failed, result)
    case = case_of(terms, None, card, account, at)
    check = first_failure(case)
    if check is not None:
        ruling = _declined_by(check, case, before.request_id, decision_id, before.risk_score)
    else:
        ruling = _approved(terms, before.request_id, decision_id, before.risk_score, at)
    return ChallengeCompleted(ruling, result, case.seen)


def has_challenge_expired(authorization: Authorization, at: datetime) -> bool:
    ruling = authorization.ruling
    return ruling.decision == CHALLENGE and at >= challenge_expires_at(ruling)


def challenge_expires_at(ruling: Ruling) -> datetime:
    return ruling.decided_at + CHALLENGE_PATIENCE


def expire_challenge(authorization: Authorization) -> ChallengeExpired:
    """The ruling that stands from the tenth minute on, whenever it is recorded."""
    refuse_unless_challenged(authorization)
    ruling = authorization.ruling
    return ChallengeExpired(
        _declined(
            "CHALLENGE_EXPIRED",
            authorization.terms,
            ruling.request_id,
            expiry_decision_id(ruling.request_id),
            ruling.risk_score,
            challenge_expires_at(ruling),
        )
    )


def refuse_unless_challenged(authorization: Authorization) -> None:
    if authorization.ruling.decision != CHALLENGE:
        raise errors.NotAwaitingChallenge(authorization.ruling.decision)


def reverse(
    authorization: Authorization, hold: Hold | None, decision_id: int, explanation: str, at: datetime
) -> AuthorizationReversed:
    """Only what is approved and has not been captured from. Raises AuthorizationNotReversible."""
    ruling = authorization.ruling
    if ruling.decision != APPROVED:
        raise errors.AuthorizationNotReversible(ruling.decision)
    if hold is None:
        raise errors.AuthorizationNotReversible(REFUND)
    if not hold.is_untouched:
        raise errors.AuthorizationNotReversible(hold.status)
    declined = _declined(
        "AUTHORIZATION_REVERSED",
        authorization.terms,
        ruling.request_id,
        decision_id,
        ruling.risk_score,
        at,
        explanation=explanation,
    )
    return AuthorizationReversed(declined)


def is_limit_breach(ruling: Ruling) -> bool:
    return ruling.reason in LIMIT_REASONS


def _assess(terms: Terms, card: Card | None, at: datetime) -> risk.Assessment:
    if terms.transaction_type == REFUND:
        return risk.NOT_ASSESSED
    return risk.assess(
        risk.Attempt(
            terms.amount,
            terms.channel,
            terms.category,
            terms.country,
            at,
            None if card is None else card.spending,
            None if card is None else card.country,
        )
    )


def _approved(terms: Terms, request_id: int, decision_id: int, score: int, at: datetime) -> Ruling:
    holds_money = terms.transaction_type != REFUND
    return Ruling(
        request_id,
        decision_id,
        APPROVED,
        "APPROVED_TRANSACTION",
        terms.amount,
        score,
        at,
        authorization_code(request_id),
        hold_id_of(request_id) if holds_money else None,
    )


def _challenged(terms: Terms, request_id: int, decision_id: int, score: int, at: datetime) -> Ruling:
    reason = "ADDITIONAL_AUTHENTICATION_REQUIRED"
    return Ruling(request_id, decision_id, CHALLENGE, reason, terms.amount, score, at)


def _declined(
    reason: str,
    terms: Terms,
    request_id: int,
    decision_id: int,
    score: int,
    at: datetime,
    *,
    explanation: str = "",
    breached_limit: int | None = None,
) -> Ruling:
    nothing = Money(0, terms.amount.currency)
    return Ruling(
        request_id,
        decision_id,
        DECLINED,
        reason,
        nothing,
        score,
        at,
        explanation=explanation,
        breached_limit=breached_limit,
    )


def _declined_by(check: Check, case: Case, request_id: int, decision_id: int, score: int) -> Ruling:
    limit = None if check.limit is None else check.limit(case.limits)
    return _declined(check.reason, case.terms, request_id, decision_id, score, case.at, breached_limit=limit)


def evolve(authorization: Authorization | None, event: AuthorizationEvent) -> Authorization:
    if isinstance(event, AuthorizationDecided):
        return Authorization(event.terms, event.card_id, event.account_id, event.ruling)
    assert authorization is not None, "an authorization's first event decides it"
    match event:
        case ChallengeCompleted() | ChallengeExpired() | AuthorizationReversed():
            known = authorization
            return Authorization(known.terms, known.card_id, known.account_id, event.ruling)
        case _:
            assert_never(event)
