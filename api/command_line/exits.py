"""How a command ends: the exit codes, and the failures that are told in one line instead of a traceback."""

from enum import IntEnum

import httpx
import psycopg
from cyclopts import CycloptsError

from api.command_line.transaction_file import NotATransactionFile
from application.store import StoreUnavailable
from infrastructure.embedded_postgres import DataDirectoryInUse, PostgresDidNotStart
from infrastructure.reads import NotCaughtUp
from infrastructure.settings import SettingsError
from infrastructure.tenants import UnknownTenant


class Exit(IntEnum):
    OK = 0
    CHECK_FAILED = 1
    WRONG_USAGE = 2
    UNAVAILABLE = 3


EXIT_CODES_HELP = (
    "Exit codes: 0 done, 1 a check failed or nothing was found, 2 wrong usage, 3 the service or the database "
    "is not available."
)


class CommandFailed(Exception):
    """The command cannot do what it was asked; the message is for the person who asked."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# What a database says that was never prepared: no tables, no schema, no service role.
_NOT_PREPARED = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)


def explain(error: Exception) -> tuple[str, Exit] | None:
    """The line to print and the exit code; None for what nobody expects, which deserves its traceback."""
    match error:
        case CommandFailed():
            return str(error), error.exit_code
        case CycloptsError() | SettingsError() | NotATransactionFile():
            return one_line(str(error)), Exit.WRONG_USAGE
        case UnknownTenant():
            return f"there is no tenant {error}; `daybook migrate --tenant NAME` makes one", Exit.WRONG_USAGE
        case DataDirectoryInUse() | PostgresDidNotStart():
            return one_line(str(error)), Exit.UNAVAILABLE
        case NotCaughtUp():
            return "the read models do not get forward", Exit.UNAVAILABLE
        case psycopg.Error() if isinstance(error, _NOT_PREPARED) or "daybook_service" in str(error):
            return "the database is not prepared: run `daybook migrate`", Exit.UNAVAILABLE
        case psycopg.ProgrammingError() if error.sqlstate is None:
            # Not repeated: it may hold a password.
            return "the database URL cannot be understood", Exit.WRONG_USAGE
        case psycopg.OperationalError() | StoreUnavailable():
            return f"the database is not available: {one_line(str(error))}", Exit.UNAVAILABLE
        case httpx.TransportError():
            return f"the service does not answer: {one_line(str(error))}", Exit.UNAVAILABLE
        case _:
            return None


def one_line(text: str) -> str:
    return " ".join(text.split())
