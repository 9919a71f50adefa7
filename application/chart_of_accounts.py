"""Commands on the chart of accounts."""

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import chart_of_accounts
from domain.chart_of_accounts import STREAM, AccountCodeAdded, Chart
from domain.errors import DomainError


class AddAccountCodes(msgspec.Struct, frozen=True):
    added: tuple[AccountCodeAdded, ...]
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return (STREAM,) if self.key is None else (STREAM, self.key.stream)


def add_account_codes(decision: Decision, command: AddAccountCodes) -> int | DomainError:
    """Adds those that are not there yet; refuses a code that is there with another meaning."""
    return once(decision, command.key, int, lambda: _add(decision, command.added))


def _add(decision: Decision, added: tuple[AccountCodeAdded, ...]) -> int:
    count = 0
    for wanted in added:
        event = chart_of_accounts.add(decision.load(STREAM) or Chart(), wanted)
        if event is not None:
            decision.record(STREAM, event)
            count += 1
    return count
