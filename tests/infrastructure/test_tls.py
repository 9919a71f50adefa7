"""The service's TLS without the service: what is taken for a certificate, and what a renewal changes."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from infrastructure.settings import SettingsError, load
from infrastructure.tls import RenewableContext, TlsError, TlsFiles
from tests.certificates import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def files_of(issued: Issued, client_ca: Path | None = None) -> TlsFiles:
    return TlsFiles(issued.certificate, issued.key, client_ca)


def handshake(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> int:
    """The serial number of the certificate that the client was shown. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    shown = client.getpeercert()
    assert shown is not None
    return int(str(shown["serialNumber"]), 16)


def test_a_renewal_shows_the_new_certificate_from_the_next_connection_on(authority: Authority) -> None:
    """What was set up to listen stays; what it shows changes when it is told, not before."""
    issued = authority.for_service()
    renewable = RenewableContext(files_of(issued))
    first = handshake(renewable.listening, authority.trusted())
    assert first == issued.serial_number
    issued.replace(authority.for_service("renewed"))
    assert handshake(renewable.listening, authority.trusted()) == first
    renewable.renew()
    assert handshake(renewable.listening, authority.trusted()) == issued.serial_number != first


def test_a_renewal_that_fails_changes_nothing(authority: Authority) -> None:
    """Half a renewal is none: the certificate is there, its key not yet."""
    issued = authority.for_service()
    renewable = RenewableContext(files_of(issued))
    issued.certificate.write_bytes(authority.for_service("renewed").certificate.read_bytes())
    with pytest.raises(TlsError, match="key values mismatch"):
        renewable.renew()
    assert handshake(renewable.listening, authority.trusted()) == issued.serial_number


def test_a_renewal_takes_on_other_authorities_for_clients(tmp_path: Path, authority: Authority) -> None:
    """Those of the one are refused from then on, and those of the other let in."""
    other = Authority(tmp_path, "other")
    listed = tmp_path / "clients.crt"
    listed.write_bytes(authority.file.read_bytes())
    renewable = RenewableContext(files_of(authority.for_service(), listed))
    of_one = authority.trusted(authority.for_client())
    of_other = authority.trusted(other.for_client("other-client"))
    handshake(renewable.listening, of_one)
    with pytest.raises(ssl.SSLError):
        handshake(renewable.listening, of_other)
    listed.write_bytes(other.file.read_bytes())
    renewable.renew()
    handshake(renewable.listening, of_other)
    with pytest.raises(ssl.SSLError):
        handshake(renewable.listening, of_one)


def test_every_cipher_is_forward_secret_and_sealed(authority: Authority) -> None:
    """No key exchange that the certificate's key would open afterwards, and nothing older than TLS 1.2."""
    context = files_of(authority.for_service()).context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert names
    assert [name for name in names if not name.startswith(("TLS_", "ECDHE-", "DHE-"))] == []


def test_what_is_no_certificate_is_named(tmp_path: Path, authority: Authority) -> None:
    """Missing, not PEM, of another key, with a key that needs a password, with a list that is none."""
    issued, other = authority.for_service(), authority.for_client()
    nothing, text = tmp_path / "nothing", tmp_path / "text"
    text.write_text("no certificate")
    for files, message in (
        (TlsFiles(nothing, issued.key), "tls_cert cannot be read: .*nothing: No such file"),
        (TlsFiles(issued.certificate, nothing), "tls_key cannot be read"),
        (TlsFiles(text, issued.key), "tls_cert and tls_key must be"),
        (TlsFiles(issued.certificate, other.key), "key values mismatch"),
        (TlsFiles(issued.certificate, encrypted(issued.key)), "tls_cert and tls_key must be"),
        (TlsFiles(issued.certificate, issued.key, nothing), "tls_client_ca cannot be read"),
        (TlsFiles(issued.certificate, issued.key, text), "tls_client_ca must be certificates"),
    ):
        with pytest.raises(TlsError, match=message):
            files.context()


def test_settings_that_are_only_of_use_together_are_refused_alone() -> None:
    for given, message in (
        ({"tls_cert": "a.crt"}, "only of use together"),
        ({"tls_key": "a.key"}, "only of use together"),
        ({"tls_client_ca": "ca.crt"}, "needs tls_cert"),
        ({"ip_allowlist": "10.0.0.1/8"}, "ip_allowlist must be networks"),
    ):
        with pytest.raises(SettingsError, match=message):
            load(given, {})
    settings = load({}, {"DAYBOOK_TLS_CERT": "a.crt", "DAYBOOK_TLS_KEY": "a.key"})
    assert settings.tls_files == TlsFiles(Path("a.crt"), Path("a.key"), None)
    assert load({"ip_allowlist": "10.0.0.0/8, ::1"}, {}).allowed_networks == ("10.0.0.0/8", "::1")
    assert load({}, {}).tls_files is None


def encrypted(key: Path) -> Path:
    """The same key, with a password."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    file = key.with_suffix(".locked")
    file.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    return file
