"""What the ledger's surface takes for a time, a period and a limit, and what it refuses by name."""

from datetime import UTC, date, datetime

import pytest

from api.exchange import ApiError
from api.ledger import bodies, parameters
from projections.account_statements import StatementLine

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2025-10-20T12:00:00Z", NOON),
        ("2025-10-20T14:00:00+02:00", NOON),
        ("2025-10-20T14:00:00 02:00", NOON),
        ("2025-10-20T12:00:00.25Z", NOON.replace(microsecond=250_000)),
        ("2025-10-20", datetime(2025, 10, 20, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_it_was_meant(given: str, instant: datetime) -> None:
    assert parameters.instant({"at": given}, "at") == instant


@pytest.mark.parametrize(
    "given",
    [
        "2025-10-20T12:00:00",
        "2025-10-20 12:00",
        "20251020",
        "2025-W43-1",
        "2025-02-30",
        "2025-10-20T25:00:00Z",
        "1760961600",
        "now",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        "٢٠٢٥-10-20",
        "2025-10-20T12:00:00Z\n",
    ],
)
def test_what_is_no_instant_is_refused_by_name(given: str) -> None:
    with pytest.raises(ApiError) as caught:
        parameters.instant({"known_at": given}, "known_at")
    assert (caught.value.status, caught.value.field) == (400, "known_at")


def test_a_period_of_days_includes_its_last_day() -> None:
    period = parameters.period({"from": "2025-10-20", "to": "2025-10-21"})
    assert (period.start, period.end) == (
        datetime(2025, 10, 20, tzinfo=UTC),
        datetime(2025, 10, 22, tzinfo=UTC),
    )
    assert parameters.days({"from": "2025-10-20", "to": "2025-10-21"}) == (
        date(2025, 10, 20),
        date(2025, 10, 22),
    )


def test_a_period_of_instants_includes_its_last_instant() -> None:
    period = parameters.period({"from": "2025-10-20T12:00:00Z", "to": "2025-10-20T12:00:00Z"})
    assert period.start == NOON
    assert period.end == NOON.replace(microsecond=1)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        parameters.period({"from": "2025-10-21", "to": "2025-10-20"})
    assert caught.value.field == "from"


@pytest.mark.parametrize("given", ["0", "1001", "-1", "1.5", "x", "٣"])
def test_a_limit_out_of_bounds_is_refused(given: str) -> None:
    with pytest.raises(ApiError) as caught:
        parameters.limit({"limit": given})
    assert (caught.value.status, caught.value.field) == (400, "limit")


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        parameters.wanted_events({"category": "nonsense"})
    assert caught.value.field == "category"


def test_amounts_have_their_currencys_minor_digits() -> None:
    shown = [bodies.amount(1_000_000, currency) for currency in ("USD", "JPY", "USDC", "KWD")]
    assert shown == ["10000.00", "1000000", "1.000000", "1000.000"]


def test_a_statements_cursor_names_its_line() -> None:
    line = StatementLine(42, NOON.replace(microsecond=7), NOON, "deposit", "", "", 0, 1, 1)
    assert bodies.statement_cursor(line) == "1760961600000007.42"
