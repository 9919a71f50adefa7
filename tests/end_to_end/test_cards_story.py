"""Cards in use by everybody at once, over two API processes, while days pass: the log stays consistent."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from application.decision import Known
from domain.accounts import Account
from domain.holds import Hold
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import schema_for
from tests.api.card_requests import (
    ACCOUNT,
    CARDS_CLOCK,
    CARDS_SCOPES,
    HOLDS,
    LONG,
    LOW_FUNDS,
    Plastic,
    get,
    issue,
    limits_of,
)
from tests.api.command_line_runs import daybook
from tests.audit import audit, read_log
from tests.end_to_end.card_load import CardClients
from tests.end_to_end.second_process import second_api
from tests.sandbox_service import SandboxService, sandbox_service

SIX_HOURS, A_WEEK = 6 * 3_600, 7 * 86_400
ROOMY, NARROW = limits_of(100, 1000, 5000), limits_of(60, 150, 900, E_COMMERCE=(50, 100))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    folder: Path = tmp_path_factory.mktemp("service")
    with sandbox_service(folder, "--rate-limits", "off", "--workers", "2", clock=CARDS_CLOCK) as service:
        yield service


@pytest.fixture(scope="module")
def centre(service: SandboxService) -> Iterator[httpx.Client]:
    with service.user("admin-user", scope=CARDS_SCOPES) as client:
        yield client


@pytest.fixture(scope="module")
def cards(centre: httpx.Client) -> list[Plastic]:
    """Several on one account, so that they also race for its balance."""
    own = [issue(centre, f"card-{number}", ACCOUNT, limits) for number, limits in enumerate((ROOMY, NARROW))]
    return [LONG, LOW_FUNDS, *own]


def audited(service: SandboxService) -> tuple[dict[str, Known], set[str]]:
    """All states of the log, after everything that must hold of it was found to hold, and its topics."""
    with psycopg.connect(EmbeddedPostgres(service.data).dsn, autocommit=True) as connection:
        facts = read_log(connection, schema_for(SANDBOX_TENANT))
    return audit(facts), {fact.topic for fact in facts}


def test_whatever_everybody_does_at_once_the_log_has_no_contradiction(
    service: SandboxService, centre: httpx.Client, cards: list[Plastic]
) -> None:
    token = service.token(subject="admin-user", scope=CARDS_SCOPES, expires_in=10**8)
    with second_api(service) as second, CardClients([service.url, second], token, cards) as clients:
        for seconds in (SIX_HOURS, SIX_HOURS, SIX_HOURS, A_WEEK, SIX_HOURS, 660):
            clients.wait_for(150)
            service.advance(seconds)
        clients.wait_for(150)
    assert not clients.failures
    states, topics = audited(service)
    assert {"hold.captured", "hold.released", "hold.expired", "authorization.reversed"} <= topics
    assert {"card.limits_changed", "card.limits_overridden", "card.override_deleted"} <= topics
    _check_reads(centre, states)
    assert daybook("replay", "--data", service.data).code == 0


def _check_reads(centre: httpx.Client, states: dict[str, Known]) -> None:
    """What clients are shown of the account's holds is what the log folds to."""
    placed = {
        known.state.placed.hold_id: known.state
        for known in states.values()
        if isinstance(known.state, Hold) and known.state.placed.card_account_id == ACCOUNT
    }
    shown = {entry["holdId"]: entry for entry in _all_holds(centre)}
    assert {hold_id: entry["status"] for hold_id, entry in shown.items()} == {
        hold_id: hold.status for hold_id, hold in placed.items()
    }
    for hold_id, hold in placed.items():
        assert round(shown[hold_id]["capturedAmount"] * 100) == hold.captured
    held = next(
        known.state.held
        for known in states.values()
        if isinstance(known.state, Account) and known.state.card_account_id == ACCOUNT
    )
    assert held == sum(hold.left.minor for hold in placed.values())


def _all_holds(centre: httpx.Client) -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        page = get(centre, HOLDS, accountId=ACCOUNT, size=200, page=number)
        yield from page["content"]
        if page["last"]:
            return
