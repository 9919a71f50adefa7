"""Commands on the chart of accounts."""

import msgspec

from application.decision import Decision
from domain import chart_of_accounts
from domain.chart_of_accounts import STREAM, AccountCodeAdded, Chart


class AddAccountCodes(msgspec.Struct, frozen=True):
    added: tuple[AccountCodeAdded, ...]

    def streams(self) -> tuple[str, ...]:
        return (STREAM,)


def add_account_codes(decision: Decision, command: AddAccountCodes) -> int:
    """Adds those that are not there yet; refuses a code that is there with another meaning."""
    count = 0
    for wanted in command.added:
        event = chart_of_accounts.add(decision.load(STREAM) or Chart(), wanted)
        if event is not None:
            decision.record(STREAM, event)
            count += 1
    return count
