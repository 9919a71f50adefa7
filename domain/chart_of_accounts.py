"""The chart of accounts: which codes the general ledger knows, and what each is.

Finance can add accounts; a code never changes its meaning.
"""

from enum import StrEnum

import msgspec

from domain import errors
from domain.events import Event

CASH = "1000-CASH"
SUSPENSE = "1999-SUSPENSE"
CUSTOMER_DEPOSITS = "2000-CUSTOMER-DEPOSITS"
CARD_SETTLEMENT = "2200-CARD-SETTLEMENT"
ACH_CLEARING = "2300-ACH-CLEARING"
TRANSFER_CLEARING = "2310-TRANSFER-CLEARING"
STABLECOIN_CLEARING = "2400-STABLECOIN-CLEARING"
WIRE_CLEARING = "2500-WIRE-CLEARING"
FEE_REVENUE = "4500-FEE-REVENUE"
INTEREST_EXPENSE = "5000-INTEREST-EXPENSE"
ADJUSTMENTS = "5900-ADJUSTMENTS"

STREAM = "chart_of_accounts-main"


class AccountType(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    EXPENSE = "expense"


class AccountCodeAdded(Event, frozen=True):
    TOPIC = "chart_of_accounts.code_added"
    account_code: str
    account_name: str
    type: AccountType


class Chart(msgspec.Struct, frozen=True):
    """Codes to (name, type)."""

    codes: dict[str, tuple[str, AccountType]] = {}


INITIAL = (
    AccountCodeAdded(CASH, "Cash & Cash Equivalents", AccountType.ASSET),
    AccountCodeAdded("1100-CUSTOMER-USDC-WALLET", "Customer USDC Wallet (Off-BS Memo)", AccountType.ASSET),
    AccountCodeAdded(SUSPENSE, "Suspense", AccountType.ASSET),
    AccountCodeAdded(CUSTOMER_DEPOSITS, "Customer Deposits", AccountType.LIABILITY),
    AccountCodeAdded("2100-USDC-OMNIBUS-WALLET", "USDC Omnibus Wallet", AccountType.ASSET),
    AccountCodeAdded(CARD_SETTLEMENT, "Card Settlement", AccountType.LIABILITY),
    AccountCodeAdded(ACH_CLEARING, "ACH Clearing", AccountType.LIABILITY),
    AccountCodeAdded(TRANSFER_CLEARING, "Internal Transfer Clearing", AccountType.LIABILITY),
    AccountCodeAdded(STABLECOIN_CLEARING, "Stablecoin Clearing", AccountType.LIABILITY),
    AccountCodeAdded(WIRE_CLEARING, "Wire Clearing", AccountType.LIABILITY),
    AccountCodeAdded("2600-PKR-PAYOUT", "PKR Payout", AccountType.LIABILITY),
    AccountCodeAdded("3000-OPENING-EQUITY", "Opening Equity", AccountType.EQUITY),
    AccountCodeAdded(FEE_REVENUE, "Stablecoin Transaction Fees", AccountType.REVENUE),
    AccountCodeAdded("4600-FX-SPREAD-REVENUE", "FX Spread Revenue", AccountType.REVENUE),
    AccountCodeAdded(INTEREST_EXPENSE, "Interest Expense", AccountType.EXPENSE),
    AccountCodeAdded(ADJUSTMENTS, "Adjustments", AccountType.EXPENSE),
)


def add(chart: Chart, added: AccountCodeAdded) -> AccountCodeAdded | None:
    """None where the code is there already with the same name and type."""
    match chart.codes.get(added.account_code):
        case None:
            return added
        case (added.account_name, added.type):
            return None
        case _:
            raise errors.AccountCodeTaken(added.account_code)


def evolve(chart: Chart | None, event: AccountCodeAdded) -> Chart:
    codes = chart.codes if chart else {}
    return Chart({**codes, event.account_code: (event.account_name, event.type)})
