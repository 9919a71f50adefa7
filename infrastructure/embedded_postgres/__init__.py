"""The Postgres that the service starts for itself when no database URL is configured."""

from infrastructure.embedded_postgres.server import (
    DataDirectoryInUse,
    EmbeddedPostgres,
    PostgresDidNotStart,
)

__all__ = ["DataDirectoryInUse", "EmbeddedPostgres", "PostgresDidNotStart"]
