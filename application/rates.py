"""Commands on rates of exchange."""

import msgspec

from application.decision import Decision
from domain import rates
from domain.rates import Rate, RateSet


class SetRate(msgspec.Struct, frozen=True):
    """`rate` as a plain decimal number. Without a `spread` the one that is there stays."""

    from_currency: str
    to_currency: str
    rate: str
    spread: str | None = None

    def streams(self) -> tuple[str, ...]:
        return (rates.stream(self.from_currency, self.to_currency),)


def set_rate(decision: Decision, command: SetRate) -> Rate:
    """Sets it, where it is another one. Raises UnknownCurrency or InvalidRate."""
    stream = rates.stream(command.from_currency, command.to_currency)
    existing: Rate | None = decision.load(stream)
    spread = command.spread or (existing.spread if existing else rates.SANDBOX_SPREAD)
    event = rates.set_rate(
        existing, RateSet(command.from_currency, command.to_currency, command.rate, spread)
    )
    if event is not None:
        decision.record(stream, event)
    now: Rate = decision.load(stream)
    return now


def initial() -> tuple[SetRate, ...]:
    """The commands that give a new tenant the rates it starts with."""
    return tuple(
        SetRate(rate.from_currency, rate.to_currency, rate.rate, rate.spread) for rate in rates.INITIAL
    )
