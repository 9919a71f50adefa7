"""After which errors a statement is tried again, and after which it never can succeed."""

import psycopg
import pytest
from psycopg import errors

from infrastructure.database import is_in_doubt


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionFailure,
        errors.AdminShutdown,
        errors.CannotConnectNow,
        errors.ReadOnlySqlTransaction,
        errors.DeadlockDetected,
        errors.DiskFull,
        errors.TooManyConnections,
        errors.IoError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
    ],
)
def test_what_may_succeed_the_next_time_is_tried_again(error: type[psycopg.Error]) -> None:
    assert is_in_doubt(error())


@pytest.mark.parametrize(
    "error",
    [
        errors.UniqueViolation,
        errors.InsufficientPrivilege,
        errors.UndefinedTable,
        errors.CharacterNotInRepertoire,
        psycopg.DataError,
    ],
)
def test_what_can_never_succeed_is_not(error: type[psycopg.Error]) -> None:
    assert not is_in_doubt(error())
