"""Authorizations: decided, challenged, completed, expired, reversed; what each ruling says and saw."""

from datetime import timedelta
from typing import Any

import pytest

from domain import authorizations, errors, holds, risk
from domain.accounts import Account
from domain.authorization_checks import REFUND, Terms
from domain.authorizations import (
    Authorization,
    AuthorizationDecided,
    AuthorizationReversed,
    ChallengeCompleted,
    ChallengeExpired,
    Ruling,
)
from domain.card_limits import Override
from domain.card_spending import NOTHING, with_approval, with_attempt
from domain.cards import Card
from domain.holds import Hold, HoldPlaced
from domain.money import Money
from tests.domain.card_scene import AT, CARD_ID, EXPIRY, REQUEST_ID, account, card, terms

MINUTE = timedelta(minutes=1)
ONLINE = terms(1_000_00, channel="E_COMMERCE", category="7995")
CODE = authorizations.authorization_code(REQUEST_ID)


def decide(
    asked: Terms, of: Card | None = None, holder: Account | None = None, expiry: str = EXPIRY
) -> AuthorizationDecided:
    return authorizations.decide(REQUEST_ID, asked, expiry, of or card(), holder or account(), AT)


def ruling(decision: Any, reason: str, approved: int, score: int = 5, **more: Any) -> Ruling:
    number = more.pop("decision_id", REQUEST_ID + 1)
    return Ruling(
        REQUEST_ID, number, decision, reason, Money(approved, "USD"), score, more.pop("at", AT), **more
    )


def challenged() -> Authorization:
    return authorizations.evolve(None, decide(ONLINE))


def approved() -> Authorization:
    return authorizations.evolve(None, decide(terms()))


def hold(captured: int = 0, status: Any = "ACTIVE") -> Hold:
    asked = terms()
    placed = HoldPlaced(
        REQUEST_ID + 2,
        REQUEST_ID,
        CARD_ID,
        "a",
        1,
        2,
        asked.amount,
        asked.channel,
        asked.category,
        asked.merchant_id,
        asked.merchant_name,
        AT,
        AT + holds.LIFE,
    )
    return Hold(placed, captured, status)


# Decided


def test_an_approval_has_a_code_a_hold_and_all_that_it_saw() -> None:
    decided = decide(terms())
    assert decided.ruling == ruling(
        "APPROVED", "APPROVED_TRANSACTION", 125_50, authorization_code=CODE, hold_id=REQUEST_ID + 2
    )
    assert len(CODE) == 6
    assert CODE.isdigit()
    assert (decided.card_id, decided.account_id) == (CARD_ID, "a")
    assert (decided.risk_rules, decided.risk_rules_version) == (("BASE",), risk.RULES_VERSION)
    assert decided.seen is not None
    assert (decided.seen.posted, decided.seen.daily_limit) == (10_000_00, 5_000_00)


def test_a_decline_approves_nothing_and_has_neither_code_nor_hold() -> None:
    decided = decide(terms(10_000_01, channel="MOTO"), card(limits=card().limits), account(10_000_00))
    assert decided.ruling == ruling("DECLINED", "TRANSACTION_LIMIT_EXCEEDED", 0, breached_limit=2_000_00)
    assert decided.seen is not None


def test_a_decline_for_a_limit_names_the_limit_that_held() -> None:
    override = Override(1, "travel", "admin", AT, AT + MINUTE, transaction=50_00)
    decided = decide(terms(50_01), card(overrides=(override,)))
    assert decided.ruling.breached_limit == 50_00
    assert authorizations.is_limit_breach(decided.ruling)
    short = decide(terms(), holder=account(1)).ruling
    assert short == ruling("DECLINED", "INSUFFICIENT_FUNDS", 0)
    assert not authorizations.is_limit_breach(short)


def test_an_unknown_card_is_declined_without_anything_to_see() -> None:
    decided = authorizations.decide(REQUEST_ID, terms(), EXPIRY, None, None, AT)
    assert decided == AuthorizationDecided(
        ruling("DECLINED", "CARD_NOT_FOUND", 0), terms(), risk.RULES_VERSION, ("BASE",)
    )


def test_the_documents_amounts_on_a_fresh_card_in_e_commerce() -> None:
    fresh = card(spending=NOTHING)
    first = decide(terms(400_00, channel="E_COMMERCE"), fresh).ruling
    assert (first.decision, first.risk_score) == ("APPROVED", 15)
    spent = with_attempt(with_approval(NOTHING, "E_COMMERCE", 400_00, AT), AT)
    second = decide(ONLINE, card(spending=spent)).ruling
    assert (second.decision, second.risk_score) == ("CHALLENGE", 75)
    abroad = decide(terms(1_000_00, channel="E_COMMERCE", country="GBR"), fresh).ruling
    assert (abroad.decision, abroad.risk_score) == ("CHALLENGE", 75)


def test_a_challenge_shows_what_would_be_approved_and_holds_nothing() -> None:
    assert decide(ONLINE).ruling == ruling(
        "CHALLENGE", "ADDITIONAL_AUTHENTICATION_REQUIRED", 1_000_00, score=75
    )


def test_only_e_commerce_is_challenged() -> None:
    # 5 + 25 unusual + 25 category + 15 abroad
    spent = with_approval(NOTHING, "POS", 1, AT)
    risky = terms(10_00, category="7995", country="GBR")
    assert decide(risky, card(spending=spent)).ruling.risk_score == 70
    assert decide(risky, card(spending=spent)).ruling.decision == "APPROVED"
    spent = with_approval(NOTHING, "E_COMMERCE", 1, AT)
    online = terms(10_00, category="7995", country="GBR", channel="E_COMMERCE")
    assert decide(online, card(spending=spent)).ruling.decision == "CHALLENGE"


def test_below_seventy_is_approved() -> None:
    online = terms(1_000_00, channel="E_COMMERCE", country="GBR")
    assert decide(online).ruling.risk_score == 65
    assert decide(online).ruling.decision == "APPROVED"


def test_from_ninety_on_it_is_suspected_fraud_in_every_channel() -> None:
    worst = decide(terms(1_000_00, channel="E_COMMERCE", category="7995", country="GBR")).ruling
    assert worst == ruling("DECLINED", "SUSPECTED_FRAUD", 0, score=90)
    rapid = with_approval(NOTHING, "POS", 1, AT)
    for _ in range(4):
        rapid = with_attempt(rapid, AT)
    in_store = decide(terms(10_00, category="7995", country="GBR"), card(spending=rapid)).ruling
    assert (in_store.reason, in_store.risk_score) == ("SUSPECTED_FRAUD", 100)


def test_a_check_that_fails_comes_before_the_risk() -> None:
    worst = terms(1_000_00, channel="E_COMMERCE", category="7995", country="GBR")
    assert decide(worst, holder=account(1)).ruling == ruling("DECLINED", "INSUFFICIENT_FUNDS", 0, score=90)


def test_a_refund_is_approved_without_hold_and_risk() -> None:
    decided = decide(terms(99_999_00, transaction_type=REFUND, category="7995", country="GBR"))
    assert decided.ruling == ruling(
        "APPROVED", "APPROVED_TRANSACTION", 99_999_00, score=0, authorization_code=CODE
    )
    assert decided.risk_rules == ()


# Challenged


def complete(
    result: Any = "SUCCESS", of: Card | None = None, holder: Account | None = None, at: Any = AT + MINUTE
) -> ChallengeCompleted:
    return authorizations.complete_challenge(
        challenged(), result, 4_005, of or card(), holder or account(), at
    )


def test_a_completed_challenge_is_approved_with_a_hold_and_the_first_score() -> None:
    completed = complete()
    assert completed.ruling == ruling(
        "APPROVED",
        "APPROVED_TRANSACTION",
        1_000_00,
        score=75,
        decision_id=4_005,
        at=AT + MINUTE,
        authorization_code=CODE,
        hold_id=REQUEST_ID + 2,
    )
    assert completed.result == "SUCCESS"
    assert completed.seen is not None


def test_a_completed_challenge_is_checked_again_by_then() -> None:
    blocked = complete(of=card(status="BLOCKED")).ruling
    assert blocked == ruling("DECLINED", "CARD_BLOCKED", 0, score=75, decision_id=4_005, at=AT + MINUTE)
    assert complete(holder=account(999_99)).ruling.reason == "INSUFFICIENT_FUNDS"
    assert complete(holder=account(status="frozen")).ruling.reason == "ACCOUNT_NOT_ACTIVE"
    spent = with_approval(NOTHING, "E_COMMERCE", 2_000_01, AT)
    limited = complete(of=card(spending=spent)).ruling
    assert (limited.reason, limited.breached_limit) == ("CHANNEL_DAILY_LIMIT_EXCEEDED", 3_000_00)


def test_a_completed_challenge_is_not_held_against_by_risk_again() -> None:
    rapid = NOTHING
    for _ in range(4):
        rapid = with_attempt(rapid, AT)
    assert complete(of=card(spending=rapid, country="GBR")).ruling.decision == "APPROVED"


def test_a_failed_challenge_declines_whatever_else_is_wrong() -> None:
    failed = complete("FAILURE", of=card(status="BLOCKED"))
    assert failed == ChallengeCompleted(
        ruling("DECLINED", "CHALLENGE_FAILED", 0, score=75, decision_id=4_005, at=AT + MINUTE), "FAILURE"
    )


def test_a_challenge_expires_from_its_tenth_minute_on_and_as_of_it() -> None:
    authorization = challenged()
    tenth = AT + 10 * MINUTE
    assert not authorizations.has_challenge_expired(authorization, tenth - timedelta(microseconds=1))
    assert authorizations.has_challenge_expired(authorization, tenth)
    assert authorizations.expire_challenge(authorization) == ChallengeExpired(
        ruling("DECLINED", "CHALLENGE_EXPIRED", 0, score=75, decision_id=REQUEST_ID + 3, at=tenth)
    )


@pytest.mark.parametrize("result", ["SUCCESS", "FAILURE"])
def test_what_is_not_challenged_can_neither_be_completed_nor_expire(result: Any) -> None:
    declined = authorizations.evolve(challenged(), complete("FAILURE"))
    for authorization in (approved(), declined):
        refusal = errors.NotAwaitingChallenge(authorization.ruling.decision)
        assert not authorizations.has_challenge_expired(authorization, AT + 60 * MINUTE)
        for decision in (
            lambda each=authorization: authorizations.complete_challenge(
                each, result, 4_005, card(), account(), AT
            ),
            lambda each=authorization: authorizations.expire_challenge(each),
        ):
            with pytest.raises(errors.NotAwaitingChallenge) as refused:
                decision()
            assert refused.value == refusal


# Reversed


def reverse(authorization: Authorization, held: Hold | None) -> AuthorizationReversed:
    return authorizations.reverse(authorization, held, 4_009, "Merchant initiated reversal", AT + MINUTE)


def test_a_reversal_declines_what_was_approved_and_says_why() -> None:
    assert reverse(approved(), hold()).ruling == ruling(
        "DECLINED",
        "AUTHORIZATION_REVERSED",
        0,
        decision_id=4_009,
        at=AT + MINUTE,
        explanation="Merchant initiated reversal",
    )


def test_only_an_approval_with_an_untouched_hold_is_reversed() -> None:
    reversed_once = authorizations.evolve(approved(), reverse(approved(), hold()))
    refund = authorizations.evolve(None, decide(terms(transaction_type=REFUND)))
    for authorization, held, status in (
        (challenged(), None, "CHALLENGE"),
        (authorizations.evolve(challenged(), complete("FAILURE")), None, "DECLINED"),
        (reversed_once, hold(status="RELEASED"), "DECLINED"),
        (refund, None, "REFUND"),
        (approved(), hold(captured=1), "ACTIVE"),
        (approved(), hold(captured=125_50, status="CAPTURED"), "CAPTURED"),
        (approved(), hold(status="RELEASED"), "RELEASED"),
        (approved(), hold(status="EXPIRED"), "EXPIRED"),
    ):
        with pytest.raises(errors.AuthorizationNotReversible) as refused:
            reverse(authorization, held)
        assert refused.value == errors.AuthorizationNotReversible(status)


# Shown


def test_an_authorization_shows_its_latest_ruling_and_keeps_its_terms() -> None:
    decided = decide(ONLINE)
    authorization = authorizations.evolve(None, decided)
    assert authorization == Authorization(ONLINE, CARD_ID, "a", decided.ruling)
    completed = complete()
    authorization = authorizations.evolve(authorization, completed)
    assert authorization == Authorization(ONLINE, CARD_ID, "a", completed.ruling)


def test_the_numbers_of_a_block_do_not_meet() -> None:
    numbers = [
        REQUEST_ID,
        authorizations.first_decision_id(REQUEST_ID),
        authorizations.hold_id_of(REQUEST_ID),
        authorizations.expiry_decision_id(REQUEST_ID),
    ]
    assert numbers == list(range(REQUEST_ID, REQUEST_ID + authorizations.NUMBERS_PER_BLOCK))
    assert authorizations.request_id_of_hold(numbers[2]) == REQUEST_ID
