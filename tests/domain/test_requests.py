"""Identifiers that are derived from what was asked, and requests that were answered."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain import account_aliases, errors, requests, users
from domain.account_aliases import Alias, AliasAssigned
from domain.requests import AnsweredRequest, RequestAnswered
from domain.users import User, UserRegistered
from tests.domain.story import fold, subject


@given(st.lists(st.text(max_size=20), max_size=4), st.lists(st.text(max_size=20), max_size=4))
def test_different_parts_have_different_identities(one: list[str], other: list[str]) -> None:
    assert (requests.identity(*one) == requests.identity(*other)) == (one == other)


def test_where_one_part_ends_and_the_next_begins_makes_a_difference() -> None:
    assert (
        len({requests.identity(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}) == 4
    )


def test_an_answered_request_is_remembered_with_its_content() -> None:
    answered = RequestAnswered("hash", msgspec.Raw(b'{"answer":1}'))
    assert fold(requests.evolve, answered) == AnsweredRequest("hash", msgspec.Raw(b'{"answer":1}'))
    assert requests.stream("abc") == "request-abc"


def test_an_alias_names_its_account() -> None:
    assert fold(account_aliases.evolve, AliasAssigned("acct")) == Alias("acct")


def test_a_user_is_registered_once() -> None:
    registered = UserRegistered("ann", "customer", "USA")
    given_user = subject(users.evolve)
    given_user().when(users.register, registered).then(registered)
    given_user(registered).when(users.register, registered).refused(errors.AccountExists("ann"))
    assert fold(users.evolve, registered) == User("ann", "customer", "USA")
