"""`daybook import-transactions`: posts a bank's own transactions, in order on each account, once for ever."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from api.command_line.database import Opened, open_database, open_ledger
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import ANY_TENANT, AsJson, OfTenant, settings_from
from api.command_line.printing import console, print_json, progress_bar
from api.command_line.transaction_file import BadRow, Transaction, count_rows, read_transactions
from application.accounts import Posted
from application.transaction_import import import_transaction
from application.writer import Origin
from domain.errors import DomainError, IdempotencyConflict
from domain.money import CURRENCIES, CurrencyMismatch, Money
from infrastructure.ledgers import Ledger

ACTOR = "import-transactions"
# Rows read and not yet answered. It bounds the memory, and it is as many commands as gather in one commit.
IN_FLIGHT_MAX = 512
PROBLEMS_SHOWN_MAX = 20


@dataclass
class Summary:
    """What became of the rows. `problems` are told with their lines, the first few of them."""

    rows: int = 0
    posted_new: int = 0
    already_there: int = 0
    bad_rows: int = 0
    conflicts: int = 0
    refused: int = 0
    mismatches: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.bad_rows or self.conflicts or self.refused or self.mismatches)

    def tell(self, problem: str) -> None:
        if len(self.problems) < PROBLEMS_SHOWN_MAX:
            self.problems.append(problem)


async def import_all(
    ledger: Ledger, rows: Iterable[Transaction | BadRow], progress: Callable[[], None]
) -> Summary:
    """Posts the rows: those of one account one after another, different accounts together.

    `progress` is told of each row that is done. Raises StoreUnavailable; running again goes on.
    """
    summary = Summary()
    try:
        async with asyncio.TaskGroup() as tasks:
            await _start_all(tasks, ledger, rows, progress, summary)
    except ExceptionGroup as group:
        # They all fell over the same thing.
        raise group.exceptions[0] from None
    return summary


async def _start_all(
    tasks: asyncio.TaskGroup,
    ledger: Ledger,
    rows: Iterable[Transaction | BadRow],
    progress: Callable[[], None],
    summary: Summary,
) -> None:
    newest: dict[str, asyncio.Task[None]] = {}
    room = asyncio.Semaphore(IN_FLIGHT_MAX)
    for row in rows:
        summary.rows += 1
        if isinstance(row, BadRow):
            summary.bad_rows += 1
            summary.tell(f"line {row.line}: {row.reason}")
            progress()
            continue
        await room.acquire()
        account_id = row.command.posting.account_id
        task = tasks.create_task(_post(ledger, row, newest.get(account_id), summary))
        newest[account_id] = task

        def done(task: asyncio.Task[None], account_id: str = account_id) -> None:
            room.release()
            progress()
            if newest.get(account_id) is task:
                del newest[account_id]

        task.add_done_callback(done)


async def _post(
    ledger: Ledger, row: Transaction, before: asyncio.Task[None] | None, summary: Summary
) -> None:
    """Posts the row when the account's row before it is done, and compares the balance with the file's."""
    if before is not None:
        await before
    origin = Origin(ACTOR, row.transaction_id, effective_at=row.effective_at)
    where = f"line {row.line}, transaction {row.transaction_id}"
    try:
        outcome = await ledger.execute(import_transaction, row.command, origin)
    except IdempotencyConflict:
        summary.conflicts += 1
        summary.tell(f"{where}: was imported before with other content; nothing is changed")
        return
    except (DomainError, CurrencyMismatch) as refusal:
        summary.refused += 1
        summary.tell(f"{where}: refused: {refusal}")
        return
    posted: Posted = outcome.answer
    if outcome.position is None:
        summary.already_there += 1
    else:
        summary.posted_new += 1
    if posted.posted != row.command.balance_after:
        summary.mismatches += 1
        currency = row.command.posting.amount.currency
        wanted, actual = (Money(minor, currency) for minor in (row.command.balance_after, posted.posted))
        summary.tell(f"{where}: the balance is {actual.decimal()}, in the file {wanted.decimal()}")


def import_transactions(
    file: Path,
    /,
    *,
    currency: Annotated[str, Parameter(help="of the file's amounts")] = "CZK",
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Post a bank's transactions from a CSV file, each once however often the file is imported.

    Accounts are opened when their first row comes, as `bank-<account_id>`. Each row counts from its own
    date. The balance after each posting is compared with the file's. Exit code 1 where a row was bad,
    refused, in conflict with what was imported before, or where a balance differs.

    Parameters
    ----------
    file
        CSV with the columns transaction_id, account_id, date, direction, operation, amount, balance_after,
        category, counterparty_bank, counterparty_account
    """
    if currency not in CURRENCIES:
        raise CommandFailed(f"{currency} is no currency that this ledger knows", Exit.WRONG_USAGE)
    total = count_rows(file)

    async def run(opened: Opened) -> Summary:
        async with open_ledger(opened, of.tenant) as ledger:
            with progress_bar("Importing") as progress:
                counter = itertools.count(1)
                return await import_all(
                    ledger, read_transactions(file, currency), lambda: progress(next(counter), total)
                )

    with open_database(settings_from(of)) as opened:
        summary = asyncio.run(run(opened))
    if json:
        print_json({**asdict(summary), "is_clean": summary.is_clean})
    else:
        print_summary(summary)
    return Exit.OK if summary.is_clean else Exit.CHECK_FAILED


def print_summary(summary: Summary) -> None:
    output = console()
    output.print(
        f"{summary.rows:,} rows: {summary.posted_new:,} posted, {summary.already_there:,} already there, "
        f"{summary.mismatches:,} balances that differ"
    )
    if not summary.is_clean:
        output.print(
            f"{summary.bad_rows:,} bad rows, {summary.conflicts:,} conflicts, {summary.refused:,} refused"
        )
    for problem in summary.problems:
        output.print(f"  {problem}", markup=False, style="red")
    found = summary.bad_rows + summary.conflicts + summary.refused + summary.mismatches
    if found > len(summary.problems):
        output.print(f"  and {found - len(summary.problems):,} more")
