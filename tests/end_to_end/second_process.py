"""Another `daybook api` on a running service's database, as a second machine would be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.embedded_postgres import EmbeddedPostgres
from tests.sandbox_service import SandboxService, free_port, wait_until_ready


@contextmanager
def second_api(service: SandboxService) -> Iterator[str]:
    """Gives its address."""
    port = free_port()
    environment = {
        **os.environ,
        "DAYBOOK_DATABASE_URL": EmbeddedPostgres(service.data).dsn,
        "DAYBOOK_DATA": str(service.data),
        "DAYBOOK_SANDBOX": "true",
        "DAYBOOK_PORT": str(port),
        "DAYBOOK_RATE_LIMITS": "off",
    }
    log = service.data / "second-api.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.command_line", "api"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        second = SandboxService(port, process, service.data, log)
        with second.http:
            wait_until_ready(second)
        yield second.url
    finally:
        process.terminate()
        process.wait(60)
