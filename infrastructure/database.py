"""How the service connects to Postgres: as the owner to migrate, as the service role for all else."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.migrator import SERVICE_ROLE

# SQLSTATE classes after which a statement may or may not have taken effect: the connection broke, the
# server is shutting down or starting up, or a commit on several nodes could not be finished. And those
# after which it took none but may the next time: deadlocks, no room on disk or for a connection, input and
# output errors. Trying again is right for all of them, because what is tried again is safe to repeat.
_IN_DOUBT_CLASSES = ("08", "57P", "XX000", "25006", "40", "53", "58")


def service_conninfo(dsn: str) -> str:
    """`dsn` for the service role, which can add to the log but never change it."""
    given = str(conninfo_to_dict(dsn).get("options") or "")
    return make_conninfo(
        dsn,
        options=f"{given} -c role={SERVICE_ROLE}".strip(),
        application_name="daybook",
        connect_timeout=5,
        # A connection that died without a word is noticed within seconds, also by one that only listens.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
    )


def connect_owner(dsn: str) -> psycopg.Connection:
    return psycopg.connect(dsn, autocommit=True, application_name="daybook-migrations")


def connect_service(dsn: str) -> psycopg.Connection:
    """A synchronous connection in autocommit mode, for followers and the command line."""
    return psycopg.connect(service_conninfo(dsn), autocommit=True)


def is_in_doubt(error: psycopg.Error) -> bool:
    """Whether the failed statement may have taken effect, so that it must be settled before going on."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_IN_DOUBT_CLASSES)
