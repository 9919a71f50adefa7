"""The commands that serve: everything, the API alone, the background work alone."""

import asyncio
import signal

from api.command_line.processes import end_with_parent
from infrastructure.background import Background
from infrastructure.logs import configure_logging
from infrastructure.runtime import Services
from infrastructure.settings import Settings


def run_api(settings: Settings) -> None:
    """Serves HTTP with `settings.workers` processes until SIGTERM."""
    # Imported here: the other commands need not wait for the server's code.
    from granian.constants import HTTPModes, Interfaces, Loops  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server import Server  # noqa: PLC0415

    end_with_parent()
    Server(
        "api.asgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        workers=settings.workers,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
    ).serve()


def run_worker(settings: Settings) -> None:
    """Follows the log and fires timers until SIGTERM."""
    end_with_parent()
    configure_logging(settings.log_level)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    assert settings.database_url is not None, "the command line asks for it"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    services = Services(
        settings, settings.database_url, settings.migrations_url or settings.database_url, observer=None
    )
    await services.start()
    try:
        await Background(services).run(stop)
    finally:
        await services.close()
