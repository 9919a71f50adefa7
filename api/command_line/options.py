"""Options: each setting of the service has one definition, in `infrastructure.settings`."""

from dataclasses import asdict, dataclass, field, make_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from api.command_line.exits import CommandFailed, Exit
from infrastructure import settings as settings_module
from infrastructure.settings import Settings

_FLAGS = {"sandbox"}
_PATHS = {"data", "tls_cert", "tls_key", "tls_client_ca"}
_NUMBERS = {"port", "workers", "queue_bound", "group_bound", "cache_bound"}


def _type(name: str) -> Any:
    if name in _FLAGS:
        return bool | None
    if name in _PATHS:
        return Path | None
    return int | None if name in _NUMBERS else str | None


def _help(name: str) -> str:
    default, description = {row[0]: row[1:] for row in settings_module.describe()}[name]
    shown = f"{description} (default: {default})" if default and name not in _FLAGS else description
    return f"{shown} [{settings_module.ENVIRONMENT_PREFIX}{name.upper()}]"


def _field(name: str) -> tuple[str, Any, Any]:
    annotation: Any = Annotated[_type(name), Parameter(help=_help(name), show_default=False)]
    return name, annotation, field(default=None)


if TYPE_CHECKING:
    ServiceOptions = Any
else:
    GivenOptions = make_dataclass(
        "GivenOptions", [_field(name) for name in Settings.__struct_fields__], frozen=True
    )
    # cyclopts takes a class of the standard library's own modules for a single value.
    GivenOptions.__module__ = __name__
    ServiceOptions = Annotated[GivenOptions, Parameter(name="*")]
    NONE_GIVEN = GivenOptions()

NONE_GIVEN: Any


@dataclass(frozen=True)
class DatabaseOptions:
    """Which database a command works on."""

    data: Annotated[Path | None, Parameter(help=_help("data"), show_default=False)] = None
    database_url: Annotated[str | None, Parameter(help=_help("database_url"), show_default=False)] = None
    migrations_url: Annotated[str | None, Parameter(help=_help("migrations_url"), show_default=False)] = None


@dataclass(frozen=True)
class TenantOptions(DatabaseOptions):
    """Which tenant's ledger in which database."""

    tenant: Annotated[
        str | None, Parameter(help="the bank; not needed in a sandbox or where there is only one")
    ] = None


InDatabase = Annotated[DatabaseOptions, Parameter(name="*")]
OfTenant = Annotated[TenantOptions, Parameter(name="*")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="print JSON for a program to read")]

ANY_DATABASE = DatabaseOptions()
ANY_TENANT = TenantOptions()


def settings_from(given: Any) -> Settings:
    """The settings that the command runs with. Raises SettingsError."""
    return settings_module.load(asdict(given))


def instant(text: str) -> datetime:
    """An instant with its time zone; a day alone means its end, so that all of the day counts."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is not None and len(text) == len("1993-02-16"):
        return read.replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    if read is None or read.tzinfo is None:
        raise CommandFailed(
            f"{text!r} is no instant: write 2025-10-20T15:30:00Z, or a day such as 2025-10-20",
            Exit.WRONG_USAGE,
        )
    return read.astimezone(UTC)


def start_of(text: str) -> datetime:
    """As `instant`, but a day alone means its beginning."""
    read = instant(text)
    return read.replace(hour=0, minute=0, second=0, microsecond=0) if len(text) == 10 else read
