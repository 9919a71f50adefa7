"""The commands that serve: everything, the API alone, the background work alone."""

import asyncio
import contextlib
import errno
import signal
import socket
import time

from api.command_line.exits import CommandFailed, Exit
from api.command_line.processes import DRAIN_SECONDS, end_with_parent
from api.security_headers import ON_EVERY_ANSWER
from api.webhook_messages import WebhookMessages
from infrastructure.background import Background
from infrastructure.logs import configure_logging
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from infrastructure.tls import TlsError

PORT_SECONDS_MAX = 3.0


def require_database(settings: Settings) -> None:
    """Parts of the service have no Postgres of their own. Raises CommandFailed."""
    if settings.database_url is None:
        raise CommandFailed("--database-url is needed: only `daybook serve` has its own", Exit.WRONG_USAGE)


def require_address(settings: Settings) -> None:
    """Says before anything starts that nobody could listen there. Raises CommandFailed.

    Processes of a run that was killed stop listening within moments of its end: they are waited for.
    """
    deadline = time.monotonic() + PORT_SECONDS_MAX
    while (error := _refusal_to_listen(settings)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            where = f"{settings.host}:{settings.port}"
            raise CommandFailed(f"cannot listen on {where}: {error.strerror}", Exit.UNAVAILABLE) from error
        time.sleep(0.05)


def _refusal_to_listen(settings: Settings) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server does: a port that only waits for stray packets of the last run is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def require_tls(settings: Settings) -> None:
    """Says before anything starts that a certificate cannot be used. Raises CommandFailed."""
    try:
        if settings.tls_files is not None:
            settings.tls_files.context()
    except TlsError as error:
        raise CommandFailed(str(error), Exit.WRONG_USAGE) from error


def run_api(settings: Settings) -> None:
    """Serves HTTP with `settings.workers` processes until SIGTERM."""
    # Imported here: the other commands need not wait for the server's code.
    import uvicorn  # noqa: PLC0415

    from api.command_line.tls_serving import RenewableProcesses, TlsContexts  # noqa: PLC0415

    end_with_parent()
    files = settings.tls_files
    if files is not None:
        # Until there is something to renew.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    config = uvicorn.Config(
        "api.asgi:app",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        headers=list(ON_EVERY_ANSWER),
        log_level="warning",
        backlog=2048,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_context_factory=None if files is None else TlsContexts(files),
    )
    if settings.workers > 1:
        RenewableProcesses(config, [config.bind_socket()]).run()
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise CommandFailed("the API did not start", Exit.UNAVAILABLE)


def run_worker(settings: Settings) -> None:
    """Follows the log, fires timers and delivers to webhooks until SIGTERM."""
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
        await Background(services, WebhookMessages(settings.challenge_url)).run(stop)
    finally:
        await services.close()
