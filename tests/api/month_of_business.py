"""A month of a small bank: transfers, cards, and what its staff posts, by the ordinary ways in."""

import random
from datetime import UTC, date, timedelta

import httpx

from application.transactions import (
    Asked,
    Attempt,
    PostTransaction,
    ReverseTransaction,
    post_transaction,
    reverse_transaction,
    transaction_id,
)
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from tests.api.card_requests import AUTHORIZATIONS, CARDS_SCOPES, HOLDS, LONG, post, purchase
from tests.api.transfer_requests import CHECKING, OTHER, SAVINGS, create, interbank, internal
from tests.sandbox_service import SandboxService
from tests.webhook_subscriptions import Bank

MONTH_START = "2025-09-01T08:00:00Z"
FIRST, LAST = date(2025, 9, 1), date(2025, 9, 30)
BUSY_DAYS = (1, 2, 5, 6, 12, 19, 26, 30)
ACCOUNTS = (CHECKING, SAVINGS, OTHER)


def live_through(service: SandboxService, seed: int) -> None:
    """From the first of the month to some days after it, when all that was begun in it has settled."""
    choose = random.Random(seed)
    bank, done = Bank(service.data), Reversible()
    with service.user() as demo, service.user("till", scope=CARDS_SCOPES) as till:
        for day in BUSY_DAYS:
            if day > 1:
                service.set_clock(f"2025-09-{day:02}T{choose.randint(6, 20):02}:00:00Z")
            _transfer(demo, choose, day)
            _pay_by_card(till, choose)
            bank.do(lambda services, ledger: _post(services, ledger, choose, done))
    service.set_clock("2025-10-08T12:00:00Z")


class Reversible:
    """Transactions that nobody has reversed yet."""

    def __init__(self) -> None:
        self.ids: list[str] = []


def _cents(choose: random.Random, most: int = 300_00) -> str:
    minor = choose.randint(1, most)
    return f"{minor // 100}.{minor % 100:02}"


def _transfer(demo: httpx.Client, choose: random.Random, day: int) -> None:
    for number in range(2):
        to = choose.choice((SAVINGS, OTHER))
        create(demo, internal(f"in-{day}-{number}", _cents(choose), to_account_id=to))
    create(demo, interbank(f"out-{day}", _cents(choose)))


def _pay_by_card(till: httpx.Client, choose: random.Random) -> None:
    bought = choose.randint(10, 90)
    hold = post(till, AUTHORIZATIONS, purchase(LONG, bought))["holdId"]
    taken = {"amount": bought - choose.randint(0, 5), "currency": "USD"}
    post(till, f"{HOLDS}/{hold}/capture", taken)
    post(till, AUTHORIZATIONS, purchase(LONG, choose.randint(1, 9), transactionType="REFUND"))
    post(till, AUTHORIZATIONS, purchase(LONG, 3))


async def _post(services: Services, ledger: Ledger, choose: random.Random, done: Reversible) -> None:
    """Also transactions that count from days before, and some that are refused."""
    today = ledger.clock.now().astimezone(UTC).date()
    for kind in ("deposit", "withdrawal", "fee", "interest", "adjustment", "transfer", "withdrawal"):
        account, other = choose.sample(ACCOUNTS, 2)
        amount = "999999.00" if choose.random() < 0.1 else _cents(choose)
        dated = max(FIRST, today - timedelta(days=choose.choice((0, 0, 1, 4))))
        asked = Asked(
            kind,
            account,
            amount,
            to_account=other if kind == "transfer" else None,
            direction=choose.choice(("debit", "credit")) if kind == "adjustment" else None,
            effective_date=dated,
        )
        seed = str(choose.random())
        attempt: Attempt = (await ledger.execute(post_transaction, PostTransaction(seed, asked))).answer
        if attempt.code is None and attempt.transaction is not None:
            done.ids.append(transaction_id(seed))
    if len(done.ids) > 3:
        undone = done.ids.pop(choose.randrange(len(done.ids)))
        await ledger.execute(reverse_transaction, ReverseTransaction(undone, f"r{undone}", "mistake"))
    await ledger.caught_up()
