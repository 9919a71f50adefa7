"""Every setting as an option: one definition in `infrastructure.settings`, shown in each command's help."""

from dataclasses import asdict, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from infrastructure import settings as settings_module
from infrastructure.settings import Settings

_FLAGS = {"sandbox"}
_PATHS = {"data"}
_NUMBERS = {"port", "workers", "queue_bound", "group_bound", "cache_bound"}


def _type(name: str) -> Any:
    if name in _FLAGS:
        return bool | None
    if name in _PATHS:
        return Path | None
    return int | None if name in _NUMBERS else str | None


def _field(name: str, default: str, description: str) -> tuple[str, Any, Any]:
    shown = f"{description} (default: {default})" if default and name not in _FLAGS else description
    variable = settings_module.ENVIRONMENT_PREFIX + name.upper()
    annotation = Annotated[_type(name), Parameter(help=f"{shown} [{variable}]", show_default=False)]
    return name, annotation, field(default=None)


GivenOptions = make_dataclass(
    "GivenOptions", [_field(*row) for row in settings_module.describe()], frozen=True
)
# cyclopts takes a class of the standard library's own modules for a single value.
GivenOptions.__module__ = __name__
ServiceOptions = Annotated[GivenOptions, Parameter(name="*")]  # type: ignore[valid-type]  # built above
NONE_GIVEN: Any = GivenOptions()


def settings_from(given: Any) -> Settings:
    """The settings that the command runs with. Raises SettingsError."""
    return settings_module.load(asdict(given))
