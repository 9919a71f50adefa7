"""Users as they are shown: filtered, sorted, found by their words, and the same again after a rebuild."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from application.users import (
    CreateUser,
    OfUser,
    SetPassword,
    UpdateUser,
    create_user,
    deactivate_user,
    erase_user,
    set_password,
    update_user,
)
from domain import users as domain
from domain.users import UserRegistered
from infrastructure.database import connect_owner
from projections import users
from projections.rebuild import rebuild
from projections.users import Filter
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

SECOND = timedelta(seconds=1)
_WORDS = """
insert into {schema}.subject_words (subject, field, digests) values
('user_1', 'name', '{1,2}'), ('user_2', 'name', '{2}'), ('user_2', 'email', '{1}'), ('user_3', 'phone', '{1}')
returning 1
"""


EVERYBODY = Filter()


def history() -> BankHistory:
    """Three users: one changed, one inactive, one erased; and somebody who is only a customer."""
    bank = BankHistory()
    for number, role in ((1, "teller"), (2, "admin"), (3, "customer")):
        bank.now = START + number * SECOND
        command = CreateUser(f"user_{number}", f"name {number}", f"email {number}", f"phone {number}", role)
        bank.run(create_user, command)
    bank.record(domain.stream("CUST1"), UserRegistered("CUST1", "customer", "USA"))
    bank.now = START + 60 * SECOND
    bank.run(set_password, SetPassword("user_1", "hash"))
    bank.run(update_user, UpdateUser("user_1", email="new email", phone="", role="finance"))
    bank.now += SECOND
    bank.run(deactivate_user, OfUser("user_2"))
    bank.now += SECOND
    bank.run(erase_user, OfUser("user_3"))
    return bank


@pytest.fixture
def projected(tenant: Tenant) -> Tenant:
    tenant.project(history(), batch_size=2)
    return tenant


def found(tenant: Tenant, which: Filter = EVERYBODY, **wish: object) -> list[str]:
    given = {"sort": "created_at", "is_descending": False, "limit": 10, **wish}
    page = answer(users.page(tenant.fetch, which, **given))  # type: ignore[arg-type]  # as the test says
    return [view.user_id for view in page.users]


def test_a_user_is_shown_as_the_last_change_left_them(projected: Tenant) -> None:
    one = answer(users.one(projected.fetch, "user_1"))
    assert one is not None
    assert (one.name, one.email, one.phone) == ("name 1", "new email", None)
    assert (one.role, one.status) == ("finance", "active")
    assert (one.created_at, one.updated_at) == (START + SECOND, START + 60 * SECOND)
    two = answer(users.one(projected.fetch, "user_2"))
    assert two is not None
    assert (two.name, two.phone, two.status) == ("name 2", "phone 2", "inactive")


def test_of_an_erased_user_only_the_rest_is_shown(projected: Tenant) -> None:
    three = answer(users.one(projected.fetch, "user_3"))
    assert three is not None
    assert (three.name, three.email, three.phone) == (None, None, None)
    assert (three.role, three.status, three.updated_at) == ("customer", "erased", START + 62 * SECOND)


def test_who_is_only_a_customer_is_not_among_them(projected: Tenant) -> None:
    assert answer(users.one(projected.fetch, "CUST1")) is None
    assert answer(users.one(projected.fetch, "user_1\x00")) is None
    assert found(projected) == ["user_1", "user_2", "user_3"]


def test_users_are_filtered_and_paged(projected: Tenant) -> None:
    assert found(projected, Filter(role="admin")) == ["user_2"]
    assert found(projected, Filter(status="erased")) == ["user_3"]
    assert found(projected, Filter(role="admin", status="active")) == []
    assert found(projected, limit=1, offset=1) == ["user_2"]
    assert found(projected, limit=5, offset=3) == []
    page = answer(
        users.page(projected.fetch, Filter(), sort="created_at", is_descending=True, limit=1, offset=9)
    )
    assert (page.users, page.total) == ([], 3)


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        ("created_at", ["user_1", "user_2", "user_3"]),
        ("updated_at", ["user_1", "user_2", "user_3"]),
        ("role", ["user_2", "user_3", "user_1"]),
        ("status", ["user_1", "user_3", "user_2"]),
    ],
)
def test_users_are_sorted(projected: Tenant, sort: str, ascending: list[str]) -> None:
    assert sort in users.SORTS
    assert found(projected, sort=sort) == ascending
    assert found(projected, sort=sort, is_descending=True) == ascending[::-1]


def test_users_are_found_by_all_the_words_in_one_field(projected: Tenant) -> None:
    projected.rows(_WORDS)
    for searched, expected in (
        ({"name": [1]}, ["user_1"]),
        ({"name": [2]}, ["user_1", "user_2"]),
        ({"name": [2, 1]}, ["user_1"]),
        ({"name": [1], "email": [1]}, ["user_1", "user_2"]),
        ({"name": [1, 2], "email": [1, 2], "phone": [1, 2]}, ["user_1"]),
        ({"phone": [1]}, ["user_3"]),
        ({"name": [], "email": [], "phone": []}, []),
        ({}, []),
    ):
        assert found(projected, Filter(searched=searched)) == expected, searched
    assert found(projected, Filter(status="active", searched={"name": [2]})) == ["user_1"]


def test_users_are_the_same_however_the_batches_are_cut(new_ledger: Callable[[], Tenant]) -> None:
    contents = []
    for size in (1, 3, 100):
        tenant = new_ledger()
        tenant.project(history(), batch_size=size)
        contents.append(tenant.contents((users.MODEL,)))
    assert len(contents[0]["users"]) == 3
    assert all(other == contents[0] for other in contents)


def test_a_rebuild_gives_the_same_users(projected: Tenant) -> None:
    report = rebuild(lambda: connect_owner(projected.dsn), projected.schema)
    assert report.comparisons
    assert not report.differences
