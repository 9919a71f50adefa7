"""Server settings for a ledger: append-mostly tables, small transactions, nothing lost."""

import os
from collections.abc import Mapping
from pathlib import Path

MEBIBYTE = 1024 * 1024

# Memory limits of a container (cgroup version 2, then version 1); "max" or a huge number means none.
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)

_DURABILITY = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}

_WRITE_AHEAD_LOG = {
    # Logical decoding needs a restart to switch on, so that a tenant can be moved later without one.
    "wal_level": "logical",
    "max_prepared_transactions": "16",
    # The wheel is built without lz4 and zstd, and pglz costs a fifth of the transactions per second.
    "wal_compression": "off",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
}

_PLANNER = {
    "random_page_cost": "1.1",
    "effective_io_concurrency": "32",
    "jit": "off",
}

# Append-mostly tables grow quickly and have few dead rows: statistics and visibility maps must follow
# the growth, and the few rows that are updated all the time (counters, balances) want frequent visits.
_AUTOVACUUM = {
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "2000",
}

_SESSIONS = {
    "max_connections": "300",
    "idle_in_transaction_session_timeout": "60s",
    # A query whose client is gone is noticed within this time instead of at its end.
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
}

# Terse and without statements: details of a violated key and parameters may hold personal data.
_LOG = {
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


def server_settings(overrides: Mapping[str, str], connection: Mapping[str, str]) -> dict[str, str]:
    """All settings of one start: the tuned ones, the caller's, and the way in, which nobody overrides."""
    return {
        **_DURABILITY,
        **_WRITE_AHEAD_LOG,
        **_PLANNER,
        **_AUTOVACUUM,
        **_SESSIONS,
        **_LOG,
        **_memory_settings(_memory_bytes()),
        **overrides,
        **connection,
    }


def as_configuration_file(settings: Mapping[str, str]) -> str:
    """The settings in the syntax of postgresql.conf."""
    lines = ["# Written at every start; put lasting changes into postgresql.auto.conf (ALTER SYSTEM)."]
    for name, value in settings.items():
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{escaped}'")
    return "\n".join(lines) + "\n"


def _memory_settings(memory_bytes: int) -> dict[str, str]:
    shared_buffers = max(128 * MEBIBYTE, min(memory_bytes // 4, 1024 * MEBIBYTE))
    maintenance = max(64 * MEBIBYTE, min(memory_bytes // 32, 256 * MEBIBYTE))
    return {
        "shared_buffers": f"{shared_buffers // MEBIBYTE}MB",
        "effective_cache_size": f"{max(memory_bytes // 2, shared_buffers) // MEBIBYTE}MB",
        "maintenance_work_mem": f"{maintenance // MEBIBYTE}MB",
        "work_mem": "16MB",
    }


def _memory_bytes() -> int:
    """The memory of the machine, or of the container where that is less."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _CGROUP_LIMITS:
        try:
            sizes.append(int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return min(sizes)
