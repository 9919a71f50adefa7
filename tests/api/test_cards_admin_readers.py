"""What administration reads and shows, without a server: other currencies, and receivers that are refused."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from api.cards.administration import bodies
from api.cards.administration.limit_requests import (
    LimitsBody,
    content_of,
    limits_decoder,
    read_change,
    read_limits,
)
from api.cards.administration.overrides import OverrideBody, read_override
from api.cards.administration.webhooks import WebhookBody, read_webhook
from api.exchange import ApiError, encode
from domain.card_limits import CardLimits, ChannelLimits, LimitsChange, Override
from domain.errors import InvalidCardLimits
from projections.card_directory import CardView
from projections.card_spending import Spent, Summary

AT = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)


def change(body: dict[str, Any]) -> LimitsBody:
    return limits_decoder.decode(json.dumps(body))


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def view(limits: CardLimits, currency: str) -> CardView:
    return CardView(4, "a", 8, 12, "411111******1111", "12/25", "ACTIVE", limits, currency, AT, AT)


@pytest.mark.parametrize(
    ("currency", "sent", "minor", "shown", "too_fine"),
    [
        ("JPY", 500, 500, "500", "500.0"),
        ("USD", "500.5", 500_50, "500.50", "500.505"),
        ("BHD", 500.125, 500_125, "500.125", "500.1255"),
    ],
)
def test_amounts_are_in_the_accounts_currency(
    currency: str, sent: Any, minor: int, shown: str, too_fine: str
) -> None:
    """Read and shown with its digits, wherever there are amounts."""
    assert read_change(change({"dailyLimit": sent}), currency).daily == minor
    with pytest.raises(ApiError) as refused:
        read_change(change({"dailyLimit": too_fine}), currency)
    assert refused.value.field == "dailyLimit"
    limits = read_limits(
        raw({"transactionLimit": sent, "dailyLimit": sent, "monthlyLimit": sent}), "limits", currency
    )
    assert limits == CardLimits(minor, minor, minor)
    asked = read_override(
        OverrideBody(daily_limit=raw(sent), reason=raw("r"), expires_at=raw("2023-05-15T23:59:59Z")), currency
    )
    assert asked.daily == minor
    override = Override(4, "r", "ann", AT, AT, daily=minor)
    spent = Spent(minor, 1)
    summary = Summary(spent, {"POS": spent}, {"5411": spent}, {AT.date(): spent})
    card = view(limits, currency)
    for body in (
        bodies.current_limits(card),
        bodies.card(card),
        bodies.override(4, override, currency),
        bodies.spending_summary(card, AT, AT, summary),
    ):
        assert f":{shown},".encode() in encode(body)


def test_equal_limits_have_equal_content() -> None:
    """However they were written; whatever differs in meaning differs in content."""
    same = [
        {"dailyLimit": 5, "channelLimits": {"ATM": {"dailyLimit": 1}, "POS": None}},
        {
            "channelLimits": {"POS": None, "ATM": {"dailyLimit": "1.00", "transactionLimit": None}},
            "dailyLimit": 5.0,
        },
    ]
    others = [
        {"dailyLimit": 5, "channelLimits": {"ATM": {"dailyLimit": 1}}},
        {"dailyLimit": 5, "channelLimits": {"ATM": {"transactionLimit": 1}, "POS": None}},
        {"dailyLimit": 5, "channelLimits": {"ATM": {"dailyLimit": 1}, "POS": {}}},
        {"transactionLimit": 5, "channelLimits": {"ATM": {"dailyLimit": 1}, "POS": None}},
        {"dailyLimit": 5, "monthlyLimit": 5, "channelLimits": {"ATM": {"dailyLimit": 1}, "POS": None}},
    ]
    contents = [content_of(read_change(change(body), "USD")) for body in (*same, *others)]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 1 + len(others)


def test_a_change_is_looked_at_by_itself_first() -> None:
    """Out of order whatever the card has: refused before anything is asked of the ledger."""
    with pytest.raises(InvalidCardLimits):
        read_change(change({"transactionLimit": 3, "monthlyLimit": 2}), "USD")
    with pytest.raises(InvalidCardLimits):
        read_change(change({"channelLimits": {"ATM": {"transactionLimit": 2, "dailyLimit": 1}}}), "USD")
    in_order = read_change(change({"dailyLimit": 3, "channelLimits": {"ATM": {}}}), "USD")
    assert in_order == LimitsChange(daily=3_00, channels={"ATM": ChannelLimits()})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://localhost/hook",
        "http://10.0.0.1/hook",
        "http://192.168.1.1:8080/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/hook",
        "http://0.0.0.0/hook",
        "http://2130706433/hook",
        "http://[::1]/hook",
        "http://[::ffff:10.0.0.1]/hook",
        "http://[fd00::1]/hook",
        "http://224.0.0.1/hook",
        "http://intranet.internal/hook",
    ],
)
def test_receivers_inside_a_network_are_for_the_sandbox_only(url: str) -> None:
    """Elsewhere 400 that names the url."""
    body = WebhookBody(raw(url), raw(["LIMIT_BREACH"]), raw("secret"))
    assert read_webhook(body, is_sandbox=True).url == url
    with pytest.raises(ApiError) as refused:
        read_webhook(body, is_sandbox=False)
    assert (refused.value.status, refused.value.field) == (400, "url")
    assert refused.value.message == "Invalid webhook configuration"


def test_receivers_on_the_internet_are_taken() -> None:
    """By name, and by an address of it."""
    for url in ("https://example.com/hook", "http://8.8.8.8:8080/hook", "https://[2606:4700::1111]/hook"):
        body = WebhookBody(raw(url), raw(["LIMIT_BREACH"]), raw("secret"))
        assert read_webhook(body, is_sandbox=False).url == url
