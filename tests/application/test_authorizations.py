"""Commands on authorizations: what each records as one group, what is answered again, what time changes."""

from typing import Any, Literal

from application import accounts, authorizations, cards, holds
from application.authorizations import CompleteChallenge, ExpireChallenge, Reverse
from application.holds import CaptureHold
from application.idempotency import RequestKey
from domain import errors
from domain.accounts import AccountCredited
from domain.accounts import HoldPlaced as AccountHeld
from domain.authorizations import Authorization, Ruling
from domain.card_aliases import of_pan_hash
from domain.cards import CardAttempted, CardSpent
from domain.chart_of_accounts import CARD_SETTLEMENT
from domain.holds import HoldPlaced
from tests.application.command_book import CARD_ID, START, CardBook, usd


def latest(book: CardBook, request_id: int) -> Ruling:
    authorization: Authorization = book.state(f"authorization-{request_id}")
    return authorization.ruling


def complete(
    book: CardBook,
    request_id: int,
    result: Literal["SUCCESS", "FAILURE"] = "SUCCESS",
    key: RequestKey | None = None,
) -> Any:
    command = CompleteChallenge(request_id, book.number() + 1, result, key)
    return book.run(authorizations.complete_challenge, command)


def reverse(book: CardBook, request_id: int, key: RequestKey | None = None) -> Any:
    command = Reverse(request_id, book.number() + 1, "mistake", key)
    return book.run(authorizations.reverse, command)


# Asked for


def test_an_approval_is_recorded_with_its_hold_in_one_group() -> None:
    book = CardBook()
    ruling = book.authorize(125_50)
    number = ruling.request_id
    assert [stream for stream, _ in book.recorded] == [
        f"authorization-{number}",
        f"hold-{number + 2}",
        "account-a",
        f"card-{CARD_ID}",
    ]
    _, hold, held, spent = [event for _, event in book.recorded]
    assert isinstance(hold, HoldPlaced)
    assert (hold.amount, hold.card_account_id, hold.expires_at) == (
        usd(125_50),
        321654987,
        book.at.replace(day=8),
    )
    assert held == AccountHeld(
        str(number + 2), usd(125_50), f"authorization-{number}", 10_000_00, 125_50, "Example Merchant"
    )
    assert spent == CardSpent(number, "POS", "5411", 125_50, START)
    assert latest(book, number) == ruling


def test_a_decline_and_a_challenge_are_recorded_as_attempts_and_hold_nothing() -> None:
    book = CardBook(balance=2_000_00)
    declined = book.authorize(2_000_01)
    assert declined.reason == "TRANSACTION_LIMIT_EXCEEDED"
    assert book.recorded[1:] == [(f"card-{CARD_ID}", CardAttempted(declined.request_id, START))]
    challenged = book.challenge()
    assert book.topics == ["authorization.decided", "card.attempted"]
    assert book.totals == (2_000_00, 400_00)
    assert challenged.hold_id is None
    assert len(book.card.spending.attempts) == 3


def test_a_card_that_nobody_knows_is_a_decision_alone() -> None:
    book = CardBook()
    assert book.authorize(pan=of_pan_hash("nobody")).reason == "CARD_NOT_FOUND"
    assert book.topics == ["authorization.decided"]


def test_a_refund_is_credited_at_once_and_leaves_the_card_as_it_is() -> None:
    book = CardBook()
    before = book.card
    refund = book.authorize(3_000_00, kind="REFUND")
    assert book.recorded[1:] == [
        (
            "account-a",
            AccountCredited(
                usd(3_000_00),
                CARD_SETTLEMENT,
                "refund",
                f"authorization-{refund.request_id}",
                13_000_00,
                0,
                "Example Merchant",
            ),
        )
    ]
    assert book.card == before


def test_a_refund_that_is_declined_credits_nothing() -> None:
    book = CardBook()
    book.run(cards.change_card_status, cards.ChangeCardStatus(CARD_ID, "BLOCKED"))
    assert book.authorize(kind="REFUND").reason == "CARD_BLOCKED"
    assert book.topics == ["authorization.decided"]


def test_a_frozen_account_takes_refunds() -> None:
    book = CardBook()
    book.run(accounts.change_status, accounts.ChangeStatus("a", "frozen"))
    assert book.authorize(kind="REFUND").decision == "APPROVED"
    assert book.authorize().reason == "ACCOUNT_NOT_ACTIVE"


def test_the_same_key_is_the_same_decision_and_no_second_attempt() -> None:
    book = CardBook()
    for minor in (100_00, 9_000_00):
        key = RequestKey(f"request-{minor}", "content")
        first = book.authorize(minor, key=key)
        attempts = book.card.spending.attempts
        assert book.authorize(minor, key=key) == first
        assert book.recorded == []
        assert book.card.spending.attempts == attempts
    assert book.totals == (10_000_00, 100_00)


def test_the_fifth_attempt_in_ten_minutes_is_more_of_a_risk() -> None:
    book = CardBook()
    scores = [book.authorize(1).risk_score for _ in range(5)]
    assert scores == [15, 5, 5, 5, 35]
    book.wait(minutes=10)
    assert book.authorize(1).risk_score == 5


# Challenged


def test_a_completed_challenge_holds_and_counts_without_a_second_attempt() -> None:
    book = CardBook()
    challenged = book.challenge()
    book.wait(minutes=5)
    ruling = complete(book, challenged.request_id)
    assert book.topics == [
        "authorization.challenge_completed",
        "hold.placed",
        "account.hold_placed",
        "card.spent",
    ]
    assert (ruling.decision, ruling.risk_score) == ("APPROVED", challenged.risk_score)
    assert book.totals == (10_000_00, 1_400_00)
    assert len(book.card.spending.attempts) == 2
    assert latest(book, challenged.request_id) == ruling


def test_what_is_approved_after_midnight_counts_on_that_day() -> None:
    book = CardBook()
    book.wait(hours=9, minutes=25)
    challenged = book.challenge()
    assert book.spent_today == 400_00
    book.wait(minutes=5)
    complete(book, challenged.request_id)
    assert book.spent_today == 1_000_00


def test_a_completed_challenge_is_declined_where_the_money_is_gone_meanwhile() -> None:
    book = CardBook(balance=1_400_00)
    challenged = book.challenge()
    book.authorize(1, channel="POS")
    assert complete(book, challenged.request_id).reason == "INSUFFICIENT_FUNDS"
    assert book.topics == ["authorization.challenge_completed"]
    assert book.totals == (1_400_00, 400_01)


def test_a_failed_challenge_is_over() -> None:
    book = CardBook()
    challenged = book.challenge()
    assert complete(book, challenged.request_id, "FAILURE").reason == "CHALLENGE_FAILED"
    assert complete(book, challenged.request_id) == errors.NotAwaitingChallenge("DECLINED")
    assert book.recorded == []


def test_from_the_tenth_minute_on_a_challenge_is_over_also_before_its_timer_ran() -> None:
    book = CardBook()
    challenged = book.challenge()
    timer = ExpireChallenge(challenged.request_id)
    book.wait(minutes=9, seconds=59)
    assert book.run(authorizations.expire_challenge, timer) is None
    book.wait(seconds=1)
    assert complete(book, challenged.request_id) == errors.NotAwaitingChallenge("DECLINED")
    assert book.topics == ["authorization.challenge_expired"]
    expired = latest(book, challenged.request_id)
    assert (expired.reason, expired.decision_id) == ("CHALLENGE_EXPIRED", challenged.request_id + 3)
    assert book.run(authorizations.expire_challenge, timer) is None


def test_the_timer_of_a_challenge_fires_once() -> None:
    book = CardBook()
    challenged = book.challenge()
    book.wait(minutes=11)
    timer = ExpireChallenge(challenged.request_id)
    assert book.run(authorizations.expire_challenge, timer) == "DECLINED"
    assert latest(book, challenged.request_id).decided_at == START.replace(minute=40)
    assert book.run(authorizations.expire_challenge, timer) is None
    assert book.run(authorizations.expire_challenge, ExpireChallenge(4)) is None


def test_a_completion_is_answered_again_under_its_key_and_refusals_too() -> None:
    book = CardBook()
    challenged = book.challenge()
    first = complete(book, challenged.request_id, key=book.key())
    assert complete(book, challenged.request_id, key=book.key()) == first
    assert book.recorded == []
    other = RequestKey("other", "content")
    refusal = complete(book, challenged.request_id, key=other)
    assert book.topics == ["request.answered"]
    assert complete(book, challenged.request_id, key=other) == refusal


# Reversed


def test_a_reversal_frees_money_and_limits() -> None:
    book = CardBook()
    ruling = book.authorize(125_50)
    reversed_ruling = reverse(book, ruling.request_id)
    assert sorted(book.topics) == [
        "account.hold_released",
        "authorization.reversed",
        "card.spending_returned",
        "hold.released",
    ]
    assert (reversed_ruling.reason, reversed_ruling.explanation) == ("AUTHORIZATION_REVERSED", "mistake")
    assert book.totals == (10_000_00, 0)
    assert book.spent_today == 0
    assert book.state(f"hold-{ruling.hold_id}").status == "RELEASED"


def test_a_reversal_the_day_after_gives_back_on_the_day_of_the_approval() -> None:
    book = CardBook()
    ruling = book.authorize(125_50)
    book.wait(days=1)
    book.authorize(50_00)
    reverse(book, ruling.request_id)
    assert book.card.spending.on(START.date()) == 0
    assert book.spent_today == 50_00


def test_what_was_captured_released_or_refunded_is_not_reversed() -> None:
    book = CardBook()
    part = book.authorize(100_00)
    assert part.hold_id is not None
    book.run(holds.capture_hold, CaptureHold(part.hold_id, usd(1), "S", is_final=False))
    assert reverse(book, part.request_id) == errors.AuthorizationNotReversible("ACTIVE")
    refund = book.authorize(1, kind="REFUND")
    assert reverse(book, refund.request_id) == errors.AuthorizationNotReversible("REFUND")
    once = book.authorize(100_00)
    reverse(book, once.request_id)
    assert reverse(book, once.request_id) == errors.AuthorizationNotReversible("DECLINED")
    assert book.recorded == []


def test_a_hold_whose_time_is_over_is_no_longer_reversed_and_expires() -> None:
    book = CardBook()
    ruling = book.authorize(100_00)
    book.wait(days=7)
    assert reverse(book, ruling.request_id) == errors.AuthorizationNotReversible("EXPIRED")
    assert book.totals == (10_000_00, 0)
    assert latest(book, ruling.request_id) == ruling


def test_a_reversal_is_answered_again_under_its_key() -> None:
    book = CardBook()
    ruling = book.authorize()
    first = reverse(book, ruling.request_id, book.key())
    assert reverse(book, ruling.request_id, book.key()) == first
    assert reverse(book, ruling.request_id, book.key("else")) == errors.IdempotencyConflict()


def test_what_does_not_exist_is_not_found_and_leaves_the_key_free() -> None:
    book = CardBook()
    for answer in (complete(book, 4, key=book.key()), reverse(book, 4, book.key())):
        assert answer == errors.AuthorizationNotFound(4)
    assert book.authorize(key=book.key()).decision == "APPROVED"
