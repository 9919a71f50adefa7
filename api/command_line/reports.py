"""`daybook balance` and `daybook trial-balance`: what auditors and finance look up, at any instant."""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from api.command_line.database import with_ledger
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import ANY_TENANT, AsJson, OfTenant, instant, settings_from
from api.command_line.printing import console, print_json, shown, table
from domain.money import Money
from infrastructure.ledgers import Ledger
from projections import account_directory, balances, general_ledger
from projections.general_ledger import Total, TrialBalance

At = Annotated[str | None, Parameter(help="effective at this instant, or at the end of this day")]
KnownAt = Annotated[str | None, Parameter(help="as it was known at this instant")]


def balance(
    account: str,
    /,
    *,
    at: At = None,
    known_at: KnownAt = None,
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Show an account's balance, now or effective at one instant as known at another.

    Parameters
    ----------
    account
        the account's id, its 10-digit number or its card account id
    """

    async def show(ledger: Ledger) -> int:
        found = await account_directory.resolve(ledger.fetch, account)
        if found is None:
            raise CommandFailed(f"there is no account {account}", Exit.CHECK_FAILED)
        effective, known = _instants(ledger, at, known_at)
        result = await balances.balance_as_of(ledger.fetch, found.account_id, effective, known)
        assert result is not None, "an account that is in the directory has a balance"
        amounts = {
            name: Money(getattr(result, name), result.currency).decimal()
            for name in ("posted", "held", "available")
        }
        content = {
            "account_id": result.account_id,
            "currency": result.currency,
            **amounts,
            "effective_at": effective,
            "known_at": known,
            "position": result.position,
        }
        if json:
            print_json(content)
        else:
            for name, value in content.items():
                console().print(f"{name.replace('_', ' '):<14}[bold]{shown(value)}[/]")
        return Exit.OK

    return with_ledger(settings_from(of), of.tenant, show)


def trial_balance(
    *, at: At = None, known_at: KnownAt = None, json: AsJson = False, of: OfTenant = ANY_TENANT
) -> int:
    """Show debits and credits of every account code. Exit code 1 where they are not equal."""

    async def show(ledger: Ledger) -> int:
        if at is None and known_at is None:
            result = await general_ledger.trial_balance(ledger.fetch)
        else:
            effective, known = _instants(ledger, at, known_at)
            result = await general_ledger.trial_balance_as_of(ledger.fetch, effective, known)
        if json:
            print_json(trial_balance_content(result))
        else:
            print_trial_balance(result)
        totals = sums(result)
        return Exit.OK if all(debit == credit for debit, credit in totals.values()) else Exit.CHECK_FAILED

    return with_ledger(settings_from(of), of.tenant, show)


def sums(result: TrialBalance) -> dict[str, tuple[int, int]]:
    """Debit and credit balances by currency, in minor units: equal, or the books are broken."""
    found: dict[str, tuple[int, int]] = {}
    for total in result.totals:
        debit, credit = found.get(total.currency, (0, 0))
        net = total.debits - total.credits
        found[total.currency] = debit + max(net, 0), credit + max(-net, 0)
    return found


def trial_balance_content(result: TrialBalance) -> dict[str, Any]:
    return {
        "rows": [
            {
                "account_code": total.account_code,
                "account_name": total.account_name,
                "type": total.type,
                "currency": total.currency,
                "debit": _side(total, 1) or Money(0, total.currency).decimal(),
                "credit": _side(total, -1) or Money(0, total.currency).decimal(),
            }
            for total in result.totals
        ],
        "totals": [
            {
                "currency": currency,
                "debit": Money(debit, currency).decimal(),
                "credit": Money(credit, currency).decimal(),
            }
            for currency, (debit, credit) in sums(result).items()
        ],
        "position": result.certificate.position,
        "events": result.certificate.position,
        "digest": result.certificate.digest.hex(),
    }


def print_trial_balance(result: TrialBalance) -> None:
    output = console()
    rows = [
        (total.account_code, total.account_name, total.currency, _side(total, 1), _side(total, -1))
        for total in sorted(result.totals, key=lambda total: (total.currency, total.account_code))
    ]
    made = table(("Account code", "Name", "", ">Debit", ">Credit"), rows)
    for currency, (debit, credit) in sums(result).items():
        made.add_section()
        made.add_row(
            "Total", "", currency, Money(debit, currency).decimal(), Money(credit, currency).decimal()
        )
        if debit != credit:
            difference = Money(debit - credit, currency).decimal()
            made.add_row("Difference", "", currency, difference, "", style="bold red")
    output.print(made)
    certificate = result.certificate
    output.print(
        Text(f"Folded from events 1 to {certificate.position}, sha256 {certificate.digest.hex()}", "dim")
    )


def _side(total: Total, sign: int) -> str:
    net = sign * (total.debits - total.credits)
    return Money(net, total.currency).decimal() if net > 0 else ""


def _instants(ledger: Ledger, at: str | None, known_at: str | None) -> tuple[datetime, datetime]:
    now = ledger.clock.now()
    return instant(at) if at else now, instant(known_at) if known_at else now
