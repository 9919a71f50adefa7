"""Any sequence of card commands, clock moves and crashes: replies are predicted, nothing passes a limit."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from infrastructure.tenants import empty_tenant
from tests.properties.card_machine import CardMachine
from tests.properties.ledger_machine import PostgresDisk

TestCards = CardMachine.TestCase
TestCards.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    derandomize=True,
)


def test_cards_on_postgres(postgres_dsn: str, new_tenant: Callable[[], str]) -> None:
    """The same, on the store that is used."""
    schema = new_tenant()

    class PostgresCardMachine(CardMachine):
        def __init__(self) -> None:
            empty_tenant(postgres_dsn, schema)
            super().__init__(PostgresDisk(postgres_dsn, schema))

    run_state_machine_as_test(PostgresCardMachine, settings=settings(TestCards.settings, max_examples=5))


class LongerCardMachine(CardMachine):
    """The same, for many more examples."""


TestCardsAtLength = pytest.mark.slow(LongerCardMachine.TestCase)
TestCardsAtLength.settings = settings(TestCards.settings, max_examples=1_000, derandomize=False)
