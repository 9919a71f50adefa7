"""The risk rules: one table, whose points add up to an authorization's risk score from 0 to 100.

Every decision records the rules that applied and the version of the table, so that it can be explained, and
decided again under another table, for ever.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from domain.card_spending import ATTEMPTS_KEPT, ATTEMPTS_WINDOW, AVERAGE_WINDOW, Spending
from domain.money import Money, minor_digits

# Raised whenever a rule, its points or a threshold changes.
RULES_VERSION = 1

DECLINE_FROM = 90
CHALLENGE_FROM = 70
CHALLENGED_CHANNEL = "E_COMMERCE"
SCORE_MAX = 100

LARGE_ONLINE_AMOUNT = 1_000  # whole units of the currency
USUAL_AMOUNT_TIMES = 3
HIGH_RISK_CATEGORIES = frozenset({"4829", "6051", "7995", "5967"})
NIGHT_ENDS_HOUR_UTC = 5


class Attempt(NamedTuple):
    """What is known of an attempt. Without a card, nothing is known of its past and its customer."""

    amount: Money
    channel: str
    category: str
    country: str
    at: datetime
    spending: Spending | None
    customer_country: str | None


class Rule(NamedTuple):
    name: str
    points: int
    meaning: str
    applies: Callable[[Attempt], bool]


class Assessment(NamedTuple):
    score: int
    rules: tuple[str, ...]


def _is_unusually_large(attempt: Attempt) -> bool:
    if attempt.spending is None:
        return False
    count, total = attempt.spending.approved_since(attempt.at - AVERAGE_WINDOW)
    return attempt.amount.minor * count > USUAL_AMOUNT_TIMES * total


def _is_large_online(attempt: Attempt) -> bool:
    if attempt.channel != CHALLENGED_CHANNEL:
        return False
    threshold: int = LARGE_ONLINE_AMOUNT * 10 ** minor_digits(attempt.amount.currency)
    return attempt.amount.minor >= threshold


def _is_abroad(attempt: Attempt) -> bool:
    return attempt.customer_country is not None and attempt.country != attempt.customer_country


def _is_rapid(attempt: Attempt) -> bool:
    if attempt.spending is None:
        return False
    return attempt.spending.attempts_since(attempt.at - ATTEMPTS_WINDOW) >= ATTEMPTS_KEPT


def _is_first_in_channel(attempt: Attempt) -> bool:
    return attempt.spending is not None and attempt.channel not in attempt.spending.channels


RULES = (
    Rule("BASE", 5, "every authorization", lambda _: True),
    Rule("UNUSUAL_AMOUNT", 25, "over 3 times the average approved in the last 30 days", _is_unusually_large),
    Rule("LARGE_ONLINE_AMOUNT", 45, "1,000 or more in e-commerce", _is_large_online),
    Rule("FOREIGN_COUNTRY", 15, "another country than the customer's", _is_abroad),
    Rule(
        "HIGH_RISK_CATEGORY",
        25,
        "money transfer, quasi cash, gambling, adult merchants",
        lambda attempt: attempt.category in HIGH_RISK_CATEGORIES,
    ),
    Rule("RAPID_ATTEMPTS", 30, "the fifth or later attempt in 10 minutes", _is_rapid),
    Rule("NIGHT", 5, "before 05:00 UTC", lambda attempt: attempt.at.hour < NIGHT_ENDS_HOUR_UTC),
    Rule("NEW_CHANNEL", 10, "nothing approved in this channel before", _is_first_in_channel),
)

NOT_ASSESSED = Assessment(0, ())


def assess(attempt: Attempt) -> Assessment:
    applied = [rule for rule in RULES if rule.applies(attempt)]
    score = sum(rule.points for rule in applied)
    return Assessment(min(score, SCORE_MAX), tuple(rule.name for rule in applied))
