"""The spending summary over HTTP: what counts, on which day, and which days are asked for."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.cards.administration.spending import read_period
from api.exchange import ApiError
from tests.api.card_administration import CARDS, done, now, refused
from tests.api.card_requests import (
    DOCUMENTED,
    LONG,
    LOW_FUNDS,
    SUCCESS,
    Plastic,
    authorize,
    capture,
    challenged,
    complete,
    declined,
    placed_hold,
    post,
    purchase,
    release,
    reverse,
)
from tests.sandbox_service import SandboxService


def summary(client: httpx.Client, plastic: Plastic = LONG, **dates: str) -> dict[str, Any]:
    return done(client.get(f"{CARDS}/{plastic.card_id}/spending-summary", params=dates))


def everything(client: httpx.Client, plastic: Plastic = LONG) -> tuple[float, int]:
    """What counts at all, on whatever day."""
    shown = summary(client, plastic, fromDate="2023-01-01", toDate="2100-01-01")
    return shown["totalSpent"], shown["transactionCount"]


def to_the_next_day(service: SandboxService) -> str:
    """Moves the clock to noon of the next day, and gives its date."""
    at = now(service)
    service.advance(86_400 + (12 - at.hour) * 3600 - at.minute * 60 - at.second)
    return now(service).date().isoformat()


def test_what_was_approved_is_summed_up(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """In all, by channel, merchant category and day, each in its order; other cards' spending never."""
    first = to_the_next_day(card_sandbox)
    authorize(centre, purchase(amount=125.5))
    authorize(centre, purchase(amount=10, channel="ATM", mcc="6011"))
    second = to_the_next_day(card_sandbox)
    authorize(centre, purchase(amount=75.25, channel="E_COMMERCE", mcc="5732"))
    authorize(centre, purchase(amount=4, mcc="0742"))
    authorize(centre, purchase(LOW_FUNDS, 1))
    response = centre.get(
        f"{CARDS}/{LONG.card_id}/spending-summary", params={"fromDate": first, "toDate": second}
    )
    assert response.text == (
        f'{{"cardId":{LONG.card_id},"fromDate":"{first}T00:00:00Z","toDate":"{second}T23:59:59Z",'
        '"totalSpent":214.75,"transactionCount":4,'
        '"byChannel":{"POS":{"totalSpent":129.50,"transactionCount":2},'
        '"ATM":{"totalSpent":10.00,"transactionCount":1},'
        '"E_COMMERCE":{"totalSpent":75.25,"transactionCount":1}},'
        '"byMerchantCategory":{"0742":{"totalSpent":4.00,"transactionCount":1},'
        '"5411":{"totalSpent":125.50,"transactionCount":1},'
        '"5732":{"totalSpent":75.25,"transactionCount":1},'
        '"6011":{"totalSpent":10.00,"transactionCount":1}},'
        f'"dailySpending":[{{"date":"{first}","totalSpent":135.50,"transactionCount":2}},'
        f'{{"date":"{second}","totalSpent":79.25,"transactionCount":2}}]}}'
    )
    only_first = summary(centre, fromDate=first, toDate=first)
    assert (only_first["totalSpent"], list(only_first["byChannel"])) == (135.5, ["POS", "ATM"])
    assert [day["date"] for day in summary(centre, fromDate=second, toDate=second)["dailySpending"]] == [
        second
    ]


def test_nothing_was_spent(centre: httpx.Client) -> None:
    """Zero with the currency's digits, and no parts; declines and refunds are no spending."""
    declined(centre, purchase(amount=2000.01))
    authorize(centre, purchase(amount=5, transactionType="REFUND"))
    text = centre.get(f"{CARDS}/{LONG.card_id}/spending-summary").text
    assert '"totalSpent":0.00,"transactionCount":0,"byChannel":{},"byMerchantCategory":{}' in text
    assert text.endswith('"dailySpending":[]}')


def test_captures_count_what_was_taken(centre: httpx.Client) -> None:
    """A whole capture changes nothing, a final one gives the rest back, one that goes on does not yet."""
    whole, part, parts = (placed_hold(centre, 100) for _ in range(3))
    assert everything(centre) == (300, 3)
    capture(centre, whole, 100)
    assert everything(centre) == (300, 3)
    capture(centre, part, 40)
    assert everything(centre) == (240, 3)
    capture(centre, parts, 30, final=False)
    assert everything(centre) == (240, 3)
    release(centre, parts)
    assert everything(centre) == (170, 3)


def test_what_was_given_back_does_not_count(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """Reversed, released and expired authorizations are gone, with their channels, categories and days."""
    reverse(centre, authorize(centre, purchase(amount=10, channel="MOTO"))["requestId"])
    release(centre, placed_hold(centre, 20, mcc="5732"))
    assert everything(centre) == (0, 0)
    placed_hold(centre, 30)
    partly = placed_hold(centre, 40)
    capture(centre, partly, 15, final=False)
    assert everything(centre) == (70, 2)
    card_sandbox.advance(7 * 86_400)
    shown = summary(centre, fromDate="2023-01-01", toDate="2100-01-01")
    assert (shown["totalSpent"], shown["transactionCount"]) == (15, 1)
    assert list(shown["byChannel"]) == ["POS"]
    assert list(shown["byMerchantCategory"]) == ["5411"]
    assert len(shown["dailySpending"]) == 1


def test_it_is_given_back_to_the_day_of_approval(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """A reversal on the next day changes the day before, as it does for the limits."""
    first = to_the_next_day(card_sandbox)
    request_id = authorize(centre, purchase(amount=10))["requestId"]
    second = to_the_next_day(card_sandbox)
    authorize(centre, purchase(amount=20))
    days = summary(centre, fromDate=first, toDate=second)["dailySpending"]
    assert [(day["date"], day["totalSpent"]) for day in days] == [(first, 10), (second, 20)]
    reverse(centre, request_id)
    days = summary(centre, fromDate=first, toDate=second)["dailySpending"]
    assert [(day["date"], day["totalSpent"]) for day in days] == [(second, 20)]


def test_a_challenge_counts_when_it_is_approved(centre: httpx.Client) -> None:
    """Not while it is asked, once it succeeded."""
    asked = post(centre, "/api/v1/authorizations", challenged(), 202)
    assert everything(centre) == (0, 0)
    complete(centre, asked["requestId"], SUCCESS)
    assert everything(centre) == (1000, 1)


def test_dates_that_are_refused(card_sandbox: SandboxService, centre: httpx.Client) -> None:
    """400 that names the parameter; 404 for what is no card, 403 without the scope."""
    path = f"{CARDS}/{LONG.card_id}/spending-summary"
    wrong = (
        ({"fromDate": "yesterday"}, "fromDate"),
        ({"fromDate": "2023-02-30"}, "fromDate"),
        ({"toDate": "2023-05-01T12:00:00"}, "toDate"),
        ({"toDate": "2023-5-1"}, "toDate"),
        ({"fromDate": "2023-05-02", "toDate": "2023-05-01"}, "fromDate"),
        ({"fromDate": "2023-05-01T12:00:01Z", "toDate": "2023-05-01T12:00:00Z"}, "fromDate"),
    )
    for dates, field in wrong:
        assert refused(centre.get(path, params=dates))[0] == field, dates
    assert refused(centre.get(f"{path}?fromDate=2023-05-01&fromDate=2023-05-01"))[0] == "fromDate"
    for card_id in ("1", "abc"):
        response = centre.get(f"{CARDS}/{card_id}/spending-summary")
        assert done(response, 404)["message"] == "Card not found"
    with card_sandbox.user("till", scope="authorizations.read") as till:
        assert till.get(path).status_code == 403
    with card_sandbox.user("admin-user", scope="cards.admin", tenant="other-bank-001") as stranger:
        assert stranger.get(path).status_code == 404


def test_the_dates_are_echoed(centre: httpx.Client) -> None:
    """As instants in UTC: a bare date is that whole day, an instant stays what it is."""
    shown = summary(centre, DOCUMENTED, fromDate="2023-05-01T02:00:00+02:00", toDate="2023-05-02T10:00:00Z")
    assert (shown["fromDate"], shown["toDate"]) == ("2023-05-01T00:00:00Z", "2023-05-02T10:00:00Z")
    shown = summary(centre, DOCUMENTED, fromDate="2023-05-01", toDate="2023-05-01")
    assert (shown["fromDate"], shown["toDate"]) == ("2023-05-01T00:00:00Z", "2023-05-01T23:59:59Z")


NOW = datetime(2024, 2, 15, 14, 30, 0, 5, UTC)


@pytest.mark.parametrize(
    ("dates", "first", "last"),
    [
        ({}, "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
        ({"fromDate": "", "toDate": ""}, "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
        ({"fromDate": "2023-12-24"}, "2023-12-24T00:00:00", "2024-02-29T23:59:59"),
        ({"fromDate": "2024-12-24"}, "2024-12-24T00:00:00", "2024-12-31T23:59:59"),
        ({"toDate": "2023-04-20"}, "2023-04-01T00:00:00", "2023-04-20T23:59:59"),
        ({"toDate": "2024-02-15T00:00:00Z"}, "2024-02-01T00:00:00", "2024-02-15T00:00:00"),
        ({"fromDate": "1970-01-01", "toDate": "8999-12-31"}, "1970-01-01T00:00:00", "8999-12-31T23:59:59"),
        ({"fromDate": "8999-12-31"}, "8999-12-31T00:00:00", "8999-12-31T23:59:59"),
    ],
)
def test_periods_without_a_beginning_or_an_end(dates: dict[str, str], first: str, last: str) -> None:
    """The current month, or as much as leads to what was asked for."""
    period = read_period(dates, NOW)
    assert (period.first.isoformat()[:19], period.last.isoformat()[:19]) == (first, last)


def test_a_period_ends_where_time_does() -> None:
    """Dates beyond what is dated at all are refused."""
    for wrong in ({"toDate": "9999-12-31"}, {"fromDate": "1969-12-31"}, {"toDate": "0001-01-01"}):
        with pytest.raises(ApiError):
            read_period(wrong, NOW)
