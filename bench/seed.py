"""Fills a tenant with users, accounts and money by ordinary commands, and gives each user a token."""

import asyncio
from collections.abc import Iterable
from typing import Any

from application.accounts import OpenAccount, Post, open_account, post
from application.chart_of_accounts import AddAccountCodes, add_account_codes
from application.decision import Command, Handler
from application.users import RegisterUser, register_user
from domain.accounts import AccountOpened
from domain.allowances import TREASURY
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


def seed(settings: Settings, dsn: str, tenant: str, accounts: int) -> list[str]:
    """Makes `accounts` users of the treasury tier with an account of 1,000,000.00 each. Returns tokens."""
    return asyncio.run(_seed(Services(settings, dsn, dsn, observer=None), tenant, accounts))


async def _seed(services: Services, tenant: str, accounts: int) -> list[str]:
    await services.start()
    try:
        ledger = await services.create_tenant(tenant)
        await ledger.execute(add_account_codes, AddAccountCodes(INITIAL))
        await _run_all(ledger, (_register(index) for index in range(accounts)))
        await _run_all(ledger, (_open(index) for index in range(accounts)))
        await _run_all(ledger, (_deposit(index) for index in range(accounts)))
        now = services.clock.now()
        return [
            services.tokens.issue(
                subject=user_id(index),
                client_id="bench",
                scopes=frozenset({"transfers"}),
                roles=frozenset(),
                tenant=tenant,
                lifetime_seconds=86_400,
                now=now,
            )
            for index in range(accounts)
        ]
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
