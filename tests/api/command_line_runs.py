"""The command line as a test calls it: in this process, or as the program that a shell starts."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from api.command_line.program import run
from api.command_line.transaction_file import COLUMNS

SAMPLE = Path(str(resources.files("api.command_line") / "sample-transactions.csv"))
TENANT = "test-bank"


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    def json(self) -> Any:
        return msgspec.json.decode(self.output)

    def lines(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in self.output.splitlines()]


def daybook(*arguments: str | Path) -> Ran:
    """Runs one command in this process."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = run([str(argument) for argument in arguments])
    return Ran(int(code), output.getvalue(), errors.getvalue())


def start_daybook(*arguments: str | Path) -> subprocess.Popen[str]:
    """Starts one command as a process of its own, without the settings of the shell that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "api.command_line", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def sample_rows() -> list[dict[str, str]]:
    with SAMPLE.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(file: Path, rows: Iterable[dict[str, str]], extra_lines: Sequence[str] = ()) -> Path:
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        stream.writelines(line + "\n" for line in extra_lines)
    return file


def transaction(number: int, amount: str, balance_after: str, **changes: str) -> dict[str, str]:
    """A cash deposit (a withdrawal where the amount is negative) on account 77."""
    direction, operation = ("debit", "cash_withdrawal") if amount[0] == "-" else ("credit", "cash_deposit")
    row = dict.fromkeys(COLUMNS, "") | {
        "transaction_id": f"t{number}",
        "account_id": "77",
        "date": f"1993-02-{number:02}",
        "direction": direction,
        "operation": operation,
        "amount": amount.lstrip("-"),
        "balance_after": balance_after,
    }
    return row | changes
