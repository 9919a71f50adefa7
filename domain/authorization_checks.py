"""In which order an authorization is checked, and what each failure is called: tables to be read as they are.

The first check that fails declines. Amounts are minor units of the account's currency.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from domain import accounts, cards
from domain.accounts import Account
from domain.card_limits import EffectiveLimits
from domain.cards import Card
from domain.money import Money

PURCHASE, CASH_WITHDRAWAL = "PURCHASE", "CASH_WITHDRAWAL"
PRE_AUTHORIZATION, REFUND = "PRE_AUTHORIZATION", "REFUND"
TRANSACTION_TYPES = (PURCHASE, CASH_WITHDRAWAL, PRE_AUTHORIZATION, REFUND)

# Every reason that a decision can have, in words.
REASONS: Mapping[str, str] = {
    "APPROVED_TRANSACTION": "Transaction approved",
    "ADDITIONAL_AUTHENTICATION_REQUIRED": "Additional authentication required",
    "CARD_NOT_FOUND": "Card not found",
    "CARD_BLOCKED": "Card is blocked",
    "INVALID_EXPIRY_DATE": "Invalid expiry date",
    "CARD_EXPIRED": "Card has expired",
    "ACCOUNT_NOT_ACTIVE": "Account is not active",
    "CURRENCY_NOT_SUPPORTED": "Currency not supported",
    "TRANSACTION_LIMIT_EXCEEDED": "Transaction limit exceeded",
    "CHANNEL_TRANSACTION_LIMIT_EXCEEDED": "Channel transaction limit exceeded",
    "DAILY_LIMIT_EXCEEDED": "Daily limit exceeded",
    "CHANNEL_DAILY_LIMIT_EXCEEDED": "Channel daily limit exceeded",
    "MONTHLY_LIMIT_EXCEEDED": "Monthly limit exceeded",
    "INSUFFICIENT_FUNDS": "Insufficient funds",
    "SUSPECTED_FRAUD": "Suspected fraud",
    "CHALLENGE_FAILED": "Additional authentication failed",
    "CHALLENGE_EXPIRED": "Additional authentication was not completed in time",
    "AUTHORIZATION_REVERSED": "Authorization reversed",
}


class Terms(msgspec.Struct, frozen=True):
    """What a merchant asks for. `category` is the merchant's (ISO 18245), `country` ISO 3166 alpha-3."""

    transaction_type: str
    amount: Money
    channel: str
    category: str
    country: str
    merchant_id: str
    merchant_name: str


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a decision saw of account and card, so that it can be explained and made again."""

    posted: int
    held: int
    overdraft_limit: int
    transaction_limit: int
    daily_limit: int
    monthly_limit: int
    spent_today: int
    spent_today_in_channel: int
    spent_this_month: int
    channel_transaction_limit: int | None = None
    channel_daily_limit: int | None = None


class Case(NamedTuple):
    """All that checks look at. `expiry` is as the merchant gave it, None where it is not asked again."""

    terms: Terms
    expiry: str | None
    card: Card
    account: Account
    limits: EffectiveLimits
    seen: Seen
    at: datetime


class Check(NamedTuple):
    """`limit` names what was breached, for those that are limits."""

    reason: str
    fails: Callable[[Case], bool]
    limit: Callable[[EffectiveLimits], int | None] | None = None


def _is_over(case: Case, limit: int | None, spent: int) -> bool:
    return limit is not None and spent + case.terms.amount.minor > limit


# Before all of these: without a card there is nothing to look at.
CARD_NOT_FOUND = "CARD_NOT_FOUND"

CARD_BLOCKED = Check("CARD_BLOCKED", lambda case: case.card.status != cards.ACTIVE)
INVALID_EXPIRY_DATE = Check(
    "INVALID_EXPIRY_DATE", lambda case: case.expiry is not None and case.expiry != case.card.expiry
)
CARD_EXPIRED = Check("CARD_EXPIRED", lambda case: cards.has_expired(case.card.expiry, case.at))
ACCOUNT_NOT_ACTIVE = Check("ACCOUNT_NOT_ACTIVE", lambda case: case.account.status != accounts.ACTIVE)
ACCOUNT_CLOSED = Check("ACCOUNT_NOT_ACTIVE", lambda case: case.account.status == accounts.CLOSED)
CURRENCY_NOT_SUPPORTED = Check(
    "CURRENCY_NOT_SUPPORTED", lambda case: case.terms.amount.currency != case.account.currency
)

LIMIT_CHECKS = (
    Check(
        "TRANSACTION_LIMIT_EXCEEDED",
        lambda case: _is_over(case, case.limits.transaction, 0),
        lambda limits: limits.transaction,
    ),
    Check(
        "CHANNEL_TRANSACTION_LIMIT_EXCEEDED",
        lambda case: _is_over(case, case.limits.channel_transaction, 0),
        lambda limits: limits.channel_transaction,
    ),
    Check(
        "DAILY_LIMIT_EXCEEDED",
        lambda case: _is_over(case, case.limits.daily, case.seen.spent_today),
        lambda limits: limits.daily,
    ),
    Check(
        "CHANNEL_DAILY_LIMIT_EXCEEDED",
        lambda case: _is_over(case, case.limits.channel_daily, case.seen.spent_today_in_channel),
        lambda limits: limits.channel_daily,
    ),
    Check(
        "MONTHLY_LIMIT_EXCEEDED",
        lambda case: _is_over(case, case.limits.monthly, case.seen.spent_this_month),
        lambda limits: limits.monthly,
    ),
)
LIMIT_REASONS = frozenset(check.reason for check in LIMIT_CHECKS)

INSUFFICIENT_FUNDS = Check(
    "INSUFFICIENT_FUNDS", lambda case: case.terms.amount.minor > case.account.available
)

# After these come the risk rules (`domain/risk.py`): suspected fraud, then a challenge, then approval.
CHECKS = (
    CARD_BLOCKED,
    INVALID_EXPIRY_DATE,
    CARD_EXPIRED,
    ACCOUNT_NOT_ACTIVE,
    CURRENCY_NOT_SUPPORTED,
    *LIMIT_CHECKS,
    INSUFFICIENT_FUNDS,
)

# Money that comes in is neither limited nor a risk, and a frozen account still takes it.
REFUND_CHECKS = (
    CARD_BLOCKED,
    INVALID_EXPIRY_DATE,
    CARD_EXPIRED,
    ACCOUNT_CLOSED,
    CURRENCY_NOT_SUPPORTED,
)


def case_of(terms: Terms, expiry: str | None, card: Card, account: Account, at: datetime) -> Case:
    limits = card.limits_for(terms.channel, at)
    spending, today = card.spending, at.date()
    seen = Seen(
        account.posted,
        account.held,
        account.overdraft_limit,
        limits.transaction,
        limits.daily,
        limits.monthly,
        spending.on(today),
        spending.in_channel_on(terms.channel, today),
        spending.in_month_of(today),
        limits.channel_transaction,
        limits.channel_daily,
    )
    return Case(terms, expiry, card, account, limits, seen, at)


def first_failure(case: Case) -> Check | None:
    checks = REFUND_CHECKS if case.terms.transaction_type == REFUND else CHECKS
    for check in checks:
        if check.fails(case):
            return check
    return None
