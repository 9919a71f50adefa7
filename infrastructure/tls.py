"""TLS 1.2 and 1.3 with the service's certificate, and with clients' certificates where they are asked for.

The files are read again on `renew`: connections that begin from then on have what they hold by then, and none
that is open is disturbed. The ciphers are OpenSSL's own choice as Python narrows it, all forward secret.
"""

import ssl
from pathlib import Path
from typing import NamedTuple


class TlsError(ValueError):
    """A file that cannot be used; the message names the setting."""


class TlsFiles(NamedTuple):
    """In PEM. The certificate is followed by those that lead to its authority. Where there is a `client_ca`,
    only clients with a certificate by one of its authorities get as far as sending a request."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Raises TlsError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for name, file in (("tls_cert", self.certificate), ("tls_key", self.key)):
            _require_readable(name, file)
        try:
            # With a password given, a key that needs another one is refused instead of asked for.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, ValueError, OSError) as error:
            raise TlsError(
                f"tls_cert and tls_key must be a certificate and its unencrypted key in PEM: {_reason(error)}"
            ) from error
        if self.client_ca is not None:
            _require_readable("tls_client_ca", self.client_ca)
            try:
                context.load_verify_locations(self.client_ca)
            except (ssl.SSLError, ValueError, OSError) as error:
                raise TlsError(f"tls_client_ca must be certificates in PEM: {_reason(error)}") from error
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class RenewableContext:
    """`listening` is what a server listens with, for as long as it lives."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._newest = files.context()
        self.listening = files.context()
        # Called in every handshake, with a server's name in it or without.
        self.listening.sni_callback = self._choose

    def renew(self) -> None:
        """Raises TlsError, and goes on with what it had."""
        self._newest = self._files.context()

    def _choose(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._newest


def _require_readable(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise TlsError(f"{name} cannot be read: {file}: {error.strerror}") from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
