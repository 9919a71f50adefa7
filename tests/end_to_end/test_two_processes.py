"""Several API processes on one tenant: they decide on the same accounts at once, none on old news."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.transfers import Transfer
from tests.end_to_end.second_process import second_api
from tests.end_to_end.transfer_load import Bank, Clients, check
from tests.sandbox_service import SandboxService, sandbox_service

ROUNDS = 10


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    folder: Path = tmp_path_factory.mktemp("service")
    with sandbox_service(folder, "--rate-limits", "off", "--workers", "2") as service:
        yield service


@pytest.fixture(scope="module")
def bank(service: SandboxService) -> Bank:
    return Bank(service, 3)


@pytest.fixture(scope="module")
def urls(service: SandboxService) -> Iterator[list[str]]:
    with second_api(service) as second:
        yield [service.url, second]


def simultaneously(urls: list[str], requests: list[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    """Sends all requests (token, body) at the same time, by turns to each address."""

    def send(number: int) -> httpx.Response:
        token, body = requests[number]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(
            f"{urls[number % len(urls)]}/api/transfers-v2", json=body, headers=headers, timeout=60
        )

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, range(len(requests))))


def transfer(key: str, amount: str, source: str, target: str) -> dict[str, Any]:
    return {
        "idempotency_key": key,
        "from_account_id": source,
        "to_account_id": target,
        "amount": amount,
        "transfer_type": "internal",
    }


def test_under_load_nothing_is_lost_or_doubled(urls: list[str], bank: Bank) -> None:
    with Clients(urls, bank.tokens, per_user=4) as clients:
        clients.wait_for(600)
    check(bank, clients)


def test_one_key_sent_to_all_processes_at_once_makes_one_transfer(urls: list[str], bank: Bank) -> None:
    for number in range(ROUNDS):
        body = transfer(f"same-{number}", "1.00", "acct_0000000", "acct_0000001")
        answers = simultaneously(urls, [(bank.tokens[0], body)] * 6)
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
        assert len({answer.json()["transfer"]["id"] for answer in answers}) == 1


def test_money_for_one_transfer_is_spent_once(urls: list[str], service: SandboxService, bank: Bank) -> None:
    """The demo users' accounts are drained by transfers of everything that is there."""
    for subject, source in (("user_demo", "test_savings_456"), ("user_other", "test_checking_other")):
        token = service.token(subject=subject, expires_in=10**8)
        amount = "4000.00" if subject == "user_demo" else "400.00"
        requests = [(token, transfer(f"all-{number}", amount, source, "acct_0000001")) for number in range(6)]
        answers = simultaneously(urls, requests)
        assert sorted(answer.status_code for answer in answers) == [201] + [400] * 5
        refused = [answer.json() for answer in answers if answer.status_code == 400]
        assert {answer["error"] for answer in refused} == {"Insufficient available balance"}
    bank.audited()


def test_a_limit_with_room_for_one_lets_one_pass(
    urls: list[str], service: SandboxService, bank: Bank
) -> None:
    """Ten transfers a day: nine have been made, then six come at once."""
    token = service.token(subject="CUST123456", expires_in=10**8)
    source, target = "acct_1234567890", "acct_0000001"
    first = simultaneously(urls, [(token, transfer(f"ok-{n}", "1.00", source, target)) for n in range(9)])
    assert {answer.status_code for answer in first} == {201}
    last = simultaneously(urls, [(token, transfer(f"last-{n}", "1.00", source, target)) for n in range(6)])
    assert sorted(answer.status_code for answer in last) == [201] + [429] * 5
    _, created = bank.audited()
    assert Counter(event.user_id for event in created)["CUST123456"] == 10


def test_of_simultaneous_cancellations_one_succeeds(urls: list[str], bank: Bank) -> None:
    headers = {"Authorization": f"Bearer {bank.tokens[2]}"}
    for number in range(ROUNDS):
        body = transfer(f"cancelled-{number}", "1.00", "acct_0000002", "acct_0000001")
        (made,) = simultaneously(urls, [(bank.tokens[2], body)])
        path = f"/api/transfers-v2/{made.json()['transfer']['id']}"

        def cancel(url: str, path: str = path) -> int:
            return httpx.patch(url + path, json={"action": "cancel"}, headers=headers, timeout=60).status_code

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(cancel, urls * 2)) == [200, 400, 400, 400]
    states, _ = bank.audited()
    cancelled = [known.state for known in states.values() if isinstance(known.state, Transfer)]
    assert sum(state.status == "cancelled" for state in cancelled) == ROUNDS
