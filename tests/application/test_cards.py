"""Commands on cards: issued once, numbered with their account, blocked, limited, overridden for a while."""

from datetime import timedelta
from typing import Any

import msgspec

from application import cards
from application.accounts import OpenAccount, open_account
from application.cards import (
    ChangeCardLimits,
    ChangeCardStatus,
    EndOverride,
    IssueCard,
    IssuedCard,
    OverrideCardLimits,
)
from application.idempotency import RequestKey
from application.users import RegisterUser, register_user
from domain import errors
from domain.accounts import CARD_ACCOUNT_SPACE_ID, AccountOpened
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits, ChannelLimits, LimitsChange
from domain.users import UserRegistered
from tests.application.command_book import CARD_ID, EXPIRY, LIMITS, START, Book, CardBook

PAN = of_pan_hash("another")
ISSUE = IssueCard(404, "a", 4_004, PAN, "411111******1112", EXPIRY, LIMITS)
TOMORROW = START + timedelta(days=1)


def opened(**changed: Any) -> Book:
    """One account of a customer from GBR, without a number for cards unless one is given."""
    book = Book()
    book.run(register_user, RegisterUser(UserRegistered("ann", "customer", "GBR")))
    account = AccountOpened("a", "0000000001", "ann", "checking", "USD", **changed)
    book.run(open_account, OpenAccount(account))
    return book


def override(book: CardBook, number: int, until: Any = TOMORROW, **limits: int) -> Any:
    command = OverrideCardLimits(CARD_ID, number, "travel", "admin-user", until, **limits)  # type: ignore[arg-type]
    return book.run(cards.override_card_limits, command)


# Issued


def test_the_first_card_of_an_account_numbers_it() -> None:
    book = opened()
    issued = book.run(cards.issue_card, ISSUE)
    assert issued == IssuedCard(404, 4_004, CARD_ACCOUNT_SPACE_ID, START.isoformat())
    assert book.topics == [
        "account.numbered_for_cards",
        "account_alias.assigned",
        "card.issued",
        "card_alias.assigned",
    ]
    assert book.state("account-a").card_account_id == 4_004
    assert book.state("account_alias-4004").account_id == "a"
    assert book.state("card-404").country == "GBR"


def test_a_numbered_account_keeps_its_number_and_is_found_by_it() -> None:
    book = opened(card_account_id=321654987, card_account_space_id=654987321)
    for number, account in enumerate(("a", "0000000001", "321654987")):
        command = msgspec.structs.replace(
            ISSUE, card_id=404 + 4 * number, account=account, pan_hash_stream=of_pan_hash(account)
        )
        issued = book.run(cards.issue_card, command)
        assert (issued.card_account_id, issued.card_account_space_id) == (321654987, 654987321)
        assert book.topics == ["card.issued", "card_alias.assigned"]


def test_a_card_is_issued_once_for_a_number() -> None:
    book = opened()
    book.run(cards.issue_card, ISSUE)
    again = msgspec.structs.replace(ISSUE, card_id=408)
    assert book.run(cards.issue_card, again) == errors.CardExists()
    assert book.recorded == []


def test_a_card_needs_an_account_a_free_number_and_good_limits_in_this_order() -> None:
    book = CardBook()
    bad = msgspec.structs.replace(ISSUE, account="nobody", limits=CardLimits(0, 0, 0))
    taken = of_pan_hash("a1b2c3d4e5f6g7h8i9j0")
    for command, refusal in (
        (msgspec.structs.replace(bad, pan_hash_stream=taken), errors.AccountNotFound("nobody")),
        (msgspec.structs.replace(bad, account="a", pan_hash_stream=taken), errors.CardExists()),
        (
            msgspec.structs.replace(bad, account="a"),
            errors.InvalidCardLimits("transactionLimit", "must be greater than 0"),
        ),
    ):
        assert book.run(cards.issue_card, command) == refusal
        assert book.recorded == []


def test_an_issue_is_answered_again_under_its_key() -> None:
    book = opened()
    keyed = msgspec.structs.replace(ISSUE, key=RequestKey("request", ""))
    first = book.run(cards.issue_card, keyed)
    again = msgspec.structs.replace(keyed, card_id=408, new_card_account_id=4_008)
    assert book.run(cards.issue_card, again) == first
    assert book.recorded == []


# Blocked


def test_a_blocked_card_declines_until_it_is_unblocked() -> None:
    book = CardBook()
    blocked = book.run(cards.change_card_status, ChangeCardStatus(CARD_ID, "BLOCKED", "lost"))
    assert blocked.status == "BLOCKED"
    assert book.topics == ["card.blocked"]
    assert book.authorize().reason == "CARD_BLOCKED"
    book.run(cards.change_card_status, ChangeCardStatus(CARD_ID, "ACTIVE", "found"))
    assert book.authorize().decision == "APPROVED"


def test_a_status_that_a_card_has_already_changes_nothing() -> None:
    book = CardBook()
    answer = book.run(cards.change_card_status, ChangeCardStatus(CARD_ID, "ACTIVE"))
    assert answer.status == "ACTIVE"
    assert book.recorded == []


# Limited


def test_changed_limits_hold_from_the_next_authorization_on() -> None:
    book = CardBook()
    book.authorize(700_00)
    change = LimitsChange(transaction=600_00, daily=1_000_00, channels={"POS": ChannelLimits(daily=900_00)})
    changed = book.run(cards.change_card_limits, ChangeCardLimits(CARD_ID, change))
    assert (changed.limits, changed.currency, changed.updated_at) == (
        CardLimits(600_00, 1_000_00, 20_000_00, {"POS": ChannelLimits(daily=900_00)}),
        "USD",
        START.isoformat(),
    )
    assert book.authorize(600_01).reason == "TRANSACTION_LIMIT_EXCEEDED"
    assert book.authorize(300_01).reason == "DAILY_LIMIT_EXCEEDED"
    assert book.authorize(300_00).reason == "CHANNEL_DAILY_LIMIT_EXCEEDED"
    assert book.authorize(200_00).decision == "APPROVED"


def test_limits_out_of_order_are_refused_and_the_refusal_is_kept_under_its_key() -> None:
    book = CardBook()
    key = RequestKey("request", "")
    command = ChangeCardLimits(CARD_ID, LimitsChange(daily=1), key)
    refusal = errors.InvalidCardLimits("transactionLimit", "must not be greater than dailyLimit")
    assert book.run(cards.change_card_limits, command) == refusal
    assert book.topics == ["request.answered"]
    assert book.run(cards.change_card_limits, command) == refusal
    assert book.card.limits == LIMITS


# Overridden


def test_an_override_holds_until_its_time_is_over_also_before_its_timer_ran() -> None:
    book = CardBook()
    overridden = override(book, 804, START + timedelta(minutes=1), transaction=3_000_00)
    assert (overridden.override.created_by, overridden.override.created_at) == ("admin-user", START)
    assert book.authorize(2_500_00).decision == "APPROVED"
    book.wait(minutes=1)
    assert book.authorize(2_500_00).reason == "TRANSACTION_LIMIT_EXCEEDED"
    book.run(cards.expire_override, EndOverride(804))
    assert book.topics == ["card.override_expired"]
    book.run(cards.expire_override, EndOverride(804))
    assert book.recorded == []
    assert book.card.overrides == ()


def test_the_newest_override_wins_and_its_end_gives_way_to_the_one_before() -> None:
    book = CardBook()
    override(book, 804, transaction=100_00)
    override(book, 808, transaction=50_00)
    assert book.authorize(50_01).breached_limit == 50_00
    book.run(cards.delete_override, EndOverride(808))
    assert book.authorize(100_01).breached_limit == 100_00
    assert book.authorize(100_00).decision == "APPROVED"


def test_an_override_is_deleted_once_and_its_deletion_answered_again_under_its_key() -> None:
    book = CardBook()
    override(book, 804, daily=1)
    keyed = EndOverride(804, RequestKey("request", ""))
    first = book.run(cards.delete_override, keyed)
    assert book.topics == ["card.override_deleted", "request.answered"]
    assert book.run(cards.delete_override, keyed) == first
    assert book.run(cards.delete_override, EndOverride(804)) == errors.LimitOverrideNotFound(804)
    assert book.run(cards.delete_override, EndOverride(999)) == errors.LimitOverrideNotFound(999)
    assert book.run(cards.expire_override, EndOverride(999)) is None


def test_an_override_of_the_past_is_refused_and_records_nothing() -> None:
    book = CardBook()
    assert override(book, 804, START, daily=1) == errors.OverrideExpiresTooEarly()
    assert book.recorded == []


def test_a_card_that_does_not_exist_is_not_found() -> None:
    book = Book()
    for handler, command in (
        (cards.change_card_status, ChangeCardStatus(4, "BLOCKED")),
        (cards.change_card_limits, ChangeCardLimits(4, LimitsChange())),
        (cards.override_card_limits, OverrideCardLimits(4, 8, "", "", TOMORROW, daily=1)),
    ):
        assert book.run(handler, command) == errors.CardNotFound(4)
