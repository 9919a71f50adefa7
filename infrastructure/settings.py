"""Every setting of the service. Each can be given as `DAYBOOK_<NAME>` and as a command-line option."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from infrastructure import sealing
from infrastructure.caller_addresses import read_network
from infrastructure.external_issuers import read_issuers
from infrastructure.tls import TlsFiles

RateLimits = Literal["documented", "sandbox", "off"]
ENVIRONMENT_PREFIX = "DAYBOOK_"


def _described(description: str) -> Meta:
    return Meta(description=description)


class SettingsError(ValueError):
    """A setting that cannot be understood; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    data: Annotated[Path, _described("folder of the embedded Postgres and the sandbox's clock")] = Path(
        ".daybook"
    )
    database_url: Annotated[
        str | None, _described("Postgres to use instead of the embedded one (14 or later)")
    ] = None
    migrations_url: Annotated[
        str | None, _described("the same database as its owner, who migrates it (default: database_url)")
    ] = None
    reads_url: Annotated[str | None, _described("a replica that answers read models' queries")] = None
    master_key: Annotated[
        str | None, _described("base64 of 32 bytes that seal secrets (default: the file master.key in data)")
    ] = None
    host: Annotated[str, _described("address to listen on")] = "127.0.0.1"
    port: Annotated[int, _described("port to listen on")] = 8000
    workers: Annotated[int, Meta(ge=1, le=64, description="API processes")] = 1
    sandbox: Annotated[bool, _described("fixtures, test clock and sandbox endpoints")] = False
    clock: Annotated[datetime | None, _described("sandbox only: the instant its clock starts at")] = None
    rate_limits: Annotated[
        RateLimits | None, _described("documented, sandbox (ten times as much) or off")
    ] = None
    card_rate_limit: Annotated[
        int, Meta(ge=1, description="requests a minute per client of the card surface (before rate_limits)")
    ] = 100
    challenge_url: Annotated[
        str, _described("where cardholders complete a challenge; {requestId} is the authorization's number")
    ] = "https://3ds.example.com/challenge/{requestId}"
    trusted_proxies: Annotated[
        str, _described("networks (CIDR, comma-separated) whose X-Forwarded-For and -Proto are believed")
    ] = ""
    ip_allowlist: Annotated[
        str, _described("networks (CIDR, comma-separated) that anybody may call from (default: all)")
    ] = ""
    tls_cert: Annotated[
        Path | None, _described("the service's certificate (PEM), with those that lead to its authority")
    ] = None
    tls_key: Annotated[Path | None, _described("the certificate's key (PEM, not encrypted)")] = None
    tls_client_ca: Annotated[
        Path | None, _described("authorities (PEM) by one of which every client must have a certificate")
    ] = None
    external_issuers: Annotated[
        str, _described("other issuers whose tokens are believed, as a JSON list (see Tokens and clients)")
    ] = ""
    queue_bound: Annotated[int, Meta(ge=1, description="commands that may wait before the answer is 503")] = (
        4096
    )
    group_bound: Annotated[int, Meta(ge=1, description="commands written in one commit at most")] = 256
    cache_bound: Annotated[int, Meta(ge=1000, description="stream states kept in memory per process")] = (
        100_000
    )
    log_level: Annotated[str, _described("debug, info, warning or error")] = "info"

    @property
    def trusted_networks(self) -> tuple[str, ...]:
        return _networks(self.trusted_proxies)

    @property
    def allowed_networks(self) -> tuple[str, ...]:
        """Empty: everybody may call from anywhere."""
        return _networks(self.ip_allowlist)

    @property
    def tls_files(self) -> TlsFiles | None:
        """None: the service speaks plain HTTP."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        return TlsFiles(self.tls_cert, self.tls_key, self.tls_client_ca)

    @property
    def url(self) -> str:
        """Where the service is found from this machine."""
        return f"{'http' if self.tls_files is None else 'https'}://{self.host}:{self.port}"

    @property
    def effective_rate_limits(self) -> RateLimits:
        return self.rate_limits or ("sandbox" if self.sandbox else "documented")


def load(options: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment, overridden by the options that were given (None: not given).

    Raises SettingsError naming the setting that is wrong.
    """
    given: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        option = options.get(name)
        if option is not None:
            given[name] = str(option) if isinstance(option, Path) else option
        elif (text := environment.get(ENVIRONMENT_PREFIX + name.upper())) is not None:
            given[name] = text
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error).replace("`$.", "`")) from error
    if settings.master_key is not None:
        try:
            sealing.decode_key(settings.master_key)
        except sealing.InvalidMasterKey as error:
            raise SettingsError(str(error)) from error
    _check_networks("trusted_proxies", settings.trusted_networks)
    _check_networks("ip_allowlist", settings.allowed_networks)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("tls_cert and tls_key are only of use together")
    if settings.tls_client_ca is not None and settings.tls_cert is None:
        raise SettingsError("tls_client_ca needs tls_cert and tls_key")
    try:
        read_issuers(settings.external_issuers)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if settings.clock is not None and settings.clock.tzinfo is None:
        raise SettingsError("clock needs a time zone, such as 2025-10-20T15:30:00Z")
    if settings.clock is not None and not settings.sandbox:
        raise SettingsError("clock is only for the sandbox")
    return settings


def _networks(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _check_networks(name: str, networks: tuple[str, ...]) -> None:
    try:
        for network in networks:
            read_network(network)
    except ValueError as error:
        raise SettingsError(f"{name} must be networks such as 10.0.0.0/8: {error}") from error


def describe() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, for help and documentation."""
    rows = []
    for field in msgspec.structs.fields(Settings):
        metadata = next(part for part in field.type.__metadata__ if isinstance(part, Meta))
        default = "" if field.default is None else str(field.default)
        rows.append((field.name, default, metadata.description or ""))
    return rows


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for the processes that the service starts."""
    values = msgspec.to_builtins(settings, enc_hook=str)
    return {
        ENVIRONMENT_PREFIX + name.upper(): str(value) for name, value in values.items() if value is not None
    }


def _decode(wanted: type, value: Any) -> Any:
    """Makes what msgspec does not know by itself (paths) from its text."""
    return wanted(value)
