"""`daybook demo`: a bank's day from the first transaction to the trial balance, on a service of its own."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from api.command_line.database import Opened, bring_up_to_date, open_database, open_ledger
from api.command_line.demo_service import CLOCK, RunningService, running_sandbox
from api.command_line.demo_story import CHECKING, SETTLED_INTERBANK, SETTLED_INTERNAL, Story
from api.command_line.exits import CommandFailed, Exit
from api.command_line.importing import Summary, import_all, print_summary
from api.command_line.options import instant
from api.command_line.printing import console, progress_bar, shown, table
from api.command_line.processes import Stopped, stopping_on_signals
from api.command_line.reports import print_trial_balance, sums
from api.command_line.transaction_file import Transaction, count_rows, read_transactions
from domain.money import CURRENCIES, Money
from infrastructure.ledgers import Ledger
from infrastructure.settings import Settings
from projections import balances, event_log, general_ledger
from projections.event_log import LoggedEvent, Wanted

SAMPLE = "sample-transactions.csv"
_DETAILS = ("amount", "fee", "reference", "reason")

Work = Callable[[Ledger], Awaitable[None]]


def demo(
    *,
    transactions: Annotated[
        Path | None, Parameter(help="CSV of a bank's transactions to import instead of the sample")
    ] = None,
    currency: Annotated[str, Parameter(help="of that file's amounts")] = "CZK",
) -> int:
    """Play a bank's day on a sandbox of its own, and show the books. Exit code 1 where anything is off.

    Starts the service with its own Postgres in a temporary folder, imports transactions of a real bank,
    moves money over HTTP, lets the clock run to settlement, and ends with the trial balance.
    """
    if currency not in CURRENCIES:
        raise CommandFailed(f"{currency} is no currency that this ledger knows", Exit.WRONG_USAGE)
    output = console()
    sample = resources.files("api.command_line") / SAMPLE
    try:
        with stopping_on_signals(), resources.as_file(sample) as file:
            _play(output, transactions or file, currency)
    except Stopped:
        output.print("Interrupted. The service is stopped.")
        return Exit.CHECK_FAILED
    output.print("\nThe service is stopped and its folder removed. `make run` starts one that stays.")
    return Exit.OK


def _play(output: Console, file: Path, currency: str) -> None:
    count_rows(file)  # A file that cannot be read is said before anything starts.
    _heading(output, "A sandbox starts", f"on its own Postgres, its clock at {CLOCK}")
    with running_sandbox() as service:
        output.print(f"It listens on {service.url}")
        _heading(output, "A bank's transactions come in", f"{file.name}, each row at its own date")
        _in_ledger(service, lambda ledger: _import(ledger, output, file, currency))
        _heading(output, "A customer moves money", "over HTTP")
        story = Story(service.url, output)
        try:
            transfer_id = story.play()
        finally:
            story.close()
        _in_ledger(service, lambda ledger: _show_books(ledger, output, transfer_id))


def _in_ledger(service: RunningService, work: Work) -> None:
    """Runs beside the service on the same database, as every command of `daybook` can."""

    async def run(opened: Opened) -> None:
        async with open_ledger(opened, None) as ledger:
            await work(ledger)
            await bring_up_to_date(opened, ledger)

    with open_database(Settings(data=service.data)) as opened:
        asyncio.run(run(opened))


async def _import(ledger: Ledger, output: Console, file: Path, currency: str) -> None:
    total, counter = count_rows(file), itertools.count(1)
    with progress_bar("Importing") as progress:
        summary = await import_all(
            ledger, read_transactions(file, currency), lambda: progress(next(counter), total)
        )
    print_summary(summary)
    if not summary.is_clean:
        raise CommandFailed("the file was not imported as it is", Exit.CHECK_FAILED)
    again: Summary = await import_all(ledger, read_transactions(file, currency), lambda: None)
    output.print(f"The same file again: {again.posted_new} posted, {again.already_there} already there.")
    _show_last_balances(output, file, currency)


def _show_last_balances(output: Console, file: Path, currency: str) -> None:
    last: dict[str, Transaction] = {}
    for row in read_transactions(file, currency):
        if isinstance(row, Transaction) and (row.command.posting.account_id in last or len(last) < 5):
            last[row.command.posting.account_id] = row
    for account_id, row in last.items():
        balance = Money(row.command.balance_after, currency).decimal()
        output.print(
            f"  {account_id:<12}{balance:>14} {currency} on {row.effective_at.date()}, as in the file"
        )


async def _show_books(ledger: Ledger, output: Console, transfer_id: str) -> None:
    await ledger.caught_up()
    _heading(output, "The books", "every debit has its credit")
    result = await general_ledger.trial_balance(ledger.fetch)
    print_trial_balance(result)
    if any(debit != credit for debit, credit in sums(result).values()):
        raise CommandFailed("debits and credits differ", Exit.CHECK_FAILED)
    output.print("Debits less credits: zero in every currency.")
    _heading(output, "One transfer", f"all that is known of it are its events: transfer-{transfer_id}")
    newest = await event_log.head(ledger.fetch)
    wanted = Wanted(stream=f"transfer-{transfer_id}")
    found = [event async for event in event_log.events(ledger.fetch, wanted, after=0, until=newest)]
    columns = (">Position", "Topic", "Effective at", "By", "Details")
    output.print(table(columns, [_event_row(event) for event in found]))
    _heading(output, f"{CHECKING} at three instants", "the past is a question like any other")
    rows = [await _balance_row(ledger, at) for at in ("2025-10-20", SETTLED_INTERNAL, SETTLED_INTERBANK)]
    output.print(table(("At", ">Posted", ">Held", ">Available"), rows))


def _event_row(event: LoggedEvent) -> tuple[str, ...]:
    details = ", ".join(
        f"{name.replace('_', ' ')} {_worded(getattr(event.data, name))}"
        for name in _DETAILS
        if getattr(event.data, name, None)
    )
    return str(event.position), event.topic, shown(event.effective_at)[:19], event.actor, details


def _worded(value: Any) -> str:
    return f"{value.decimal()} {value.currency}" if isinstance(value, Money) else str(value)


async def _balance_row(ledger: Ledger, at: str) -> tuple[str, ...]:
    result = await balances.balance_as_of(ledger.fetch, CHECKING, instant(at), ledger.clock.now())
    assert result is not None, "the sandbox has this account"
    amounts = (Money(minor, result.currency) for minor in (result.posted, result.held, result.available))
    return f"the end of {at}" if len(at) == 10 else at, *(amount.decimal() for amount in amounts)


def _heading(output: Console, title: str, remark: str) -> None:
    output.print(f"\n[bold cyan]{title}[/]  [dim]{remark}[/]")
