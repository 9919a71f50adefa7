"""Fills a tenant with users, accounts and money by ordinary commands, and gives each user a token."""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from application.accounts import OpenAccount, Post, open_account, post
from application.cards import IssueCard, issue_card
from application.chart_of_accounts import AddAccountCodes, add_account_codes
from application.decision import Command, Handler
from application.users import RegisterUser, register_user
from domain.accounts import AccountOpened
from domain.allowances import TREASURY
from domain.authorizations import NUMBERS_PER_BLOCK
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits, ChannelLimits
from domain.chart_of_accounts import CASH, INITIAL
from domain.money import Money
from domain.users import UserRegistered
from infrastructure.ledgers import Ledger
from infrastructure.runtime import Services
from infrastructure.settings import Settings

OPENING_BALANCE = Money(1_000_000_00, "USD")
IN_FLIGHT = 1_000


def account_id(index: int) -> str:
    return f"acct_{index:07}"


def user_id(index: int) -> str:
    return f"user_{index:07}"


def pan_hash(index: int) -> str:
    return f"bench-card-{index:07}"


class Seeded(NamedTuple):
    """A token for each user, and one for the client that sends card transactions."""

    tokens: list[str]
    card_token: str


def seed(settings: Settings, dsn: str, tenant: str, accounts: int) -> Seeded:
    """Makes `accounts` users of the treasury tier with an account of 1,000,000.00 and a card each."""
    return asyncio.run(_seed(Services(settings, dsn, dsn, observer=None), tenant, accounts))


async def _seed(services: Services, tenant: str, accounts: int) -> Seeded:
    await services.start()
    try:
        ledger = await services.create_tenant(tenant)
        await ledger.execute(add_account_codes, AddAccountCodes(INITIAL))
        await _run_all(ledger, (_register(index) for index in range(accounts)))
        await _run_all(ledger, (_open(index) for index in range(accounts)))
        await _run_all(ledger, (_deposit(index) for index in range(accounts)))
        await _run_all(ledger, (_issue(index) for index in range(accounts)))

        def token(subject: str, *scopes: str) -> str:
            return services.tokens.issue(
                subject=subject,
                client_id="bench",
                scopes=frozenset(scopes),
                roles=frozenset(),
                tenant=tenant,
                lifetime_seconds=86_400,
                now=services.clock.now(),
            )

        return Seeded(
            [token(user_id(index), "transfers") for index in range(accounts)],
            token("acquirer", "authorizations.write", "holds.write"),
        )
    finally:
        await services.close()


async def _run_all(ledger: Ledger, commands: Iterable[tuple[Handler[Any, Any], Command]]) -> None:
    waiting: list[asyncio.Future[Any]] = []
    for handler, command in commands:
        waiting.append(ledger.writer.submit(handler, command))
        if len(waiting) >= IN_FLIGHT:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)


def _register(index: int) -> tuple[Handler[Any, Any], Command]:
    return register_user, RegisterUser(UserRegistered(user_id(index), "customer", "USA"), TREASURY)


def _open(index: int) -> tuple[Handler[Any, Any], Command]:
    opened = AccountOpened(account_id(index), f"{2_000_000_000 + index}", user_id(index), "checking", "USD")
    return open_account, OpenAccount(opened)


def _deposit(index: int) -> tuple[Handler[Any, Any], Command]:
    deposit = Post(account_id(index), "credit", OPENING_BALANCE, CASH, "deposit", f"seed-{index}")
    return post, deposit


# Limits as every card has them, wide enough for one card to bear the whole load.
_CARD_LIMITS = CardLimits(
    transaction=2_000_00,
    daily=10_000_000_00,
    monthly=100_000_000_00,
    channels={"POS": ChannelLimits(2_000_00, 10_000_000_00)},
)


def _issue(index: int) -> tuple[Handler[Any, Any], Command]:
    # Below every number that is given out, and longer than account numbers are.
    number = 100_000_000_000 + NUMBERS_PER_BLOCK * index
    card = IssueCard(
        card_id=number,
        account=account_id(index),
        new_card_account_id=number,
        pan_hash_stream=of_pan_hash(pan_hash(index)),
        masked_pan="411111******1111",
        expiry="12/35",
        limits=_CARD_LIMITS,
    )
    return issue_card, card
