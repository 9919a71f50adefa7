"""Simultaneous authorizations: together they never exceed a limit or the balance, and each is recorded."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.api.card_requests import (
    ACCOUNT,
    AUTHORIZATIONS,
    HOLDS,
    LOW_FUNDS,
    RELEASE,
    REVERSAL,
    balance,
    capture,
    decision,
    get,
    hold,
    holds,
    issue,
    latest,
    limits_of,
    placed_hold,
    purchase,
)

TWENTY = 20


def all_at_once(client: httpx.Client, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    start = Barrier(len(requests))

    def send(request: tuple[str, dict[str, Any]]) -> httpx.Response:
        start.wait()
        return client.post(request[0], json=request[1])

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


@pytest.mark.parametrize(
    ("account", "limits", "amount", "reason"),
    [
        (ACCOUNT, limits_of(100, 350, 1000), 100, "DAILY_LIMIT_EXCEEDED"),
        (ACCOUNT, limits_of(100, 100_000, 100_000, POS=(None, 350)), 100, "CHANNEL_DAILY_LIMIT_EXCEEDED"),
        (321654988, limits_of(100, 100_000, 100_000), 15, "INSUFFICIENT_FUNDS"),
    ],
    ids=["the day's limit", "the channel's limit", "the balance"],
)
def test_three_of_twenty_are_approved_where_there_is_room_for_three(
    centre: httpx.Client, account: int, limits: dict[str, Any], amount: int, reason: str
) -> None:
    """Seventeen are declined for what they found used up. All twenty are there to be seen."""
    card = issue(centre, "twenty-at-once", account, limits)
    sent = [(AUTHORIZATIONS, purchase(card, amount, merchantId=f"M{number}")) for number in range(TWENTY)]
    responses = all_at_once(centre, sent)
    assert Counter(response.status_code for response in responses) == {200: 3, 422: 17}
    answers = [response.json() for response in responses]
    assert Counter(answer["reasonCode"] for answer in answers) == {"APPROVED_TRANSACTION": 3, reason: 17}
    assert len({answer["decisionId"] for answer in answers}) == TWENTY
    for answer in answers:
        assert decision(centre, answer["decisionId"]) == answer
        assert latest(centre, answer["requestId"]) == answer
    approved = {answer["holdId"] for answer in answers if "holdId" in answer}
    shown = holds(centre, accountId=account)
    assert {entry["holdId"] for entry in shown} == approved
    assert sum(entry["amount"] for entry in shown) == 3 * amount


def test_cards_of_one_account_share_its_balance(centre: httpx.Client) -> None:
    """Two cards, both prefixes, one account with room for three."""
    cards = (LOW_FUNDS, issue(centre, "second-card", 321654988))
    sent = [
        (
            ("/card-authorization" if number % 3 else "") + AUTHORIZATIONS,
            purchase(cards[number % 2], 15, merchantId=f"M{number}"),
        )
        for number in range(TWENTY)
    ]
    responses = all_at_once(centre, sent)
    assert Counter(response.status_code for response in responses) == {200: 3, 422: 17}
    assert sum(entry["amount"] for entry in holds(centre, accountId=321654988)) == 45


def test_a_hold_ends_once(centre: httpx.Client) -> None:
    """Captures, releases and a reversal at once: one of them wins, the books hold."""
    hold_id = placed_hold(centre)
    request_id = hold(centre, hold_id)["requestId"]
    whole = {"amount": 125.50, "currency": "USD", "reference": "SETTLEMENT-1"}
    sent: list[tuple[str, dict[str, Any]]] = [(f"{HOLDS}/{hold_id}/capture", whole)] * 5
    sent += [(f"{HOLDS}/{hold_id}/release", RELEASE)] * 5
    sent += [(f"{AUTHORIZATIONS}/{request_id}/reverse", REVERSAL)] * 5
    responses = all_at_once(centre, sent)
    assert Counter(response.status_code for response in responses) == {200: 1, 409: 14}
    status = hold(centre, hold_id)["status"]
    posted = "9874.50" if status == "CAPTURED" else "10000.00"
    assert balance(centre) == (posted, "0.00", posted)


def test_parts_are_never_more_than_the_whole(centre: httpx.Client) -> None:
    """Ten captures of a quarter each: four are taken."""
    hold_id = placed_hold(centre, 100)
    part = {"amount": 25, "currency": "USD", "reference": "SETTLEMENT-1", "final": False}
    responses = all_at_once(centre, [(f"{HOLDS}/{hold_id}/capture", part)] * 10)
    assert Counter(response.status_code for response in responses) == {200: 4, 409: 6}
    assert hold(centre, hold_id)["status"] == "CAPTURED"
    assert balance(centre) == ("9900.00", "0.00", "9900.00")


def test_reads_see_what_was_just_written(centre: httpx.Client) -> None:
    """Decision, hold and list, right after each answer."""
    for _ in range(10):
        hold_id = placed_hold(centre, 1)
        capture(centre, hold_id, 1)
        assert hold(centre, hold_id)["status"] == "CAPTURED"
        assert get(centre, HOLDS, accountId=ACCOUNT, size=1)["content"][0]["holdId"] == hold_id
