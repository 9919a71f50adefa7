"""Users: registered, changed, deactivated and erased; passwords and second factors."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import errors, users
from domain.users import (
    ACTIVE,
    ERASED,
    INACTIVE,
    MfaConfirmed,
    MfaEnrolled,
    MfaRemoved,
    PasswordResetRequested,
    PasswordSet,
    User,
    UserErased,
    UserRegistered,
    UserUpdated,
)
from tests.domain.story import fold, subject

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
REGISTERED = UserRegistered("user_1", "teller", "USA", "name", "email", "phone", AT)
ERASURE = UserErased("teller", LATER)
OFF, ON = UserUpdated("teller", INACTIVE, LATER), UserUpdated("teller", ACTIVE, LATER)
ENROLLED, CONFIRMED = MfaEnrolled("secret"), MfaConfirmed()

given = subject(users.evolve)


def test_a_user_is_registered_once() -> None:
    given().when(users.register, REGISTERED).then(REGISTERED)
    given(REGISTERED).when(users.register, REGISTERED).refused(errors.AccountExists("user_1"))


def test_a_new_user_is_active() -> None:
    assert fold(users.evolve, REGISTERED) == User(
        "user_1", "teller", "USA", "name", "email", "phone", ACTIVE, AT, AT
    )


def test_a_country_that_is_not_known_is_none() -> None:
    assert fold(users.evolve, UserRegistered("user_1", "teller", "")).country is None


def test_who_is_only_somebodys_customer_is_not_administered() -> None:
    customer = UserRegistered("CUST1", "customer", "USA")
    given(customer).when(users.require, "CUST1").refused(errors.UserNotFound("CUST1"))
    given().when(users.require, "user_1").refused(errors.UserNotFound("user_1"))
    for history in ((REGISTERED,), (REGISTERED, ERASURE)):
        assert users.require(fold(users.evolve, *history), "user_1").user_id == "user_1"


def test_a_change_names_what_it_changes_and_what_holds_from_now_on() -> None:
    given(REGISTERED).when(users.update, LATER, name="other").then(
        UserUpdated("teller", ACTIVE, LATER, name="other")
    )
    given(REGISTERED, OFF).when(users.update, LATER, role="admin").then(UserUpdated("admin", INACTIVE, LATER))
    given(REGISTERED).when(users.update, LATER, status=INACTIVE).then(OFF)
    given(REGISTERED).when(users.update, LATER, phone="").then(UserUpdated("teller", ACTIVE, LATER, phone=""))
    assert users.update(fold(users.evolve, REGISTERED), LATER) is None


def test_what_a_change_does_not_name_stays() -> None:
    changed = fold(users.evolve, REGISTERED, UserUpdated("admin", ACTIVE, LATER, email="other"))
    assert changed == User("user_1", "admin", "USA", "name", "other", "phone", ACTIVE, AT, LATER)
    without_phone = fold(users.evolve, REGISTERED, UserUpdated("teller", ACTIVE, LATER, phone=""))
    assert (without_phone.name, without_phone.email, without_phone.phone) == ("name", "email", None)


def test_deactivating_twice_is_deactivating_once() -> None:
    given(REGISTERED).when(users.deactivate, LATER).then(OFF)
    for history in ((REGISTERED, OFF), (REGISTERED, ERASURE)):
        assert users.deactivate(fold(users.evolve, *history), LATER) is None
    assert fold(users.evolve, REGISTERED, OFF, ON).status == ACTIVE


def test_erasing_twice_is_erasing_once() -> None:
    given(REGISTERED, OFF).when(users.erase, LATER).then(ERASURE)
    assert users.erase(fold(users.evolve, REGISTERED, ERASURE), LATER) is None


def test_nothing_is_left_of_an_erased_user_but_when_and_what_they_were() -> None:
    erased = fold(users.evolve, REGISTERED, PasswordSet("hash"), ENROLLED, CONFIRMED, ERASURE)
    assert erased == User("user_1", "teller", "USA", status=ERASED, created_at=AT, updated_at=LATER)


@pytest.mark.parametrize(
    ("decision", "arguments"),
    [
        (users.update, (LATER,)),
        (users.request_password_reset, (LATER,)),
        (users.set_password, ("hash",)),
        (users.enrol_mfa, ("secret",)),
        (users.confirm_mfa, ("secret",)),
    ],
)
def test_an_erased_user_cannot_change(decision: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    given(REGISTERED, ERASURE).when(decision, *arguments).refused(errors.UserErased("user_1"))


def test_a_password_is_set_and_replaced() -> None:
    given(REGISTERED).when(users.request_password_reset, LATER).then(PasswordResetRequested(LATER))
    given(REGISTERED, OFF).when(users.set_password, "hash").then(PasswordSet("hash"))
    assert fold(users.evolve, REGISTERED, PasswordSet("hash"), PasswordSet("other")).password == "other"


def test_a_second_factor_counts_when_it_is_confirmed() -> None:
    given(REGISTERED).when(users.enrol_mfa, "secret").then(ENROLLED)
    given(REGISTERED, ENROLLED).when(users.enrol_mfa, "other").then(MfaEnrolled("other"))
    given(REGISTERED, ENROLLED).when(users.confirm_mfa, "secret").then(CONFIRMED)
    enabled = fold(users.evolve, REGISTERED, ENROLLED, CONFIRMED)
    assert (enabled.mfa_secret, enabled.is_mfa_confirmed) == ("secret", True)


def test_a_second_factor_that_was_replaced_or_confirmed_cannot_be_confirmed() -> None:
    refusal = errors.MfaNotEnrolled("user_1")
    given(REGISTERED).when(users.confirm_mfa, None).refused(refusal)
    given(REGISTERED, ENROLLED, MfaEnrolled("other")).when(users.confirm_mfa, "secret").refused(refusal)
    given(REGISTERED, ENROLLED, CONFIRMED).when(users.confirm_mfa, "secret").refused(refusal)
    given(REGISTERED, ENROLLED, MfaRemoved()).when(users.confirm_mfa, "secret").refused(refusal)


def test_a_second_factor_is_removed_before_there_is_another() -> None:
    enabled = (REGISTERED, ENROLLED, CONFIRMED)
    given(*enabled).when(users.enrol_mfa, "other").refused(errors.MfaAlreadyEnabled("user_1"))
    given(*enabled).when(users.remove_mfa).then(MfaRemoved())
    assert users.remove_mfa(fold(users.evolve, REGISTERED)) is None
    gone = fold(users.evolve, *enabled, MfaRemoved())
    assert (gone.mfa_secret, gone.is_mfa_confirmed) == (None, False)
