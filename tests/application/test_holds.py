"""Commands on card holds: money and limits move with the hold, once, and on the day of the approval."""

from typing import Any

import pytest

from application import accounts, cards, holds
from application.holds import CaptureHold, ChangedHold, ExpireHold, ReleasedHold, ReleaseHold
from application.idempotency import RequestKey
from domain import errors
from domain.accounts import AccountDebited
from domain.cards import SpendingReturned
from domain.chart_of_accounts import CARD_SETTLEMENT
from tests.application.command_book import CARD_ID, START, CardBook, usd


def placed(book: CardBook, minor: int = 100_00) -> int:
    hold_id = book.authorize(minor).hold_id
    assert hold_id is not None
    return hold_id


def capture(
    book: CardBook, hold_id: int, minor: int, *, is_final: bool = True, key: RequestKey | None = None
) -> Any:
    command = CaptureHold(hold_id, usd(minor), "SETTLEMENT-1", is_final=is_final, key=key)
    return book.run(holds.capture_hold, command)


def release(book: CardBook, hold_id: int, key: RequestKey | None = None) -> Any:
    return book.run(holds.release_hold, ReleaseHold(hold_id, "no show", key))


def status(book: CardBook, hold_id: int) -> tuple[str, int]:
    hold = book.state(f"hold-{hold_id}")
    return hold.status, hold.captured


def test_a_full_capture_debits_against_card_settlement_and_still_counts() -> None:
    book = CardBook()
    hold_id = placed(book)
    changed = capture(book, hold_id, 100_00)
    assert isinstance(changed, ChangedHold)
    assert (changed.hold.status, changed.changed_at) == ("CAPTURED", START.isoformat())
    assert book.topics == ["hold.captured", "account.hold_captured", "account.debited"]
    assert book.recorded[-1][1] == AccountDebited(
        usd(100_00), CARD_SETTLEMENT, "card", f"authorization-{hold_id - 2}", 9_900_00, 0, "Example Merchant"
    )
    assert book.totals == (9_900_00, 0)
    assert book.spent_today == 100_00


def test_a_final_capture_gives_the_rest_back() -> None:
    book = CardBook()
    hold_id = placed(book)
    capture(book, hold_id, 30_00)
    assert status(book, hold_id) == ("CAPTURED", 30_00)
    assert book.totals == (9_970_00, 0)
    assert book.spent_today == 30_00
    assert book.recorded[-1] == (
        f"card-{CARD_ID}",
        SpendingReturned(hold_id - 2, "POS", "5411", 70_00, START, 30_00),
    )


def test_captures_that_are_not_final_keep_the_rest_held_until_all_is_taken() -> None:
    book = CardBook()
    hold_id = placed(book)
    for minor, expected in (
        (30_00, ("ACTIVE", 30_00)),
        (20_00, ("ACTIVE", 50_00)),
        (50_00, ("CAPTURED", 100_00)),
    ):
        capture(book, hold_id, minor, is_final=False)
        assert status(book, hold_id) == expected
        assert book.totals == (10_000_00 - expected[1], 100_00 - expected[1])
        assert book.spent_today == 100_00


def test_no_more_is_captured_than_what_is_left_and_nothing_moves() -> None:
    book = CardBook()
    hold_id = placed(book)
    assert capture(book, hold_id, 100_01) == errors.CaptureExceedsHold(100_00, "USD")
    capture(book, hold_id, 60_00, is_final=False)
    assert capture(book, hold_id, 40_01) == errors.CaptureExceedsHold(40_00, "USD")
    assert book.recorded == []
    assert book.totals == (9_940_00, 40_00)


def test_what_was_promised_is_captured_also_from_a_frozen_account_and_a_blocked_card() -> None:
    book = CardBook(balance=100_00)
    hold_id = placed(book)
    book.run(accounts.change_status, accounts.ChangeStatus("a", "frozen"))
    book.run(cards.change_card_status, cards.ChangeCardStatus(CARD_ID, "BLOCKED"))
    capture(book, hold_id, 100_00)
    assert book.totals == (0, 0)


def test_a_release_answers_the_account_after_it() -> None:
    book = CardBook()
    other, hold_id = placed(book, 50_00), placed(book)
    released = release(book, hold_id)
    assert released == ReleasedHold(
        321654987, 654987321, 9_950_00, 50_00, 10_000_00, "USD", START.isoformat()
    )
    assert status(book, hold_id) == ("RELEASED", 0)
    assert status(book, other) == ("ACTIVE", 0)
    assert book.spent_today == 50_00


def test_a_release_after_a_partial_capture_gives_back_only_the_rest() -> None:
    book = CardBook()
    hold_id = placed(book)
    capture(book, hold_id, 30_00, is_final=False)
    release(book, hold_id)
    assert status(book, hold_id) == ("RELEASED", 30_00)
    assert book.totals == (9_970_00, 0)
    assert book.spent_today == 30_00


@pytest.mark.parametrize("captured", [0, 1])
def test_what_is_given_back_later_counts_less_on_the_day_of_its_approval(captured: int) -> None:
    book = CardBook()
    hold_id = placed(book)
    book.wait(days=1)
    book.authorize(50_00)
    if captured:
        capture(book, hold_id, captured)
    else:
        release(book, hold_id)
    assert book.spent_today == 50_00
    assert book.card.spending.on(START.date()) == captured


@pytest.mark.parametrize("end", ["capture", "release", "expire"])
def test_a_hold_ends_once(end: str) -> None:
    book = CardBook()
    hold_id = placed(book)
    if end == "capture":
        capture(book, hold_id, 100_00)
    elif end == "release":
        release(book, hold_id)
    else:
        book.wait(days=7)
        assert book.run(holds.expire_hold, ExpireHold(hold_id)) == "EXPIRED"
    totals, refusal = book.totals, errors.HoldNotActive(status(book, hold_id)[0])
    assert capture(book, hold_id, 1) == refusal
    assert release(book, hold_id) == refusal
    assert book.run(holds.expire_hold, ExpireHold(hold_id)) is None
    assert book.totals == totals
    assert book.recorded == []


def test_an_expiry_keeps_what_was_captured() -> None:
    book = CardBook()
    hold_id = placed(book)
    capture(book, hold_id, 30_00, is_final=False)
    book.wait(days=6, hours=23, minutes=59, seconds=59)
    assert book.run(holds.expire_hold, ExpireHold(hold_id)) is None
    assert status(book, hold_id) == ("ACTIVE", 30_00)
    book.wait(seconds=1)
    assert book.run(holds.expire_hold, ExpireHold(hold_id)) == "EXPIRED"
    assert status(book, hold_id) == ("EXPIRED", 30_00)
    assert book.totals == (9_970_00, 0)
    assert book.card.spending.on(START.date()) == 30_00


@pytest.mark.parametrize("ask", [release, lambda book, hold_id: capture(book, hold_id, 1)])
def test_a_hold_whose_time_is_over_has_expired_also_before_its_timer_ran(ask: Any) -> None:
    book = CardBook()
    hold_id = placed(book)
    book.wait(days=7)
    assert ask(book, hold_id) == errors.HoldNotActive("EXPIRED")
    assert sorted(book.topics) == ["account.hold_released", "card.spending_returned", "hold.expired"]
    assert book.totals == (10_000_00, 0)
    assert book.run(holds.expire_hold, ExpireHold(hold_id)) is None


def test_the_same_key_captures_once_and_is_answered_the_same_also_when_the_hold_has_ended() -> None:
    book = CardBook()
    hold_id, key = placed(book), CardBook().key()
    first = capture(book, hold_id, 30_00, is_final=False, key=key)
    book.wait(minutes=1)
    release(book, hold_id)
    assert capture(book, hold_id, 30_00, is_final=False, key=key) == first
    assert book.recorded == []
    assert capture(book, hold_id, 1, key=RequestKey("request", "else")) == errors.IdempotencyConflict()


def test_a_refusal_is_answered_again_under_its_key() -> None:
    book = CardBook()
    hold_id = placed(book)
    too_much, ended = RequestKey("too much", ""), RequestKey("ended", "")
    assert capture(book, hold_id, 200_00, key=too_much) == errors.CaptureExceedsHold(100_00, "USD")
    assert capture(book, hold_id, 200_00, key=too_much) == errors.CaptureExceedsHold(100_00, "USD")
    release(book, hold_id)
    assert release(book, hold_id, ended) == errors.HoldNotActive("RELEASED")
    assert book.topics == ["request.answered"]
    assert release(book, hold_id, ended) == errors.HoldNotActive("RELEASED")
    assert book.recorded == []


def test_an_unknown_hold_is_not_found() -> None:
    book = CardBook()
    assert capture(book, 6, 1) == errors.HoldNotFound(6)
    assert release(book, 6) == errors.HoldNotFound(6)
    assert book.run(holds.expire_hold, ExpireHold(6)) is None
