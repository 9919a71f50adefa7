"""Users over HTTP: created, found, changed, deactivated; who they are is shown to those who may read it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.back_office_requests import done, invalid, refused, send
from tests.api.user_requests import MEMBERS, USERS, create, path_of, person, user_staff
from tests.sandbox_service import SandboxService


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with user_staff(sandbox) as client:
        yield client


@pytest.fixture
def reader(sandbox: SandboxService) -> Iterator[httpx.Client]:
    """May read users, but not who they are."""
    with user_staff(sandbox, "banking.read banking.admin") as client:
        yield client


def ids(response: httpx.Response) -> list[str]:
    return [user["id"] for user in done(response)]


def test_a_user_is_created_and_shown(staff: httpx.Client) -> None:
    asked = person()
    response = send(staff, "POST", USERS, asked)
    made = done(response, 201)
    assert int(response.headers["X-Ledger-Position"]) > 0
    assert list(made) == MEMBERS
    assert made["id"].startswith("user_")
    assert {name: made[name] for name in asked} == asked
    assert made["status"] == "active"
    assert made["created_at"] == made["updated_at"]
    assert done(staff.get(path_of(made))) == made
    assert ids(staff.get(USERS))[0] == made["id"]


def test_a_user_needs_no_more_than_a_name_and_an_address(staff: httpx.Client) -> None:
    made = done(send(staff, "POST", USERS, {"name": " Li  Wei ", "email": "Li.Wei@EXAMPLE.com"}), 201)
    assert (made["name"], made["email"], made["phone"]) == ("Li Wei", "Li.Wei@example.com", None)
    assert made["role"] == "customer"


def test_the_sandbox_has_its_users(staff: httpx.Client) -> None:
    users = done(staff.get(USERS, params={"order": "asc"}))
    shown = [(each["id"], each["name"], each["email"], each["phone"], each["role"]) for each in users]
    assert shown == [
        ("user_demo", "Demo Customer", "demo@example.com", "+15551234567", "customer"),
        ("user_other", "Other Customer", "other@example.com", "+15551234568", "customer"),
        ("user_teller", "Tara Teller", "teller@example.com", "+15551234569", "teller"),
    ]


def test_without_the_scope_personal_data_is_masked(staff: httpx.Client, reader: httpx.Client) -> None:
    shown = done(reader.get(f"{USERS}/user_demo"))
    assert (shown["name"], shown["email"], shown["phone"]) == (
        "D*** C***",
        "d***@example.com",
        "***-***-4567",
    )
    made = done(send(reader, "POST", USERS, person(name="Jane Doe", phone=None)), 201)
    assert (made["name"], made["email"], made["phone"]) == ("J*** D***", "j***@example.org", None)
    assert done(reader.get(USERS))[0] == made
    assert done(send(reader, "PUT", path_of(made), {"name": "Ann"}))["name"] == "A***"
    assert done(staff.get(path_of(made)))["name"] == "Ann"


def test_a_change_leaves_what_it_does_not_name(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = create(staff)
    path = path_of(made)
    sandbox.advance(5)
    changed = done(send(staff, "PUT", path, {"role": "finance"}))
    assert changed == made | {"role": "finance", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    changed = done(send(staff, "PUT", path, {"name": "Joan Roe", "phone": None, "email": "joan@example.net"}))
    assert changed == made | {
        "role": "finance",
        "name": "Joan Roe",
        "phone": None,
        "email": "joan@example.net",
        "updated_at": changed["updated_at"],
    }
    assert done(send(staff, "PUT", path, {}))["name"] == "Joan Roe"
    assert done(staff.get(path))["email"] == "joan@example.net"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name"),
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"name": 5}, "name"),
    ({"name": "x" * 141}, "name"),
    ({"name": "Jane\x00"}, "name"),
    ({"name": "Jane\x1b[31m"}, "name"),
    ({"email": None}, "email"),
    ({"email": ""}, "email"),
    ({"email": "jane"}, "email"),
    ({"email": "jane@"}, "email"),
    ({"email": "jane@localhost"}, "email"),
    ({"email": "jane doe@example.com"}, "email"),
    ({"email": "x" * 255 + "@example.com"}, "email"),
    ({"email": ["jane@example.com"]}, "email"),
    ({"phone": ""}, "phone"),
    ({"phone": "5551234567"}, "phone"),
    ({"phone": "+1555"}, "phone"),
    ({"phone": "+1 555 123 4567 ext. 8"}, "phone"),
    ({"phone": "call me"}, "phone"),
    ({"phone": 15551234567}, "phone"),
    ({"role": "root"}, "role"),
    ({"role": None}, "role"),
    ({"id": "user_mine"}, "id"),
    ({"created_at": "2024-01-01T12:00:00Z"}, "created_at"),
    ({"password": "a password of some length"}, "password"),
]


def test_users_that_are_refused(staff: httpx.Client) -> None:
    """400 that names the field and repeats nothing of it; made or changed is nothing."""
    made = create(staff)
    before = done(staff.get(USERS))
    for change, field in WRONG:
        for response in (
            send(staff, "POST", USERS, person(**change)),
            send(staff, "PUT", path_of(made), change),
        ):
            assert invalid(response) == field, change
            assert "jane" not in response.text.lower(), change
    for missing in ("name", "email"):
        body = person()
        del body[missing]
        assert invalid(send(staff, "POST", USERS, body)) == missing
    for status in ("erased", "gone", None, True):
        assert invalid(send(staff, "PUT", path_of(made), {"status": status})) == "status"
    assert invalid(send(staff, "POST", USERS, person(status="inactive"))) == "status"
    assert done(staff.get(USERS)) == before


def test_a_phone_number_is_kept_in_one_form(staff: httpx.Client) -> None:
    assert create(staff, phone="+44 (0) 20 7946-0018")["phone"] == "+442079460018"


def test_an_address_is_one_users_only_however_it_is_cased(staff: httpx.Client) -> None:
    made, other = create(staff), create(staff)
    loud = made["email"].upper()
    error = refused(send(staff, "POST", USERS, person(email=loud)), 409, "EMAIL_EXISTS")
    assert error["field"] == "email"
    assert "jane" not in error["message"].lower()
    refused(send(staff, "PUT", path_of(other), {"email": loud}), 409, "EMAIL_EXISTS")
    assert done(staff.get(path_of(other))) == other
    assert done(send(staff, "PUT", path_of(made), {"email": loud}))["email"].startswith("JANE")
    done(send(staff, "PUT", path_of(made), {"email": "new@example.net"}))
    done(send(staff, "PUT", path_of(other), {"email": made["email"]}))


def test_an_address_that_was_refused_with_all_the_rest_is_not_taken(staff: httpx.Client) -> None:
    made = create(staff)
    free = person()
    erased = create(staff)
    done(staff.post(f"{path_of(erased)}/erase"))
    refused(send(staff, "PUT", path_of(erased), {"email": free["email"]}), 409, "CONFLICT")
    assert invalid(send(staff, "PUT", path_of(made), {"email": free["email"], "role": "root"})) == "role"
    done(send(staff, "POST", USERS, free), 201)


def test_the_same_key_gives_the_same_user_again(staff: httpx.Client, reader: httpx.Client) -> None:
    """With who they were then; masked for whoever may not read it."""
    asked = person()
    made = done(send(staff, "POST", USERS, asked, "a key"), 201)
    done(send(staff, "PUT", path_of(made), {"name": "Somebody Else", "email": "else@example.net"}))
    assert done(send(staff, "POST", USERS, asked, "a key"), 201) == made
    assert done(send(reader, "POST", USERS, asked, "a key"), 201)["name"] == "J*** R***"
    for change in ({"name": "Jane Row"}, {"email": "other@example.net"}, {"phone": None}, {"role": "admin"}):
        refused(send(staff, "POST", USERS, asked | change, "a key"), 409, "IDEMPOTENCY_CONFLICT")
    # What was asked for in vain is still free.
    done(send(staff, "POST", USERS, person(email="other@example.net")), 201)
    assert len([each for each in ids(staff.get(USERS)) if each == made["id"]]) == 1


def test_a_refusal_is_the_same_again_under_its_key(staff: httpx.Client) -> None:
    made = create(staff)
    asked = person(email=made["email"])
    refused(send(staff, "POST", USERS, asked, "taken"), 409, "EMAIL_EXISTS")
    done(staff.post(f"{path_of(made)}/erase"))
    refused(send(staff, "POST", USERS, asked, "taken"), 409, "EMAIL_EXISTS")
    done(send(staff, "POST", USERS, asked, "anew"), 201)


def test_changes_are_the_same_again_under_their_key(staff: httpx.Client) -> None:
    made = create(staff)
    changed = done(send(staff, "PUT", path_of(made), {"name": "Joan Roe"}, "change"))
    done(send(staff, "PUT", path_of(made), {"name": "Jill Roe"}))
    assert done(send(staff, "PUT", path_of(made), {"name": "Joan Roe"}, "change")) == changed
    refused(send(staff, "PUT", path_of(made), {"name": "Jo"}, "change"), 409, "IDEMPOTENCY_CONFLICT")
    assert done(staff.get(path_of(made)))["name"] == "Jill Roe"


def test_a_user_is_deactivated_and_comes_back(staff: httpx.Client) -> None:
    made = create(staff)
    inactive = done(staff.delete(path_of(made)))
    assert inactive == made | {"status": "inactive", "updated_at": inactive["updated_at"]}
    assert done(staff.delete(path_of(made))) == inactive
    assert done(send(staff, "PUT", path_of(made), {"status": "active"}))["status"] == "active"
    assert done(send(staff, "PUT", path_of(made), {"status": "inactive"}))["status"] == "inactive"


@pytest.mark.parametrize("end", ["delete", "put", "erase"])
def test_the_tokens_of_who_is_not_active_stop_at_once(
    sandbox: SandboxService, staff: httpx.Client, end: str
) -> None:
    made = create(staff)
    with sandbox.user(made["id"]) as user:
        assert user.get("/api/transfers-v2").status_code == 200
        match end:
            case "delete":
                done(staff.delete(path_of(made)))
            case "put":
                done(send(staff, "PUT", path_of(made), {"status": "inactive"}))
            case "erase":
                done(staff.post(f"{path_of(made)}/erase"))
        assert user.get("/api/transfers-v2").status_code == 401
        if end != "erase":
            done(send(staff, "PUT", path_of(made), {"status": "active"}))
            assert user.get("/api/transfers-v2").status_code == 200


def test_users_are_found_by_words_and_how_these_begin(staff: httpx.Client) -> None:
    jane = create(staff, name="Jané Ødegård-Roe", email="j.roe@bank.example.net", phone="+442079460018")
    john = create(staff, name="John Doe", email="john.doe@example.net", phone=None)
    for search, fields, found in (
        ("john.doe", "name,email", [john]),
        ("JOHN DOE", None, [john]),
        ("doe john", "name", [john]),
        ("john.doe@example.net", "email", [john]),
        ("john.doe@example.net", "name", []),
        ("jo", None, [john]),
        ("jane", None, [jane]),
        ("jané", None, [jane]),
        ("roe", "name", [jane]),
        ("roe", None, [jane]),
        ("bank.example", None, [jane]),
        ("example.net", None, [john, jane]),
        ("+44 20 7946 0018", None, [jane]),
        ("4420", "phone", [jane]),
        ("0018", "phone", [jane]),
        ("0018", "name,email", []),
        ("nobody", None, []),
        ("...", None, []),
        ("x" * 254, None, []),
    ):
        wish = {"search": search, "limit": "2"} | ({} if fields is None else {"fields": fields})
        response = staff.get(USERS, params=wish)
        assert ids(response) == [each["id"] for each in found], search
        assert response.json()["pagination"]["total_count"] == len(found)
    done(send(staff, "PUT", path_of(john), {"name": "Jack Doe"}))
    assert ids(staff.get(USERS, params={"search": "john", "fields": "name"})) == []
    assert ids(staff.get(USERS, params={"search": "jack doe"})) == [john["id"]]
    done(staff.post(f"{path_of(jane)}/erase"))
    assert ids(staff.get(USERS, params={"search": "jane"})) == []


def test_searching_takes_the_scope_to_read(reader: httpx.Client) -> None:
    refused(reader.get(USERS, params={"search": "jane"}), 403, "FORBIDDEN")
    assert invalid(reader.get(USERS, params={"search": ""})) == "search"
    assert len(ids(reader.get(USERS, params={"fields": "name"}))) == 3


def test_lists_are_filtered_sorted_and_paged(staff: httpx.Client) -> None:
    made = create(staff, role="auditor")
    done(staff.delete(f"{USERS}/user_other"))
    assert ids(staff.get(USERS, params={"role": "auditor"})) == [made["id"]]
    assert ids(staff.get(USERS, params={"status": "inactive"})) == ["user_other"]
    assert ids(staff.get(USERS, params={"role": "customer", "status": "active"})) == ["user_demo"]
    assert ids(staff.get(USERS, params={"sort": "role", "order": "asc"}))[0] == made["id"]
    assert ids(staff.get(USERS, params={"sort": "status", "order": "desc"}))[0] == "user_other"
    assert len(ids(staff.get(USERS, params={"sort": "updated_at"}))) == 4
    second = staff.get(USERS, params={"page": 2, "limit": 3, "order": "asc"})
    assert ids(second) == [made["id"]]
    assert second.json()["pagination"] == {
        "current_page": 2,
        "per_page": 3,
        "total_pages": 2,
        "total_count": 4,
        "has_next": False,
        "has_previous": True,
    }
    for wish, field in (
        ({"role": "root"}, "role"),
        ({"status": "gone"}, "status"),
        ({"sort": "name"}, "sort"),
        ({"fields": "name,password"}, "fields"),
        ({"search": "x" * 255}, "search"),
        ({"email": "jane@example.com"}, "email"),
    ):
        assert invalid(staff.get(USERS, params=wish)) == field


def test_who_is_not_there_is_not_found(staff: httpx.Client) -> None:
    """Nor are those whom the bank only knows as somebody's customer."""
    for user_id in ("user_nobody", "CUST123456", "x" * 300, "%00", "user%2Ddemo%20"):
        path = f"{USERS}/{user_id}"
        for response in (
            staff.get(path),
            send(staff, "PUT", path, {"name": "Nobody"}),
            send(staff, "PUT", path, {"status": "inactive"}),
            staff.delete(path),
            staff.post(f"{path}/erase"),
            staff.post(f"{path}/password-reset"),
            staff.get(f"{path}/mfa"),
            staff.post(f"{path}/mfa"),
            send(staff, "POST", f"{path}/mfa/confirm", {"code": "000000"}),
            staff.delete(f"{path}/mfa"),
        ):
            refused(response, 404, "NOT_FOUND")


def test_each_operation_takes_its_scope(sandbox: SandboxService) -> None:
    with user_staff(sandbox, "banking.write banking.admin pii.read") as writer:
        refused(writer.get(USERS), 403, "FORBIDDEN")
        refused(writer.get(f"{USERS}/user_demo"), 403, "FORBIDDEN")
        refused(writer.get(f"{USERS}/user_demo/mfa"), 403, "FORBIDDEN")
    with user_staff(sandbox, "banking.read banking.write pii.read") as reader:
        path = f"{USERS}/user_demo"
        for response in (
            send(reader, "POST", USERS, person()),
            send(reader, "PUT", path, {"name": "Nobody"}),
            reader.delete(path),
            reader.post(f"{path}/erase"),
            reader.post(f"{path}/password-reset"),
            send(reader, "POST", "/backoffice/v1/password-resets/x", {"password": "a new password"}),
            reader.post(f"{path}/mfa"),
            send(reader, "POST", f"{path}/mfa/confirm", {"code": "000000"}),
            reader.delete(f"{path}/mfa"),
        ):
            refused(response, 403, "FORBIDDEN")
        assert done(reader.get(path))["status"] == "active"


def test_another_banks_users_are_not_there(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = create(staff)
    token = sandbox.token(subject="sandbox", scope="banking.read banking.admin pii.read", tenant="other-bank")
    headers = {"Authorization": f"Bearer {token}"}
    refused(sandbox.http.get(path_of(made), headers=headers), 404, "NOT_FOUND")
    assert done(sandbox.http.get(USERS, headers=headers)) == []
    assert done(sandbox.http.get(USERS, params={"search": "jane"}, headers=headers)) == []
    same = person(email=made["email"])
    assert done(sandbox.http.post(USERS, json=same, headers=headers), 201)["email"] == made["email"]
