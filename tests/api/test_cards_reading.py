"""Decisions by the clock: a challenge is over when its time is, whether or not a timer has said so."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import UNSET

from api.cards import bodies, reading
from application.authorizations import Authorize, authorize
from application.sandbox import fixtures
from domain.authorization_checks import Terms
from domain.authorizations import Ruling, expiry_decision_id
from domain.card_aliases import of_pan_hash
from domain.errors import AuthorizationNotFound
from domain.money import Money
from infrastructure import settings
from infrastructure.runtime import Services
from projections.read_model import Fetch

TERMS = Terms("PURCHASE", Money(1_000_00, "USD"), "E_COMMERCE", "5411", "GBR", "MERCH123456", "Merchant")


def test_a_challenge_ends_in_its_tenth_minute_without_any_timer(postgres_dsn: str, tmp_path: Path) -> None:
    """No background process runs here. What is shown is what will be recorded, under its own number."""
    asyncio.run(_story(postgres_dsn, tmp_path))


async def _story(dsn: str, folder: Path) -> None:
    services = Services(settings.load({"data": folder}, {}), dsn, dsn, observer=None)
    await services.start()
    try:
        ledger = await services.create_tenant("cards-by-the-clock")
        for handler, fixture in fixtures():
            await ledger.execute(handler, fixture)
        command = Authorize(services.identifiers.next_block(), of_pan_hash("sandbox-long"), "12/35", TERMS)
        asked: Ruling = (await ledger.execute(authorize, command)).answer
        await _check(ledger.fetch, asked)
    finally:
        await services.close()


async def _check(fetch: Fetch, asked: Ruling) -> None:
    in_time = asked.decided_at + timedelta(minutes=10) - timedelta(microseconds=1)
    too_late = asked.decided_at + timedelta(minutes=10)
    assert asked.decision == "CHALLENGE"
    assert await reading.latest_decision(fetch, asked.request_id, in_time) == asked
    shown = await reading.latest_decision(fetch, asked.request_id, too_late)
    assert (shown.decision, shown.reason, shown.decided_at) == ("DECLINED", "CHALLENGE_EXPIRED", too_late)
    assert shown.decision_id == expiry_decision_id(asked.request_id)
    assert await reading.decision(fetch, asked.decision_id, too_late) == asked
    assert await reading.decision(fetch, shown.decision_id, too_late) == shown
    await _refused(fetch, shown.decision_id, in_time)
    for unknown in (asked.request_id, asked.request_id + 2, asked.request_id + 4, 1, 3, 2**53 - 1):
        await _refused(fetch, unknown, too_late)


async def _refused(fetch: Fetch, decision_id: int, now: datetime) -> None:
    with pytest.raises(AuthorizationNotFound):
        await reading.decision(fetch, decision_id, now)


def test_cardholders_are_sent_where_the_setting_says() -> None:
    """The request's number stands wherever it has a place, and only challenges lead anywhere."""
    at = datetime(2023, 5, 1, 14, 30, 5, tzinfo=UTC)
    challenge = Ruling(8, 9, "CHALLENGE", "ADDITIONAL_AUTHENTICATION_REQUIRED", TERMS.amount, 75, at)
    shown = bodies.decision(challenge, "https://bank.test/3ds?of={requestId}#{requestId}")
    assert shown.challenge_url == "https://bank.test/3ds?of=8#8"
    assert bodies.decision(challenge, "https://bank.test/3ds").challenge_url == "https://bank.test/3ds"
    failed = Ruling(8, 13, "DECLINED", "CHALLENGE_FAILED", Money(0, "USD"), 75, at)
    assert bodies.decision(failed, "https://bank.test/3ds").challenge_url is UNSET
