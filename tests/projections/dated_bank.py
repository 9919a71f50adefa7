"""A bank with postings dated back and ahead, and the plain sums that its balances are checked against."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.accounts import AccountCredited, AccountDebited, HoldCaptured, HoldPlaced, HoldReleased
from domain.catalogue import decode
from projections.journal import codes
from tests.projections.bank_history import BankHistory

ACCOUNTS = ("first", "second", "third")


class Change(NamedTuple):
    position: int
    recorded_at: datetime
    effective_at: datetime
    account_id: str
    posted: int
    held: int
    debit_code: str | None
    credit_code: str | None


def dated_bank(steps: int, seed: int) -> tuple[BankHistory, list[Change]]:
    """Half of the postings count from an instant of their own, up to 40 days back or 2 days ahead."""
    choose = random.Random(seed)
    bank = BankHistory()
    bank.add_chart()
    for account_id in ACCOUNTS:
        bank.open(account_id)
        bank.credit(account_id, 100_000_00)
    for _ in range(steps):
        account_id = choose.choice(ACCOUNTS)
        effective_at = None
        if choose.random() < 0.5:
            effective_at = bank.now - timedelta(seconds=choose.randint(-172_800, 40 * 86_400))
        match choose.randrange(3):
            case 0:
                bank.credit(account_id, choose.randint(1, 500), "5900-ADJUSTMENTS", effective_at)
            case 1:
                bank.debit(account_id, choose.randint(1, 500), effective_at=effective_at)
            case _:
                target = choose.choice([other for other in ACCOUNTS if other != account_id])
                transfer_id = bank.create_transfer(account_id, target, choose.randint(1, 500))
                if choose.random() < 0.7:
                    bank.settle_transfer(transfer_id, effective_at)
        bank.pass_time(seconds=choose.choice((0, 1, 60, 7_200)))
    return bank, changes(bank)


def changes(bank: BankHistory) -> list[Change]:
    """What each event did, by its own amounts."""
    found: list[Change] = []
    for position, (stream, _, topic, state) in enumerate(bank.facts, 1):
        envelope = decode(topic, state)
        posted, held = 0, 0
        sides: tuple[str, str] | tuple[None, None] = (None, None)
        match envelope.data:
            case AccountCredited(amount=amount) as event:
                posted, sides = amount.minor, codes(event)
            case AccountDebited(amount=amount) as event:
                posted, sides = -amount.minor, codes(event)
            case HoldPlaced(amount=amount):
                held = amount.minor
            case HoldReleased(amount=amount) | HoldCaptured(amount=amount):
                held = -amount.minor
            case _:
                continue
        account_id = stream.removeprefix("account-")
        times = envelope.recorded_at, envelope.counts_from
        found.append(Change(position, *times, account_id, posted, held, *sides))
    return found


def balance(
    made: list[Change], account_id: str, effective_at: datetime, known_at: datetime
) -> tuple[int, int]:
    counted = [
        change
        for change in made
        if change.account_id == account_id
        and change.effective_at <= effective_at
        and change.recorded_at <= known_at
    ]
    return sum(change.posted for change in counted), sum(change.held for change in counted)


def trial_balance(
    made: list[Change], effective_at: datetime, known_at: datetime
) -> dict[str, tuple[int, int]]:
    """Debits and credits by account code."""
    sums: dict[str, tuple[int, int]] = {}
    for change in made:
        if change.effective_at > effective_at or change.recorded_at > known_at:
            continue
        for code, is_debit in ((change.debit_code, True), (change.credit_code, False)):
            if code is not None:
                debits, credits = sums.get(code, (0, 0))
                amount = abs(change.posted)
                sums[code] = (debits + amount, credits) if is_debit else (debits, credits + amount)
    return sums


def instants(bank: BankHistory, made: list[Change], count: int, seed: int) -> list[tuple[datetime, datetime]]:
    """Pairs of effective and known instants: around events, between them, and outside of all."""
    choose = random.Random(seed)
    of_events = [change.effective_at for change in made] + [change.recorded_at for change in made]
    beyond = [datetime(2020, 1, 1, tzinfo=UTC), bank.now + timedelta(days=400)]

    def one() -> datetime:
        instant = choose.choice(of_events)
        return choose.choice((instant, instant + timedelta(microseconds=choose.randint(-1, 1)), *beyond[:1]))

    pairs = [(one(), one()) for _ in range(count)]
    return [*pairs, (beyond[0], beyond[1]), (beyond[1], beyond[0]), (beyond[1], beyond[1])]
