"""Users on two processes: one address is one user's, and what is erased or deactivated is so everywhere."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.user_requests import STAFF_SCOPES, USERS, person
from tests.end_to_end.second_process import second_api
from tests.sandbox_service import SandboxService, sandbox_service
from tests.webhook_receiver import eventually

ROUNDS = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    folder: Path = tmp_path_factory.mktemp("service")
    with sandbox_service(folder, "--rate-limits", "off") as service:
        yield service


@pytest.fixture(scope="module")
def staff(service: SandboxService) -> Iterator[list[httpx.Client]]:
    """One client of each process."""
    token = service.token(subject="sandbox", scope=STAFF_SCOPES, expires_in=10**8)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        second_api(service) as second,
        httpx.Client(base_url=service.url, headers=headers, timeout=60) as here,
        httpx.Client(base_url=second, headers=headers, timeout=60) as there,
    ):
        yield [here, there]


def at_once(
    staff: list[httpx.Client], requests: list[tuple[str, str, dict[str, Any]]], key: str | None = None
) -> list[httpx.Response]:
    """Sends all of them (method, path, body) at the same time, to each process by turns."""

    def send(number: int) -> httpx.Response:
        method, path, body = requests[number]
        headers = {} if key is None else {"Idempotency-Key": key}
        return staff[number % len(staff)].request(method, path, json=body, headers=headers)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, range(len(requests))))


def create(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.post(USERS, json=person(**changes)).json()["data"]
    return made


def having(client: httpx.Client, email: str) -> list[str]:
    found = client.get(USERS, params={"search": email, "fields": "email"}).json()["data"]
    return [user["id"] for user in found]


def test_of_many_who_want_an_address_one_gets_it(staff: list[httpx.Client]) -> None:
    for number in range(ROUNDS):
        email = f"wanted{number}@example.org"
        answers = at_once(staff, [("POST", USERS, person(email=email)) for _ in range(6)])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
        assert len(having(staff[0], email)) == 1


def test_of_users_who_change_to_an_address_one_gets_it(staff: list[httpx.Client]) -> None:
    made = [create(staff[0]) for _ in range(4)]
    for number in range(ROUNDS):
        email = f"changed{number}@example.org"
        wanted = [("PUT", f"{USERS}/{user['id']}", {"email": email.upper()}) for user in made]
        answers = at_once(staff, [*wanted, ("POST", USERS, person(email=email))])
        assert Counter(answer.status_code for answer in answers if answer.is_error) == {409: 4}
        assert len(having(staff[1], email)) == 1


def test_an_address_that_goes_to_and_fro_is_never_two_users(staff: list[httpx.Client]) -> None:
    """One user changes it on two processes at once, others want what is let go."""
    user = create(staff[0])
    path = f"{USERS}/{user['id']}"
    for number in range(ROUNDS):
        first, second = f"first{number}@example.org", f"second{number}@example.org"
        changes = [("PUT", path, {"email": email}) for email in (first, second, first, second)]
        others = [("POST", USERS, person(email=email)) for email in (first, second)]
        assert {answer.status_code for answer in at_once(staff, changes + others)} <= {200, 201, 409}
        for email in (first, second):
            # Whoever asks now finds it taken, or gets it: once.
            asked = at_once(staff, [("POST", USERS, person(email=email)) for _ in range(2)])
            assert sum(answer.status_code == 201 for answer in asked) + len(having(staff[0], email)) <= 2
            assert len(having(staff[1], email)) == 1


def test_one_key_sent_to_both_at_once_makes_one_user(staff: list[httpx.Client]) -> None:
    for number in range(ROUNDS):
        asked = person()
        answers = at_once(staff, [("POST", USERS, asked)] * 6, f"same-{number}")
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["data"]["id"] for answer in answers}) == 1
        assert all(answer.json()["data"]["email"] == asked["email"] for answer in answers)


def test_one_key_with_different_people_makes_one_of_them(staff: list[httpx.Client]) -> None:
    """Whose addresses the others were is free."""
    for number in range(ROUNDS):
        asked = [person() for _ in range(4)]
        answers = at_once(staff, [("POST", USERS, body) for body in asked], f"different-{number}")
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
        for body, answer in zip(asked, answers, strict=True):
            assert having(staff[0], body["email"]) == (
                [answer.json()["data"]["id"]] if answer.status_code == 201 else []
            )
            again = staff[0].post(USERS, json=person(email=body["email"]))
            assert again.status_code == (409 if answer.status_code == 201 else 201)


def test_an_erased_user_is_nobody_on_both(staff: list[httpx.Client]) -> None:
    for here, there in (staff, staff[::-1]):
        user = create(here)
        path = f"{USERS}/{user['id']}"
        assert there.get(path).json()["data"] == user
        assert here.post(f"{path}/erase").status_code == 200
        shown = there.get(path).json()["data"]
        assert (shown["name"], shown["email"], shown["phone"], shown["status"]) == (
            None,
            None,
            None,
            "erased",
        )
        assert there.post(USERS, json=person(email=user["email"])).status_code == 201


def test_changes_and_an_erasure_at_once_leave_nobody(staff: list[httpx.Client]) -> None:
    for _ in range(ROUNDS):
        user = create(staff[0])
        path = f"{USERS}/{user['id']}"
        changes = [("PUT", path, {"name": "Joan Roe", "email": f"x{user['email']}"}) for _ in range(3)]
        answers = at_once(staff, [*changes, ("POST", f"{path}/erase", {}), *changes])
        assert {answer.status_code for answer in answers} <= {200, 409}
        shown = staff[1].get(path).json()["data"]
        assert (shown["name"], shown["email"], shown["status"]) == (None, None, "erased")
        for email in (user["email"], f"x{user['email']}"):
            assert having(staff[0], email) == []
            assert staff[1].post(USERS, json=person(email=email)).status_code == 201


def test_a_users_tokens_end_on_both(service: SandboxService, staff: list[httpx.Client]) -> None:
    user = create(staff[0])
    headers = {"Authorization": f"Bearer {service.token(subject=user['id'], scope='transfers')}"}

    def status(client: httpx.Client) -> int:
        return client.get("/api/transfers-v2", headers=headers).status_code

    assert [status(client) for client in staff] == [200, 200]
    assert staff[0].delete(f"{USERS}/{user['id']}").status_code == 200
    assert status(staff[0]) == 401
    eventually(lambda: status(staff[1]) == 401)
    assert staff[1].put(f"{USERS}/{user['id']}", json={"status": "active"}).status_code == 200
    assert status(staff[1]) == 200
    eventually(lambda: status(staff[0]) == 200)
