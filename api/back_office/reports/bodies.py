"""From what the read models know of a period to what a report shows."""

from datetime import datetime
from typing import Literal

from api.amounts import amount_of
from api.back_office.reports.documents import (
    CurrencyShown,
    MovementShown,
    PeriodReportShown,
    TrialBalanceRowShown,
    TrialBalanceShown,
    TrialBalanceTotalShown,
)
from api.instants import whole_seconds
from domain.chart_of_accounts import AccountType
from domain.money import Money
from projections.general_ledger import Total
from projections.reports import CurrencyReport, Movement, PeriodReport


def period_report(
    name: Literal["daily", "monthly"], found: PeriodReport, generated_at: datetime
) -> PeriodReportShown:
    return PeriodReportShown(
        name,
        found.date_from.isoformat(),
        found.date_to.isoformat(),
        whole_seconds(generated_at),
        found.position,
        [_currency(each) for each in found.currencies],
        _trial_balance(found.totals),
    )


def _currency(found: CurrencyReport) -> CurrencyShown:
    code = found.currency
    return CurrencyShown(
        code,
        amount_of(Money(found.opening_balance, code)),
        amount_of(Money(found.closing_balance, code)),
        [_movement(each, code) for each in found.movements],
        amount_of(Money(found.fees, code)),
        found.transaction_count,
    )


def _movement(found: Movement, currency: str) -> MovementShown:
    amount, debits, credits = (
        amount_of(Money(minor, currency)) for minor in (found.amount, found.debits, found.credits)
    )
    return MovementShown(found.type, found.number, amount, debits, credits)


def _trial_balance(totals: list[Total]) -> TrialBalanceShown:
    """Each code's balance stands on the side where it is positive."""
    rows: list[TrialBalanceRowShown] = []
    sums: dict[str, list[int]] = {}
    for total in totals:
        debit, credit = total.balance
        of_currency = sums.setdefault(total.currency, [0, 0])
        of_currency[0] += debit
        of_currency[1] += credit
        rows.append(
            TrialBalanceRowShown(
                total.account_code,
                total.account_name,
                AccountType(total.type).value,
                total.currency,
                amount_of(Money(debit, total.currency)),
                amount_of(Money(credit, total.currency)),
            )
        )
    return TrialBalanceShown(
        rows,
        [
            TrialBalanceTotalShown(code, *(amount_of(Money(minor, code)) for minor in sums[code]))
            for code in sorted(sums)
        ],
    )
