"""How the HTTP server speaks TLS: each of its processes has the certificate in memory, and reads it again on
SIGHUP, which whoever started it passes on."""

import os
import signal
import ssl
from collections.abc import Callable

import structlog
from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from infrastructure.tls import RenewableContext, TlsError, TlsFiles

log = structlog.get_logger()


class TlsContexts:
    """Called by the server in each of its processes, in the main thread."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files

    def __call__(self, _: Config, __: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        renewable = RenewableContext(self._files)
        signal.signal(signal.SIGHUP, lambda *_: _renew(renewable))
        return renewable.listening


class RenewableProcesses(Multiprocess):
    """Several processes behind one socket."""

    def handle_hup(self) -> None:
        # The server's own way is to replace all of them, with all that they have in memory.
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, signal.SIGHUP)

    def terminate_all(self) -> None:
        # They stop listening at once and may take long to end: until then nobody else could have the port.
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def _renew(renewable: RenewableContext) -> None:
    try:
        renewable.renew()
    except TlsError as error:
        log.warning("certificate not renewed", reason=str(error))
    else:
        log.info("certificate renewed")
