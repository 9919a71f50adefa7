"""Commands on users: what is answered again, what is refused first, and what the log gets to see."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from application.idempotency import RequestKey
from application.users import (
    ConfirmMfa,
    CreateUser,
    EnrolMfa,
    FindAnswered,
    OfUser,
    RegisterUser,
    RequestPasswordReset,
    SetPassword,
    UpdateUser,
    UserAnswer,
    confirm_mfa,
    create_user,
    current_user,
    deactivate_user,
    enrol_mfa,
    erase_user,
    is_answered,
    mfa_status,
    register_user,
    remove_mfa,
    request_password_reset,
    set_password,
    update_user,
)
from domain import errors
from domain.users import ACTIVE, ERASED, INACTIVE, PasswordSet, User, UserRegistered, UserUpdated
from tests.application.command_book import START, Book

KEY, OTHER = RequestKey("request", "content"), RequestKey("request", "other content")
ANN = CreateUser("ann", "name", "email", "phone", "teller")


@pytest.fixture
def book() -> Book:
    """Ann is a user."""
    book = Book()
    book.run(create_user, ANN)
    return book


def test_a_new_user_is_answered_as_recorded(book: Book) -> None:
    created = book.run(create_user, msgspec.structs.replace(ANN, user_id="bob", password="hash"))
    assert created == UserAnswer("bob", "name", "email", "phone", "teller", ACTIVE, START, START)
    registered = UserRegistered("bob", "teller", "", "name", "email", "phone", START)
    assert [event for _, event in book.recorded[-2:]] == [registered, PasswordSet("hash")]
    user: User = book.run(current_user, OfUser("bob"))
    assert (user.password, user.country) == ("hash", None)


def test_what_was_answered_is_answered_again(book: Book) -> None:
    """As it was then, whatever came after, and refused where something else is asked for."""
    asked = msgspec.structs.replace(ANN, user_id="bob", key=KEY)
    assert not book.run(is_answered, FindAnswered(KEY))
    created = book.run(create_user, asked)
    assert book.run(is_answered, FindAnswered(KEY))
    book.run(update_user, UpdateUser("bob", name="new name"))
    blank = CreateUser("", "", "", None, "", key=KEY)
    assert (book.run(create_user, blank), book.recorded) == (created, [])
    other = msgspec.structs.replace(blank, key=OTHER)
    assert book.run(create_user, other) == errors.IdempotencyConflict()


def test_an_address_that_is_taken_is_refused_again(book: Book) -> None:
    taken = msgspec.structs.replace(ANN, user_id="bob", is_email_taken=True)
    assert book.run(create_user, taken) == errors.EmailExists()
    for again in (taken, msgspec.structs.replace(taken, is_email_taken=False)):
        assert book.run(create_user, msgspec.structs.replace(again, key=KEY)) == errors.EmailExists()
    changed = UpdateUser("ann", email="taken", is_email_taken=True)
    assert book.run(update_user, changed) == errors.EmailExists()
    assert book.run(current_user, OfUser("bob")) is None


def test_a_change_that_asks_for_nothing_records_nothing(book: Book) -> None:
    assert book.run(update_user, UpdateUser("ann")).name == "name"
    assert book.recorded == []
    book.run(update_user, UpdateUser("ann", role="admin"))
    assert book.recorded[-1][1] == UserUpdated("admin", ACTIVE, START)


def test_who_is_deactivated_or_erased_twice_is_so_once(book: Book) -> None:
    for handler, status in ((deactivate_user, INACTIVE), (erase_user, ERASED), (deactivate_user, ERASED)):
        first: UserAnswer = book.run(handler, OfUser("ann"))
        assert first.status == status
        assert (book.run(handler, OfUser("ann")), book.recorded) == (first, [])
    erased: UserAnswer = book.run(erase_user, OfUser("ann"))
    assert (erased.name, erased.email, erased.phone) == (None, None, None)


def test_a_second_factor_goes_its_way(book: Book) -> None:
    assert book.run(mfa_status, OfUser("ann")).status == "none"
    enrolled = book.run(enrol_mfa, EnrolMfa("ann", "secret", KEY))
    assert (enrolled.status, enrolled.secret, enrolled.email) == ("pending", "secret", "email")
    assert book.run(enrol_mfa, EnrolMfa("ann", "never used", KEY)) == enrolled
    assert book.run(mfa_status, OfUser("ann")).status == "pending"
    assert book.run(confirm_mfa, ConfirmMfa("ann", "secret")).status == "enabled"
    assert book.run(mfa_status, OfUser("ann")).status == "enabled"
    assert book.run(enrol_mfa, EnrolMfa("ann", "other")) == errors.MfaAlreadyEnabled("ann")
    for _ in range(2):
        assert book.run(remove_mfa, OfUser("ann")).status == "none"


def test_a_reset_is_answered_with_what_its_token_was_made_from(book: Book) -> None:
    asked = book.run(request_password_reset, RequestPasswordReset("ann", START, "salt", KEY))
    again = book.run(request_password_reset, RequestPasswordReset("ann", START, "other salt", KEY))
    assert asked == again
    assert asked.salt == "salt"
    assert book.run(set_password, SetPassword("ann", "hash")) == "ann"


@pytest.mark.parametrize("user_id", ["nobody", "CUST1"])
@pytest.mark.parametrize(
    ("handler", "command"),
    [
        (update_user, lambda user_id: UpdateUser(user_id, name="name", key=KEY)),
        (deactivate_user, lambda user_id: OfUser(user_id, KEY)),
        (erase_user, lambda user_id: OfUser(user_id, KEY)),
        (request_password_reset, lambda user_id: RequestPasswordReset(user_id, START, "salt", KEY)),
        (set_password, lambda user_id: SetPassword(user_id, "hash", KEY)),
        (enrol_mfa, lambda user_id: EnrolMfa(user_id, "secret", KEY)),
        (confirm_mfa, lambda user_id: ConfirmMfa(user_id, "secret", KEY)),
        (remove_mfa, lambda user_id: OfUser(user_id, KEY)),
        (mfa_status, OfUser),
    ],
)
def test_who_is_not_there_leaves_the_key_free(
    book: Book, user_id: str, handler: Any, command: Callable[[str], Any]
) -> None:
    """Whether nobody has the id, or somebody who is only a customer."""
    book.run(register_user, RegisterUser(UserRegistered("CUST1", "customer", "USA")))
    assert book.run(handler, command(user_id)) == errors.UserNotFound(user_id)
    assert not book.run(is_answered, FindAnswered(KEY))
