"""Authorizations: the documented answers to the letter, every decline in its order, refunds and reversals."""

import re

import httpx

from tests.api.card_requests import (
    ACCOUNT,
    AUTHORIZATIONS,
    BLOCKED,
    DOCUMENTED,
    LONG,
    LOW_FUNDS,
    authorize,
    balance,
    capture,
    challenged,
    change_limits,
    decision,
    declined,
    hold,
    issue,
    latest,
    limits_of,
    purchase,
    release,
    reverse,
    set_status,
)
from tests.api.transfer_requests import exactly
from tests.sandbox_service import SandboxService

APPROVED = {
    "decision": "APPROVED",
    "reasonCode": "APPROVED_TRANSACTION",
    "reasonMessage": "Transaction approved",
    "approvedAmount": "125.50",
    "currency": "USD",
}
INSTANT = re.compile(r"2023-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_the_documented_request_is_approved(centre: httpx.Client) -> None:
    """Every member in its order, the amount with its digits, ids that JavaScript can hold."""
    response = centre.post(AUTHORIZATIONS, json=purchase(DOCUMENTED))
    assert response.status_code == 200
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    assert list(body.items()) == [
        ("requestId", body["requestId"]),
        ("decisionId", body["decisionId"]),
        *APPROVED.items(),
        ("authorizationCode", body["authorizationCode"]),
        # The base, and ten for the first in this channel.
        ("riskScore", 15),
        ("holdId", body["holdId"]),
        ("timestamp", body["timestamp"]),
    ]
    numbers = {body["requestId"], body["decisionId"], body["holdId"]}
    assert len(numbers) == 3
    assert all(0 < number < 2**53 for number in numbers)
    assert re.fullmatch(r"\d{6}", body["authorizationCode"])
    assert INSTANT.fullmatch(body["timestamp"])


def test_a_decline_is_an_answer_of_its_own_kind(centre: httpx.Client) -> None:
    """422 with the decision; neither a code nor a hold; recorded like every decision."""
    response = centre.post(AUTHORIZATIONS, json=purchase(LOW_FUNDS))
    assert response.status_code == 422
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    assert list(body.items()) == [
        ("requestId", body["requestId"]),
        ("decisionId", body["decisionId"]),
        ("decision", "DECLINED"),
        ("reasonCode", "INSUFFICIENT_FUNDS"),
        ("reasonMessage", "Insufficient funds"),
        ("approvedAmount", "0.00"),
        ("currency", "USD"),
        ("riskScore", 15),
        ("timestamp", body["timestamp"]),
    ]
    assert decision(centre, body["decisionId"]) == response.json()


def test_a_challenge_tells_where_to_go(centre: httpx.Client) -> None:
    """202, no hold yet."""
    response = centre.post(AUTHORIZATIONS, json=challenged())
    assert response.status_code == 202
    body = exactly(response)
    assert list(body.items()) == [
        ("requestId", body["requestId"]),
        ("decisionId", body["decisionId"]),
        ("decision", "CHALLENGE"),
        ("reasonCode", "ADDITIONAL_AUTHENTICATION_REQUIRED"),
        ("reasonMessage", "Additional authentication required"),
        ("approvedAmount", "1000.00"),
        ("currency", "USD"),
        ("riskScore", 75),
        ("challengeUrl", f"https://3ds.example.com/challenge/{body['requestId']}"),
        ("timestamp", body["timestamp"]),
    ]
    assert balance(centre) == ("10000.00", "0.00", "10000.00")


def test_the_notes_story_of_risk(centre: httpx.Client) -> None:
    """400.00 on the web is approved; 1,000.00 with a bookmaker after it is a challenge of 75."""
    authorize(centre, purchase(DOCUMENTED, 400, channel="E_COMMERCE"))
    answer = authorize(centre, purchase(DOCUMENTED, 1000, channel="E_COMMERCE", mcc="7995"), 202)
    assert (answer["decision"], answer["riskScore"]) == ("CHALLENGE", 75)


def test_decisions_are_found_by_both_ids(centre: httpx.Client) -> None:
    """As they were answered, right after the answer, below both prefixes."""
    for body, status in ((purchase(), 200), (purchase(LOW_FUNDS), 422), (challenged(DOCUMENTED), 202)):
        answer = authorize(centre, body, status)
        assert decision(centre, answer["decisionId"]) == answer
        assert latest(centre, answer["requestId"]) == answer
        again = centre.get(f"/card-authorization{AUTHORIZATIONS}/{answer['decisionId']}")
        assert (again.status_code, again.json()) == (200, answer)


def test_ids_grow_with_time(centre: httpx.Client) -> None:
    requests = [authorize(centre, purchase(amount=1))["requestId"] for _ in range(5)]
    assert requests == sorted(set(requests))


def test_amounts_are_taken_as_they_are_written(centre: httpx.Client) -> None:
    """As numbers or strings; shown with two digits."""
    for written in (1, "1", "1.0", 1.0, "1.00"):
        response = centre.post(AUTHORIZATIONS, json=purchase(amount=written))
        assert exactly(response)["approvedAmount"] == "1.00"


def test_another_currency_has_its_own_digits(centre: httpx.Client) -> None:
    """What is declined for its currency is nothing in that currency."""
    for currency, amount, nothing in (("JPY", "500", "0"), ("KWD", "1.234", "0.000"), ("EUR", 1, "0.00")):
        response = centre.post(AUTHORIZATIONS, json=purchase(amount=amount, currency=currency))
        body = exactly(response)
        assert (response.status_code, body["reasonCode"]) == (422, "CURRENCY_NOT_SUPPORTED")
        assert (str(body["approvedAmount"]), body["currency"]) == (nothing, currency)


def test_cards_are_checked_before_anything_else(centre: httpx.Client) -> None:
    """Each request would fail all later checks, too: wrong expiry, another currency, far too much."""
    hopeless = {"amount": 999_999, "currency": "EUR", "expiryDate": "01/30"}
    assert declined(centre, purchase() | hopeless | {"panHash": "nobody's"}) == "CARD_NOT_FOUND"
    assert declined(centre, purchase(BLOCKED) | hopeless) == "CARD_BLOCKED"
    assert declined(centre, purchase(LONG) | hopeless) == "INVALID_EXPIRY_DATE"
    over = issue(centre, "past-its-date", 1234567891, expiry="04/23")
    assert declined(centre, purchase(over) | hopeless) == "INVALID_EXPIRY_DATE"
    assert declined(centre, purchase(over) | hopeless | {"expiryDate": "04/23"}) == "CARD_EXPIRED"
    frozen = issue(centre, "on-a-frozen-account", "1234567891")
    assert declined(centre, purchase(frozen) | hopeless | {"expiryDate": "12/35"}) == "ACCOUNT_NOT_ACTIVE"
    assert declined(centre, purchase(LONG) | hopeless | {"expiryDate": "12/35"}) == "CURRENCY_NOT_SUPPORTED"


def test_blocked_cards_can_be_unblocked(centre: httpx.Client) -> None:
    set_status(centre, BLOCKED, "ACTIVE")
    authorize(centre, purchase(BLOCKED))
    set_status(centre, BLOCKED, "BLOCKED")
    assert declined(centre, purchase(BLOCKED)) == "CARD_BLOCKED"


def test_limits_are_checked_in_their_order_and_funds_after_them(centre: httpx.Client) -> None:
    """One request that breaks all of them; limit by limit is taken out of its way."""
    card = issue(centre, "much-too-much", 321654988, limits_of(10, 20, 30, POS=(5, 8)))
    authorize(centre, purchase(card, "4.00"))
    sent = purchase(card, 60)
    assert declined(centre, sent) == "TRANSACTION_LIMIT_EXCEEDED"
    change_limits(centre, card, {"transactionLimit": 60, "dailyLimit": 63.99, "monthlyLimit": 63.99})
    assert declined(centre, sent) == "CHANNEL_TRANSACTION_LIMIT_EXCEEDED"
    change_limits(centre, card, {"channelLimits": {"POS": {"transactionLimit": 60, "dailyLimit": 63.99}}})
    assert declined(centre, sent) == "DAILY_LIMIT_EXCEEDED"
    change_limits(centre, card, {"dailyLimit": 64, "monthlyLimit": 64})
    assert declined(centre, sent) == "CHANNEL_DAILY_LIMIT_EXCEEDED"
    change_limits(centre, card, {"channelLimits": {"POS": None}})
    assert declined(centre, sent) == "INSUFFICIENT_FUNDS"
    authorize(centre, purchase(card, "46.00"))


def test_the_month_has_a_limit_beyond_its_days(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """What was spent yesterday counts, and leaves today's limit alone."""
    first_of_month = _next_month(card_sandbox)
    card = issue(centre, "month-by-month", ACCOUNT, limits_of(50, 50, 80))
    card_sandbox.set_clock(f"{first_of_month}T12:00:00Z")
    authorize(centre, purchase(card, 50))
    assert declined(centre, purchase(card, 1)) == "DAILY_LIMIT_EXCEEDED"
    card_sandbox.advance(86_400)
    assert declined(centre, purchase(card, 31)) == "MONTHLY_LIMIT_EXCEEDED"
    authorize(centre, purchase(card, 30))


def _next_month(service: SandboxService) -> str:
    """The first day of the month after the clock's."""
    year, month = (int(part) for part in service.http.get("/sandbox/clock").json()["now"].split("-")[:2])
    return f"{year + month // 12}-{month % 12 + 1:02}-01"


def test_too_much_risk_is_declined_and_comes_last(centre: httpx.Client) -> None:
    """Much, on the web, from abroad, for a bookmaker, on a fresh card: a hundred."""
    answer = authorize(centre, challenged(mcc="7995"), 422)
    assert (answer["reasonCode"], answer["riskScore"]) == ("SUSPECTED_FRAUD", 100)
    assert declined(centre, challenged(mcc="7995") | {"amount": "1000.01"}) == (
        "CHANNEL_TRANSACTION_LIMIT_EXCEEDED"
    )


def test_what_is_approved_is_held(centre: httpx.Client) -> None:
    """Whatever kind of payment it is."""
    for kind in ("PURCHASE", "CASH_WITHDRAWAL", "PRE_AUTHORIZATION"):
        answer = authorize(centre, purchase(amount=100, transactionType=kind))
        assert hold(centre, answer["holdId"])["status"] == "ACTIVE"
    assert balance(centre) == ("10000.00", "300.00", "9700.00")


def test_a_refund_is_credited_at_once(centre: httpx.Client) -> None:
    """No hold, no limits, no risk; it cannot be reversed."""
    refund = purchase(amount=250_000, transactionType="REFUND", channel="E_COMMERCE", countryCode="GBR")
    answer = authorize(centre, refund)
    assert "holdId" not in answer
    assert answer["approvedAmount"] == 250_000
    assert answer["riskScore"] == 0
    assert balance(centre) == ("260000.00", "0.00", "260000.00")
    message = reverse(centre, answer["requestId"], 409)["message"]
    assert message == "Authorization cannot be reversed: it is REFUND"
    assert declined(centre, refund | {"expiryDate": "01/30"}) == "INVALID_EXPIRY_DATE"
    assert declined(centre, refund | {"currency": "EUR"}) == "CURRENCY_NOT_SUPPORTED"
    frozen = issue(centre, "refunded-while-frozen", 1234567891)
    authorize(centre, purchase(frozen, transactionType="REFUND"))


def test_a_reversal_ends_the_hold_and_is_a_decision_of_its_own(centre: httpx.Client) -> None:
    """The documented answer; the first decision stays as it was made."""
    first = authorize(centre, purchase())
    response = centre.post(
        f"{AUTHORIZATIONS}/{first['requestId']}/reverse", json={"reason": "Merchant initiated reversal"}
    )
    assert response.status_code == 200
    assert int(response.headers["X-Ledger-Position"]) > 0
    body = exactly(response)
    assert list(body.items()) == [
        ("requestId", first["requestId"]),
        ("decisionId", body["decisionId"]),
        ("decision", "DECLINED"),
        ("reasonCode", "AUTHORIZATION_REVERSED"),
        ("reasonMessage", "Authorization reversed: Merchant initiated reversal"),
        ("approvedAmount", "0.00"),
        ("currency", "USD"),
        ("riskScore", 15),
        ("timestamp", body["timestamp"]),
    ]
    assert body["decisionId"] != first["decisionId"]
    assert decision(centre, first["decisionId"]) == first
    assert decision(centre, body["decisionId"]) == response.json()
    assert latest(centre, first["requestId"]) == response.json()
    assert hold(centre, first["holdId"])["status"] == "RELEASED"
    assert balance(centre) == ("10000.00", "0.00", "10000.00")


def test_only_what_is_approved_and_untouched_can_be_reversed(centre: httpx.Client) -> None:
    """409, and nothing changes."""
    captured, partly, released, again = (authorize(centre, purchase()) for _ in range(4))
    capture(centre, captured["holdId"], 125.50)
    capture(centre, partly["holdId"], 25, final=False)
    release(centre, released["holdId"])
    reverse(centre, again["requestId"])
    states = (
        (captured, "CAPTURED"),
        (partly, "ACTIVE"),
        (released, "RELEASED"),
        (again, "DECLINED"),
        (authorize(centre, purchase(LOW_FUNDS), 422), "DECLINED"),
        (authorize(centre, challenged(DOCUMENTED), 202), "CHALLENGE"),
    )
    before = balance(centre)
    for answer, state in states:
        body = reverse(centre, answer["requestId"], 409)
        assert body["error"] == "Conflict"
        assert body["message"] == f"Authorization cannot be reversed: it is {state}"
        assert "details" not in body
    assert balance(centre) == before


def test_another_banks_decisions_and_holds_are_not_found(
    card_sandbox: SandboxService, centre: httpx.Client
) -> None:
    """404, as for what never was."""
    answer = authorize(centre, purchase())
    paths = [
        ("GET", f"{AUTHORIZATIONS}/{answer['decisionId']}"),
        ("GET", f"{AUTHORIZATIONS}/request/{answer['requestId']}"),
        ("GET", f"/api/v1/holds/{answer['holdId']}"),
        ("GET", f"/api/v1/holds?accountId={ACCOUNT}"),
        ("POST", f"{AUTHORIZATIONS}/{answer['requestId']}/reverse"),
        ("POST", f"/api/v1/holds/{answer['holdId']}/release"),
    ]
    with card_sandbox.user(tenant="card-bank-002", scope="") as nobody:
        assert nobody.get(paths[0][1]).status_code == 403
    scope = "authorizations.read authorizations.write holds.read holds.write"
    with card_sandbox.user(tenant="card-bank-002", scope=scope) as stranger:
        for method, path in paths:
            body = {"reason": "not mine"} if method == "POST" else None
            assert stranger.request(method, path, json=body).status_code == 404, path
        assert declined(stranger, purchase()) == "CARD_NOT_FOUND"
    assert hold(centre, answer["holdId"])["status"] == "ACTIVE"
